//! The embedded cluster. See ARCHITECTURE.md.

pub mod client;
pub mod clock;
pub mod kubelet;
pub mod object;
pub mod reconcile;
pub mod resources;
