//! The embedded sandbox cluster: a Kubernetes-compatible API server with simulated nodes, in one process.
//!
//! Requests, controllers and tests all write through [`Api`]; nothing else changes the [`store`].

mod admit;
mod allocate;
pub mod api;
pub mod auth;
pub mod builtin;
pub mod client;
pub mod clock;
pub mod cluster;
pub mod controllers;
mod convert;
mod crd;
mod defaults;
pub mod embedded;
mod faults;
pub mod http;
mod json;
mod json_patch;
pub mod kubelet;
mod metrics;
pub mod names;
pub mod object;
pub mod ownership;
mod patterns;
mod proto;
pub mod quantity;
pub mod reconcile;
pub mod resources;
mod scale;
pub mod schema;
pub mod selector;
pub mod status;
pub mod store;
mod strategic;
mod usage;
mod validate;
pub mod value;
mod yaml;

pub use api::{Api, DeleteOptions, Deleted, Patch};
pub use cluster::{Cluster, Core, Options, StartError};
pub use status::{Result, Status};
