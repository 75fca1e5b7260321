//! Rules and orchestration, one file per resource. No HTTP, no SQL text.

pub mod adoption;
pub mod audit;
pub mod clusters;
pub mod instances;
pub mod logs;
pub mod names;
pub mod operations;
pub mod packages;
pub mod planning;
pub mod plans;
pub mod plugins;
pub mod principal;
pub mod publishing;
pub mod semver;
pub mod services;
pub mod sessions;
pub mod setup;
pub mod subscriptions;
pub mod tenants;
pub mod tokens;
pub mod users;
pub mod values;
pub mod wishes;
