//! ConfigMaps and Secrets.

use serde_json::Value;

use super::common::{IMMUTABLE, has, problems};
use crate::names;
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

/// The largest ConfigMap or Secret.
const LARGEST: usize = 1024 * 1024;

fn keys(value: &Value, field: &str, causes: &mut Vec<Cause>) -> usize {
    let mut size = 0;
    for (key, text) in value[field].as_object().into_iter().flatten() {
        causes.extend(problems(names::config_key(key), &format!("{field}[{key}]"), key));
        size += text.as_str().map_or(0, str::len);
    }
    size
}

pub(super) fn config_map(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = 0;
    for (key, text) in value["data"].as_object().into_iter().flatten() {
        let field = format!("data[{key}]");
        causes.extend(problems(names::config_key(key), &field, key));
        if has(value, &["binaryData", key]) {
            causes.push(Cause::invalid(
                field,
                &key.as_str().into(),
                "duplicate of key present in binaryData",
            ));
        }
        size += text.as_str().map_or(0, str::len);
    }
    // Binary data counts unpacked: three bytes for four letters.
    size += keys(value, "binaryData", &mut causes) / 4 * 3;
    if size > LARGEST {
        causes.push(Cause::too_long("[]", LARGEST));
    }
    causes
}

pub(super) fn secret(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let size = keys(value, "data", &mut causes) / 4 * 3;
    if size > LARGEST {
        causes.push(Cause::too_long("data", LARGEST));
    }
    let needed: &[&str] = match value.text(&["type"]) {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/basic-auth" => {
            if !has(value, &["data", "username"]) && !has(value, &["data", "password"]) {
                causes.push(Cause::required("data[username]", ""));
                causes.push(Cause::required("data[password]", ""));
            }
            &[]
        }
        "kubernetes.io/service-account-token" => {
            if value.text(&["metadata", "annotations", "kubernetes.io/service-account.name"]).is_empty() {
                let field = "metadata.annotations[kubernetes.io/service-account.name]";
                causes.push(Cause::required(field, ""));
            }
            &[]
        }
        _ => &[],
    };
    for key in needed {
        let Some(text) = value.at(&["data", key]).and_then(Value::as_str) else {
            causes.push(Cause::required(format!("data[{key}]"), ""));
            continue;
        };
        if key.starts_with(".docker") {
            use base64::Engine;
            let data = base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default();
            if let Err(error) = crate::json::parse(&data, &mut Vec::new()) {
                let shown = "<secret contents redacted>".into();
                causes.push(Cause::invalid(format!("data[{key}]"), &shown, &error));
            }
        }
    }
    causes
}

/// Changes of immutable ConfigMaps and Secrets, and of a Secret's type.
pub(super) fn immutable(resource: &Resource, live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if resource.plural == "secrets" && live.get("type") != value.get("type") {
        causes.push(Cause::invalid("type", &value["type"], IMMUTABLE));
    }
    if live["immutable"] == true {
        let text = "field is immutable when `immutable` is set";
        if value["immutable"] != true {
            causes.push(Cause::forbidden("immutable", text));
        }
        for field in ["data", "binaryData"] {
            if live.get(field) != value.get(field) {
                causes.push(Cause::forbidden(field, text));
            }
        }
    }
    causes
}
