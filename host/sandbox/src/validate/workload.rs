//! Workloads and disruption budgets.

use serde_json::{Value, json};

use super::common::{
    IMMUTABLE, at_most_hundred, go_struct, has, int_or_percent, invalid_struct, not_negative, one_of,
    plain_number, problems, selector, selector_shown, unsupported_struct,
};
use super::{pod, storage};
use crate::names;
use crate::resources::Resource;
use crate::selector::LabelSelector;
use crate::status::Cause;
use crate::value::{Get, remove, set};

/// The selector of a workload; false if it cannot be used.
fn selects(value: &Value, kind: &str, causes: &mut Vec<Cause>) -> bool {
    let chosen = &value["spec"]["selector"];
    if chosen.is_null() {
        causes.push(Cause::required("spec.selector", ""));
        return true;
    }
    let before = causes.len();
    selector(chosen, "spec.selector", causes);
    let usable = causes.len() == before;
    if is_empty(chosen) {
        let text = format!("empty selector is invalid for {kind}");
        causes.push(invalid_struct("spec.selector", &selector_shown(chosen), &text));
    }
    usable
}

fn is_empty(chosen: &Value) -> bool {
    let labels = chosen.at(&["matchLabels"]).and_then(Value::as_object);
    labels.is_none_or(serde_json::Map::is_empty) && chosen.items(&["matchExpressions"]).is_empty()
}

fn template_matches(value: &Value, causes: &mut Vec<Cause>) {
    let spec = &value["spec"];
    let template = &spec["template"];
    let chosen = &spec["selector"];
    let matches = match LabelSelector::from_value(chosen) {
        None => return,
        // A null selector selects nothing.
        Some(_) if chosen.is_null() => false,
        Some(s) => s.selects(template),
    };
    if !matches {
        let labels = template.at(&["metadata", "labels"]).cloned().unwrap_or(Value::Null);
        let text = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &labels, text));
    }
}

/// The template of a workload that makes pods of its own, behind its selector; `detail` is what a selector that
/// cannot be used is called.
fn selected_template(value: &Value, checked: &Value, usable: bool, detail: &str, causes: &mut Vec<Cause>) {
    if !usable {
        let shown = selector_shown(&value["spec"]["selector"]);
        causes.push(invalid_struct("spec.selector", &shown, detail));
        return;
    }
    template_matches(value, causes);
    template(checked, causes);
}

fn always(template: &Value, causes: &mut Vec<Cause>) {
    let policy = template.text(&["spec", "restartPolicy"]);
    if !policy.is_empty() && policy != "Always" {
        let field = "spec.template.spec.restartPolicy";
        causes.push(Cause::unsupported(field, &policy.into(), &["Always"]));
    }
}

fn template(value: &Value, causes: &mut Vec<Cause>) {
    let inner = &value["spec"]["template"];
    let mut found = pod::of_template(inner, "spec.template");
    // Empty templates say only that containers are missing.
    found.retain(|c| c.field != "spec.template.spec.restartPolicy" || c.reason != "FieldValueRequired");
    causes.extend(found);
    always(inner, causes);
}

/// Pods of sets do not end by themselves.
fn endless(value: &Value, kind: &str, causes: &mut Vec<Cause>) {
    if has(value, &["spec", "template", "spec", "activeDeadlineSeconds"]) {
        let text = format!("activeDeadlineSeconds in {kind} is not Supported");
        causes.push(Cause::forbidden("spec.template.spec.activeDeadlineSeconds", &text));
    }
}

pub(super) fn deployment(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    not_negative(spec, "replicas", "spec", &mut causes);
    let usable = selects(value, "deployment", &mut causes);
    selected_template(value, value, usable, "invalid label selector", &mut causes);
    if usable {
        endless(value, "ReplicaSet", &mut causes);
    }
    strategy(&spec["strategy"], &mut causes);
    not_negative(spec, "minReadySeconds", "spec", &mut causes);
    not_negative(spec, "revisionHistoryLimit", "spec", &mut causes);
    if let Some(deadline) = spec.int(&["progressDeadlineSeconds"]) {
        not_negative(spec, "progressDeadlineSeconds", "spec", &mut causes);
        if deadline <= spec.int(&["minReadySeconds"]).unwrap_or(0) {
            let text = "must be greater than minReadySeconds";
            causes.push(Cause::invalid("spec.progressDeadlineSeconds", &deadline.into(), text));
        }
    }
    causes
}

