//! A cluster in memory, for tests at the edge of this crate: it stores, merges and deletes as an API server does, and
//! its controllers finish at once.
//!
//! Names steer it: a Job or Pod whose name holds `fail` fails, one that holds `hang` never ends, and a workload that
//! holds `slow` never becomes ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use osc_plugin_api::documents::object::ObjectRef;
use serde_json::{Value, json};

use super::api::{ApplyOptions, ClusterApi, DeleteOptions, Deleted, LogOptions};
use super::discovery::{ApiKind, Discovery, unknown_kind};
use crate::error::{Error, Result};

type Key = (String, String, String, String);

const KINDS: [(&str, &str, &str, bool); 21] = [
    ("v1", "Namespace", "namespaces", false),
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Service", "services", true),
    ("v1", "ServiceAccount", "serviceaccounts", true),
    ("v1", "Pod", "pods", true),
    ("v1", "Event", "events", true),
    ("v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("v1", "PersistentVolume", "persistentvolumes", false),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    ("apps/v1", "DaemonSet", "daemonsets", true),
    ("batch/v1", "Job", "jobs", true),
    ("batch/v1", "CronJob", "cronjobs", true),
    ("networking.k8s.io/v1", "Ingress", "ingresses", true),
    ("rbac.authorization.k8s.io/v1", "Role", "roles", true),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", true),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", false),
    ("storage.k8s.io/v1", "StorageClass", "storageclasses", false),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
];

/// The cluster. Clones are the same cluster.
#[derive(Clone, Default)]
pub struct FakeCluster {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<Key, Value>,
    applied: BTreeMap<(Key, String), Value>,
    counter: u64,
    calls: Vec<String>,
    failures: Vec<Error>,
    /// Changing calls until the caller dies.
    lives: Option<u32>,
    healed: bool,
}

impl FakeCluster {
    /// A cluster with these namespaces.
    pub fn new(namespaces: &[&str]) -> FakeCluster {
        let cluster = FakeCluster::default();
        for name in namespaces {
            cluster.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        }
        cluster
    }

    /// Puts an object there, as if somebody else had made it.
    pub fn put(&self, object: Value) {
        if let Some(object_ref) = ObjectRef::of(&object) {
            self.state().store(&key(&object_ref), object);
        }
    }

    /// Removes an object, as if somebody else had.
    pub fn take(&self, object: &ObjectRef) -> Option<Value> {
        self.state().objects.remove(&key(object))
    }

    /// The next changing calls fail so, one after the other.
    pub fn fail_next(&self, failures: Vec<Error>) {
        self.state().failures.extend(failures);
    }

    /// After this many changes the cluster answers no more, as it would look to a process that is killed right then.
    pub fn die_after(&self, changes: Option<u32>) {
        self.state().lives = changes;
    }

    /// Resolves once the caller is to be dead.
    pub async fn died(&self) {
        while self.state().lives != Some(0) {
            tokio::task::yield_now().await;
        }
    }

    /// What was named to fail or hang does well from now on.
    pub fn heal(&self) {
        self.state().healed = true;
    }

    /// Comes back from a change, unless the caller died of it.
    async fn answered(&self) {
        let dead = {
            let mut state = self.state();
            state.lives = state.lives.map(|lives| lives.saturating_sub(1));
            state.lives == Some(0)
        };
        if dead {
            std::future::pending::<()>().await;
        }
    }

    /// What was changed, in order: `apply ConfigMap ns/name`.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// All objects without what differs from run to run.
    pub fn snapshot(&self) -> Vec<Value> {
        self.state().objects.values().map(normalised).collect()
    }

