//! The documents that cross the plugin boundary as JSON, and nothing else.
//!
//! WIT freezes function names; what evolves is described here and in `wit/schemas/`, which a test keeps equal to
//! these types. Readers ignore unknown fields; an unknown step type or policy is refused by [`plan::Plan::check`]
//! before anything runs. Every document carries its name in `schema`.

pub mod finding;
pub mod form;
pub mod object;
pub mod package;
pub mod plan;
pub mod plan_request;
pub mod rendering;
pub mod status;

use schemars::Schema;

/// Name and JSON Schema of every document, for `wit/schemas/NAME.json`.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("osc.detection.v1", schemars::schema_for!(package::Detection)),
        ("osc.package.v1", schemars::schema_for!(package::PackageFacts)),
        ("osc.form.v1", schemars::schema_for!(form::Form)),
        ("osc.finding.v1", schemars::schema_for!(finding::Finding)),
        ("osc.plan-request.v1", schemars::schema_for!(plan_request::PlanRequest)),
        ("osc.plan.v1", schemars::schema_for!(plan::Plan)),
        ("osc.rendering.v1", schemars::schema_for!(rendering::Rendering)),
        ("osc.status-request.v1", schemars::schema_for!(status::StatusRequest)),
        ("osc.status.v1", schemars::schema_for!(status::Status)),
    ]
}
