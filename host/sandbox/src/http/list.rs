//! Lists: selectors, versions, pages, and the bytes of their answer.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::object::{VIEWS, partial};
use super::respond::{Answer, Chosen, View};
use super::route::Target;
use super::{Context, table};
use crate::convert;
use crate::resources::Resource;
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::{Cause, Named, Result, Status};
use crate::store::Object;
use crate::value::{Get, serialize_item};

/// How long a request waits for a version that the store has not reached.
const PATIENCE: Duration = Duration::from_secs(3);

/// Both selectors of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Selectors {
    labels: LabelSelector,
    fields: FieldSelector,
    selectable: Vec<String>,
}

impl Selectors {
    pub(super) fn parse(context: &Context, resource: &Resource, target: &Target) -> Result<Self> {
        let labels = LabelSelector::parse(context.query.get("labelSelector")).map_err(Status::bad_request)?;
        let mut fields =
            FieldSelector::parse(context.query.get("fieldSelector")).map_err(Status::bad_request)?;
        let selectable = resource.custom.as_ref().map(|c| c.selectable.clone()).unwrap_or_default();
        for key in fields.keys() {
            check_field(resource, &selectable, key)?;
        }
        if !target.name.is_empty() {
            let own = FieldSelector::parse(&format!("metadata.name={}", target.name)).unwrap_or_default();
            if fields.is_empty() {
                fields = own;
            }
        }
        Ok(Selectors { labels, fields, selectable })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        self.labels.selects(object) && self.fields.matches(|key| read_field(&self.selectable, object, key))
    }
}

fn known_fields(resource: &Resource) -> &'static [&'static str] {
    if resource.is_custom() {
        return &[];
    }
    match resource.plural.as_str() {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
            "spec.host",
        ],
        "nodes" => &["spec.unschedulable"],
        "namespaces" => &["status.phase"],
        "secrets" => &["type"],
        "services" => &["spec.clusterIP", "spec.type"],
        "replicationcontrollers" => &["status.replicas"],
        "jobs" => &["status.successful"],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "certificatesigningrequests" => &["spec.signerName"],
        _ => &[],
    }
}

