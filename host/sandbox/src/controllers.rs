//! The controllers of the embedded cluster: what kube-controller-manager and kube-scheduler do, as far as manifests
//! meet it. Each looks at one object at a time, reads the cache and writes through the API like any client; they run on
//! any cluster that a [`Client`](crate::client::Client) reaches.

mod accounts;
mod addresses;
mod aggregation;
mod autoscalers;
mod budgets;
mod cronjobs;
mod daemonsets;
mod deployments;
mod endpoints;
mod expiry;
pub(crate) mod extensions;
mod garbage;
mod jobs;
mod namespaces;
mod nodes;
mod pods;
mod quotas;
mod replicasets;
mod revisions;
mod scheduler;
mod statefulsets;
mod status;
mod tokens;
mod volumes;

use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::clock::Clock;
use crate::reconcile::{Manager, Reconciler};

/// What a cluster tells its controllers.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The certificate of the cluster's CA, for `kube-root-ca.crt`.
    pub root_ca: String,
}

/// How long changes gather.
const REST: Duration = Duration::from_millis(20);

/// All controllers but the kubelet.
pub fn all(settings: &Settings) -> Vec<Arc<dyn Reconciler>> {
    vec![
        Arc::new(accounts::Accounts::new(&settings.root_ca)),
        Arc::new(addresses::Addresses::default()),
        Arc::new(aggregation::Aggregation),
        Arc::new(autoscalers::Autoscalers),
        Arc::new(budgets::Budgets),
        Arc::new(cronjobs::CronJobs),
        Arc::new(daemonsets::DaemonSets),
        Arc::new(deployments::Deployments),
        Arc::new(endpoints::ServiceEndpoints),
        Arc::new(expiry::Expiry),
        Arc::new(garbage::Garbage),
        Arc::new(jobs::Jobs),
        Arc::new(namespaces::Namespaces),
        Arc::new(nodes::Nodes),
        Arc::new(quotas::Quotas),
        Arc::new(replicasets::ReplicaSets::new()),
        Arc::new(replicasets::ReplicaSets::elder()),
        Arc::new(scheduler::Scheduler::default()),
        Arc::new(statefulsets::StatefulSets),
        Arc::new(tokens::Tokens::new(&settings.root_ca)),
        Arc::new(volumes::Volumes),
    ]
}

/// Runs all controllers and more loops, such as a kubelet, until the manager is dropped. Must be called within a tokio
/// runtime. Changes rest a moment before a controller looks at them: long enough to gather what belongs together.
pub fn start(
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    settings: &Settings,
    more: Vec<Arc<dyn Reconciler>>,
) -> Manager {
    let mut reconcilers = all(settings);
    reconcilers.extend(more);
    Manager::start_at_rest(client, clock, reconcilers, REST)
}
