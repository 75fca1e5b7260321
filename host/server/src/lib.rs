//! The server `osc`: see ARCHITECTURE.md for the map.

pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod egress;
pub mod error;
pub mod kube;
pub mod operations;
pub mod plugins;
pub mod registry;
pub mod scheduler;
pub mod secrets;
pub mod serve;
pub mod store;
pub mod telemetry;
