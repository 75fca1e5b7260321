//! The embedded cluster as controllers and the simulated kubelet use it: in process, without HTTP or copies.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::api::{Api, DeleteOptions, Patch, WriteOptions};
use crate::auth::User;
use crate::client::{Call, Change, Client, Pending, Refusal, Resource, Shared, Verb};
use crate::clock::SystemClock;
use crate::cluster::Core;
use crate::controllers;
use crate::controllers::extensions::Extensions;
use crate::kubelet::{Kubelet, makers};
use crate::reconcile::{Manager, Reconciler};
use crate::resources;
use crate::status::Status;
use crate::store::{ChangeKind, Object};
use crate::value::Get;

/// How many changes wait for a slow reader before the feed stops to wait for it.
const WAITING: usize = 1_024;

/// Name of the node of the embedded cluster.
pub const NODE: &str = "fake-node";

/// How long pods of the embedded cluster take to start and to stop.
const PACE: Duration = Duration::from_millis(100);

/// How long the tokens in secrets are good: ten years.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24 * 3652);

/// Brings a cluster to life: its controllers and one simulated node, until the manager is dropped. `root_ca` is the
/// certificate of the cluster's CA. Must be called within a tokio runtime.
pub fn start(core: &Arc<Core>, root_ca: &str) -> Manager {
    let settings = controllers::Settings { root_ca: root_ca.to_owned() };
    let kubelet = Kubelet::new(NODE).with_pace(PACE);
    let more: Vec<Arc<dyn Reconciler>> = vec![Arc::new(kubelet), Arc::new(Extensions)];
    controllers::start(Embedded::new(core), Arc::new(SystemClock), &settings, more)
}

/// A cluster of this process, with all rights.
pub struct Embedded(Api);

impl Embedded {
    /// Works on a cluster.
    pub fn new(core: &Arc<Core>) -> Arc<Self> {
        Arc::new(Self(core.api("kube-controller-manager")))
    }

    fn perform(&self, mut call: Call) -> Result<Shared, Status> {
        if call.resource == makers::ACCESS_REVIEWS {
            let core = &self.0.core;
            let spec = &call.body["spec"];
            call.body["status"] = core.auth.review(core, &User::of_review(spec), spec);
            return Ok(Shared::from(call.body));
        }
        let api = self.0.as_manager(call.manager);
        let found = api.core.registry.find_any(&storage(&call.resource)).ok_or_else(Status::no_resource)?;
        let options = WriteOptions { manager: call.manager.to_owned(), ..WriteOptions::default() };
        let (namespace, name, sub) = (&*call.namespace, &*call.name, call.subresource);
        let object = match call.verb {
            Verb::Get => api.live(&found, namespace, name)?,
            Verb::Create if sub == "binding" => {
                api.bind_pod(namespace, name, &call.body, false)?;
                return Ok(Shared::from(Value::Null));
            }
            Verb::Create => api.create_object(&found, namespace, call.body, &options)?.object,
            Verb::Update => api.update_object(&found, namespace, name, sub, call.body, &options)?.object,
            Verb::Merge => {
                api.patch_object(&found, namespace, name, sub, &Patch::Merge(call.body), &options)?.object
            }
            Verb::Strategic => {
                api.patch_object(&found, namespace, name, sub, &Patch::Strategic(call.body), &options)?.object
            }
            Verb::Apply => {
                let options = WriteOptions { force: true, ..options };
                api.patch_object(&found, namespace, name, sub, &Patch::Apply(call.body), &options)?.object
            }
            Verb::Delete => {
                let deleted = api.delete_object(&found, namespace, name, &delete_options(&call.body))?;
                if deleted.gone {
                    let uid = deleted.object.value.text(&["metadata", "uid"]);
                    let details = serde_json::json!({"details": {"uid": uid}});
                    return Ok(Shared::from(details));
                }
                deleted.object
            }
        };
        Ok(Shared::new(object))
    }
}

impl AsRef<Value> for Object {
    fn as_ref(&self) -> &Value {
        &self.value
    }
}

