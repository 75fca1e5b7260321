//! A cluster for one test.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use osc_sandbox::clock::VirtualClock;
use osc_sandbox::cluster::Core;
use osc_sandbox::embedded::{Embedded, NODE};
use osc_sandbox::kubelet::Kubelet;
use osc_sandbox::reconcile::Manager;
use osc_sandbox::{Api, controllers};
use serde_json::{Value, json};

/// An embedded cluster with its controllers and a node, and a namespace `default`.
pub(crate) struct World {
    pub(crate) api: Api,
    clock: VirtualClock,
    _manager: Manager,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::start(false).await
    }

    /// The same with what only the embedded cluster says of itself.
    pub(crate) async fn embedded() -> Self {
        Self::start(true).await
    }

    async fn start(embedded: bool) -> Self {
        let core = Core::open(None).unwrap();
        let api = core.api("test");
        for space in ["default", "kube-node-lease"] {
            if api.find("namespaces", "", space).is_none() {
                api.create("namespaces", "", json!({"metadata": {"name": space}})).unwrap();
            }
        }
        let clock = VirtualClock::new(Timestamp::now());
        let settings = controllers::Settings { root_ca: "simulated".to_owned() };
        let manager = match embedded {
            true => osc_sandbox::embedded::start(&core, "simulated"),
            false => {
                let node = Arc::new(Kubelet::new(NODE));
                controllers::start(Embedded::new(&core), Arc::new(clock.clone()), &settings, vec![node])
            }
        };
        let world = Self { api, clock, _manager: manager };
        world.until("serviceaccounts", "default", |_| true).await;
        world.until("configmaps", "kube-root-ca.crt", |_| true).await;
        world
    }

    /// Moves the clock of controllers and kubelet.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) fn create(&self, resource: &str, object: Value) {
        self.api.create(resource, "default", object).unwrap();
    }

    pub(crate) fn delete(&self, resource: &str, name: &str, policy: &str) {
        let options =
            osc_sandbox::DeleteOptions { propagation: Some(policy.to_owned()), ..Default::default() };
        self.api.delete(resource, "default", name, &options).unwrap();
    }

    pub(crate) fn find(&self, resource: &str, name: &str) -> Option<Value> {
        self.api.find(resource, "default", name).map(|object| object.value.clone())
    }

    pub(crate) fn list(&self, resource: &str) -> Vec<Value> {
        self.api.list(resource, Some("default")).iter().map(|object| object.value.clone()).collect()
    }

    /// Waits until an object is there and as wanted.
    pub(crate) async fn until(&self, resource: &str, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        let what = format!("`{resource}` `{name}`");
        self.until_true(&what, || {
            found = self.find(resource, name);
            found.as_ref().is_some_and(&wanted)
        })
        .await;
        found.unwrap()
    }

    /// Waits until an object is gone.
    pub(crate) async fn until_gone(&self, resource: &str, name: &str) {
        self.until_true(&format!("the end of `{resource}` `{name}`"), || self.find(resource, name).is_none())
            .await;
    }

    /// Waits until something holds; looks again after each change of the cluster.
    pub(crate) async fn until_true(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let mut feed = self.api.feed();
        let wait = async {
            while !holds() {
                feed.next().await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(30), wait).await.is_err() {
            let pods: Vec<String> =
                self.list("pods").iter().map(|pod| format!("{:#}", pod["status"])).collect();
            panic!("{what} never came\npods: {}", pods.join("\n"));
        }
    }
}

/// A template with one container.
pub(crate) fn template(app: &str, annotations: Value) -> Value {
    json!({
        "metadata": {"labels": {"app": app}, "annotations": annotations},
        "spec": {"containers": [{"name": "c", "image": format!("{app}:1")}]},
    })
}

pub(crate) fn deployment(name: &str, replicas: i64, annotations: Value) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template(name, annotations),
        },
    })
}

/// Whether a condition has status `True`.
pub(crate) fn is(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == "True")
}