fn check_field(resource: &Resource, selectable: &[String], key: &str) -> Result<()> {
    if matches!(key, "metadata.name" | "metadata.namespace") || known_fields(resource).contains(&key) {
        return Ok(());
    }
    if selectable.iter().any(|path| path.trim_start_matches('.') == key) {
        return Ok(());
    }
    Err(Status::bad_request(if resource.is_custom() {
        format!("field label not supported: {key}")
    } else if known_fields(resource).is_empty() {
        format!("{key:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    } else {
        format!("field label not supported: {key}")
    }))
}

fn read_field(_selectable: &[String], object: &Value, key: &str) -> String {
    match key {
        "source" => {
            let component = object.text(&["source", "component"]);
            let text = if component.is_empty() { object.text(&["reportingComponent"]) } else { component };
            return text.into();
        }
        "spec.unschedulable" | "spec.hostNetwork" => {
            let path: Vec<&str> = key.split('.').collect();
            return object.at(&path).and_then(Value::as_bool).unwrap_or(false).to_string();
        }
        "status.successful" => return object.int(&["status", "succeeded"]).unwrap_or(0).to_string(),
        "status.replicas" => return object.int(&["status", "replicas"]).unwrap_or(0).to_string(),
        _ => {}
    }
    let path: Vec<&str> = key.split('.').collect();
    match object.at(&path) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// What the metadata of a list says.
#[derive(Debug, Default)]
pub(super) struct ListMeta {
    pub(super) version: u64,
    pub(super) next: Option<String>,
    pub(super) remaining: Option<usize>,
}

fn list_options_error(causes: &[Cause]) -> Status {
    Status::invalid(Named { kind: "ListOptions", group: "meta.k8s.io", name: "" }, causes)
}

/// Checks the versions that a list or watch asks for.
pub(super) fn check_options(context: &Context, watching: bool) -> Result<()> {
    let query = &context.query;
    let timeout = query.get("timeoutSeconds");
    if !timeout.is_empty() && timeout.parse::<i64>().is_err() {
        return Err(Status::bad_request(format!("strconv.ParseInt: parsing {timeout:?}: invalid syntax")));
    }
    let version = query.get("resourceVersion");
    let matching = query.get("resourceVersionMatch");
    let initial = query.has("sendInitialEvents");
    let mut causes = Vec::new();
    const FIELD: &str = "resourceVersionMatch";
    if watching {
        if !matching.is_empty() && !initial {
            let text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            causes.push(Cause::forbidden(FIELD, text));
        }
        if initial && matching != "NotOlderThan" {
            let text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            causes.push(Cause::forbidden(FIELD, text));
            if !matching.is_empty() {
                causes.push(Cause::unsupported(FIELD, &matching.into(), &["NotOlderThan"]));
            }
        }
    } else {
        if !matching.is_empty() {
            if version.is_empty() {
                causes.push(Cause::forbidden(
                    FIELD,
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ));
            }
            if !query.get("continue").is_empty() {
                causes.push(Cause::forbidden(
                    FIELD,
                    "resourceVersionMatch is forbidden when continue is provided",
                ));
            }
            if !matches!(matching, "Exact" | "NotOlderThan") {
                causes.push(Cause::unsupported(FIELD, &matching.into(), &["Exact", "NotOlderThan", ""]));
            }
            if matching == "Exact" && version == "0" {
                let text = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                causes.push(Cause::forbidden(FIELD, text));
            }
        }
        if initial {
            causes.push(Cause::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(list_options_error(&causes)) }
}

/// The number of a version, or the refusal of a text that is none.
pub(super) fn parse_version(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        )
    })
}

/// Waits until the store has reached a version; versions of the future are refused after a while.
pub(super) async fn wait_for_version(context: &Context, text: &str, listing: bool) -> Result<u64> {
    let version = parse_version(text).map_err(|why| {
        if listing {
            Status::bad_request(format!("invalid resource version: {why}"))
        } else {
            Status::unclassified(why)
        }
    })?;
    let mut newest = context.core.store.newest();
    if *newest.borrow() >= version {
        return Ok(version);
    }
    let reached = tokio::time::timeout(PATIENCE, newest.wait_for(|v| *v >= version)).await;
    if matches!(reached, Ok(Ok(_))) {
        return Ok(version);
    }
    let current = context.core.store.version();
    let text = format!("Timeout: Too large resource version: {version}, current: {current}");
    let cause = Cause::other("", "ResourceVersionTooLarge", "Too large resource version");
    Err(Status::new(504, "Timeout", text).with_causes(&[cause]).with_retry(1))
}

/// The objects that a deletion of a collection is about.
pub(super) fn select(context: &Context, resource: &Resource, target: &Target) -> Result<Vec<Arc<Object>>> {
    let selectors = Selectors::parse(context, resource, target)?;
    let namespace = (!target.namespace.is_empty()).then_some(target.namespace.as_str());
    let (mut objects, _) = context.core.store.list(&resource.storage, namespace);
    objects.retain(|o| selectors.matches(&o.value));
    Ok(objects)
}

struct Page {
    version: u64,
    after: Option<(String, String)>,
}

fn decode_continue(text: &str) -> Result<Page> {
    let bad =
        |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
    // Go accepts texts whose last letter has bits to spare.
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    let data = GeneralPurpose::new(&URL_SAFE, config).decode(text).map_err(|_| bad("illegal base64 data"))?;
    let mut unused = Vec::new();
    let shown: Vec<u8> = data.clone();
    let value = crate::json::parse(&data, &mut unused).map_err(|e| {
        let first = shown.first().map_or(' ', |b| char::from(*b));
        if (first as u32) < 0x80 {
            bad(&e)
        } else {
            bad(&format!("invalid character '{first}' looking for beginning of value"))
        }
    })?;
    let version = value["rv"].as_u64().ok_or_else(|| bad("no resource version"))?;
    let start = value.text(&["start"]);
    let (namespace, name) = start.split_once('/').ok_or_else(|| bad("no start key"))?;
    Ok(Page { version, after: Some((namespace.into(), name.into())) })
}

fn encode_continue(version: u64, last: &Object) -> String {
    let start = format!("{}/{}", last.key.namespace, last.key.name);
    URL_SAFE_NO_PAD.encode(json!({"v": "meta.k8s.io/v1", "rv": version, "start": start}).to_string())
}

pub(super) async fn answer(context: &Context, resource: &Resource, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    let query = &context.query;
    let selectors = Selectors::parse(context, resource, target)?;
    let limit: i64 = match query.get("limit") {
        "" => 0,
        text => text.parse().map_err(|_| {
            Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
        })?,
    };
    check_options(context, false)?;
    let version_text = query.get("resourceVersion");
    let token = query.get("continue");
    if !token.is_empty() && !matches!(version_text, "" | "0") {
        return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
    }
    let namespace = (!target.namespace.is_empty()).then_some(target.namespace.as_str());
    let expired = || {
        Status::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new \
             list without the continue parameter.",
        )
    };
    let (objects, version, after) = if token.is_empty() {
        let asked = wait_for_version(context, version_text, true).await?;
        if query.get("resourceVersionMatch") == "Exact" || (limit > 0 && asked > 0 && version_text != "0") {
            let objects =
                context.core.store.list_at(&resource.storage, namespace, asked).ok_or_else(expired)?;
            (objects, asked, None)
        } else {
            let (objects, version) = context.core.store.list(&resource.storage, namespace);
            (objects, version, None)
        }
    } else {
        let page = decode_continue(token)?;
        let objects =
            context.core.store.list_at(&resource.storage, namespace, page.version).ok_or_else(expired)?;
        (objects, page.version, page.after)
    };
    let mut matching = objects.into_iter().filter(|o| {
        let later = after
            .as_ref()
            .is_none_or(|(ns, name)| (&*o.key.namespace, &*o.key.name) > (ns.as_str(), name.as_str()));
        later && selectors.matches(&o.value)
    });
    let mut meta = ListMeta { version, ..ListMeta::default() };
    let page: Vec<Arc<Object>> = match usize::try_from(limit) {
        Ok(limit @ 1..) => {
            let page: Vec<_> = matching.by_ref().take(limit).collect();
            let rest = matching.count();
            if rest > 0
                && let Some(last) = page.last()
            {
                meta.next = Some(encode_continue(version, last));
                meta.remaining = selectors.is_empty().then_some(rest);
            }
            page
        }
        _ => matching.collect(),
    };
    answer_of(context, resource, &page, &meta, &chosen)
}

