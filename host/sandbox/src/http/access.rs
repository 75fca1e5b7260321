//! Reviews: who am I, may I, whose token is this; and tokens of service accounts.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Context;
use super::body::{self, parse_resource};
use super::object::object_answer;
use super::respond::Answer;
use super::route::Target;
use crate::api::{empty_object, strict};
use crate::auth::User;
use crate::ownership::managed::{Claim, Filter, Writer, update};
use crate::resources::{Resource, Subresource, body_type};
use crate::schema::typed::{Findings, format_seconds, round_trip};
use crate::schema::{Node, Shape};
use crate::status::{Cause, Named, Result, Status};
use crate::store::{Key, Object};
use crate::value::{Get, map_at, set};

/// Answers a create of something that is not stored.
pub(super) fn review(context: &Context, resource: &Arc<Resource>, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&[])?;
    let options = context.write_options("CreateOptions", false)?;
    let parsed = parse_resource(context, resource)?;
    let mut warnings = Vec::new();
    strict(resource, &parsed.findings, options.validation, &mut warnings)?;
    let decoded = context.api().decode(resource, parsed.value, &options, &mut warnings)?;
    let mut value = decoded.value;
    if !target.namespace.is_empty() {
        map_at(&mut value, &["metadata"]).insert("namespace".into(), target.namespace.clone().into());
    }
    if resource.plural == "bindings" {
        let name = value.text(&["metadata", "name"]).to_string();
        context.api().bind_pod(&target.namespace, &name, &value, options.dry_run)?;
        let done =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        return Ok(Answer::value(201, &done, chosen.yaml));
    }
    let gv = resource.api_version();
    let writer = Writer { manager: &options.manager, api_version: &gv, subresource: "" };
    let filter = Filter::Without(<_>::default());
    update(&resource.node, &empty_object(resource), &mut value, &Claim::None, &writer, &filter);
    match resource.plural.as_str() {
        "selfsubjectreviews" => self_review(context, &mut value),
        "tokenreviews" => token_review(context, &mut value)?,
        "selfsubjectrulesreviews" => rules_review(context, &mut value)?,
        _ => access_review(context, resource, target, &mut value)?,
    }
    let key = Key::new(&resource.storage, "", "");
    let object = Object::new(key, 0, value);
    Ok(object_answer(context, resource, &object, 201, &chosen)?.with_warnings(&warnings))
}

fn user_value(user: &User) -> Value {
    let mut out = Map::new();
    out.insert("username".into(), user.name.clone().into());
    if !user.uid.is_empty() {
        out.insert("uid".into(), user.uid.clone().into());
    }
    if !user.groups.is_empty() {
        out.insert("groups".into(), user.groups.clone().into());
    }
    if !user.extra.is_empty() {
        let extra: Map<String, Value> =
            user.extra.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect();
        out.insert("extra".into(), Value::Object(extra));
    }
    Value::Object(out)
}

fn self_review(context: &Context, value: &mut Value) {
    *value = json!({
        "kind": value["kind"], "apiVersion": value["apiVersion"],
        "metadata": {"creationTimestamp": format_seconds(Timestamp::now())},
        "status": {"userInfo": user_value(&context.user)},
    });
}

fn token_review(context: &Context, value: &mut Value) -> Result<()> {
    let token = value.text(&["spec", "token"]).to_string();
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let status = match context.core.auth.token(&context.core, &token) {
        Some((user, audiences)) => {
            let asked = value.items(&["spec", "audiences"]).to_vec();
            let mut status = json!({"authenticated": true, "user": user_value(&user)});
            let shared: Vec<String> = audiences
                .into_iter()
                .filter(|a| asked.is_empty() || asked.iter().any(|b| b == a.as_str()))
                .collect();
            if !shared.is_empty() {
                status["audiences"] = shared.into();
            }
            status
        }
        None => json!({"user": {}, "error": "invalid bearer token"}),
    };
    set(value, &["status"], status);
    Ok(())
}

