//! Replacing objects, and the part of a write that updates and patches share.

use std::sync::Arc;

use serde_json::{Value, json};

use super::create::{Decoded, check_namespace, drop_empty_lists, track};
use super::strategy::prepare_update;
use super::{Api, WriteOptions, Written, key, named, named_kind, not_found};
use crate::ownership::managed::{Claim, same_but_times};
use crate::resources::Resource;
use crate::status::{Cause, Result, Status};
use crate::store::Object;
use crate::value::{Get, map_at, set};
use crate::{admit, convert, validate};

/// Built-in resources whose updates must name a version.
const CONDITIONAL: [&str; 12] = [
    "leases",
    "customresourcedefinitions",
    "poddisruptionbudgets",
    "apiservices",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "runtimeclasses",
    "csidrivers",
    "csinodes",
    "volumeattachments",
];

/// Built-in resources that PUT may create.
const CREATE_ON_UPDATE: [&str; 9] = [
    "leases",
    "endpoints",
    "events",
    "limitranges",
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "services",
];

/// How often a write is tried again when somebody else was faster.
pub(super) const RETRIES: usize = 8;

impl Api {
    /// Replaces an object or subresource with a request's body.
    pub(crate) fn update_object(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
        subresource: &str,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Written> {
        if subresource == "scale" {
            return self.update_scale(resource, namespace, name, &body, options);
        }
        let mut warnings = Vec::new();
        let mut decoded = self.decode(resource, body, options, &mut warnings)?;
        check_name(&decoded.value, name)?;
        check_namespace(resource, namespace, &mut decoded.value)?;
        for _ in 0..RETRIES {
            let Some(live) = self.core.store.get(&key(resource, namespace, name)) else {
                if subresource.is_empty()
                    && CREATE_ON_UPDATE.contains(&&*resource.plural)
                    && !resource.is_custom()
                {
                    return self.create_decoded(resource, namespace, decoded, options, warnings);
                }
                return Err(not_found(resource, name));
            };
            convert::check(resource, &live.value)?;
            let Decoded { value, claim } = &decoded;
            let conditional = resource.is_custom() || CONDITIONAL.contains(&&*resource.plural);
            if conditional && value.text(&["metadata", "resourceVersion"]).is_empty() {
                let cause =
                    Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
                return Err(Status::invalid(named(resource, name), &[cause]));
            }
            let outcome =
                self.commit(resource, &live, value.clone(), claim, subresource, options, warnings.clone())?;
            if let Some(written) = outcome {
                return Ok(written);
            }
        }
        Err(Status::modified(named(resource, name)))
    }

    /// Writes a changed object. `None`: somebody else was faster and the caller may try again.
    #[expect(clippy::too_many_arguments, reason = "one place where all parts of a request meet")]
    pub(super) fn commit(
        &self,
        resource: &Resource,
        live: &Arc<Object>,
        mut value: Value,
        claim: &Claim,
        subresource: &str,
        options: &WriteOptions,
        warnings: Vec<String>,
    ) -> Result<Option<Written>> {
        check_preconditions(resource, live, &value)?;
        track(resource, &live.value, &mut value, claim, &options.manager, subresource);
        self.commit_tracked(resource, live, value, subresource, options, warnings)
    }

    /// The same after the tracking of fields.
    pub(super) fn commit_tracked(
        &self,
        resource: &Resource,
        live: &Arc<Object>,
        mut value: Value,
        subresource: &str,
        options: &WriteOptions,
        mut warnings: Vec<String>,
    ) -> Result<Option<Written>> {
        let explicit = !value.text(&["metadata", "resourceVersion"]).is_empty();
        let name = live.key.name.to_string();
        keep_system_fields(&live.value, &mut value);
        admit::update(self, resource, subresource, &live.value, &mut value)?;
        prepare_update(resource, subresource, &live.value, &mut value);
        drop_empty_lists(resource, &mut value);
        if subresource.is_empty() {
            self.core.allocate_update(resource, &live.value, &mut value)?;
        }
        let causes = validate::update(&self.core, resource, subresource, &live.value, &value);
        if !causes.is_empty() {
            return Err(Status::invalid(named_kind(resource, &name), &causes));
        }
        if subresource.is_empty() {
            validate::warn(resource, Some(&live.value), &value, &mut warnings);
        }
        let done =
            |object: Arc<Object>| Ok(Some(Written { object, created: false, warnings: warnings.clone() }));
        if may_go(&value) {
            if options.dry_run {
                return done(Arc::new(Object::new(live.key.clone(), live.version, value)));
            }
            // Watchers see the last state that was stored.
            return match self.core.store.remove(&live.key, live.version, live.value.clone()) {
                Ok(_) => {
                    self.core.after_delete(resource, live);
                    set(&mut value, &["metadata", "resourceVersion"], live.version.to_string());
                    done(Arc::new(Object::new(live.key.clone(), live.version, value)))
                }
                Err(_) if explicit => Err(Status::modified(named(resource, &name))),
                Err(_) => Ok(None),
            };
        }
        set(&mut value, &["metadata", "resourceVersion"], live.version.to_string());
        if subresource == "scale" {
            keep_scale_times(&live.value, &mut value);
        }
        if same_but_times(&live.value, &value) {
            return done(live.clone());
        }
        super::fits(&value)?;
        if options.dry_run {
            return done(Arc::new(Object::new(live.key.clone(), live.version, value)));
        }
        match self.core.store.put(live.key.clone(), Some(live.version), value) {
            Ok(object) => {
                self.core.after_write(&object);
                done(object)
            }
            Err(_) if explicit => Err(Status::modified(named(resource, &name))),
            Err(_) => Ok(None),
        }
    }
}

/// Refuses a body that names another object than the path.
pub(super) fn check_name(value: &Value, name: &str) -> Result<()> {
    let given = value.text(&["metadata", "name"]);
    if given.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if given != name {
        return Err(Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    Ok(())
}

/// Version and uid that the request names must be those of the live object.
pub(super) fn check_preconditions(resource: &Resource, live: &Object, value: &Value) -> Result<()> {
    let name = &*live.key.name;
    let uid = value.text(&["metadata", "uid"]);
    let live_uid = live.value.text(&["metadata", "uid"]);
    if !uid.is_empty() && uid != live_uid {
        let at =
            if live.key.namespace.is_empty() { String::new() } else { format!("{}/", live.key.namespace) };
        return Err(Status::conflict(
            named(resource, name),
            &format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}/{at}{name}, ResourceVersion: 0, \
                 AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {live_uid}",
                resource.group_resource().split('.').next().unwrap_or_default()
            ),
        ));
    }
    let version = value.text(&["metadata", "resourceVersion"]);
    if !version.is_empty() && version.parse::<u64>().is_err() {
        let text = format!("strconv.ParseUint: parsing {version:?}: invalid syntax");
        return Err(Status::unclassified(text));
    }
    if !version.is_empty() && version != live.value.text(&["metadata", "resourceVersion"]) {
        return Err(Status::modified(named(resource, name)));
    }
    Ok(())
}

/// What no client sets: identity, times and deletion.
fn keep_system_fields(live: &Value, value: &mut Value) {
    let old = live.get("metadata").unwrap_or(&Value::Null);
    let meta = map_at(value, &["metadata"]);
    const FIELDS: [&str; 6] = [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "generation",
    ];
    for field in FIELDS {
        match old.get(field) {
            Some(value) => meta.insert(field.into(), value.clone()),
            None => meta.remove(field),
        };
    }
}

/// True if nothing keeps a terminating object any more.
pub(super) fn may_go(value: &Value) -> bool {
    value.at(&["metadata", "deletionTimestamp"]).is_some()
        && value.items(&["metadata", "finalizers"]).is_empty()
        && value.int(&["metadata", "deletionGracePeriodSeconds"]).unwrap_or(0) == 0
        && (value.text(&["kind"]) != "Namespace" || value.items(&["spec", "finalizers"]).is_empty())
}

/// The entries of those who scaled have no times but those that they had before.
fn keep_scale_times(live: &Value, value: &mut Value) {
    let same = |a: &Value, b: &Value| {
        ["manager", "operation", "apiVersion", "subresource"].iter().all(|key| a.get(key) == b.get(key))
    };
    let list = value.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    for entry in list.into_iter().flatten().filter(|entry| entry.text(&["subresource"]) == "scale") {
        let before = live.items(&["metadata", "managedFields"]).iter().find(|old| same(old, entry));
        let time = before.and_then(|old| old.get("time")).cloned();
        let Some(map) = entry.as_object_mut() else { continue };
        match time {
            Some(time) => map.insert("time".into(), time),
            None => map.remove("time"),
        };
    }
}
