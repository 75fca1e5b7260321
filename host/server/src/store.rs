//! SQLite: the only place with SQL. Functions over `&Connection`, one file per resource; no rules here.
//!
//! Rows that belong to a tenant are reached through [`scope::Scoped`].

pub mod audit;
pub mod clusters;
pub mod db;
pub mod gauges;
pub mod instances;
pub mod inventory;
mod migrate;
pub mod operations;
pub mod plans;
pub mod plugins;
pub mod revisions;
pub mod scope;
pub mod services;
pub mod subscriptions;
pub mod tenants;
mod text_enum;
pub mod time;
pub mod tokens;
pub mod users;
pub mod versions;

pub(crate) use text_enum::text_enum;