fn rules_review(context: &Context, value: &mut Value) -> Result<()> {
    let namespace = value.text(&["spec", "namespace"]).to_string();
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let rules = context.core.auth.rules(&context.core, &context.user, &namespace);
    let (mut resources, mut paths): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for rule in rules {
        let list = |key: &str| rule.items(&[key]).to_vec();
        if !list("nonResourceURLs").is_empty() {
            paths.push(json!({"verbs": list("verbs"), "nonResourceURLs": list("nonResourceURLs")}));
        }
        if !list("resources").is_empty() {
            let mut out = json!({"verbs": list("verbs"), "apiGroups": list("apiGroups"), "resources": list("resources")});
            if !list("resourceNames").is_empty() {
                out["resourceNames"] = list("resourceNames").into();
            }
            resources.push(out);
        }
    }
    // The answer does not repeat the question.
    *value = json!({
        "kind": value["kind"], "apiVersion": value["apiVersion"], "metadata": {}, "spec": {},
        "status": {"resourceRules": resources, "nonResourceRules": paths, "incomplete": false},
    });
    Ok(())
}

fn access_review(context: &Context, resource: &Resource, target: &Target, value: &mut Value) -> Result<()> {
    let refuse = |causes: &[Cause]| {
        Err(Status::invalid(Named { kind: "", group: "authorization.k8s.io", name: "" }, causes))
    };
    let spec = value.get("spec").cloned().unwrap_or(Value::Null);
    let of = |key: &str| spec.get(key).filter(|v| !v.is_null());
    let mut causes = Vec::new();
    if of("resourceAttributes").is_some() == of("nonResourceAttributes").is_some() {
        let text = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let text = if of("resourceAttributes").is_some() {
            "cannot be specified in combination with resourceAttributes"
        } else {
            text
        };
        let (field, shown) = match of("nonResourceAttributes") {
            Some(a) => {
                ("spec.nonResourceAttributes", json!({"Path": a.text(&["path"]), "Verb": a.text(&["verb"])}))
            }
            None => ("spec.resourceAttributes", Value::Null),
        };
        causes.push(Cause::invalid(field, &shown, text));
    }
    let other = resource.plural != "selfsubjectaccessreviews";
    let user = if other {
        let user = User::of_review(&spec);
        if user.name.is_empty() && user.groups.is_empty() {
            let text = "at least one of user or group must be specified";
            causes.push(Cause::invalid("spec.user", &"".into(), text));
        }
        user
    } else {
        (*context.user).clone()
    };
    if !value.text(&["metadata", "name"]).is_empty() {
        causes.push(Cause::invalid("metadata", &value["metadata"], "must be empty"));
    }
    if !causes.is_empty() {
        return refuse(&causes);
    }
    if resource.plural == "localsubjectaccessreviews" {
        let asked = spec.text(&["resourceAttributes", "namespace"]);
        if asked != target.namespace {
            let cause = Cause::invalid(
                "spec.resourceAttributes.namespace",
                &asked.into(),
                "must match metadata.namespace",
            );
            return refuse(&[cause]);
        }
    }
    let status = context.core.auth.review(&context.core, &user, &spec);
    set(value, &["status"], status);
    Ok(())
}

const SHORTEST: i64 = 600;
const LONGEST: i64 = 1 << 32;

