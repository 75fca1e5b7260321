//! HTTP: one file per resource, which extracts, calls `domain` and converts. No decisions here.

mod about;
pub mod assets;
mod audit;
mod auth;
mod changes;
mod clusters;
mod error;
mod events;
mod extract;
mod guard;
mod health;
mod instances;
pub mod listen;
pub mod metrics;
pub mod openapi;
mod operations;
mod packages;
mod page;
mod plans;
mod plugins;
pub mod router;
mod services;
mod sessions;
mod subscriptions;
mod tenants;
mod tokens;
mod users;
