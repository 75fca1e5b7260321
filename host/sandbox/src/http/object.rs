//! Requests for objects and collections.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::body::{self, media_type, parse_resource};
use super::respond::{Answer, Chosen, View};
use super::route::Target;
use super::{Context, access, delete, list, metrics, pod, table, watch};
use crate::api::{Api, FieldValidation, Patch, WriteOptions, Written, strict};
use crate::convert;
use crate::resources::{Resource, Subresource};
use crate::status::{Cause, Named, Result, Status};
use crate::store::Object;
use crate::value::Get;

pub(super) async fn answer(context: Context, target: Target) -> Result<Answer> {
    let resource = context.core.registry.find(&target.group, &target.version, &target.resource);
    let deprecation = resource.and_then(|r| r.custom.as_ref().and_then(|c| c.deprecation.clone()));
    let accept = context.accept.clone();
    match (answer_plain(context, target).await, deprecation) {
        (answer, None) => answer,
        (Ok(answer), Some(text)) => Ok(answer.with_warnings(&[text])),
        (Err(status), Some(text)) => Ok(Answer::status(&status, &accept).with_warnings(&[text])),
    }
}

async fn answer_plain(context: Context, target: Target) -> Result<Answer> {
    let Some(resource) = context.core.registry.find(&target.group, &target.version, &target.resource) else {
        return if context.core.registry.knows_group(&target.group) {
            Err(Status::no_resource())
        } else {
            Ok(Answer::text(404, "404 page not found\n"))
        };
    };
    // Objects of clusters have no place below a namespace; namespaces themselves are parsed as if they had.
    let misplaced = !resource.namespaced && !target.namespace.is_empty() && resource.plural != "namespaces";
    if target.name.contains('/') || target.resource.is_empty() || misplaced {
        return Err(Status::no_resource());
    }
    let verb = target.verb(&context.method, &context.query);
    if !target.subresource.is_empty() {
        let Some(sub) = resource.subresource(&target.subresource).cloned() else {
            if resource.is_custom() {
                return Err(crate::api::not_found(&resource, &target.name));
            }
            return Err(Status::no_resource());
        };
        if !target.rest.is_empty() && sub.name != "proxy" {
            return Err(Status::no_resource());
        }
        let verb = if context.method == Method::DELETE { "delete" } else { verb };
        if !sub.verbs.contains(&verb) {
            return Err(Status::method_not_allowed());
        }
        return subresource(context, &resource, &sub, &target).await;
    }
    let on_object = !target.name.is_empty();
    let possible = match verb {
        "create" => !on_object,
        "update" | "patch" | "delete" | "get" => on_object,
        _ => true,
    };
    if !possible || !resource.verbs.contains(&verb) {
        return Err(Status::method_not_allowed());
    }
    if resource.namespaced && target.namespace.is_empty() && !matches!(verb, "list" | "watch") {
        let collection = matches!(verb, "create" | "deletecollection");
        return Err(if collection { Status::method_not_allowed() } else { Status::no_resource() });
    }
    if resource.group == crate::metrics::GROUP && !resource.is_custom() {
        return metrics::answer(&context, &resource, &target);
    }
    let mut warnings = Vec::new();
    if !resource.is_custom() && resource.group.is_empty() {
        match resource.plural.as_str() {
            "endpoints" => warnings.push(
                "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_string(),
            ),
            "componentstatuses" => warnings.push("v1 ComponentStatus is deprecated in v1.19+".to_string()),
            _ => {}
        }
    }
    match verb {
        "get" => get(&context, &resource, &target).await,
        "list" => list::answer(&context, &resource, &target).await,
        "watch" => watch::answer(&context, &resource, &target),
        "create" if !resource.verbs.contains(&"get") => access::review(&context, &resource, &target),
        "create" => create(&context, &resource, &target).await,
        "update" => update(&context, &resource, &target, "").await,
        "patch" => patch(&context, &resource, &target, "").await,
        "delete" => delete::one(&context, &resource, &target).await,
        _ => delete::collection(&context, &resource, &target).await,
    }
    .map(|answer| answer.with_warnings(&warnings))
    .or_else(|status| match warnings.is_empty() {
        true => Err(status),
        false => Ok(Answer::status(&status, &context.accept).with_warnings(&warnings)),
    })
}

/// The views that objects of any kind have.
pub(super) const VIEWS: [View; 2] = [View::Table, View::Partial];

async fn get(context: &Context, resource: &Resource, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    list::wait_for_version(context, context.query.get("resourceVersion"), false).await?;
    if resource.plural == "componentstatuses" {
        return Err(crate::api::not_found(resource, &target.name));
    }
    let key = crate::api::key(resource, &target.namespace, &target.name);
    let object = context.core.store.get(&key).ok_or_else(|| crate::api::not_found(resource, &target.name))?;
    object_answer(context, resource, &object, 200, &chosen)
}

