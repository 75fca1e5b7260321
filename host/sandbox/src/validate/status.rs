//! Statuses that cannot be true.

use serde_json::Value;

use super::common::not_negative;
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

/// What is wrong with a changed status.
pub(super) fn of_update(resource: &Resource, _live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let status = &value["status"];
    let number = |key: &str| status.int(&[key]).unwrap_or(0);
    let above = |field: &str, limit: &str, causes: &mut Vec<Cause>| {
        if number(field) > number(limit) {
            let text = format!("cannot be greater than status.{limit}");
            causes.push(Cause::invalid(format!("status.{field}"), &number(field).into(), &text));
        }
    };
    match resource.plural.as_str() {
        "deployments" => {
            let fields = [
                "observedGeneration",
                "replicas",
                "updatedReplicas",
                "readyReplicas",
                "availableReplicas",
                "unavailableReplicas",
            ];
            for field in fields {
                not_negative(status, field, "status", &mut causes);
            }
            for field in ["updatedReplicas", "readyReplicas", "availableReplicas"] {
                above(field, "replicas", &mut causes);
            }
            above("availableReplicas", "readyReplicas", &mut causes);
        }
        "replicasets" | "replicationcontrollers" => {
            for field in ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"] {
                not_negative(status, field, "status", &mut causes);
            }
            for field in ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"] {
                above(field, "replicas", &mut causes);
            }
            above("availableReplicas", "readyReplicas", &mut causes);
        }
        "statefulsets" => {
            for field in ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas"] {
                not_negative(status, field, "status", &mut causes);
            }
            for field in ["readyReplicas", "currentReplicas", "updatedReplicas"] {
                above(field, "replicas", &mut causes);
            }
        }
        "jobs" => {
            for field in ["active", "succeeded", "failed"] {
                not_negative(status, field, "status", &mut causes);
            }
        }
        "poddisruptionbudgets" => {
            for field in ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] {
                not_negative(status, field, "status", &mut causes);
            }
        }
        _ => {}
    }
    causes
}