fn strategy(strategy: &Value, causes: &mut Vec<Cause>) {
    let at = "spec.strategy";
    let rolling = &strategy["rollingUpdate"];
    match strategy.text(&["type"]) {
        "Recreate" if rolling.is_object() => {
            let text = "may not be specified when strategy `type` is 'Recreate'";
            causes.push(Cause::forbidden(format!("{at}.rollingUpdate"), text));
        }
        "Recreate" => {}
        "RollingUpdate" if rolling.is_object() => {
            for field in ["maxUnavailable", "maxSurge"] {
                let name = format!("{at}.rollingUpdate.{field}");
                int_or_percent(&rolling[field], &name, causes);
                if field == "maxUnavailable" {
                    at_most_hundred(&rolling[field], &name, causes);
                }
            }
            order_surge(causes);
            if plain_number(&rolling["maxUnavailable"]) == 0 && plain_number(&rolling["maxSurge"]) == 0 {
                let text = "may not be 0 when `maxSurge` is 0";
                let shown = rolling["maxUnavailable"].clone();
                let both = [&rolling["maxUnavailable"], &rolling["maxSurge"]];
                if both.iter().all(|v| v.as_str().is_none_or(|t| t.ends_with('%'))) {
                    causes.push(Cause::invalid(format!("{at}.rollingUpdate.maxUnavailable"), &shown, text));
                }
            }
        }
        "RollingUpdate" => causes.push(Cause::required(
            format!("{at}.rollingUpdate"),
            "this should be defaulted and never be nil",
        )),
        other => {
            let shown = go_struct(&[("Type", other.into()), ("RollingUpdate", rolling.clone())]);
            causes.push(unsupported_struct(at, &shown, &["Recreate", "RollingUpdate"]));
        }
    }
}

/// Malformed values come before too large ones.
fn order_surge(causes: &mut [Cause]) {
    causes.sort_by_key(|c| {
        c.field.starts_with("spec.strategy.rollingUpdate")
            && c.message.contains("must not be greater than 100%")
    });
}

pub(super) fn replica_set(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    not_negative(spec, "replicas", "spec", &mut causes);
    not_negative(spec, "minReadySeconds", "spec", &mut causes);
    let usable = selects(value, "deployment", &mut causes);
    selected_template(value, value, usable, "invalid label selector", &mut causes);
    if usable {
        endless(value, "ReplicaSet", &mut causes);
    }
    causes
}

pub(super) fn replication_controller(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    not_negative(spec, "minReadySeconds", "spec", &mut causes);
    let chosen = &spec["selector"];
    if chosen.as_object().is_none_or(serde_json::Map::is_empty) {
        causes.push(Cause::required("spec.selector", ""));
    }
    not_negative(spec, "replicas", "spec", &mut causes);
    if !has(spec, &["template"]) {
        causes.push(Cause::required("spec.template", ""));
        return causes;
    }
    if !LabelSelector::from_map(chosen).selects(&spec["template"]) {
        let labels = spec.at(&["template", "metadata", "labels"]).cloned().unwrap_or(Value::Null);
        let text = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &labels, text));
    }
    template(value, &mut causes);
    causes
}

/// A set whose template has the volumes that its claims will become.
fn with_claimed_volumes(value: &Value) -> Value {
    let claims = value.items(&["spec", "volumeClaimTemplates"]);
    let mut value = value.clone();
    // The controller gives each pod names of its own.
    for field in ["subdomain", "hostname"] {
        remove(&mut value, &["spec", "template", "spec", field]);
    }
    if claims.is_empty() {
        return value;
    }
    let name = |claim: &Value| claim.text(&["metadata", "name"]).to_string();
    let volume =
        |claim: &Value| json!({"name": name(claim), "persistentVolumeClaim": {"claimName": name(claim)}});
    let mut volumes: Vec<Value> = claims.iter().map(volume).collect();
    volumes.dedup();
    let own = value.items(&["spec", "template", "spec", "volumes"]);
    let claimed = |volume: &&Value| claims.iter().any(|claim| name(claim) == volume.text(&["name"]));
    volumes.extend(own.iter().filter(|volume| !claimed(volume)).cloned());
    set(&mut value, &["spec", "template", "spec", "volumes"], volumes);
    value
}

pub(super) fn stateful_set(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    match spec.text(&["podManagementPolicy"]) {
        "" => causes.push(Cause::required("spec.podManagementPolicy", "")),
        "OrderedReady" | "Parallel" => {}
        other => causes.push(Cause::invalid(
            "spec.podManagementPolicy",
            &other.into(),
            "must be 'OrderedReady' or 'Parallel'",
        )),
    }
    let update = &spec["updateStrategy"];
    match update.text(&["type"]) {
        "" => causes.push(Cause::required("spec.updateStrategy", "")),
        "OnDelete" if has(update, &["rollingUpdate"]) => {
            let text = "only allowed for updateStrategy 'RollingUpdate'";
            let shown = go_struct(&[
                ("Partition", update["rollingUpdate"]["partition"].clone()),
                (
                    "MaxUnavailable",
                    update["rollingUpdate"].get("maxUnavailable").cloned().unwrap_or(Value::Null),
                ),
            ]);
            causes.push(invalid_struct("spec.updateStrategy.rollingUpdate", &shown, text));
        }
        "OnDelete" => {}
        "RollingUpdate" => {
            not_negative(
                &update["rollingUpdate"],
                "partition",
                "spec.updateStrategy.rollingUpdate",
                &mut causes,
            );
        }
        other => {
            let shown =
                go_struct(&[("Type", other.into()), ("RollingUpdate", update["rollingUpdate"].clone())]);
            causes.push(invalid_struct(
                "spec.updateStrategy",
                &shown,
                "must be 'RollingUpdate' or 'OnDelete'",
            ));
        }
    }
    for field in ["whenDeleted", "whenScaled"] {
        let policy = &spec["persistentVolumeClaimRetentionPolicy"];
        one_of(
            policy,
            field,
            "spec.persistentVolumeClaimRetentionPolicy",
            &["Retain", "Delete"],
            &mut causes,
        );
    }
    for (i, claim) in spec.items(&["volumeClaimTemplates"]).iter().enumerate() {
        causes.extend(storage::claim(&claim["spec"], &format!("spec.volumeClaimTemplates[{i}].spec")));
    }
    not_negative(spec, "replicas", "spec", &mut causes);
    not_negative(spec, "minReadySeconds", "spec", &mut causes);
    not_negative(&spec["ordinals"], "start", "spec.ordinals", &mut causes);
    let service = spec.text(&["serviceName"]);
    if !service.is_empty() {
        causes.extend(problems(names::dns1123_label(service), "spec.serviceName", service));
    }
    let usable = selects(value, "statefulset", &mut causes);
    selected_template(value, &with_claimed_volumes(value), usable, "", &mut causes);
    if usable {
        endless(value, "StatefulSet", &mut causes);
    }
    causes
}

