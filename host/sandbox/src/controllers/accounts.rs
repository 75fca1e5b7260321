//! What every namespace holds: the service account `default` and the certificate of the cluster.

use serde_json::{Value, json};

use crate::builtin::{CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS};
use crate::client::{Pending, Refusal, Resource};
use crate::object::{self, Look, name, namespace, text};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
    endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across \
    distributions of Kubernetes clusters.";

/// Fills new namespaces.
pub(super) struct Accounts {
    root_ca: String,
}

impl Accounts {
    pub(super) fn new(root_ca: &str) -> Self {
        Self { root_ca: root_ca.to_owned() }
    }

    async fn look(&self, context: &Context, key: &Key) -> Outcome {
        let space = &key.name;
        let open =
            |found: &Value| !object::is_terminating(found) && text(found, "/status/phase") != "Terminating";
        if !context.cache().of(key).is_some_and(|found| open(&found)) {
            return Ok(None);
        }
        if context.cache().get(&SERVICE_ACCOUNTS, space, ACCOUNT).is_none() {
            let account =
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}});
            tolerate(context.create(&SERVICE_ACCOUNTS, space, account).await.map(drop))?;
        }
        match context.cache().get(&CONFIG_MAPS, space, ROOT_CA) {
            None => {
                let map = json!({
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": ROOT_CA, "annotations": {"kubernetes.io/description": DESCRIPTION}},
                    "data": {"ca.crt": self.root_ca},
                });
                tolerate(context.create(&CONFIG_MAPS, space, map).await.map(drop))?;
            }
            Some(map) if map.look("/data") != Some(&json!({"ca.crt": self.root_ca})) => {
                let mut new = (*map).clone();
                new["data"] = json!({"ca.crt": self.root_ca});
                context.update(&CONFIG_MAPS, new).await?;
            }
            Some(_) => {}
        }
        Ok(None)
    }
}

/// Somebody may have been faster, and a namespace may be on its way out.
fn tolerate(result: Result<(), Refusal>) -> Result<(), Refusal> {
    match result {
        Err(refusal) if !refusal.is_already_exists() && refusal.code != 403 && refusal.code != 404 => {
            Err(refusal)
        }
        _ => Ok(()),
    }
}

impl Reconciler for Accounts {
    fn name(&self) -> &'static str {
        "serviceaccount-controller"
    }

    fn watches(&self) -> Vec<Resource> {
        vec![NAMESPACES, SERVICE_ACCOUNTS, CONFIG_MAPS]
    }

    fn affected(&self, _: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let object = seen.object();
        if *seen.resource == NAMESPACES {
            enqueue(seen.key());
        } else if matches!(name(object), ACCOUNT | ROOT_CA) {
            enqueue(Key::new(&NAMESPACES, "", namespace(object)));
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(self.look(context, key))
    }
}
