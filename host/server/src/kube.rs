//! Clusters: kubeconfigs, clients, and what the rest of the server may do with a cluster.
//!
//! Only this module makes clients. Everything else holds an `Arc<dyn ClusterApi>`.

pub mod api;
pub mod client;
pub mod clusters;
pub mod discovery;
pub mod fake;
pub mod kubeconfig;
