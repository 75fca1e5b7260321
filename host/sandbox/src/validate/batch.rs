//! Jobs, once and on a schedule.

mod policy;

use serde_json::Value;

use super::common::{IMMUTABLE, has, not_negative, one_of, selector};
use super::pod;
use crate::selector::LabelSelector;
use crate::status::Cause;
use crate::value::{Get, items_mut, remove};

pub(super) use policy::intervals;

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
    if mode == "Indexed" && !has(spec, &["completions"]) {
        let text = "when completion mode is Indexed";
        causes.push(Cause::required(format!("{at}.completions"), text));
    }
    policy::of_indexes(spec, mode, at, &mut causes);
    policy::of_failure(spec, at, &mut causes);
    policy::of_success(spec, mode, at, &mut causes);
    if !spec.text(&["podReplacementPolicy"]).is_empty() {
        let policies = ["Failed", "TerminatingOrFailed"];
        one_of(spec, "podReplacementPolicy", at, &policies, &mut causes);
    }
    causes.extend(pod::of_template(&spec["template"], &format!("{at}.template")));
    let policy = spec.text(&["template", "spec", "restartPolicy"]);
    let field = format!("{at}.template.spec.restartPolicy");
    if matches!(policy, "" | "Always") {
        causes.push(Cause::required(field, "valid values: \"OnFailure\", \"Never\""));
    } else if !matches!(policy, "OnFailure" | "Never") {
        causes.push(Cause::unsupported(field, &policy.into(), &["OnFailure", "Never"]));
    } else if spec["podFailurePolicy"].is_object() && policy != "Never" {
        let text = "only \"Never\" is supported when podFailurePolicy is specified";
        causes.push(Cause::invalid(field, &policy.into(), text));
    }
    causes
}

/// The selector of a job itself, not of a template of jobs.
pub(super) fn job_selector(value: &Value) -> Vec<Cause> {
    let spec = &value["spec"];
    let chosen = &spec["selector"];
    let mut causes = job_selector_of(spec);
    let uid = value.text(&["metadata", "uid"]);
    let name = value.text(&["metadata", "name"]);
    let expected = serde_json::json!({"metadata": {"labels": {
        "batch.kubernetes.io/controller-uid": uid, "controller-uid": uid,
        "batch.kubernetes.io/job-name": name, "job-name": name,
    }}});
    let generated = LabelSelector::from_value(chosen).is_none_or(|s| s.selects(&expected));
    if spec["manualSelector"] != true && chosen.is_object() && !generated {
        let at = causes.iter().position(|c| c.field != "spec.selector").unwrap_or(causes.len());
        causes.insert(at, Cause::invalid("spec.selector", chosen, "`selector` not auto-generated"));
    }
    causes
}

/// The selector must be there and select the pods of the template.
fn job_selector_of(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let chosen = &spec["selector"];
    if chosen.is_object() {
        selector(chosen, "spec.selector", &mut causes);
    } else {
        causes.push(Cause::required("spec.selector", ""));
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
    match spec.text(&["concurrencyPolicy"]) {
        "" => causes.push(Cause::required("spec.concurrencyPolicy", "")),
        _ => one_of(spec, "concurrencyPolicy", "spec", &["Allow", "Forbid", "Replace"], &mut causes),
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

/// What may not change in a job.
pub(super) fn job_update(live: &Value, value: &Value) -> Vec<Cause> {
    let mut causes = job_selector_of(&value["spec"]);
    let same = |field: &str| live["spec"].get(field) == value["spec"].get(field);
    let refuse = |field: &str| Cause::invalid(format!("spec.{field}"), &value["spec"][field], IMMUTABLE);
    let indexed = live.text(&["spec", "completionMode"]) == "Indexed"
        && value.at(&["spec", "completions"]) == value.at(&["spec", "parallelism"]);
    if !same("completions") && !indexed {
        causes.push(refuse("completions"));
    }
    if !same("selector") {
        causes.push(refuse("selector"));
    }
    template_update(live, value, &mut causes);
    for field in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"]
    {
        if !same(field) {
            causes.push(refuse(field));
        }
    }
    causes
}

/// The template of a job that waits may change where its pods run and what they need.
fn template_update(live: &Value, value: &Value, causes: &mut Vec<Cause>) {
    let waits = live["spec"]["suspend"] == true && live["status"]["startTime"].is_null();
    let mut old = live["spec"]["template"].clone();
    let mut new = value["spec"]["template"].clone();
    if !waits {
        if old != new {
            causes.push(Cause::invalid("spec.template", &new, IMMUTABLE));
        }
        return;
    }
    for part in [&mut old, &mut new] {
        remove(part, &["metadata"]);
        for field in ["nodeSelector", "tolerations", "schedulingGates"] {
            remove(part, &["spec", field]);
        }
        remove(part, &["spec", "affinity", "nodeAffinity"]);
        if part.at(&["spec", "affinity"]).and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
            remove(part, &["spec", "affinity"]);
        }
        for list in ["containers", "initContainers"] {
            for container in items_mut(part, &["spec", list]).into_iter().flatten() {
                remove(container, &["resources"]);
            }
        }
    }
    if old != new {
        causes.push(Cause::invalid("spec.template.spec", &value["spec"]["template"]["spec"], IMMUTABLE));
    }
}
