//! Helm charts as OSC instances: a renderer that prints what real Helm 4.3.1 prints, Helm's release records, and plans.
//!
//! Everything here is pure: values in, values out. Only the adapter at the end of this file talks to the host.

pub mod chart;
pub mod coalesce;
pub mod dependencies;
pub mod golang;
pub mod load;
pub mod manifest;
pub mod release;
pub mod semver;
mod text;
pub mod values;
pub mod yaml;
