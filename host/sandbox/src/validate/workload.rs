//! Workloads, autoscalers and disruption budgets.

use serde_json::{Value, json};

use super::common::{
    IMMUTABLE, at_most_hundred, go_struct, has, int_or_percent, invalid_struct, not_negative, one_of,
    plain_number, selector, unsupported_struct,
};
use super::pod;
use crate::resources::Resource;
use crate::selector::LabelSelector;
use crate::status::Cause;
use crate::value::{Get, remove, set};

/// The selector of a workload and the labels of its template.
fn selects(value: &Value, kind: &str, causes: &mut Vec<Cause>) {
    let spec = &value["spec"];
    let chosen = &spec["selector"];
    if chosen.is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else {
        let before = causes.len();
        selector(chosen, "spec.selector", causes);
        let empty =
            chosen.at(&["matchLabels"]).is_none_or(|m| m.as_object().is_none_or(serde_json::Map::is_empty))
                && chosen.items(&["matchExpressions"]).is_empty();
        if empty {
            causes.push(Cause::invalid(
                "spec.selector",
                chosen,
                &format!("empty selector is invalid for {kind}"),
            ));
        }
        if causes.len() > before && LabelSelector::from_value(chosen).is_none() {
            causes.push(Cause::invalid("spec.selector", chosen, "invalid label selector"));
        }
    }
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
    found.retain(|c| c.field != "spec.template.spec.restartPolicy");
    causes.extend(found);
    always(inner, causes);
}

pub(super) fn deployment(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    not_negative(spec, "replicas", "spec", &mut causes);
    selects(value, "deployment", &mut causes);
    template_matches(value, &mut causes);
    template(value, &mut causes);
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
    selects(value, "deployment", &mut causes);
    template_matches(value, &mut causes);
    template(value, &mut causes);
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
    if claims.is_empty() {
        return value;
    }
    let name = |claim: &Value| claim.text(&["metadata", "name"]).to_string();
    let volume =
        |claim: &Value| json!({"name": name(claim), "persistentVolumeClaim": {"claimName": name(claim)}});
    let mut volumes: Vec<Value> = claims.iter().map(volume).collect();
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
    not_negative(spec, "replicas", "spec", &mut causes);
    not_negative(spec, "minReadySeconds", "spec", &mut causes);
    selects(value, "statefulset", &mut causes);
    template_matches(value, &mut causes);
    template(&with_claimed_volumes(value), &mut causes);
    causes
}

pub(super) fn daemon_set(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    selects(value, "daemonset", &mut causes);
    template_matches(value, &mut causes);
    template(value, &mut causes);
    if has(spec, &["template", "spec", "activeDeadlineSeconds"]) {
        let text = "activeDeadlineSeconds in DaemonSet is not Supported";
        causes.push(Cause::forbidden("spec.template.spec.activeDeadlineSeconds", text));
    }
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

/// The specification of a job.
pub(super) fn job(spec: &Value, at: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    const NUMBERS: [&str; 6] = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
    ];
    for field in NUMBERS {
        not_negative(spec, field, at, &mut causes);
    }
    let mode = spec.text(&["completionMode"]);
    if !mode.is_empty() {
        one_of(spec, "completionMode", at, &["NonIndexed", "Indexed"], &mut causes);
    }
    if !spec.text(&["podReplacementPolicy"]).is_empty() {
        let policies = ["Failed", "TerminatingOrFailed"];
        one_of(spec, "podReplacementPolicy", at, &policies, &mut causes);
    }
    failure_policy(&spec["podFailurePolicy"], &format!("{at}.podFailurePolicy"), &mut causes);
    if mode == "Indexed" && !has(spec, &["completions"]) {
        let text = "when completion mode is Indexed";
        causes.push(Cause::required(format!("{at}.completions"), text));
    }
    causes.extend(pod::of_template(&spec["template"], &format!("{at}.template")));
    let policy = spec.text(&["template", "spec", "restartPolicy"]);
    let field = format!("{at}.template.spec.restartPolicy");
    if matches!(policy, "" | "Always") {
        causes.push(Cause::required(field, "valid values: \"OnFailure\", \"Never\""));
    } else if spec["podFailurePolicy"].is_object() && policy != "Never" {
        let text = "only \"Never\" is supported when podFailurePolicy is specified";
        causes.push(Cause::invalid(field, &policy.into(), text));
    }
    causes
}

