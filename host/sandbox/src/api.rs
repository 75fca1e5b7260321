//! Reading and writing objects in process: the path that HTTP requests take too.
//!
//! An [`Api`] is a cheap handle that acts as one user with one field manager. All calls are synchronous: they work on
//! memory. Writes are visible at once and reach the disk shortly after; only HTTP waits for that before it answers.
//!
//! Resources are named as kubectl names them: `pods`, `deployments.apps`, `jobs.batch`, `widgets.example.com`.
//! Objects are JSON values in the stored version, with `apiVersion` and `kind`; they are never changed in place.
//!
//! ```text
//! let api = cluster.api("deployment-controller");
//! let mut feed = api.feed();
//! let deployment = api.get("deployments.apps", "default", "web")?;
//! let rs = api.create("replicasets.apps", "default", replica_set(&deployment.value))?;
//! // Read, change, write: fails with code 409 if somebody else wrote in between.
//! api.modify("deployments.apps", "default", "web", "status", |d| set(d, &["status", "replicas"], 3))?;
//! ```

mod create;
mod delete;
mod patch;
mod scale;
mod strategy;
mod update;

use std::sync::Arc;

use serde_json::{Value, json};

pub(crate) use create::strict;
pub use delete::{DeleteOptions, Deleted};
pub use patch::Patch;
pub(crate) use patch::merge_patch;
pub(crate) use strategy::empty_object;

use crate::auth::User;
use crate::cluster::Core;
use crate::resources::Resource;
use crate::selector::LabelSelector;
use crate::status::{Named, Result, Status};
use crate::store::{Feed, Key, Object};
use crate::value::Get;

/// How unknown and duplicate fields are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// They are dropped.
    #[default]
    Ignore,
    /// They are dropped with a warning.
    Warn,
    /// They are refused.
    Strict,
}

/// How a write is made.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Field manager.
    pub manager: String,
    /// Everything but the write itself.
    pub dry_run: bool,
    /// Unknown fields.
    pub validation: FieldValidation,
    /// Server-side apply takes fields from other managers.
    pub force: bool,
    /// The text of the request, by which complaints about fields are ordered.
    pub(crate) source: bytes::Bytes,
}

/// What a write gave.
#[derive(Debug, Clone)]
pub struct Written {
    /// The object now, in its stored version.
    pub object: Arc<Object>,
    /// It did not exist before.
    pub created: bool,
    /// Warnings for the client.
    pub warnings: Vec<String>,
}

/// A handle that reads and writes as one user with one field manager.
#[derive(Clone)]
pub struct Api {
    pub(crate) core: Arc<Core>,
    pub(crate) user: Arc<User>,
    manager: Arc<str>,
}

impl Api {
    pub(crate) fn new(core: Arc<Core>, user: Arc<User>, manager: &str) -> Self {
        Api { core, user, manager: manager.into() }
    }

    /// The same with another field manager.
    pub fn as_manager(&self, manager: &str) -> Self {
        Api { manager: manager.into(), ..self.clone() }
    }

    fn options(&self) -> WriteOptions {
        WriteOptions { manager: self.manager.to_string(), ..WriteOptions::default() }
    }

    /// The resource of this name.
    pub fn resource(&self, name: &str) -> Result<Arc<Resource>> {
        self.core.registry.find_any(name).ok_or_else(Status::no_resource)
    }

    /// One object.
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Result<Arc<Object>> {
        self.live(&*self.resource(resource)?, namespace, name)
    }

    /// One object, `None` if it does not exist.
    pub fn find(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Object>> {
        self.get(resource, namespace, name).ok()
    }

    /// All objects of a resource, in one namespace or in all, sorted by namespace and name.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<Arc<Object>> {
        match self.resource(resource) {
            Ok(resource) => self.core.store.list(&resource.storage, namespace).0,
            Err(_) => Vec::new(),
        }
    }

    /// The objects that a selector selects.
    pub fn select(
        &self,
        resource: &str,
        namespace: Option<&str>,
        selector: &LabelSelector,
    ) -> Vec<Arc<Object>> {
        let mut all = self.list(resource, namespace);
        all.retain(|o| selector.selects(&o.value));
        all
    }

