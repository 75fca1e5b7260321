//! Plans and the executor that carries them out: the only code that changes a cluster.
//!
//! It knows plans, journals and clusters, not packages or users. What is stored is what runs: nothing here renders or
//! rewrites, apart from the executor's own marks.

pub mod canonical;
pub mod check;
pub mod clock;
pub mod crds;
pub mod diff;
pub mod executor;
pub mod health;
pub mod journal;
pub mod kinds;
pub mod managed_fields;
pub mod preview;
pub mod scope;

/// What a sealed plan in the object store is sealed for. The same document serves the plan, its operation and the
/// revision that it makes.
pub fn document_identity(tenant_id: i64) -> String {
    format!("plan of tenant {tenant_id}")
}