fn failure_policy(policy: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (i, rule) in policy.items(&["rules"]).iter().enumerate() {
        let at = format!("{at}.rules[{i}]");
        match rule.text(&["action"]) {
            "" => causes.push(Cause::required(
                format!("{at}.action"),
                "valid values: [\"Count\" \"FailIndex\" \"FailJob\" \"Ignore\"]",
            )),
            _ => one_of(rule, "action", &at, &["Count", "FailIndex", "FailJob", "Ignore"], causes),
        }
        let codes = &rule["onExitCodes"];
        for (j, code) in codes.items(&["values"]).iter().enumerate() {
            if codes.text(&["operator"]) == "In" && *code == 0 {
                let field = format!("{at}.onExitCodes.values[{j}]");
                causes.push(Cause::invalid(field, code, "must not be 0 for the In operator"));
            }
        }
        let conditions = !rule.items(&["onPodConditions"]).is_empty();
        if codes.is_object() == conditions {
            let text = if conditions {
                "specifying both OnExitCodes and OnPodConditions is not supported"
            } else {
                "specifying one of OnExitCodes and OnPodConditions is required"
            };
            causes.push(Cause::other(at, "FieldValueInvalid", format!("Invalid value: {text}")));
        }
    }
}

/// The selector of a job itself, not of a template of jobs.
pub(super) fn job_selector(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let chosen = &spec["selector"];
    let uid = value.text(&["metadata", "uid"]);
    if chosen.is_object() {
        selector(chosen, "spec.selector", &mut causes);
    } else {
        causes.push(Cause::required("spec.selector", ""));
    }
    let own = spec["manualSelector"] == true;
    let name = value.text(&["metadata", "name"]);
    let expected = serde_json::json!({"metadata": {"labels": {
        "batch.kubernetes.io/controller-uid": uid, "controller-uid": uid,
        "batch.kubernetes.io/job-name": name, "job-name": name,
    }}});
    let generated = LabelSelector::from_value(chosen).is_none_or(|s| s.selects(&expected));
    if !own && chosen.is_object() && !generated {
        causes.push(Cause::invalid("spec.selector", chosen, "`selector` not auto-generated"));
    }
    let matches =
        chosen.is_object() && LabelSelector::from_value(chosen).is_some_and(|s| s.selects(&spec["template"]));
    if !matches {
        let labels = spec.at(&["template", "metadata", "labels"]).cloned().unwrap_or(Value::Null);
        let text = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", &labels, text));
    }
    causes
}

pub(super) fn cron_name(value: &Value) -> Vec<Cause> {
    let name = value.text(&["metadata", "name"]);
    if name.len() <= 52 {
        return Vec::new();
    }
    vec![Cause::invalid("metadata.name", &name.into(), "must be no more than 52 characters")]
}