    /// Names of all objects: `ConfigMap ns/name`.
    pub fn names(&self) -> Vec<String> {
        self.state().objects.values().filter_map(ObjectRef::of).map(|object| object.to_string()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Discovery {
        let mut discovery = Discovery::default();
        let verbs: Vec<String> = ["get", "list", "delete", "patch", "create"].map(str::to_owned).to_vec();
        for (api_version, kind, plural, namespaced) in KINDS {
            discovery.add(ApiKind {
                api_version: api_version.into(),
                kind: kind.into(),
                plural: plural.into(),
                namespaced,
                verbs: verbs.clone(),
            });
        }
        for crd in self.state().objects.values().filter(|object| object["kind"] == "CustomResourceDefinition")
        {
            let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            for version in crd["spec"]["versions"].as_array().into_iter().flatten() {
                discovery.add(ApiKind {
                    api_version: format!(
                        "{}/{}",
                        text("/spec/group"),
                        version["name"].as_str().unwrap_or_default()
                    ),
                    kind: text("/spec/names/kind").into(),
                    plural: text("/spec/names/plural").into(),
                    namespaced: text("/spec/scope") == "Namespaced",
                    verbs: verbs.clone(),
                });
            }
        }
        discovery
    }

    /// The object's key, when its kind and namespace are there.
    fn place(&self, object: &ObjectRef) -> Result<Key> {
        let discovery = self.known();
        let kind = discovery.find(&object.api_version, &object.kind);
        let kind = kind.ok_or_else(|| unknown_kind(&object.api_version, &object.kind))?;
        let mut object = object.clone();
        if !kind.namespaced {
            object.namespace = None;
        } else if object.namespace.is_none() {
            return Err(refusal(400, "BadRequest", format!("{object} has no namespace")));
        }
        Ok(key(&object))
    }

    fn namespace_exists(&self, key: &Key) -> Result<()> {
        let namespace = (String::new(), "Namespace".to_owned(), String::new(), key.2.clone());
        if key.2.is_empty() || self.state().objects.contains_key(&namespace) {
            return Ok(());
        }
        Err(refusal(404, "NotFound", format!("namespaces \"{}\" not found", key.2)))
    }

    fn begin(&self, call: String) -> Result<()> {
        let mut state = self.state();
        if !state.failures.is_empty() {
            return Err(state.failures.remove(0));
        }
        state.calls.push(call);
        Ok(())
    }
}

impl State {
    fn remove(&mut self, key: Key, mut live: Value) {
        if live["metadata"]["finalizers"].as_array().is_some_and(|finalizers| !finalizers.is_empty()) {
            live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            self.objects.insert(key, live);
        } else {
            self.applied.retain(|(other, _), _| *other != key);
            self.objects.remove(&key);
        }
    }

    fn store(&mut self, key: &Key, mut object: Value) -> Value {
        let old = self.objects.get(key);
        let same = old.is_some_and(|old| normalised(old) == normalised(&object));
        if let Some(old) = old.filter(|_| same) {
            return old.clone();
        }
        let generation = old.and_then(|old| old["metadata"]["generation"].as_i64()).unwrap_or_default() + 1;
        self.counter += 1;
        let uid =
            old.map_or_else(|| json!(format!("uid-{}", self.counter)), |old| old["metadata"]["uid"].clone());
        object["metadata"]["uid"] = uid;
        object["metadata"]["generation"] = generation.into();
        object["metadata"]["resourceVersion"] = self.counter.to_string().into();
        control(&mut object, self.healed);
        self.objects.insert(key.clone(), object.clone());
        object
    }
}

fn key(object: &ObjectRef) -> Key {
    (
        object.group().into(),
        object.kind.clone(),
        object.namespace.clone().unwrap_or_default(),
        object.name.clone(),
    )
}

fn refusal(status: u16, reason: &str, message: String) -> Error {
    Error::Cluster { status, reason: reason.into(), message }
}

fn reference(object: &Value) -> Result<ObjectRef> {
    ObjectRef::of(object).ok_or_else(|| refusal(400, "BadRequest", "the object has no name".into()))
}

/// What controllers would write into the status.
fn control(object: &mut Value, healed: bool) {
    let name = object["metadata"]["name"].as_str().filter(|_| !healed).unwrap_or_default().to_owned();
    let generation = object["metadata"]["generation"].clone();
    let condition = |name: &str| json!([{"type": name, "status": "True"}]);
    let replicas = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let status = match object["kind"].as_str().unwrap_or_default() {
        "Job" if name.contains("hang") => json!({"active": 1}),
        "Job" if name.contains("fail") => {
            json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]})
        }
        "Job" => json!({"conditions": condition("Complete"), "succeeded": 1}),
        "Pod" if name.contains("hang") => json!({"phase": "Running"}),
        "Pod" if name.contains("fail") => json!({"phase": "Failed"}),
        "Pod" => json!({"phase": "Succeeded"}),
        "CustomResourceDefinition" => json!({"conditions": condition("Established")}),
        "Deployment" | "StatefulSet" if name.contains("slow") => json!({"observedGeneration": generation}),
        "Deployment" | "StatefulSet" => json!({
            "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "availableReplicas": replicas, "readyReplicas": replicas,
        }),
        _ => return,
    };
    object["status"] = status;
}

fn normalised(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for key in ["uid", "resourceVersion", "generation", "deletionTimestamp"] {
            metadata.remove(key);
        }
    }
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    object
}

/// Removes what was applied before and is not any more.
fn forget(live: &mut Value, before: &Value, now: &Value) {
    let (Value::Object(live), Value::Object(before)) = (live, before) else { return };
    for (key, before) in before {
        match now.get(key) {
            None => {
                live.remove(key);
            }
            Some(now) => {
                if let Some(live) = live.get_mut(key) {
                    forget(live, before, now);
                }
            }
        }
    }
}

fn merge(live: &mut Value, wanted: &Value) {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            for (key, wanted) in wanted {
                merge(live.entry(key.clone()).or_insert(Value::Null), wanted);
            }
        }
        (live, wanted) => *live = wanted.clone(),
    }
}

