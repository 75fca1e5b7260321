//! Creating objects, and decoding what clients send.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::strategy::{self, empty_object};
use super::{Api, FieldValidation, WriteOptions, Written, fits, key, named, named_kind};
use crate::ownership::managed::{Claim, Writer, update};
use crate::resources::{Resource, split_api_version};
use crate::schema::typed::{self, Findings, format_seconds, round_trip};
use crate::status::{Cause, Named, Result, Status};
use crate::store::Object;
use crate::value::{Get, map_at, object};
use crate::{admit, convert, crd, defaults, names, validate};

/// A decoded request body.
pub(crate) struct Decoded {
    /// The object in its stored version, with defaults.
    pub(crate) value: Value,
    /// What it says about managed fields.
    pub(crate) claim: Claim,
}

impl Api {
    /// Checks apiVersion and kind of a body, and fills them in if both are absent.
    pub(crate) fn check_kind(&self, resource: &Resource, body: &mut Value) -> Result<()> {
        let api_version = body.text(&["apiVersion"]).to_string();
        let kind = body.text(&["kind"]).to_string();
        if api_version.is_empty() && kind.is_empty() && !resource.is_custom() {
            let map = object(body);
            map.insert("apiVersion".into(), resource.api_version().into());
            map.insert("kind".into(), resource.kind.clone().into());
            return Ok(());
        }
        let (group, version) = split_api_version(&api_version);
        if kind == resource.kind && group == resource.group && version == resource.version {
            return Ok(());
        }
        Err(wrong_kind(
            resource,
            &api_version,
            &kind,
            body.text(&["metadata", "name"]),
            self.core.registry.find_kind(group, version, &kind).is_some(),
        ))
    }