pub(super) fn daemon_set(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    if selects(value, "daemonset", &mut causes) {
        template_matches(value, &mut causes);
    }
    template(value, &mut causes);
    endless(value, "DaemonSet", &mut causes);
    not_negative(spec, "minReadySeconds", "spec", &mut causes);
    let update = &spec["updateStrategy"];
    match update.text(&["type"]) {
        "OnDelete" => {}
        "RollingUpdate" => {
            let rolling = &update["rollingUpdate"];
            let at = "spec.updateStrategy.rollingUpdate";
            for field in ["maxUnavailable", "maxSurge"] {
                let name = format!("{at}.{field}");
                int_or_percent(&rolling[field], &name, &mut causes);
                at_most_hundred(&rolling[field], &name, &mut causes);
            }
            let (surge, gone) =
                (plain_number(&rolling["maxSurge"]), plain_number(&rolling["maxUnavailable"]));
            if surge == 0 && gone == 0 {
                causes
                    .push(Cause::required(format!("{at}.maxUnavailable"), "cannot be 0 when maxSurge is 0"));
            } else if surge != 0 && gone != 0 {
                let text = "may not be set when maxUnavailable is non-zero";
                let shown = rolling["maxSurge"].clone();
                causes.push(Cause::invalid(format!("{at}.maxSurge"), &shown, text));
            }
        }
        other => {
            let shown =
                go_struct(&[("Type", other.into()), ("RollingUpdate", update["rollingUpdate"].clone())]);
            causes.push(unsupported_struct("spec.updateStrategy", &shown, &["RollingUpdate", "OnDelete"]));
        }
    }
    not_negative(spec, "revisionHistoryLimit", "spec", &mut causes);
    causes
}

pub(super) fn budget(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    if has(spec, &["minAvailable"]) && has(spec, &["maxUnavailable"]) {
        let get = |key: &str| spec.get(key).cloned().unwrap_or(Value::Null);
        let shown = go_struct(&[
            ("MinAvailable", get("minAvailable")),
            ("Selector", get("selector")),
            ("MaxUnavailable", get("maxUnavailable")),
            ("UnhealthyPodEvictionPolicy", get("unhealthyPodEvictionPolicy")),
        ]);
        causes.push(invalid_struct("spec", &shown, "minAvailable and maxUnavailable cannot be both set"));
    }
    for field in ["minAvailable", "maxUnavailable"] {
        if has(spec, &[field]) {
            let name = format!("spec.{field}");
            int_or_percent(&spec[field], &name, &mut causes);
            at_most_hundred(&spec[field], &name, &mut causes);
        }
    }
    const POLICIES: [&str; 2] = ["AlwaysAllow", "IfHealthyBudget"];
    selector(&spec["selector"], "spec.selector", &mut causes);
    if has(spec, &["unhealthyPodEvictionPolicy"]) {
        one_of(spec, "unhealthyPodEvictionPolicy", "spec", &POLICIES, &mut causes);
    }
    causes
}

/// What may not change in workloads.
pub(super) fn of_update(resource: &Resource, live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let same = |path: &[&str]| live.at(path) == value.at(path);
    match resource.plural.as_str() {
        "deployments" | "daemonsets" | "replicasets" if !same(&["spec", "selector"]) => {
            causes.push(Cause::invalid("spec.selector", &value["spec"]["selector"], IMMUTABLE));
        }
        "statefulsets" => {
            let mut old = live["spec"].clone();
            let mut new = value["spec"].clone();
            const FREE: [&str; 7] = [
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
            ];
            for field in FREE {
                remove(&mut old, &[field]);
                remove(&mut new, &[field]);
            }
            if old != new {
                let text = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                            'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                            'minReadySeconds' are forbidden";
                causes.push(Cause::forbidden("spec", text));
            }
        }
        _ => {}
    }
    causes
}
