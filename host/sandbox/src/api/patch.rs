//! The four kinds of patch.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::create::check_namespace;
use super::strategy::{empty_object, filter};
use super::update::{check_name, check_preconditions};
use super::{Api, FieldValidation, WriteOptions, Written, key, named, named_kind, not_found};
use crate::ownership::apply::{Applied, apply};
use crate::ownership::managed::{Claim, Writer};
use crate::resources::Resource;
use crate::schema::go_json;
use crate::status::{Cause, Named, Result, Status};
use crate::store::Object;
use crate::value::{Get, map_at, object};
use crate::{convert, defaults, json_patch, strategic};

const RETRIES: usize = 8;

/// A patch.
#[derive(Debug, Clone)]
pub enum Patch {
    /// `application/json-patch+json`.
    Json(Value),
    /// `application/merge-patch+json`.
    Merge(Value),
    /// `application/strategic-merge-patch+json`.
    Strategic(Value),
    /// `application/apply-patch+yaml`.
    Apply(Value),
}

impl Api {
    /// Patches an object or subresource.
    pub(crate) fn patch_object(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Written> {
        for _ in 0..RETRIES {
            let live = self.core.store.get(&key(resource, namespace, name));
            let outcome = match (patch, live) {
                (Patch::Apply(config), live) if subresource != "scale" => {
                    self.apply_once(resource, namespace, name, subresource, config, live, options)?
                }
                (_, None) => return Err(not_found(resource, name)),
                (_, Some(live)) if subresource == "scale" => {
                    self.patch_scale(resource, &live, patch, options)?
                }
                (_, Some(live)) => self.patch_once(resource, &live, subresource, patch, options)?,
            };
            if let Some(written) = outcome {
                return Ok(written);
            }
        }
        Err(Status::modified(named(resource, name)))
    }

    fn patch_once(
        &self,
        resource: &Resource,
        live: &Arc<Object>,
        subresource: &str,
        patch: &Patch,
        options: &WriteOptions,
    ) -> Result<Option<Written>> {
        convert::check(resource, &live.value)?;
        let seen = convert::from_stored(resource, live.value.clone());
        let patched = patched(resource, &seen, patch)?;
        let mut warnings = Vec::new();
        let claim = match Claim::of(&patched) {
            Claim::None
                if seen.at(&["metadata", "managedFields"]).is_some_and(|l| !l.items(&[]).is_empty()) =>
            {
                Claim::None
            }
            claim => claim,
        };
        let touched = match patch {
            Patch::Json(operations) => go_json::touched_by(operations),
            Patch::Merge(patch) | Patch::Strategic(patch) | Patch::Apply(patch) => patch.clone(),
        };
        let mut value = self.decode_patched(resource, patched, &touched, options, &mut warnings)?;
        check_name(&value, &live.key.name)?;
        check_namespace(resource, &live.key.namespace, &mut value)?;
        // The version in a patched object is the live one unless the patch names another.
        check_preconditions_of_patch(resource, live, &value)?;
        self.commit_patch(resource, live, value, &claim, subresource, options, warnings)
    }

    #[expect(clippy::too_many_arguments, reason = "one place where all parts of a request meet")]
    fn commit_patch(
        &self,
        resource: &Resource,
        live: &Arc<Object>,
        mut value: Value,
        claim: &Claim,
        subresource: &str,
        options: &WriteOptions,
        warnings: Vec<String>,
    ) -> Result<Option<Written>> {
        // A patch is applied again to a newer object, so its version is no precondition.
        map_at(&mut value, &["metadata"]).remove("resourceVersion");
        self.commit(resource, live, value, claim, subresource, options, warnings)
    }

    /// Decodes a patched object; errors name the patch.
    fn decode_patched(
        &self,
        resource: &Resource,
        patched: Value,
        touched: &Value,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Value> {
        let seen = patched.clone();
        let refuse = |why: String| {
            let text = if resource.is_custom() {
                seen.to_string()
            } else {
                go_json::text(&resource.node, &seen, touched)
            };
            let cause = Cause::invalid("patch", &text.into(), &why);
            Status::invalid(Named { kind: "", group: "", name: "" }, &[cause])
        };
        let mut patched = patched;
        if self.check_kind(resource, &mut patched).is_err() {
            let (gv, kind) = (patched.text(&["apiVersion"]), patched.text(&["kind"]));
            if resource.is_custom() && gv == resource.api_version() {
                let name = patched.text(&["metadata", "name"]);
                let cause = Cause::invalid("kind", &kind.into(), &format!("must be {}", resource.kind));
                return Err(Status::invalid(Named { kind, group: &resource.group, name }, &[cause]));
            }
            return Err(refuse(format!(
                "unable to decode {gv}, Kind={kind} into {}, Kind={}",
                resource.api_version(),
                resource.kind
            )));
        }
        let mut unknown = Vec::new();
        let value = self.decode_checked(resource, patched, &mut unknown).map_err(refuse)?;
        let texts: Vec<String> = unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
        match options.validation {
            _ if texts.is_empty() => {}
            FieldValidation::Strict => {
                let why = format!("strict decoding error: {}", texts.join(", "));
                return Err(refuse(why));
            }
            FieldValidation::Warn => warnings.extend(texts),
            FieldValidation::Ignore => {}
        }
        Ok(value)
    }

    #[expect(clippy::too_many_arguments, reason = "one place where all parts of a request meet")]
    fn apply_once(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: &str,
        config: &Value,
        live: Option<Arc<Object>>,
        options: &WriteOptions,
    ) -> Result<Option<Written>> {
        let mut config = config.clone();
        let gv = config.text(&["apiVersion"]).to_string();
        let kind = config.text(&["kind"]).to_string();
        if gv != resource.api_version() || kind != resource.kind {
            return Err(wrong_apply_kind(&gv, &kind));
        }
        // Without a name the one of the path counts.
        if config.text(&["metadata", "name"]).is_empty() {
            map_at(&mut config, &["metadata"]).insert("name".into(), name.into());
        }
        check_name(&config, name)?;
        let given = config.text(&["metadata", "namespace"]).to_string();
        if resource.namespaced && !given.is_empty() && given != namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        let mut warnings = Vec::new();
        let config = self.prepare_config(resource, config, options, &mut warnings)?;
        let writer = Writer { manager: &options.manager, api_version: &resource.api_version(), subresource };
        let filter = filter(resource, subresource);
        let base = match &live {
            Some(live) => {
                convert::check(resource, &live.value)?;
                live.value.clone()
            }
            None if subresource.is_empty() => {
                let uid = config.text(&["metadata", "uid"]);
                if !uid.is_empty() {
                    return Err(immutable_uid(resource, name, uid));
                }
                empty_object(resource)
            }
            None => return Err(not_found(resource, name)),
        };
        let seen = convert::from_stored(resource, base);
        let applied = apply(&resource.node, &seen, &config, &writer, &filter, options.force)?;
        let (Applied::Changed(mut value) | Applied::Same(mut value)) = applied;
        value = self.redecode(resource, convert::to_stored(resource, value))?;
        check_namespace(resource, namespace, &mut value)?;
        match live {
            None => {
                map_at(&mut value, &["metadata"]).remove("resourceVersion");
                let object = self.store_new(resource, value, options, &mut warnings);
                match object {
                    Ok(object) => Ok(Some(Written { object, created: true, warnings })),
                    Err(status) if status.reason == "AlreadyExists" => Ok(None),
                    Err(status) => Err(status),
                }
            }
            Some(live) => {
                let precondition = config.text(&["metadata", "resourceVersion"]);
                if !precondition.is_empty() {
                    check_preconditions(resource, &live, &config)?;
                }
                check_preconditions_of_patch(resource, &live, &value)?;
                map_at(&mut value, &["metadata"]).remove("resourceVersion");
                self.commit_tracked(resource, &live, value, subresource, options, warnings)
            }
        }
    }

    /// A configuration in the stored version. Undeclared fields stay: the schema check refuses them.
    fn prepare_config(
        &self,
        resource: &Resource,
        config: Value,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Value> {
        let Some(custom) = &resource.custom else { return Ok(config) };
        let mut unknown = Vec::new();
        let config = crate::crd::decode_config(custom, config, &mut unknown);
        let texts: Vec<String> = unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
        super::create::strict(resource, &texts, options.validation, warnings)?;
        Ok(config)
    }

    /// The merged object through the types again: zero values, quantities and defaults.
    fn redecode(&self, resource: &Resource, value: Value) -> Result<Value> {
        if let Some(custom) = &resource.custom {
            return crate::crd::decode(custom, value, &mut Vec::new()).map_err(Status::bad_request);
        }
        let stored = convert::stored_type(resource);
        let Some(ty) = stored else { return Ok(value) };
        let managed = value.at(&["metadata", "managedFields"]).cloned();
        // Errors name the configuration, which needs no namespace.
        let at = format!("/{}", value.text(&["metadata", "name"]));
        let mut findings = crate::schema::typed::Findings::default();
        let mut value = crate::schema::typed::round_trip(ty.get(), value, &mut findings).map_err(|e| {
            let (gv, kind) = (resource.stored_api_version(), &resource.kind);
            Status::unclassified(format!(
                "failed to convert new object ({at}; {gv}, Kind={kind}) to proper version: unable to convert \
                     unstructured object to {gv}, Kind={kind}: {e}"
            ))
        })?;
        if let Some(managed) = managed {
            map_at(&mut value, &["metadata"]).insert("managedFields".into(), managed);
        }
        defaults::apply_stored(resource, &mut value);
        Ok(value)
    }
}

fn check_preconditions_of_patch(resource: &Resource, live: &Object, value: &Value) -> Result<()> {
    let uid = value.text(&["metadata", "uid"]);
    if !uid.is_empty() && uid != live.value.text(&["metadata", "uid"]) {
        return Err(immutable_uid(resource, &live.key.name, uid));
    }
    check_preconditions(resource, live, value)
}

/// A real server checks metadata twice.
fn immutable_uid(resource: &Resource, name: &str, uid: &str) -> Status {
    let cause = Cause::invalid("metadata.uid", &uid.into(), "field is immutable");
    Status::invalid(named_kind(resource, name), &[cause.clone(), cause])
}

fn wrong_apply_kind(gv: &str, kind: &str) -> Status {
    let text = if gv.contains('/') { gv.to_string() } else { format!("/{gv}") };
    Status::bad_request(format!("invalid object type: {text}, Kind={kind}"))
}

/// The live object with a patch applied.
fn patched(resource: &Resource, live: &Value, patch: &Patch) -> Result<Value> {
    match patch {
        Patch::Json(operations) => json_patch::apply(live, operations),
        Patch::Merge(patch) => {
            let mut value = live.clone();
            merge_patch(&mut value, patch);
            Ok(value)
        }
        Patch::Strategic(patch) => strategic::apply(&resource.node, live, patch),
        Patch::Apply(config) => Ok(config.clone()),
    }
}

/// RFC 7386.
pub(crate) fn merge_patch(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    let map: &mut Map<String, Value> = object(value);
    for (key, change) in patch {
        if change.is_null() {
            map.remove(key);
        } else {
            merge_patch(map.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}