    /// Creates an object. `apiVersion`, `kind` and namespace may be left out.
    pub fn create(&self, resource: &str, namespace: &str, mut object: Value) -> Result<Arc<Object>> {
        let resource = self.resource(resource)?;
        self.complete(&resource, &mut object);
        Ok(self.create_object(&resource, namespace, object, &self.options())?.object)
    }

    /// Replaces an object, found by its metadata. With a resourceVersion it fails with 409 if the object changed.
    pub fn update(&self, resource: &str, object: Value) -> Result<Arc<Object>> {
        self.update_at(resource, object, "")
    }

    /// Replaces the status of an object.
    pub fn update_status(&self, resource: &str, object: Value) -> Result<Arc<Object>> {
        self.update_at(resource, object, "status")
    }

    fn update_at(&self, resource: &str, mut object: Value, subresource: &str) -> Result<Arc<Object>> {
        let resource = self.resource(resource)?;
        self.complete(&resource, &mut object);
        let namespace = object.text(&["metadata", "namespace"]).to_string();
        let name = object.text(&["metadata", "name"]).to_string();
        let written =
            self.update_object(&resource, &namespace, &name, subresource, object, &self.options())?;
        Ok(written.object)
    }

    /// Reads an object, lets `change` change it, and writes it; again if somebody else was faster. `subresource` is
    /// empty or `status`. Nothing is written if nothing changed.
    pub fn modify(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        subresource: &str,
        change: impl Fn(&mut Value),
    ) -> Result<Arc<Object>> {
        let resource = self.resource(resource)?;
        let mut last = Status::internal("the object changes all the time");
        for _ in 0..10 {
            let live = self.live(&resource, namespace, name)?;
            let mut object = live.value.clone();
            change(&mut object);
            if object == live.value {
                return Ok(live);
            }
            match self.update_object(&resource, namespace, name, subresource, object, &self.options()) {
                Ok(written) => return Ok(written.object),
                Err(status) if status.code == 409 => last = status,
                Err(status) => return Err(status),
            }
        }
        Err(last)
    }

    /// Patches an object or a subresource (`status`, `scale`, or empty).
    pub fn patch(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        subresource: &str,
        patch: &Patch,
    ) -> Result<Arc<Object>> {
        let resource = self.resource(resource)?;
        Ok(self.patch_object(&resource, namespace, name, subresource, patch, &self.options())?.object)
    }

    /// Server-side apply; `force` takes fields from other managers.
    pub fn apply(
        &self,
        resource: &str,
        namespace: &str,
        mut object: Value,
        force: bool,
    ) -> Result<Arc<Object>> {
        let resource = self.resource(resource)?;
        self.complete(&resource, &mut object);
        let name = object.text(&["metadata", "name"]).to_string();
        let options = WriteOptions { force, ..self.options() };
        Ok(self.patch_object(&resource, namespace, &name, "", &Patch::Apply(object), &options)?.object)
    }