    /// Decodes a body into the stored version. Findings become warnings or, under Strict, the error.
    pub(crate) fn decode(
        &self,
        resource: &Resource,
        mut body: Value,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Decoded> {
        self.check_kind(resource, &mut body)?;
        let claim = Claim::of(&body);
        let mut unknown = Vec::new();
        let value = self.decode_checked(resource, body, &mut unknown).map_err(|error| {
            let prefix = format!(
                "{} in version {:?} cannot be handled as a {}",
                resource.kind, resource.version, resource.kind
            );
            Status::bad_request(format!("{prefix}: {error}"))
        })?;
        if !resource.is_custom() {
            order_by_text(&mut unknown, &options.source);
        }
        report_unknown(resource, &unknown, options.validation, warnings)?;
        Ok(Decoded { value, claim })
    }

    /// Decodes without judging unknown fields.
    pub(crate) fn decode_checked(
        &self,
        resource: &Resource,
        body: Value,
        unknown: &mut Vec<String>,
    ) -> Result<Value, String> {
        if let Some(custom) = &resource.custom {
            return crd::decode(custom, body, unknown);
        }
        let Some(ty) = resource.node.fields() else { return Ok(body) };
        let mut findings = Findings::default();
        let mut value = round_trip(ty, body, &mut findings)?;
        unknown.append(&mut findings.unknown);
        defaults::apply(resource, &mut value);
        Ok(convert::to_stored(resource, value))
    }

    /// Creates an object from a request's body.
    pub(crate) fn create_object(
        &self,
        resource: &Resource,
        namespace: &str,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Written> {
        let mut warnings = Vec::new();
        let decoded = self.decode(resource, body, options, &mut warnings)?;
        self.create_decoded(resource, namespace, decoded, options, warnings)
    }

    pub(super) fn create_decoded(
        &self,
        resource: &Resource,
        namespace: &str,
        decoded: Decoded,
        options: &WriteOptions,
        mut warnings: Vec<String>,
    ) -> Result<Written> {
        let Decoded { mut value, claim } = decoded;
        check_namespace(resource, namespace, &mut value)?;
        let meta = map_at(&mut value, &["metadata"]);
        for field in
            ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"]
        {
            meta.remove(field);
        }
        unique_owners(&mut value, &mut warnings);
        track(resource, &empty_object(resource), &mut value, &claim, &options.manager, "");
        let object = self.store_new(resource, value, options, &mut warnings)?;
        Ok(Written { object, created: true, warnings })
    }

    /// The part of a create that comes after the tracking of fields.
    pub(super) fn store_new(
        &self,
        resource: &Resource,
        mut value: Value,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<Object>> {
        let meta = map_at(&mut value, &["metadata"]);
        if meta.get("name").and_then(Value::as_str).is_none_or(str::is_empty)
            && let Some(prefix) = meta.get("generateName").and_then(Value::as_str).filter(|p| !p.is_empty())
        {
            let name = names::generate(prefix);
            meta.insert("name".into(), name.into());
        }
        let name = meta.get("name").and_then(Value::as_str).unwrap_or_default().to_string();
        let namespace = meta.get("namespace").and_then(Value::as_str).unwrap_or_default().to_string();
        admit::create(self, resource, &namespace, &mut value, warnings)?;
        if !value.text(&["metadata", "resourceVersion"]).is_empty() {
            return Err(Status::unclassified("resourceVersion should not be set on objects to be created"));
        }
        let meta = map_at(&mut value, &["metadata"]);
        meta.insert("uid".into(), names::uid().into());
        meta.insert("creationTimestamp".into(), format_seconds(Timestamp::now()).into());
        strategy::prepare_create(resource, &mut value);
        drop_empty_lists(resource, &mut value);
        let allocated = self.core.allocate_create(resource, &mut value)?;
        if let Err(status) = fits(&value) {
            self.core.release(allocated);
            return Err(status);
        }
        let causes = validate::create(&self.core, resource, &value);
        if !causes.is_empty() {
            self.core.release(allocated);
            return Err(Status::invalid(named_kind(resource, &name), &causes));
        }
        validate::warn(resource, None, &value, warnings);
        if options.dry_run {
            self.core.release(allocated);
            if self.core.store.get(&key(resource, &namespace, &name)).is_some() {
                return Err(Status::already_exists(named(resource, &name)));
            }
            return Ok(Arc::new(Object::new(key(resource, &namespace, &name), 0, value)));
        }
        match self.core.store.put(key(resource, &namespace, &name), None, value) {
            Ok(object) => {
                self.core.after_write(&object);
                Ok(object)
            }
            Err(_) => {
                self.core.release(allocated);
                let exists = Status::already_exists(named(resource, &name));
                let live = self.core.store.get(&key(resource, &namespace, &name));
                if live.is_some_and(|o| o.value.at(&["metadata", "deletionTimestamp"]).is_some()) {
                    let message = format!("object is being deleted: {}", exists.message);
                    return Err(Status { message, ..exists });
                }
                Err(exists)
            }
        }
    }
}

/// Storage knows no empty lists; they become null where the field is always written.
pub(super) fn drop_empty_lists(resource: &Resource, value: &mut Value) {
    if let (Some(ty), false) = (resource.stored_node.fields(), resource.is_custom()) {
        typed::drop_empty_lists(ty, value);
    }
}

/// Writes `managedFields`: fields are tracked in the version of the request.
pub(super) fn track(
    resource: &Resource,
    live: &Value,
    value: &mut Value,
    claim: &Claim,
    manager: &str,
    subresource: &str,
) {
    let writer = Writer { manager, api_version: &resource.api_version(), subresource };
    let filter = strategy::filter(resource, subresource);
    if resource.stored_api_version() == resource.api_version() {
        update(&resource.node, live, value, claim, &writer, &filter);
        return;
    }
    let live = convert::from_stored(resource, live.clone());
    let mut seen = convert::from_stored(resource, value.clone());
    update(&resource.node, &live, &mut seen, claim, &writer, &filter);
    let managed = seen.at(&["metadata", "managedFields"]).cloned();
    let meta = map_at(value, &["metadata"]);
    match managed {
        Some(managed) => meta.insert("managedFields".into(), managed),
        None => meta.remove("managedFields"),
    };
}

/// Sets the namespace of the path, or refuses another one.
pub(super) fn check_namespace(resource: &Resource, namespace: &str, value: &mut Value) -> Result<()> {
    let given = value.text(&["metadata", "namespace"]).to_string();
    if !resource.namespaced {
        if given.is_empty() {
            return Ok(());
        }
        map_at(value, &["metadata"]).remove("namespace");
        return Ok(());
    }
    if !given.is_empty() && given != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
                .to_string(),
        ));
    }
    map_at(value, &["metadata"]).insert("namespace".into(), namespace.into());
    Ok(())
}