/// How the store names a resource.
fn storage(resource: &Resource) -> String {
    if resource.group.is_empty() {
        resource.plural.to_string()
    } else {
        format!("{}.{}", resource.plural, resource.group)
    }
}

fn delete_options(body: &Value) -> DeleteOptions {
    let text = |path: &[&str]| body.at(path).and_then(Value::as_str).map(str::to_owned);
    DeleteOptions {
        grace: body.int(&["gracePeriodSeconds"]),
        propagation: text(&["propagationPolicy"]),
        uid: text(&["preconditions", "uid"]),
        version: text(&["preconditions", "resourceVersion"]),
        dry_run: false,
    }
}

fn refusal(status: Status) -> Refusal {
    Refusal { code: status.code, reason: status.reason.to_owned(), message: status.message }
}

impl Client for Embedded {
    fn call(&self, call: Call) -> Pending<'_, Result<Shared, Refusal>> {
        let result = self.perform(call).map_err(refusal);
        Box::pin(std::future::ready(result))
    }

    fn feed(&self, wanted: Vec<Resource>) -> mpsc::Receiver<Change> {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(follow(self.0.clone(), wanted, sender));
        receiver
    }

    fn account_token(&self, namespace: &str, name: &str, uid: &str) -> Option<String> {
        let until = Timestamp::now().saturating_add(TOKEN_LIFE).ok()?;
        let audiences = [crate::auth::ISSUER.to_owned()];
        Some(self.0.core.auth.issue(namespace, name, uid, &audiences, until))
    }

    fn all_resources(&self) -> Vec<Resource> {
        self.0.core.registry.storages().iter().map(|stored| resource_of(stored)).collect()
    }
}

/// A served resource as controllers name it.
fn resource_of(served: &resources::Resource) -> Resource {
    Resource {
        group: served.group.clone().into(),
        version: served.version.clone().into(),
        plural: served.plural.clone().into(),
        kind: served.kind.clone().into(),
        namespaced: served.namespaced,
    }
}

/// Sends everything that is there and then what changes, until nobody listens.
async fn follow(api: Api, wanted: Vec<Resource>, sender: mpsc::Sender<Change>) {
    let known: Vec<(String, Resource)> = wanted.into_iter().map(|r| (storage(&r), r)).collect();
    let mut feed = api.feed();
    if list(&api, &known, &sender).await.is_err() {
        return;
    }
    loop {
        let changes = tokio::select! {
            changes = feed.next() => changes,
            () = sender.closed() => return,
        };
        let Some(changes) = changes else {
            if list(&api, &known, &sender).await.is_err() {
                return;
            }
            continue;
        };
        for change in changes {
            let storage = &*change.object.key.resource;
            let resource = match known.iter().find(|(name, _)| name == storage) {
                Some((_, resource)) => resource.clone(),
                // Custom resources come and go; whoever follows many resources follows all.
                None if known.len() < FOLLOWS_ALL => continue,
                None => match api.core.registry.find_any(storage) {
                    Some(served) => resource_of(&served),
                    None => continue,
                },
            };
            let object = Shared::new(change.object);
            let change = match change.kind {
                ChangeKind::Deleted => Change::Gone(resource, object),
                ChangeKind::Added | ChangeKind::Modified => Change::Set(resource, object),
            };
            if sender.send(change).await.is_err() {
                return;
            }
        }
    }
}

/// From so many resources on, a reader is interested in all.
const FOLLOWS_ALL: usize = 25;

async fn list(api: &Api, known: &[(String, Resource)], sender: &mpsc::Sender<Change>) -> Result<(), ()> {
    let mut all = known.to_vec();
    if known.len() >= FOLLOWS_ALL {
        let rest = api.core.registry.storages();
        let rest = rest.iter().filter(|served| !known.iter().any(|(name, _)| *name == *served.storage));
        all.extend(rest.map(|served| (served.storage.to_string(), resource_of(served))));
    }
    for (name, resource) in all {
        let objects = api.list(&name, None).into_iter().map(|object| Shared::new(object)).collect();
        sender.send(Change::Listed(resource, objects)).await.map_err(drop)?;
    }
    Ok(())
}
