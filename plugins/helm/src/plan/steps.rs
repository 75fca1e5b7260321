//! Steps that several verbs share: grouped applies, hooks, waits, records.

use jiff::Timestamp;
use osc_plugin_api::Result;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{
    Action, HookDelete, HookDone, OnTimeout, Policy, Propagation, Step, Until,
};
use osc_plugin_api::objects::{group, kind};
use serde_json::Value;

use crate::manifest::{Event, Hook, Order, hooks_at, rank};
use crate::release::{Record, secret_name};
use crate::resources::{self, Scopes};

/// Seconds that a wait or hook may take when nobody said otherwise; Helm's default.
pub(super) const TIMEOUT: u32 = 300;

/// Letters of an object's name that a step's name holds.
const MAX_NAME: usize = 100;

/// Kinds of one stage do not need each other, so one step applies them in parallel. The stages follow Helm's order.
const STAGES: [(&str, &str); 9] = [
    ("PriorityClass", "namespaces and priorities"),
    ("NetworkPolicy", "configuration and accounts"),
    ("CustomResourceDefinition", "definitions"),
    ("ClusterRole", "roles"),
    ("Service", "services"),
    ("DaemonSet", "workloads"),
    ("IngressClass", "ingresses and API services"),
    ("MutatingWebhookConfiguration", "webhooks"),
    ("", "other objects"),
];

/// The stage of a kind; bindings come behind roles, custom resources last.
fn stage(kind: &str) -> (usize, bool) {
    let Some(place) = rank(kind, Order::Install) else { return (STAGES.len() - 1, false) };
    let begins_before =
        |(first, _): &(&str, &str)| rank(first, Order::Install).is_some_and(|first| first <= place);
    let stage = STAGES.iter().rposition(begins_before).unwrap_or_default();
    (stage, kind.contains("Binding"))
}

/// Applies objects in stages; waits for definitions before anything can need them.
pub(super) fn apply(objects: Vec<Value>, timeout: u32) -> Result<Vec<Step>> {
    let mut staged: Vec<((usize, bool), Value)> =
        objects.into_iter().map(|object| (stage(kind(&object).unwrap_or_default()), object)).collect();
    staged.sort_by_key(|(stage, _)| *stage);
    let mut steps = Vec::new();
    let mut rest = staged.into_iter().peekable();
    while let Some((stage, object)) = rest.next() {
        let mut objects = vec![object];
        while let Some((_, object)) = rest.next_if(|(next, _)| *next == stage) {
            objects.push(object);
        }
        let what = if stage.1 { "role bindings" } else { STAGES[stage.0].1 };
        let definitions = definition_refs(&objects)?;
        let name = format!("apply {}: {what}", counted(objects.len(), "object"));
        steps.push(Step::new(name, Action::Apply { objects, policy: Policy::Owned }));
        if !definitions.is_empty() {
            steps.push(established("wait for the chart's definitions", definitions, timeout));
        }
    }
    Ok(steps)
}

fn definition_refs(objects: &[Value]) -> Result<Vec<ObjectRef>> {
    objects
        .iter()
        .filter(|object| kind(object) == Some("CustomResourceDefinition"))
        .map(resources::reference)
        .collect()
}

/// Applies the definitions of `crds/` and waits for them.
pub(super) fn apply_crds(objects: Vec<Value>, timeout: u32) -> Result<Vec<Step>> {
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    let definitions = definition_refs(&objects)?;
    let name = format!("apply {}", counted(objects.len(), "definition"));
    let mut steps = vec![Step::new(name, Action::Apply { objects, policy: Policy::Crd })];
    if !definitions.is_empty() {
        steps.push(established("wait for definitions", definitions, timeout));
    }
    Ok(steps)
}

fn established(name: &str, refs: Vec<ObjectRef>, timeout: u32) -> Step {
    Step::new(
        name,
        Action::Wait {
            refs,
            selector: None,
            until: Until::Condition("Established".to_owned()),
            timeout_seconds: timeout,
            on_timeout: OnTimeout::Fail,
        },
    )
}

/// Waits until the workloads are ready. What they need (volumes, services) shows there; a volume that nobody uses yet
/// may never be bound.
pub(super) fn wait_ready(objects: &[Value], timeout: u32) -> Result<Option<Step>> {
    let refs = objects
        .iter()
        .filter(|object| {
            matches!(
                (group(object).unwrap_or_default(), kind(object).unwrap_or_default()),
                ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
                    | ("", "Pod" | "ReplicationController")
            )
        })
        .map(resources::reference)
        .collect::<Result<Vec<_>>>()?;
    if refs.is_empty() {
        return Ok(None);
    }
    let name = format!("wait until {} ready", counted_are(refs.len()));
    let action = Action::Wait {
        refs,
        selector: None,
        until: Until::Ready,
        timeout_seconds: timeout,
        on_timeout: OnTimeout::Fail,
    };
    Ok(Some(Step::new(name, action)))
}

fn counted_are(count: usize) -> String {
    if count == 1 { "1 object is".to_owned() } else { format!("{count} objects are") }
}

pub(super) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// A hook with the objects that its document holds.
#[derive(Debug, Clone)]
pub(super) struct ReadyHook {
    pub(super) hook: Hook,
    pub(super) objects: Vec<Value>,
}