/// The few operations of a JSON patch that are used.
fn patch(object: &mut Value, operations: &Value) -> Result<()> {
    for operation in operations.as_array().into_iter().flatten() {
        let path = operation["path"].as_str().unwrap_or_default();
        let value = operation["value"].clone();
        let (parent, name) = path.rsplit_once('/').unwrap_or_default();
        let name = name.replace("~1", "/").replace("~0", "~");
        let target = object.pointer_mut(parent);
        let target = target.ok_or_else(|| refusal(422, "Invalid", format!("no such path `{path}`")))?;
        let guarded = operation["op"] == "test" || path == "/metadata/resourceVersion";
        if guarded && target[&name] != value {
            return Err(refusal(409, "Conflict", "the object has been modified".into()));
        }
        if !guarded {
            target[&name] = value;
        }
    }
    Ok(())
}

impl ClusterApi for FakeCluster {
    fn version(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async { Ok("v1.36.3".into()) })
    }

    fn discovery(&self, _fresh: bool) -> BoxFuture<'_, Result<Arc<Discovery>>> {
        Box::pin(async { Ok(Arc::new(self.known())) })
    }

    fn get<'a>(&'a self, object: &'a ObjectRef) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(async move {
            Ok(self.place(object).ok().and_then(|key| self.state().objects.get(&key).cloned()))
        })
    }

    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        namespace: Option<&'a str>,
        label_selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>>> {
        Box::pin(async move {
            let known = self.known();
            known.find(api_version, kind).ok_or_else(|| unknown_kind(api_version, kind))?;
            let labels: Vec<(&str, &str)> = label_selector
                .unwrap_or_default()
                .split(',')
                .filter_map(|label| label.split_once('='))
                .collect();
            let state = self.state();
            let matching = state.objects.values().filter(|object| {
                object["apiVersion"] == api_version
                    && object["kind"] == kind
                    && namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
                    && labels.iter().all(|(key, value)| object["metadata"]["labels"][*key] == *value)
            });
            Ok(matching.cloned().collect())
        })
    }

    fn apply<'a>(&'a self, object: &'a Value, options: &'a ApplyOptions) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let object_ref = reference(object)?;
            let key = self.place(&object_ref)?;
            self.namespace_exists(&key)?;
            if !options.dry_run {
                self.begin(format!("apply {object_ref}"))?;
            }
            let stored = {
                let mut state = self.state();
                let owner = (key.clone(), options.manager.clone());
                let mut merged = state.objects.get(&key).cloned().unwrap_or_else(|| json!({}));
                if let Some(before) = state.applied.get(&owner) {
                    forget(&mut merged, before, object);
                }
                merge(&mut merged, object);
                if options.dry_run {
                    return Ok(merged);
                }
                state.applied.insert(owner, object.clone());
                state.store(&key, merged)
            };
            self.answered().await;
            Ok(stored)
        })
    }

    fn create<'a>(
        &'a self,
        object: &'a Value,
        _manager: &'a str,
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let object_ref = reference(object)?;
            let key = self.place(&object_ref)?;
            self.namespace_exists(&key)?;
            if self.state().objects.contains_key(&key) {
                return Err(refusal(409, "AlreadyExists", format!("{object_ref} already exists")));
            }
            if dry_run {
                return Ok(object.clone());
            }
            self.begin(format!("create {object_ref}"))?;
            let stored = self.state().store(&key, object.clone());
            self.answered().await;
            Ok(stored)
        })
    }

    fn patch<'a>(
        &'a self,
        object: &'a ObjectRef,
        operations: &'a Value,
        _manager: &'a str,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let key = self.place(object)?;
            self.begin(format!("patch {object}"))?;
            let live = self.state().objects.get(&key).cloned();
            let mut live = live.ok_or_else(|| refusal(404, "NotFound", format!("{object} not found")))?;
            patch(&mut live, operations)?;
            let stored = self.state().store(&key, live);
            self.answered().await;
            Ok(stored)
        })
    }

    fn delete<'a>(
        &'a self,
        object: &'a ObjectRef,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Deleted>> {
        Box::pin(async move {
            let Ok(key) = self.place(object) else { return Ok(Deleted::Absent) };
            let Some(live) = self.state().objects.get(&key).cloned() else { return Ok(Deleted::Absent) };
            if options.uid.as_ref().is_some_and(|uid| live["metadata"]["uid"] != **uid) {
                return Ok(Deleted::Other);
            }
            if options.dry_run {
                return Ok(Deleted::Accepted);
            }
            self.begin(format!("delete {object}"))?;
            self.state().remove(key, live);
            self.answered().await;
            Ok(Deleted::Accepted)
        })
    }

    fn logs<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        _: &'a LogOptions,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move { Ok(format!("log of {namespace}/{pod}\n")) })
    }
}