/// An object in the form that the client wants.
pub(super) fn object_answer(
    context: &Context,
    resource: &Resource,
    object: &Object,
    code: u16,
    chosen: &Chosen,
) -> Result<Answer> {
    convert::check(resource, &object.value)?;
    match chosen.view {
        View::Table => {
            let value = object.value.clone();
            let version = value.text(&["metadata", "resourceVersion"]).to_string();
            let include = context.query.get("includeObject");
            let table =
                table::of_objects(resource, &[value], include, true, [("resourceVersion", version.into())])?;
            Ok(Answer::value(code, &table, chosen.yaml))
        }
        View::Partial => Ok(Answer::value(code, &partial(&object.value), chosen.yaml)),
        _ if !chosen.yaml && object.value.text(&["apiVersion"]) == resource.api_version() => {
            Ok(Answer::json_bytes(code, object.text().clone()))
        }
        _ => Ok(Answer::value(code, &convert::from_stored(resource, object.value.clone()), chosen.yaml)),
    }
}

/// Only the metadata of an object.
pub(super) fn partial(object: &Value) -> Value {
    let mut meta = object["metadata"].clone();
    // The internal form of a DaemonSet keeps its old generation outside the metadata.
    if object.text(&["kind"]) == "DaemonSet"
        && let Some(meta) = meta.as_object_mut()
        && let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut)
    {
        annotations.remove("deprecated.daemonset.template.generation");
        if annotations.is_empty() {
            meta.remove("annotations");
        }
    }
    serde_json::json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta})
}

impl Context {
    /// A handle that acts as the user of this request.
    pub(super) fn api(&self) -> Api {
        self.core.api_as(self.user.clone(), "")
    }

    /// The options of a create, update or patch. `kind` names the options in errors.
    pub(super) fn write_options(&self, kind: &str, apply: bool) -> Result<WriteOptions> {
        let mut causes = Vec::new();
        let dry: Vec<&str> = self.query.all("dryRun").filter(|v| !v.is_empty()).collect();
        if dry.iter().any(|v| *v != "All") {
            causes.push(Cause::unsupported("dryRun", &serde_json::json!(dry), &["All"]));
        }
        let manager = self.query.get("fieldManager");
        if manager.len() > 128 {
            causes.push(Cause::too_long("fieldManager", 128));
        } else if let Some((at, c)) = manager.char_indices().find(|(_, c)| c.is_control()) {
            let detail = format!("invalid character U+{:04X} (at position {at})", c as u32);
            causes.push(Cause::invalid("fieldManager", &manager.into(), &detail));
        }
        if apply && manager.is_empty() {
            causes.push(Cause::required("fieldManager", "is required for apply patch"));
        }
        if kind == "PatchOptions" && !apply && self.query.has("force") {
            causes.push(Cause::forbidden("force", "may not be specified for non-apply patch"));
        }
        let validation = match self.query.get("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                let supported = ["", "Ignore", "Strict", "Warn"];
                causes.push(Cause::unsupported("fieldValidation", &other.into(), &supported));
                FieldValidation::Warn
            }
        };
        if !causes.is_empty() {
            return Err(Status::invalid(Named { kind, group: "meta.k8s.io", name: "" }, &causes));
        }
        let agent = self.headers.get("user-agent").and_then(|v| v.to_str().ok()).unwrap_or_default();
        let agent = agent.split('/').next().unwrap_or_default();
        let manager =
            if manager.is_empty() { agent.chars().take(128).collect() } else { manager.to_string() };
        Ok(WriteOptions {
            manager: if manager.is_empty() { "unknown".into() } else { manager },
            dry_run: !dry.is_empty(),
            validation,
            force: self.query.flag("force"),
            source: self.body.clone(),
        })
    }

    /// Answers a write when it is on disk.
    pub(super) async fn written(
        &self,
        resource: &Resource,
        written: &Written,
        chosen: &Chosen,
    ) -> Result<Answer> {
        let code = if written.created { 201 } else { 200 };
        self.durable(written.object.version).await?;
        Ok(object_answer(self, resource, &written.object, code, chosen)?.with_warnings(&written.warnings))
    }

    pub(super) async fn durable(&self, version: u64) -> Result<()> {
        if self.core.store.durable(version).await {
            return Ok(());
        }
        Err(Status::internal("the sandbox's database refuses writes"))
    }
}

async fn create(context: &Context, resource: &Resource, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    let options = context.write_options("CreateOptions", false)?;
    let parsed = parse_resource(context, resource)?;
    let mut warnings = Vec::new();
    strict_text(resource, &parsed.findings, &options, &mut warnings)?;
    default_account(context, resource, target, &parsed.value).await;
    let mut written = context.api().create_object(resource, &target.namespace, parsed.value, &options)?;
    warnings.append(&mut written.warnings);
    written.warnings = warnings;
    context.written(resource, &written, &chosen).await
}

/// The longest wait for the account that pods of a new namespace run as.
const ACCOUNT_WAIT: Duration = Duration::from_millis(1_500);

/// A namespace gets its account `default` a moment after it is made; pods that come at once wait for it.
async fn default_account(context: &Context, resource: &Resource, target: &Target, pod: &Value) {
    if !resource.is("", "pods") || !matches!(pod.text(&["spec", "serviceAccountName"]), "" | "default") {
        return;
    }
    let api = context.api();
    let missing = || {
        api.find("serviceaccounts", &target.namespace, "default").is_none()
            && api.find("namespaces", "", &target.namespace).is_some()
    };
    let mut feed = api.feed();
    let there = async {
        while missing() {
            let _ = feed.next().await;
        }
    };
    let _ = tokio::time::timeout(ACCOUNT_WAIT, there).await;
}