/// Puts the objects of hooks into their namespaces.
pub(super) fn read_hooks(hooks: Vec<Hook>, scopes: &Scopes, namespace: &str) -> Result<Vec<ReadyHook>> {
    hooks
        .into_iter()
        .map(|hook| {
            let mut objects = resources::parse(&hook.content, &hook.path)?;
            for object in &mut objects {
                scopes.place(object, namespace);
            }
            Ok(ReadyHook { hook, objects })
        })
        .collect()
}

/// The steps of the hooks of one event, in the order in which they run.
///
/// What runs to an end is deleted as soon as it succeeded. All else that shall be deleted then (accounts, roles,
/// configuration) is there for the hooks behind it, so it is deleted after the last one, in reverse order.
pub(super) fn hooks(ready: &[ReadyHook], event: Event, timeout: u32) -> Vec<Step> {
    let plain: Vec<Hook> = ready.iter().map(|ready| ready.hook.clone()).collect();
    let mut steps = Vec::new();
    let mut helpers = Vec::new();
    for hook in hooks_at(&plain, event) {
        let Some(found) = ready.iter().find(|ready| ready.hook == *hook) else { continue };
        for object in &found.objects {
            steps.push(hook_step(hook, object, event, timeout));
            if has_policy(hook, "hook-succeeded") && !runs(object) && may_go(object) {
                helpers.extend(ObjectRef::of(object));
            }
        }
    }
    if !helpers.is_empty() {
        helpers.reverse();
        let name = format!("delete {} of {} hooks", counted(helpers.len(), "object"), event.name());
        steps.push(delete_step(name, helpers, timeout));
    }
    number_duplicates(&mut steps);
    steps
}

/// Whether an object comes to an end by itself.
fn runs(object: &Value) -> bool {
    matches!(kind(object), Some("Job" | "Pod"))
}

/// Deleting a definition would delete all objects of its kind.
fn may_go(object: &Value) -> bool {
    kind(object) != Some("CustomResourceDefinition")
}

fn has_policy(hook: &Hook, policy: &str) -> bool {
    hook.delete_policies.iter().any(|found| found == policy)
}

fn hook_step(hook: &Hook, object: &Value, event: Event, timeout: u32) -> Step {
    let kind = kind(object).unwrap_or_default();
    let done = if runs(object) { HookDone::Succeeded } else { HookDone::Created };
    let has = |policy: &str| has_policy(hook, policy);
    let mut delete = Vec::new();
    if may_go(object) {
        if hook.delete_policies.is_empty() || has("before-hook-creation") {
            delete.push(HookDelete::Before);
        }
        if has("hook-succeeded") && runs(object) {
            delete.push(HookDelete::Succeeded);
        }
        if has("hook-failed") {
            delete.push(HookDelete::Failed);
        }
    }
    let name: String =
        osc_plugin_api::objects::name(object).unwrap_or_default().chars().take(MAX_NAME).collect();
    Step::new(
        format!("run {} hook {kind} {name}", event.name()),
        Action::Hook { object: object.clone(), done, timeout_seconds: timeout, delete, logs: runs(object) },
    )
}

/// Names of steps are unique in a plan.
pub(super) fn number_duplicates(steps: &mut [Step]) {
    for index in 1..steps.len() {
        let (before, rest) = steps.split_at_mut(index);
        let base = rest[0].name.clone();
        let mut count = 1;
        while before.iter().any(|step| step.name == rest[0].name) {
            count += 1;
            rest[0].name = format!("{base} ({count})");
        }
    }
}

/// Writes release records.
pub(super) fn record(name: impl Into<String>, records: &[Record], now: Timestamp) -> Step {
    let objects = records.iter().map(|record| record.to_secret(now)).collect();
    Step::new(name, Action::Apply { objects, policy: Policy::Record })
}

/// Deletes objects in Helm's order for uninstalling, stage by stage. Custom resources go first, not last as in Helm:
/// somebody must still be there to take their finalizers off.
pub(super) fn delete(mut refs: Vec<ObjectRef>, timeout: u32) -> Vec<Step> {
    refs.sort_by(|left, right| Order::Uninstall.compare(&left.kind, &right.kind));
    refs.sort_by_key(|reference| rank(&reference.kind, Order::Uninstall).is_some());
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = refs.into_iter().peekable();
    while let Some(first) = rest.next() {
        let group = deletion_stage(&first.kind);
        let mut refs = vec![first];
        while let Some(next) = rest.next_if(|next| deletion_stage(&next.kind) == group) {
            refs.push(next);
        }
        let name = format!("delete {}: {}", counted(refs.len(), "object"), STAGES[group].1);
        steps.push(delete_step(name, refs, timeout));
    }
    number_duplicates(&mut steps);
    steps
}

fn deletion_stage(kind: &str) -> usize {
    stage(kind).0
}

/// Deletes objects and waits until they are gone.
pub(super) fn delete_step(name: String, refs: Vec<ObjectRef>, timeout: u32) -> Step {
    let action = Action::Delete {
        refs,
        propagation: Propagation::Background,
        until_gone: true,
        timeout_seconds: timeout,
        on_timeout: OnTimeout::ExplainFinalizers,
    };
    Step::new(name, action)
}

/// The Secret of a record.
pub(super) fn record_ref(namespace: &str, record: &Record) -> ObjectRef {
    ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        namespace: Some(namespace.to_owned()),
        name: secret_name(record.name(), record.version()),
    }
}
