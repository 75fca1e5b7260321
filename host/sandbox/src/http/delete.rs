//! Deletions of objects and collections.

use std::sync::Arc;

use serde_json::Value;

use super::object::{VIEWS, object_answer};
use super::respond::{Answer, Chosen};
use super::route::Target;
use super::{Context, body, list};
use crate::api::{DeleteOptions, Deleted};
use crate::convert;
use crate::resources::Resource;
use crate::schema::table as types;
use crate::schema::typed::{Findings, round_trip};
use crate::status::{Cause, Named, Result, Status};
use crate::store::Object;
use crate::value::Get;

/// The options of a deletion: those of the body, or those of the query if there is no body.
pub(super) fn options(context: &Context) -> Result<DeleteOptions> {
    let mut options = DeleteOptions::default();
    let mut orphan = None;
    let mut dry: Vec<String> = Vec::new();
    if context.body.is_empty() {
        let query = &context.query;
        dry.extend(query.all("dryRun").filter(|v| !v.is_empty()).map(String::from));
        options.grace = query.get("gracePeriodSeconds").parse().ok();
        if query.has("propagationPolicy") {
            options.propagation = Some(query.get("propagationPolicy").into());
        }
        if query.has("orphanDependents") {
            orphan = Some(query.flag("orphanDependents"));
        }
    } else {
        let ty = types().named("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
        let parsed = body::parse(context, "DeleteOptions", ty.clone()).map_err(unread)?;
        let value = &parsed.value;
        if let Some(ty) = &ty {
            round_trip(ty.get(), value.clone(), &mut Findings::default()).map_err(Status::bad_request)?;
        }
        let (kind, version) = (value.text(&["kind"]), value.text(&["apiVersion"]));
        if !matches!(kind, "" | "DeleteOptions") {
            return Err(Status::bad_request(format!(
                "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
            )));
        }
        dry.extend(value.items(&["dryRun"]).iter().filter_map(|v| v.as_str().map(String::from)));
        options.grace = value.int(&["gracePeriodSeconds"]);
        options.propagation = value.get("propagationPolicy").and_then(Value::as_str).map(Into::into);
        orphan = value.get("orphanDependents").and_then(Value::as_bool);
        let precondition =
            |key: &str| value.at(&["preconditions", key]).and_then(Value::as_str).map(String::from);
        options.uid = precondition("uid");
        options.version = precondition("resourceVersion");
    }
    let invalid = |cause: Cause| {
        Err(Status::invalid(Named { kind: "DeleteOptions", group: "meta.k8s.io", name: "" }, &[cause]))
    };
    options.dry_run = !dry.is_empty();
    if dry.iter().any(|v| v != "All") {
        return invalid(Cause::unsupported("dryRun", &serde_json::json!(dry), &["All"]));
    }
    if let Some(policy) = &options.propagation {
        if orphan.is_some() {
            let text = "orphanDependents and deletionPropagation cannot be both set";
            return invalid(Cause::invalid("propagationPolicy", &policy.as_str().into(), text));
        }
        if !matches!(policy.as_str(), "Foreground" | "Background" | "Orphan") {
            let supported = ["Foreground", "Background", "Orphan", "nil"];
            return invalid(Cause::unsupported("propagationPolicy", &policy.as_str().into(), &supported));
        }
    }
    if let Some(orphan) = orphan {
        options.propagation = Some(if orphan { "Orphan" } else { "Background" }.into());
    }
    Ok(options)
}

/// Options that cannot be read are named without the kind.
fn unread(mut status: Status) -> Status {
    const PREFIX: &str = "the object provided is unrecognized (must be of type DeleteOptions): ";
    if let Some(rest) = status.message.strip_prefix(PREFIX) {
        let end = rest.rfind(" (").unwrap_or(rest.len());
        status.message = rest[..end].to_string();
    }
    status
}

pub(super) async fn one(context: &Context, resource: &Resource, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    let options = options(context)?;
    let deleted = context.api().delete_object(resource, &target.namespace, &target.name, &options)?;
    context.durable(deleted.object.version).await?;
    deleted_answer(context, resource, &deleted, 200, &chosen)
}

fn deleted_answer(
    context: &Context,
    resource: &Resource,
    deleted: &Deleted,
    code: u16,
    chosen: &Chosen,
) -> Result<Answer> {
    match deleted.answer(resource) {
        Some(status) => Ok(Answer::value(code, &status, chosen.yaml)),
        // What cannot be converted goes all the same.
        None if convert::check(resource, &deleted.object.value).is_err() => {
            Ok(Answer::value(code, &deleted.object.value, chosen.yaml))
        }
        None => object_answer(context, resource, &deleted.object, code, chosen),
    }
}

pub(super) async fn collection(context: &Context, resource: &Resource, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    let options = options(context)?;
    let selected = list::select(context, resource, target)?;
    let api = context.api();
    let mut newest = 0;
    let mut gone: Vec<Arc<Object>> = Vec::new();
    for object in selected {
        match api.delete_object(resource, &object.key.namespace, &object.key.name, &options) {
            Ok(deleted) => {
                newest = newest.max(deleted.object.version);
                gone.push(if deleted.gone { object } else { deleted.object });
            }
            Err(status) if status.code == 404 => {}
            Err(status) => return Err(status),
        }
    }
    context.durable(newest).await?;
    let meta = list::ListMeta { version: context.core.store.version(), ..<_>::default() };
    list::answer_of(context, resource, &gone, &meta, &chosen)
}