fn strict_text(
    resource: &Resource,
    findings: &[String],
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<()> {
    strict(resource, findings, options.validation, warnings)
}

async fn update(context: &Context, resource: &Resource, target: &Target, sub: &str) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    let options = context.write_options("UpdateOptions", false)?;
    let parsed = parse_resource(context, resource)?;
    let mut warnings = Vec::new();
    strict_text(resource, &parsed.findings, &options, &mut warnings)?;
    let api = context.api();
    let mut written =
        api.update_object(resource, &target.namespace, &target.name, sub, parsed.value, &options)?;
    warnings.append(&mut written.warnings);
    written.warnings = warnings;
    context.written(resource, &written, &chosen).await
}

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// The patch in the body of a request, and its options.
pub(super) fn read_patch(context: &Context, resource: &Resource) -> Result<(Patch, WriteOptions)> {
    let media = media_type(context);
    let apply = media == APPLY_PATCH;
    let known = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH];
    if !known.contains(&media.as_str()) {
        return Err(Status {
            details: Some(<_>::default()),
            ..Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type")
        });
    }
    if resource.is_custom() && media == STRATEGIC_PATCH {
        let accepted = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH, "application/apply-patch+cbor"];
        return Err(Status::unsupported_media(&accepted[..3].join(", ")));
    }
    let options = context.write_options("PatchOptions", apply)?;
    if apply {
        let (value, duplicate) = body::yaml_value(&context.body)
            .map_err(|e| Status::bad_request(format!("error decoding YAML: {e}")))?;
        if let (Some(text), FieldValidation::Strict) = (&duplicate, options.validation) {
            return Err(Status::bad_request(format!("error strict decoding YAML: {text}")));
        }
        if !value.is_object() {
            return Err(Status::bad_request("error decoding YAML: the body is not an object"));
        }
        return Ok((Patch::Apply(value), options));
    }
    let mut duplicates = Vec::new();
    let value = crate::json::parse(&context.body, &mut duplicates)
        .map_err(|e| Status::bad_request(format!("error decoding patch: {e}")))?;
    let patch = match media.as_str() {
        JSON_PATCH => Patch::Json(value),
        MERGE_PATCH => {
            if let Some(found) = not_an_object(&value) {
                return Err(Status::bad_request(format!(
                    "error decoding patch: json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
                )));
            }
            Patch::Merge(value)
        }
        _ => Patch::Strategic(value),
    };
    Ok((patch, options))
}

fn not_an_object(value: &Value) -> Option<&'static str> {
    match value {
        Value::Object(_) | Value::Null => None,
        Value::Array(_) => Some("array"),
        Value::String(_) => Some("string"),
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("bool"),
    }
}

async fn patch(context: &Context, resource: &Resource, target: &Target, sub: &str) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    let (patch, options) = read_patch(context, resource)?;
    let api = context.api();
    if let (Patch::Apply(pod), "") = (&patch, sub) {
        default_account(context, resource, target, pod).await;
    }
    let written = api.patch_object(resource, &target.namespace, &target.name, sub, &patch, &options)?;
    context.written(resource, &written, &chosen).await
}

async fn subresource(
    context: Context,
    resource: &Arc<Resource>,
    sub: &Subresource,
    target: &Target,
) -> Result<Answer> {
    match sub.name.as_str() {
        "status" | "ephemeralcontainers" | "resize" | "finalize" | "approval" => match context.method {
            Method::GET => get(&context, resource, target).await,
            Method::PUT => update(&context, resource, target, &sub.name).await,
            _ => patch(&context, resource, target, &sub.name).await,
        },
        "scale" => scale(&context, resource, sub, target).await,
        _ => pod::answer(context, resource, sub, target).await,
    }
}

async fn scale(context: &Context, resource: &Resource, sub: &Subresource, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    let api = context.api();
    let object = match context.method {
        Method::GET => api.live(resource, &target.namespace, &target.name)?,
        Method::PUT => {
            let options = context.write_options("UpdateOptions", false)?;
            let parsed = body::parse(context, "Scale", crate::resources::body_type(resource, sub))?;
            let written = api.update_object(
                resource,
                &target.namespace,
                &target.name,
                "scale",
                parsed.value,
                &options,
            )?;
            context.durable(written.object.version).await?;
            written.object
        }
        _ => {
            let (patch, options) = read_patch(context, resource)?;
            let written =
                api.patch_object(resource, &target.namespace, &target.name, "scale", &patch, &options)?;
            context.durable(written.object.version).await?;
            written.object
        }
    };
    convert::check(resource, &object.value)?;
    let scale = crate::scale::read(resource, &object.value)?;
    let shown = match chosen.view {
        View::Table => table::of_scale(&scale),
        View::Partial => partial(&scale),
        _ => scale,
    };
    Ok(Answer::value(200, &shown, chosen.yaml))
}