pub(super) fn cron_job(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let schedule = spec.text(&["schedule"]);
    if schedule.is_empty() {
        causes.push(Cause::required("spec.schedule", ""));
    } else if schedule.contains("TZ") {
        let text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        causes.push(Cause::invalid("spec.schedule", &schedule.into(), text));
    } else if let Err(text) = cron(schedule) {
        causes.push(Cause::invalid("spec.schedule", &schedule.into(), &text));
    }
    not_negative(spec, "startingDeadlineSeconds", "spec", &mut causes);
    match spec.text(&["concurrencyPolicy"]) {
        "" => causes.push(Cause::required("spec.concurrencyPolicy", "")),
        _ => one_of(spec, "concurrencyPolicy", "spec", &["Allow", "Forbid", "Replace"], &mut causes),
    }
    if has(spec, &["timeZone"]) {
        let zone = spec.text(&["timeZone"]);
        if zone.is_empty() {
            let text = "timeZone must be nil or non-empty string";
            causes.push(Cause::invalid("spec.timeZone", &"".into(), text));
        } else if zone.eq_ignore_ascii_case("local") {
            let text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
            causes.push(Cause::invalid("spec.timeZone", &zone.into(), text));
        } else if !is_zone(zone) {
            causes.push(Cause::invalid("spec.timeZone", &zone.into(), &format!("unknown time zone {zone}")));
        }
    }
    causes.extend(job(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec"));
    not_negative(spec, "successfulJobsHistoryLimit", "spec", &mut causes);
    not_negative(spec, "failedJobsHistoryLimit", "spec", &mut causes);
    causes
}

/// True if a time zone may exist: its first part is one of the known areas.
fn is_zone(zone: &str) -> bool {
    const AREAS: [&str; 12] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
        "Etc",
        "US",
    ];
    const PLAIN: [&str; 12] =
        ["UTC", "GMT", "CET", "EET", "MET", "WET", "EST", "MST", "HST", "Japan", "Singapore", "Zulu"];
    match zone.split_once('/') {
        Some((area, place)) => AREAS.contains(&area) && !place.is_empty(),
        None => PLAIN.contains(&zone),
    }
}

/// Checks a schedule as the parser of a real server does.
fn cron(text: &str) -> Result<(), String> {
    const NAMED: [&str; 8] =
        ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@reboot"];
    if let Some(rest) = text.strip_prefix('@') {
        if NAMED[..7].contains(&text) || rest.starts_with("every ") {
            return Ok(());
        }
        return Err(format!("unrecognized descriptor: {text}"));
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != 5 {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
    }
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
    let bounds: [(u32, u32, &[&str]); 5] =
        [(0, 59, &[]), (0, 23, &[]), (1, 31, &[]), (1, 12, &MONTHS), (0, 6, &DAYS)];
    for (field, (low, high, names)) in fields.iter().zip(bounds) {
        for part in field.split(',') {
            cron_part(part, low, high, names)?;
        }
    }
    Ok(())
}

fn cron_part(part: &str, low: u32, high: u32, names: &[&str]) -> Result<(), String> {
    let (range, step) = part.split_once('/').map_or((part, None), |(r, s)| (r, Some(s)));
    let number = |text: &str| -> Result<u32, String> {
        if let Some(i) = names.iter().position(|n| n.eq_ignore_ascii_case(text)) {
            return Ok(u32::try_from(i).unwrap_or(0) + low);
        }
        text.parse().map_err(|_| {
            format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")
        })
    };
    let (start, mut end) = match range {
        "*" | "?" => (low, high),
        _ => match range.split_once('-') {
            Some((a, b)) => (number(a)?, number(b)?),
            None => {
                let one = number(range)?;
                (one, one)
            }
        },
    };
    if let Some(step) = step {
        let step: u32 = step.parse().map_err(|_| {
            format!("failed to parse int from {step}: strconv.Atoi: parsing {step:?}: invalid syntax")
        })?;
        if step == 0 {
            return Err(format!("step of range should be a positive number: {part}"));
        }
        if !range.contains('-') && range != "*" && range != "?" {
            end = high;
        }
    }
    if start < low {
        return Err(format!("beginning of range ({start}) below minimum ({low}): {part}"));
    }
    if end > high {
        return Err(format!("end of range ({end}) above maximum ({high}): {part}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {part}"));
    }
    Ok(())
}

pub(super) fn autoscaler(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let (least, most) = (spec.int(&["minReplicas"]), spec.int(&["maxReplicas"]).unwrap_or(0));
    if let Some(least) = least
        && least < 1
    {
        let text = "must be greater than or equal to 1";
        causes.push(Cause::invalid("spec.minReplicas", &least.into(), text));
    }
    if most < 1 {
        causes.push(Cause::required("spec.maxReplicas", "must be set and greater than 0"));
    }
    if least.is_some_and(|least| most < least) {
        let text = "must be greater than or equal to `minReplicas`";
        causes.push(Cause::invalid("spec.maxReplicas", &most.into(), text));
    }
    let target = &spec["scaleTargetRef"];
    for field in ["kind", "name"] {
        let text = target.text(&[field]);
        if text.is_empty() {
            causes.push(Cause::required(format!("spec.scaleTargetRef.{field}"), ""));
        }
        for problem in crate::names::path_segment(text) {
            causes.push(Cause::invalid(format!("spec.scaleTargetRef.{field}"), &text.into(), &problem));
        }
    }
    let version = target.text(&["apiVersion"]);
    if version.is_empty() || (!version.contains('/') && target.text(&["kind"]) != "ReplicationController") {
        let text = "apiVersion must specify API group";
        causes.push(Cause::invalid("spec.scaleTargetRef.apiVersion", &version.into(), text));
    }
    for (i, metric) in spec.items(&["metrics"]).iter().enumerate() {
        self::metric(metric, &format!("spec.metrics[{i}]"), &mut causes);
    }
    for side in ["scaleUp", "scaleDown"] {
        scaling(&spec["behavior"][side], &format!("spec.behavior.{side}"), &mut causes);
    }
    causes
}

fn scaling(rules: &Value, at: &str, causes: &mut Vec<Cause>) {
    if !rules.is_object() {
        return;
    }
    if let Some(seconds) = rules.int(&["stabilizationWindowSeconds"]) {
        let field = format!("{at}.stabilizationWindowSeconds");
        if seconds < 0 {
            causes.push(Cause::invalid(field, &seconds.into(), "must be greater than or equal to zero"));
        } else if seconds > 3600 {
            causes.push(Cause::invalid(field, &seconds.into(), "must be less than or equal to 3600"));
        }
    }
    if has(rules, &["selectPolicy"]) {
        one_of(rules, "selectPolicy", at, &["Disabled", "Max", "Min"], causes);
    }
    let policies = rules.items(&["policies"]);
    if policies.is_empty() {
        causes.push(Cause::required(format!("{at}.policies"), "must specify at least one Policy"));
    }
    for (i, policy) in policies.iter().enumerate() {
        let at = format!("{at}.policies[{i}]");
        one_of(policy, "type", &at, &["Percent", "Pods"], causes);
        for field in ["value", "periodSeconds"] {
            let number = policy.int(&[field]).unwrap_or(0);
            if number <= 0 {
                causes.push(Cause::invalid(
                    format!("{at}.{field}"),
                    &number.into(),
                    "must be greater than zero",
                ));
            }
        }
        if policy.int(&["periodSeconds"]).unwrap_or(0) > 1800 {
            let shown = policy["periodSeconds"].clone();
            causes.push(Cause::invalid(
                format!("{at}.periodSeconds"),
                &shown,
                "must be less than or equal to 1800",
            ));
        }
    }
}

fn metric(metric: &Value, at: &str, causes: &mut Vec<Cause>) {
    const KINDS: [(&str, &str); 5] = [
        ("Object", "object"),
        ("Pods", "pods"),
        ("Resource", "resource"),
        ("External", "external"),
        ("ContainerResource", "containerResource"),
    ];
    let kind = metric.text(&["type"]);
    if kind.is_empty() {
        causes.push(Cause::required(format!("{at}.type"), "must specify a metric source type"));
        return;
    }
    let Some((_, key)) = KINDS.iter().find(|(k, _)| *k == kind) else {
        let supported = ["ContainerResource", "External", "Object", "Pods", "Resource"];
        // The type is looked at twice.
        for _ in 0..2 {
            causes.push(Cause::unsupported(format!("{at}.type"), &kind.into(), &supported));
        }
        return;
    };
    let inner = &metric[*key];
    if !inner.is_object() {
        causes.push(Cause::required(
            format!("{at}.{key}"),
            "must populate information for the given metric source",
        ));
        return;
    }
    let at = format!("{at}.{key}");
    let target = &inner["target"];
    match *key {
        "resource" | "containerResource" => {
            if inner.text(&["name"]).is_empty() {
                causes.push(Cause::required(format!("{at}.name"), "must specify a resource name"));
            }
            target_type(target, &at, causes);
            let (utilization, value) = (has(target, &["averageUtilization"]), has(target, &["averageValue"]));
            if !utilization && !value {
                let text = "must set either a target raw value or a target utilization";
                causes.push(Cause::required(format!("{at}.target.averageUtilization"), text));
            } else if utilization && value {
                let text = "may not set both a target raw value and a target utilization";
                causes.push(Cause::forbidden(format!("{at}.target.averageValue"), text));
            }
        }
        "pods" => {
            if inner.text(&["metric", "name"]).is_empty() {
                causes.push(Cause::required(format!("{at}.metric.name"), "must specify a metric name"));
            }
            if !has(target, &["averageValue"]) {
                let text = "must specify a positive target averageValue";
                causes.push(Cause::required(format!("{at}.target.averageValue"), text));
            }
        }
        other => {
            if other == "object" {
                for field in ["kind", "name"] {
                    if inner.text(&["describedObject", field]).is_empty() {
                        causes.push(Cause::required(format!("{at}.describedObject.{field}"), ""));
                    }
                }
            }
            if inner.text(&["metric", "name"]).is_empty() {
                causes.push(Cause::required(format!("{at}.metric.name"), "must specify a metric name"));
            }
            target_type(target, &at, causes);
            let (value, average) = (has(target, &["value"]), has(target, &["averageValue"]));
            if !value && !average {
                let text = if other == "object" {
                    "must set either a target value or averageValue"
                } else {
                    "must set either a target value for metric or a per-pod target"
                };
                causes.push(Cause::required(format!("{at}.target.averageValue"), text));
            } else if value && average && other == "external" {
                let text = "may not set both a target value for metric and a per-pod target";
                causes.push(Cause::forbidden(format!("{at}.target.value"), text));
            }
        }
    }
}

fn target_type(target: &Value, at: &str, causes: &mut Vec<Cause>) {
    let kind = target.text(&["type"]);
    if kind.is_empty() {
        causes.push(Cause::required(format!("{at}.target.type"), "must specify a metric target type"));
    } else if !matches!(kind, "Utilization" | "Value" | "AverageValue") {
        let text = "must be either Utilization, Value, or AverageValue";
        causes.push(Cause::invalid(format!("{at}.target.type"), &kind.into(), text));
    }
    for field in ["value", "averageValue"] {
        if super::common::quantity(&target[field]).is_some_and(|q| q.nano() <= 0) {
            causes.push(Cause::invalid(format!("{at}.target.{field}"), &target[field], "must be positive"));
        }
    }
    if target.int(&["averageUtilization"]).is_some_and(|n| n < 1) {
        let shown = target["averageUtilization"].clone();
        causes.push(Cause::invalid(
            format!("{at}.target.averageUtilization"),
            &shown,
            "must be greater than 0",
        ));
    }
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
        "jobs" => {
            let indexed = live.text(&["spec", "completionMode"]) == "Indexed"
                && value.at(&["spec", "completions"]) == value.at(&["spec", "parallelism"]);
            if !same(&["spec", "completions"]) && !indexed {
                causes.push(Cause::invalid("spec.completions", &value["spec"]["completions"], IMMUTABLE));
            }
            if !same(&["spec", "selector"]) {
                causes.push(Cause::invalid("spec.selector", &value["spec"]["selector"], IMMUTABLE));
            }
            let started = !live["status"]["startTime"].is_null();
            let suspended = live["spec"]["suspend"] == true;
            let mut old = live["spec"]["template"].clone();
            let mut new = value["spec"]["template"].clone();
            if suspended && !started {
                for part in [&mut old, &mut new] {
                    for path in [
                        &["spec", "nodeSelector"][..],
                        &["spec", "tolerations"],
                        &["spec", "affinity"],
                        &["spec", "schedulingGates"],
                        &["metadata", "labels"],
                        &["metadata", "annotations"],
                    ] {
                        remove(part, path);
                    }
                }
            }
            if old != new {
                causes.push(Cause::invalid("spec.template.spec", &json!(null), IMMUTABLE));
            }
            if !same(&["spec", "completionMode"]) {
                causes.push(Cause::invalid(
                    "spec.completionMode",
                    &value["spec"]["completionMode"],
                    IMMUTABLE,
                ));
            }
        }
        _ => {}
    }
    causes
}
