//! What a failed pod means, by the rules of a Job's `podFailurePolicy`, and which indexes suffice, by `successPolicy`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::indexes;

use crate::object::{Look, items, name, namespace, number, text};

/// The action of the first rule that a failed pod matches, with what it matched.
fn action<'a>(job: &'a Value, pod: &Value) -> Option<(&'a str, String)> {
    if text(pod, "/status/phase") != "Failed" {
        return None;
    }
    items(job, "/spec/podFailurePolicy/rules").iter().enumerate().find_map(|(at, rule)| {
        let action = text(rule, "/action");
        let what = exit_code(rule, pod).or_else(|| condition(rule, pod))?;
        Some((action, format!("{what} matching {action} rule at index {at}")))
    })
}

/// Why a pod fails its whole Job.
pub(super) fn fails_job(job: &Value, pod: &Value) -> Option<String> {
    action(job, pod).filter(|(action, _)| *action == "FailJob").map(|(_, message)| message)
}

/// Whether a failed pod does not count.
pub(super) fn is_ignored(job: &Value, pod: &Value) -> bool {
    action(job, pod).is_some_and(|(action, _)| action == "Ignore")
}

/// Whether a failed pod fails its index at once.
pub(super) fn fails_index(job: &Value, pod: &Value) -> bool {
    action(job, pod).is_some_and(|(action, _)| action == "FailIndex")
}

/// Which rule says that enough indexes have succeeded.
pub(super) fn succeeds(job: &Value, done: &BTreeSet<i64>) -> Option<String> {
    let completions = number(job, "/spec/completions").unwrap_or(0);
    let met = |rule: &Value| {
        let named = text(rule, "/succeededIndexes");
        let count = number(rule, "/succeededCount");
        if named.is_empty() {
            return count.is_some_and(|count| done.len() as i64 >= count);
        }
        let wanted = indexes::parse(named, completions);
        let found = wanted.intersection(done).count();
        count.map_or(found == wanted.len(), |count| found as i64 >= count)
    };
    let at = items(job, "/spec/successPolicy/rules").iter().position(met)?;
    Some(format!("Matched rules at index {at}"))
}

fn exit_code(rule: &Value, pod: &Value) -> Option<String> {
    let codes = rule.look("/onExitCodes")?;
    let wanted = text(codes, "/containerName");
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    lists.iter().flat_map(|list| items(pod, list)).find_map(|status| {
        let code = number(status, "/state/terminated/exitCode").filter(|code| *code != 0)?;
        let container = text(status, "/name");
        let among = items(codes, "/values").iter().any(|value| value.as_i64() == Some(code));
        let matches = if text(codes, "/operator") == "In" { among } else { !among };
        let message = || {
            format!(
                "Container {container} for pod {}/{} failed with exit code {code}",
                namespace(pod),
                name(pod)
            )
        };
        (matches && (wanted.is_empty() || wanted == container)).then(message)
    })
}

fn condition(rule: &Value, pod: &Value) -> Option<String> {
    items(rule, "/onPodConditions").iter().find_map(|pattern| {
        let (kind, wanted) = (text(pattern, "/type"), text(pattern, "/status"));
        let is = |found: &&Value| text(found, "/type") == kind && text(found, "/status") == wanted;
        items(pod, "/status/conditions").iter().find(is)?;
        Some(format!("Pod {}/{} has condition {kind}", namespace(pod), name(pod)))
    })
}