/// Fields are complained about in the order of the text.
fn order_by_text(paths: &mut [String], text: &[u8]) {
    if paths.len() < 2 {
        return;
    }
    let Ok(text) = std::str::from_utf8(text) else { return };
    paths.sort_by_cached_key(|path| {
        let name = path.rsplit('.').next().unwrap_or_default();
        let name = name.split('[').next().unwrap_or_default();
        text.find(&format!("{name:?}")).unwrap_or(usize::MAX)
    });
}

fn report_unknown(
    resource: &Resource,
    unknown: &[String],
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let texts: Vec<String> = unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
    strict(resource, &texts, validation, warnings)
}

/// Refuses, warns of, or ignores what strict decoding finds.
pub(crate) fn strict(
    resource: &Resource,
    texts: &[String],
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<()> {
    match validation {
        _ if texts.is_empty() => {}
        FieldValidation::Ignore => {}
        // What the reader of YAML says has a heading and a line for each complaint.
        FieldValidation::Warn => warnings.extend(texts.iter().flat_map(|text| {
            let lines = text.strip_prefix("yaml: unmarshal errors:\n").unwrap_or(text);
            lines.split('\n').map(|line| line.trim_start().to_owned())
        })),
        FieldValidation::Strict => {
            let error = format!("strict decoding error: {}", texts.join(", "));
            let kind = &resource.kind;
            let text =
                format!("{kind} in version {:?} cannot be handled as a {kind}: {error}", resource.version);
            return Err(Status::bad_request(text));
        }
    }
    Ok(())
}

/// Owners that are named twice count once.
pub(super) fn unique_owners(value: &mut Value, warnings: &mut Vec<String>) {
    let Some(list) = value.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut) else {
        return;
    };
    let mut seen: Vec<Value> = Vec::new();
    let mut twice: Vec<String> = Vec::new();
    list.retain(|owner| {
        let new = !seen.contains(owner);
        if new {
            seen.push(owner.clone());
        } else {
            twice.push(owner.text(&["uid"]).into());
        }
        new
    });
    twice.dedup();
    if !twice.is_empty() {
        warnings.push(format!(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            twice.join(", ")
        ));
    }
}

fn wrong_kind(resource: &Resource, api_version: &str, kind: &str, name: &str, known: bool) -> Status {
    let (group, version) = split_api_version(api_version);
    if resource.is_custom() {
        if group != resource.group || version != resource.version {
            return Status::bad_request(format!(
                "the API version in the data ({api_version}) does not match the expected API version ({})",
                resource.api_version()
            ));
        }
        let cause = Cause::invalid("kind", &kind.into(), &format!("must be {}", resource.kind));
        return Status::invalid(Named { kind, group, name }, &[cause]);
    }
    if kind == resource.kind && known {
        return Status::bad_request(format!(
            "the API version in the data ({api_version}) does not match the expected API version ({})",
            resource.api_version()
        ));
    }
    let target = if resource.group.is_empty() {
        "core".to_string()
    } else {
        resource.group.split('.').next().unwrap_or_default().to_string()
    };
    let known_text =
        format!("converting ({version}.{kind}) to ({target}.{}): unknown conversion", resource.kind);
    let text = if known || kind == "List" {
        known_text
    } else {
        format!(
            "no kind {kind:?} is registered for version {api_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )
    };
    let version = if known || kind == "List" { version } else { &resource.version };
    Status::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {}: {text}",
        resource.kind
    ))
}
