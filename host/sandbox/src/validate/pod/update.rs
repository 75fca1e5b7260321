//! What may change in a pod.

use serde_json::Value;

use crate::status::Cause;
use crate::validate::common::not_negative;
use crate::validate::{container, volume};
use crate::value::{Get, remove, set};

/// A changed pod: only a few fields may change.
pub(in crate::validate) fn of_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for list in ["containers", "initContainers"] {
        let (old, new) = (live.items(&["spec", list]).len(), value.items(&["spec", list]).len());
        if old != new {
            let text = "pod updates may not add or remove containers";
            causes.push(Cause::forbidden(format!("spec.{list}"), text));
            return causes;
        }
        for (i, container) in value.items(&["spec", list]).iter().enumerate() {
            if container.text(&["image"]).is_empty() {
                causes.push(Cause::required(format!("spec.{list}[{i}].image"), ""));
            }
        }
    }
    let gates = |v: &Value| v.items(&["spec", "schedulingGates"]).to_vec();
    let old_gates = gates(live);
    if gates(value).iter().any(|g| !old_gates.contains(g)) {
        let text = "only deletion is allowed, but found new scheduling gate";
        causes.push(Cause::forbidden("spec.schedulingGates", text));
    }
    let old_tolerations = live.items(&["spec", "tolerations"]);
    let kept = old_tolerations.iter().all(|t| value.items(&["spec", "tolerations"]).contains(t));
    if !kept {
        let text = "existing toleration can not be modified except its tolerationSeconds";
        causes.push(Cause::forbidden("spec.tolerations", text));
    }
    let mut munged = value["spec"].clone();
    for list in ["containers", "initContainers"] {
        for i in 0..live.items(&["spec", list]).len() {
            let image = live["spec"][list][i]["image"].clone();
            munged[list][i]["image"] = image;
        }
    }
    let gated = !old_gates.is_empty();
    let mut keep = vec!["activeDeadlineSeconds", "tolerations", "schedulingGates"];
    if gated {
        keep.extend(["nodeSelector", "affinity"]);
    }
    if live.int(&["spec", "terminationGracePeriodSeconds"]).unwrap_or(0) < 0 {
        keep.push("terminationGracePeriodSeconds");
    }
    for field in keep {
        match live.at(&["spec", field]) {
            Some(old) => set(&mut munged, &[field], old.clone()),
            None => {
                remove(&mut munged, &[field]);
            }
        }
    }
    if munged != live["spec"] {
        let text = "pod updates may not change fields other than `spec.containers[*].image`,\
                    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                    existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                    previously negative)";
        causes.push(Cause::forbidden("spec", text));
    }
    not_negative(&value["spec"], "activeDeadlineSeconds", "spec", &mut causes);
    causes
}

/// Ephemeral containers come, but never change or go.
pub(in crate::validate) fn of_ephemeral(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut ignored = Vec::new();
    let volumes = volume::of_volumes(&value["spec"], value.text(&["metadata", "name"]), "spec", &mut ignored);
    container::ephemeral_of(&value["spec"], "spec", &volumes, &mut causes);
    for old in live.items(&["spec", "ephemeralContainers"]) {
        let name = old.text(&["name"]);
        let now = value.items(&["spec", "ephemeralContainers"]).iter().find(|c| c.text(&["name"]) == name);
        let fate = match now {
            None => "removed",
            Some(now) if now != old => "changed",
            Some(_) => continue,
        };
        let text = format!("existing ephemeral containers {name:?} may not be {fate}\n");
        causes.push(Cause::forbidden("spec.ephemeralContainers", &text));
    }
    causes
}

/// A resize changes resources only, and never the quality of service.
pub(in crate::validate) fn of_resize(live: &Value, value: &Value) -> Vec<Cause> {
    let class = |v: &Value| crate::defaults::quality_class(v);
    if class(live) != class(value) {
        let text = "Pod QOS Class may not change as a result of resizing";
        return vec![Cause::invalid("spec", &class(live).into(), text)];
    }
    Vec::new()
}
