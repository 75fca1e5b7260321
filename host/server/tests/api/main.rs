//! The API, in process: the real router over a real database, with a cluster in memory and the real components.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod app;
mod auth;
mod clusters;
mod instances;
mod openapi;
mod packages;
mod publishing;