/// A list in the form that the client wants.
pub(super) fn answer_of(
    context: &Context,
    resource: &Resource,
    page: &[Arc<Object>],
    meta: &ListMeta,
    chosen: &Chosen,
) -> Result<Answer> {
    page.iter().try_for_each(|object| convert::check(resource, &object.value))?;
    match chosen.view {
        View::Plain if !chosen.yaml => Ok(Answer::json_bytes(200, text_of(resource, page, meta))),
        View::Partial => {
            let items: Vec<Value> = page.iter().map(|o| partial(&o.value)).collect();
            let list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1",
                "metadata": meta_value(meta), "items": items});
            Ok(Answer::value(200, &list, chosen.yaml))
        }
        View::Table => {
            let values: Vec<Value> = page.iter().map(|o| o.value.clone()).collect();
            let entries = match meta_value(meta) {
                Value::Object(map) => map,
                _ => <_>::default(),
            };
            let table =
                table::of_objects(resource, &values, context.query.get("includeObject"), true, entries)?;
            Ok(Answer::value(200, &table, chosen.yaml))
        }
        _ => {
            let value: Value = serde_json::from_slice(&text_of(resource, page, meta)).unwrap_or_default();
            Ok(Answer::value(200, &value, true))
        }
    }
}

fn meta_value(meta: &ListMeta) -> Value {
    let mut out = json!({"resourceVersion": meta.version.to_string()});
    if let Some(next) = &meta.next {
        out["continue"] = next.clone().into();
    }
    if let Some(remaining) = meta.remaining {
        out["remainingItemCount"] = remaining.into();
    }
    out
}

/// The JSON of a list, from the bytes that its objects already have.
pub(super) fn text_of(resource: &Resource, objects: &[Arc<Object>], meta: &ListMeta) -> Bytes {
    let head = json!({"kind": resource.list_kind, "apiVersion": resource.api_version()});
    let mut out = Vec::with_capacity(256 + objects.len() * 1024);
    out.extend_from_slice(b"{\"kind\":");
    out.extend_from_slice(head["kind"].to_string().as_bytes());
    out.extend_from_slice(b",\"apiVersion\":");
    out.extend_from_slice(head["apiVersion"].to_string().as_bytes());
    out.extend_from_slice(b",\"metadata\":");
    let mut described = meta_value(meta);
    if resource.is_custom() && meta.next.is_none() {
        described["continue"] = "".into();
    }
    out.extend_from_slice(described.to_string().as_bytes());
    out.extend_from_slice(b",\"items\":[");
    let version = resource.api_version();
    for (i, object) in objects.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let same = object.value.text(&["apiVersion"]) == version;
        match (same, resource.is_custom()) {
            (true, true) => out.extend_from_slice(object.text()),
            (true, false) => item_text(object, &mut out),
            (false, true) => {
                let value = convert::from_stored(resource, object.value.clone());
                out.extend_from_slice(&crate::value::serialize(&value));
            }
            (false, false) => {
                out.extend_from_slice(&serialize_item(&convert::from_stored(resource, object.value.clone())));
            }
        }
    }
    out.extend_from_slice(b"]}\n");
    out.into()
}

/// Objects of built-in lists have neither kind nor apiVersion, which come first in the stored text.
fn item_text(object: &Object, out: &mut Vec<u8>) {
    let text = object.text();
    let head = format!("{{\"kind\":{},\"apiVersion\":{},", object.value["kind"], object.value["apiVersion"]);
    match text.strip_prefix(head.as_bytes()) {
        Some(rest) => {
            out.push(b'{');
            out.extend_from_slice(rest);
        }
        None => out.extend_from_slice(&serialize_item(&object.value)),
    }
}
