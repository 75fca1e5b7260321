//! Probes and hooks of containers.

use serde_json::Value;

use crate::names;
use crate::status::Cause;
use crate::validate::common::{has, not_negative, one_of, port, problems};
use crate::value::Get;

/// Hooks and probes of a container that keeps running.
pub(super) fn of_container(container: &Value, spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    lifecycle(container, spec, at, causes);
    for field in ["livenessProbe", "readinessProbe", "startupProbe"] {
        probe(container, field, at, causes);
    }
}

fn handler(holder: &Value, kinds: &[&str], grace: Option<i64>, at: &str, causes: &mut Vec<Cause>) {
    let mut count = 0;
    for kind in kinds {
        if !has(holder, &[kind]) {
            continue;
        }
        if count > 0 {
            causes.push(Cause::forbidden(format!("{at}.{kind}"), "may not specify more than 1 handler type"));
            continue;
        }
        count += 1;
        let inner = &holder[*kind];
        let at = format!("{at}.{kind}");
        match *kind {
            "exec" if inner.items(&["command"]).is_empty() => {
                causes.push(Cause::required(format!("{at}.command"), ""));
            }
            "httpGet" => {
                named_port(&inner["port"], &format!("{at}.port"), causes);
                one_of(inner, "scheme", &at, &["HTTP", "HTTPS"], causes);
                for header in inner.items(&["httpHeaders"]) {
                    let name = header.text(&["name"]);
                    causes.extend(problems(names::header(name), &format!("{at}.httpHeaders"), name));
                }
            }
            "tcpSocket" => named_port(&inner["port"], &format!("{at}.port"), causes),
            "grpc" => port(inner.int(&["port"]).unwrap_or(0), &format!("{at}.port"), causes),
            "sleep" => {
                let seconds = inner.int(&["seconds"]).unwrap_or(0);
                if let Some(grace) = grace.filter(|grace| !(0..=*grace).contains(&seconds)) {
                    let text =
                        format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
                    causes.push(Cause::invalid(at, &seconds.into(), &text));
                }
            }
            _ => {}
        }
    }
    if count == 0 {
        causes.push(Cause::required(at, "must specify a handler type"));
    }
}

fn named_port(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    match value {
        Value::String(name) => causes.extend(problems(names::port_name(name), field, name)),
        other => port(other.as_i64().unwrap_or(0), field, causes),
    }
}

fn lifecycle(container: &Value, spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let grace = spec.int(&["terminationGracePeriodSeconds"]);
    for hook in ["postStart", "preStop"] {
        let inner = &container["lifecycle"][hook];
        if inner.is_object() {
            let kinds = ["exec", "httpGet", "tcpSocket", "sleep"];
            handler(inner, &kinds, grace, &format!("{at}.lifecycle.{hook}"), causes);
        }
    }
    if has(container, &["lifecycle", "stopSignal"]) && !has(spec, &["os"]) {
        let text = "may not be set for containers with empty `spec.os.name`";
        causes.push(Cause::forbidden(format!("{at}.lifecycle.stopSignal"), text));
    }
}

fn probe(container: &Value, field: &str, at: &str, causes: &mut Vec<Cause>) {
    let probe = &container[field];
    if !probe.is_object() {
        return;
    }
    let at = format!("{at}.{field}");
    handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], None, &at, causes);
    for number in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        not_negative(probe, number, &at, causes);
    }
    if let Some(grace) = probe.int(&["terminationGracePeriodSeconds"]) {
        let name = format!("{at}.terminationGracePeriodSeconds");
        if grace <= 0 {
            causes.push(Cause::invalid(name.clone(), &grace.into(), "must be greater than 0"));
        }
        if field == "readinessProbe" {
            causes.push(Cause::invalid(name, &grace.into(), "must not be set for readinessProbes"));
        }
    }
    if field != "readinessProbe"
        && let Some(count) = probe.int(&["successThreshold"])
        && count != 1
    {
        causes.push(Cause::invalid(format!("{at}.successThreshold"), &count.into(), "must be 1"));
    }
}