    /// Deletes an object, or marks it if finalizers or a grace period keep it.
    pub fn delete(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted> {
        self.delete_object(&*self.resource(resource)?, namespace, name, options)
    }

    /// Binds a pod to a node, as a scheduler does.
    pub fn bind(&self, namespace: &str, pod: &str, node: &str) -> Result<()> {
        let binding = json!({"metadata": {"name": pod}, "target": {"kind": "Node", "name": node}});
        self.bind_pod(namespace, pod, &binding, false)
    }

    /// All changes from now on. Take the feed first and list afterwards, so that nothing is missed.
    pub fn feed(&self) -> Feed {
        self.core.store.feed()
    }

    pub(crate) fn live(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Arc<Object>> {
        self.core.store.get(&key(resource, namespace, name)).ok_or_else(|| not_found(resource, name))
    }

    fn complete(&self, resource: &Resource, object: &mut Value) {
        let map = crate::value::object(object);
        map.insert("apiVersion".into(), resource.api_version().into());
        map.insert("kind".into(), resource.kind.clone().into());
    }
}

pub(crate) fn key(resource: &Resource, namespace: &str, name: &str) -> Key {
    Key::new(&resource.storage, if resource.namespaced { namespace } else { "" }, name)
}

/// How errors name an object by its resource.
pub(crate) fn named<'a>(resource: &'a Resource, name: &'a str) -> Named<'a> {
    Named { kind: &resource.plural, group: &resource.group, name }
}

/// How validation names an object by its kind.
pub(crate) fn named_kind<'a>(resource: &'a Resource, name: &'a str) -> Named<'a> {
    let group = if resource.is_custom() { &resource.group } else { &resource.stored_as.0 };
    Named { kind: &resource.kind, group, name }
}

pub(crate) fn not_found(resource: &Resource, name: &str) -> Status {
    Status::not_found(named(resource, name))
}

impl Api {
    /// Binds a pod as a request to its `binding` subresource says.
    pub(crate) fn bind_pod(&self, namespace: &str, name: &str, binding: &Value, dry_run: bool) -> Result<()> {
        let resource = self.resource("pods")?;
        let target = binding.text(&["target", "name"]).to_string();
        let kind = binding.text(&["target", "kind"]);
        let mut problems = Vec::new();
        if !matches!(kind, "" | "Node") {
            let text = "supported values: \"Node\", \"<empty>\"";
            problems.push(format!("target.kind: Unsupported value: {kind:?}: {text}"));
        }
        if target.is_empty() {
            problems.push("target.name: Required value".to_string());
        }
        match &problems[..] {
            [] => {}
            [one] => return Err(Status::unclassified(one)),
            more => return Err(Status::unclassified(format!("[{}]", more.join(", ")))),
        }
        for _ in 0..8 {
            let live = self.live(&resource, namespace, name)?;
            let conflict =
                |why: &str| Err(Status::conflict(Named { kind: "pods/binding", group: "", name }, why));
            if live.value.at(&["metadata", "deletionTimestamp"]).is_some() {
                return conflict(&format!("pod {name} is being deleted, cannot be assigned to a host"));
            }
            let node = live.value.text(&["spec", "nodeName"]);
            if !node.is_empty() {
                return conflict(&format!("pod {name} is already assigned to node {node:?}"));
            }
            if !live.value.items(&["spec", "schedulingGates"]).is_empty() {
                return conflict(&format!("pod {name} has non-empty .spec.schedulingGates"));
            }
            let mut value = live.value.clone();
            crate::value::set(&mut value, &["spec", "nodeName"], target.clone());
            for (key, text) in
                binding.at(&["metadata", "annotations"]).and_then(Value::as_object).into_iter().flatten()
            {
                crate::value::set(&mut value, &["metadata", "annotations", key], text.clone());
            }
            set_pod_condition(&mut value, json!({"type": "PodScheduled", "status": "True"}));
            if dry_run {
                return Ok(());
            }
            if self.core.store.put(live.key.clone(), Some(live.version), value).is_ok() {
                return Ok(());
            }
        }
        Err(Status::modified(named(&resource, name)))
    }
}

/// Sets a condition of a pod, with the time of its change.
pub(crate) fn set_pod_condition(pod: &mut Value, mut condition: Value) {
    let now = crate::schema::typed::format_seconds(jiff::Timestamp::now());
    let status = crate::value::map_at(pod, &["status"]);
    let list = status.entry("conditions").or_insert_with(|| json!([]));
    if !list.is_array() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return };
    crate::value::object(&mut condition).insert("lastProbeTime".into(), Value::Null);
    let old = list.iter_mut().find(|c| c["type"] == condition["type"]);
    let since = match &old {
        Some(old) if old["status"] == condition["status"] => old["lastTransitionTime"].clone(),
        _ => now.into(),
    };
    crate::value::object(&mut condition).insert("lastTransitionTime".into(), since);
    match old {
        Some(old) => *old = condition,
        None => list.push(condition),
    }
}

/// The largest object, managed fields included; a real store takes about as much.
const LARGEST: usize = 4 << 20;

/// Refuses an object that is too large to be stored.
fn fits(value: &Value) -> Result<()> {
    match crate::value::size(value) {
        size if size > LARGEST => Err(Status::too_large_because(&format!(
            "the object would take {size} bytes with its managed fields, limit is {LARGEST}"
        ))),
        _ => Ok(()),
    }
}
