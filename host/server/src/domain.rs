//! Rules and orchestration, one file per resource. No HTTP, no SQL text.

pub mod audit;
pub mod clusters;
pub mod names;
pub mod principal;
pub mod semver;
pub mod services;
pub mod sessions;
pub mod setup;
pub mod subscriptions;
pub mod tenants;
pub mod tokens;
pub mod users;
