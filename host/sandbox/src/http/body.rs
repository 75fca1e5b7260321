//! Request bodies: JSON, YAML and protobuf.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::Value;

use super::Context;
use crate::json;
use crate::proto;
use crate::resources::Resource;
use crate::schema::TypeRef;
use crate::status::{Result, Status};

/// The largest body.
pub(crate) const LIMIT: usize = 3 * 1024 * 1024;

/// The media types of ordinary bodies.
const ACCEPTED: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/// How much of a refused body is read and dropped, so that its sender gets to read the answer.
const DRAINED: usize = 16 * LIMIT;
/// How long that takes at most.
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// How long a client may take to send a body.
const READ_TIME: Duration = Duration::from_secs(60);

pub(super) async fn read(mut incoming: Incoming) -> Result<Bytes> {
    let collected = tokio::time::timeout(READ_TIME, Limited::new(&mut incoming, LIMIT).collect()).await;
    let Ok(collected) = collected else {
        return Err(Status::new(504, "Timeout", "Timeout: the body did not come in time"));
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            // A connection that closes with unread bytes may take the answer with it.
            let _ = tokio::time::timeout(DRAIN_TIME, drain(incoming)).await;
            Err(Status::too_large(LIMIT))
        }
        Err(error) => Err(Status::bad_request(format!("the body cannot be read: {error}"))),
    }
}

async fn drain(mut incoming: Incoming) {
    let mut left = DRAINED;
    while let Some(Ok(frame)) = incoming.frame().await {
        let size = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(size) else { return };
        left = rest;
    }
}

/// A decoded body, with what strict decoding found in its text.
pub(crate) struct Parsed {
    pub(crate) value: Value,
    pub(crate) findings: Vec<String>,
}

/// The media type of the body, without parameters.
pub(crate) fn media_type(context: &Context) -> String {
    let header = context.headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_lowercase()
}

/// Decodes the body of a create or update. `kind` names what is expected; `ty` is its type for protobuf.
pub(crate) fn parse(context: &Context, kind: &str, ty: Option<TypeRef>) -> Result<Parsed> {
    match media_type(context).as_str() {
        "" | "application/json" => parse_json(&context.body, kind),
        "application/yaml" => parse_yaml(&context.body, kind),
        "application/vnd.kubernetes.protobuf" => {
            let unknown = |why: String| unrecognized(kind, &why, &context.body);
            let value = proto::decode(&context.body, ty.as_ref().map(TypeRef::get)).map_err(|e| match e {
                proto::Error::Unrecognized(why) => unknown(why),
                proto::Error::Broken(why) => Status::bad_request(why),
            })?;
            Ok(Parsed { value, findings: Vec::new() })
        }
        _ => Err(Status::unsupported_media(ACCEPTED)),
    }
}

fn parse_json(body: &[u8], kind: &str) -> Result<Parsed> {
    let mut duplicates = Vec::new();
    let value = json::parse(body, &mut duplicates).map_err(|error| {
        let shown = match std::str::from_utf8(body) {
            Ok("") => "<empty>".to_string(),
            Ok(text) if text.len() > 40 => format!("{} ...", text.chars().take(30).collect::<String>()),
            Ok(text) => text.to_string(),
            Err(_) => hex(body),
        };
        unrecognized_text(kind, &format!("couldn't get version/kind; json parse error: {error}"), &shown)
    })?;
    let value = expect_object(value, kind, body)?;
    let findings = duplicates.iter().map(|path| format!("duplicate field {path:?}")).collect();
    Ok(Parsed { value, findings })
}

fn expect_object(value: Value, kind: &str, body: &[u8]) -> Result<Value> {
    const GO: &str = "json: cannot unmarshal";
    const TARGET: &str = "into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; \
                          Kind string \"json:\\\"kind,omitempty\\\"\" }";
    let found = match &value {
        Value::Object(_) => return Ok(value),
        Value::Null => return Ok(Value::Object(serde_json::Map::new())),
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
    };
    let why = format!("couldn't get version/kind; json parse error: {GO} {found} {TARGET}");
    Err(unrecognized_text(kind, &why, &hex(body)))
}

fn hex(body: &[u8]) -> String {
    let shown: String = body.iter().take(30).map(|b| format!("{b:02x}")).collect();
    if body.len() > 30 { format!("{shown} ...") } else { shown }
}

fn unrecognized(kind: &str, why: &str, body: &[u8]) -> Status {
    // What looks like JSON is shown as it is.
    match std::str::from_utf8(body) {
        Ok(text) if text.starts_with('{') => unrecognized_text(kind, why, text),
        _ => unrecognized_text(kind, why, &hex(body)),
    }
}

fn unrecognized_text(kind: &str, why: &str, shown: &str) -> Status {
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {kind}): {why} ({shown})"
    ))
}

fn parse_yaml(body: &[u8], kind: &str) -> Result<Parsed> {
    let (value, duplicate) = yaml_value(body).map_err(|error| {
        let why = error.strip_prefix("error converting YAML to JSON: ").unwrap_or(&error);
        unrecognized_text(kind, why, &hex(body))
    })?;
    let value = expect_object(value, kind, body)?;
    let findings = duplicate.into_iter().collect();
    Ok(Parsed { value, findings })
}

/// The JSON value of a YAML text, and the complaint about a duplicate key if there is one.
pub(crate) fn yaml_value(body: &[u8]) -> Result<(Value, Option<String>), String> {
    // Programs send JSON as YAML; what the quick reader takes without complaint means the same.
    let mut duplicates = Vec::new();
    if body.first() == Some(&b'{')
        && let Ok(value) = json::parse(body, &mut duplicates)
        && duplicates.is_empty()
    {
        return Ok((crate::yaml::from_json(value), None));
    }
    let text = std::str::from_utf8(body).map_err(|e| e.to_string())?;
    crate::yaml::parse(text)
}

/// Decodes the body for a resource.
pub(crate) fn parse_resource(context: &Context, resource: &Resource) -> Result<Parsed> {
    let ty = match &resource.node.shape {
        crate::schema::Shape::Struct(ty) if !resource.is_custom() => Some(ty.clone()),
        _ => None,
    };
    if resource.is_custom() && media_type(context) == "application/vnd.kubernetes.protobuf" {
        return Err(Status::unsupported_media("application/json, application/yaml"));
    }
    let parsed = parse(context, &resource.kind, ty)?;
    if resource.is_custom() && parsed.value.get("kind").is_none_or(|k| k == "") {
        let text = String::from_utf8_lossy(&context.body);
        let start: String = text.chars().take(30).collect();
        let shown = if start.len() < text.len() { format!("{start} ...") } else { start };
        let why = format!("Object 'Kind' is missing in '{text}'");
        return Err(unrecognized_text(&resource.kind, &why, &shown));
    }
    Ok(parsed)
}