/// Answers `serviceaccounts/NAME/token`.
pub(super) fn token(
    context: &Context,
    resource: &Resource,
    sub: &Subresource,
    target: &Target,
) -> Result<Answer> {
    let chosen = context.accept.choose(&[])?;
    let options = context.write_options("CreateOptions", false)?;
    let account = context.api().get("serviceaccounts", &target.namespace, &target.name)?;
    let ty = body_type(resource, sub);
    let parsed = body::parse(context, "TokenRequest", ty.clone())?;
    let mut value = parsed.value;
    if let Some(ty) = &ty {
        let mut findings = Findings::default();
        value = round_trip(ty.get(), value, &mut findings).map_err(|e| {
            Status::bad_request(format!(
                "TokenRequest in version \"v1\" cannot be handled as a TokenRequest: {e}"
            ))
        })?;
    }
    for (field, wanted, what) in
        [("name", &target.name, "name"), ("namespace", &target.namespace, "namespace")]
    {
        let given = value.text(&["metadata", field]);
        if !given.is_empty() && given != *wanted {
            let text = format!("must match the service account {what} if specified");
            let cause = Cause::invalid(format!("metadata.{field}"), &given.into(), &text);
            let named = Named { kind: "TokenRequest", group: "authentication.k8s.io", name: &target.name };
            return Err(Status::invalid(named, &[cause]));
        }
    }
    map_at(&mut value, &[]).insert("kind".into(), "TokenRequest".into());
    map_at(&mut value, &[]).insert("apiVersion".into(), "authentication.k8s.io/v1".into());
    if value.at(&["spec", "expirationSeconds"]).is_none_or(Value::is_null) {
        set(&mut value, &["spec", "expirationSeconds"], 3600);
    }
    let seconds = value.int(&["spec", "expirationSeconds"]).unwrap_or(3600);
    let limit = if seconds < SHORTEST {
        Some("may not specify a duration less than 10 minutes")
    } else if seconds > LONGEST {
        Some("may not specify a duration larger than 2^32 seconds")
    } else {
        None
    };
    if let Some(text) = limit {
        let named = Named { kind: "TokenRequest", group: "authentication.k8s.io", name: "" };
        return Err(Status::invalid(
            named,
            &[Cause::invalid("spec.expirationSeconds", &seconds.into(), text)],
        ));
    }
    if let Some(bound) = value.at(&["spec", "boundObjectRef"]).filter(|b| b.is_object()) {
        check_bound(context, &target.namespace, bound)?;
    }
    let writer =
        Writer { manager: &options.manager, api_version: "authentication.k8s.io/v1", subresource: "token" };
    let node = Node::plain(ty.map_or(Shape::Any, Shape::Struct));
    let live = match &node.shape {
        Shape::Struct(ty) => crate::schema::typed::zero_struct(ty.get()),
        _ => json!({}),
    };
    let filter = Filter::Without(<_>::default());
    update(&node, &live, &mut value, &Claim::None, &writer, &filter);
    let mut audiences: Vec<String> =
        value.items(&["spec", "audiences"]).iter().filter_map(|a| a.as_str().map(Into::into)).collect();
    if audiences.is_empty() {
        audiences.push(crate::auth::ISSUER.into());
    }
    let until = Timestamp::now() + SignedDuration::from_secs(seconds);
    let uid = account.value.text(&["metadata", "uid"]);
    let text = context.core.auth.issue(&target.namespace, &target.name, uid, &audiences, until);
    set(&mut value, &["spec", "audiences"], audiences);
    if value.at(&["spec", "boundObjectRef"]).is_none() {
        set(&mut value, &["spec", "boundObjectRef"], Value::Null);
    }
    set(&mut value, &["status"], json!({"token": text, "expirationTimestamp": format_seconds(until)}));
    let meta = map_at(&mut value, &["metadata"]);
    meta.insert("name".into(), target.name.clone().into());
    meta.insert("namespace".into(), target.namespace.clone().into());
    meta.insert("uid".into(), crate::names::uid().into());
    meta.insert("creationTimestamp".into(), format_seconds(Timestamp::now()).into());
    Ok(Answer::value(201, &value, chosen.yaml))
}

/// The object that a token is bound to must exist.
fn check_bound(context: &Context, namespace: &str, bound: &Value) -> Result<()> {
    let (version, kind) = (bound.text(&["apiVersion"]), bound.text(&["kind"]));
    let (storage, namespace) = match (version, kind) {
        ("v1", "Pod") => ("pods", namespace),
        ("v1", "Secret") => ("secrets", namespace),
        ("v1", "Node") => ("nodes", ""),
        _ => {
            let (group, version) = crate::resources::split_api_version(version);
            let text = format!("cannot bind token to object of type {group}/{version}, Kind={kind}");
            return Err(Status::bad_request(text));
        }
    };
    let name = bound.text(&["name"]);
    let object = context.api().get(storage, namespace, name)?;
    let uid = bound.text(&["uid"]);
    if !uid.is_empty() && uid != object.value.text(&["metadata", "uid"]) {
        let text = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have \
             been deleted and then recreated"
        );
        return Err(Status::conflict(Named { kind: storage, group: "", name }, &text));
    }
    Ok(())
}
