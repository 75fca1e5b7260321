//! The embedded cluster. See ARCHITECTURE.md.

pub mod builtin;
pub mod client;
pub mod clock;
pub mod kubelet;
pub mod object;
pub mod reconcile;
