//! The steps that bring a revision into the cluster, whether it was rendered or stored.

use osc_plugin_api::Result;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Kept, Plan, Policy, Propagation, Step};
use osc_plugin_api::documents::plan_request::Verb;
use serde_json::Value;

use super::Context;
use super::history::History;
use super::steps::{self, ReadyHook};
use crate::manifest::Event;
use crate::release::{Record, State};
use crate::resources;

/// A revision on its way into the cluster.
pub(super) struct Revision {
    pub(super) record: Record,
    pub(super) objects: Vec<Value>,
    pub(super) crds: Vec<Value>,
    pub(super) hooks: Vec<ReadyHook>,
    pub(super) pending: State,
    pub(super) before: Event,
    pub(super) after: Event,
}

/// Puts the steps of a revision into a plan.
pub(super) fn fill(
    context: &Context<'_>,
    history: &History,
    revision: &Revision,
    plan: &mut Plan,
) -> Result<()> {
    warn_of_others(context, history, plan);
    let (timeout, description) = (context.timeout(), context.description());
    let version = revision.record.version();
    let run_hooks = |event: Event| match context.request.options.no_hooks {
        true => Vec::new(),
        false => steps::hooks(&revision.hooks, event, timeout),
    };
    if context.request.verb == Verb::Install {
        let namespace = context.namespace().to_owned();
        plan.steps.push(Step::new("ensure the namespace", Action::EnsureNamespace { namespace }));
    }
    let pending = revision.record.with_state(revision.pending, &description);
    plan.steps.push(steps::record(format!("record revision {version} as pending"), &[pending], context.now));
    plan.steps.extend(steps::apply_crds(revision.crds.clone(), timeout)?);
    plan.steps.extend(run_hooks(revision.before));
    plan.steps.extend(steps::apply(revision.objects.clone(), timeout)?);
    prune(context, &revision.objects, plan)?;
    plan.steps.extend(steps::wait_ready(&revision.objects, timeout)?);
    plan.steps.extend(run_hooks(revision.after));
    let events: &[Event] = match context.request.options.no_hooks {
        true => &[],
        false => &[revision.before, revision.after],
    };
    let deployed =
        revision.record.with_hooks_run(events, context.now).with_state(State::Deployed, &description);
    let mut records = history.superseded();
    records.push(deployed);
    plan.steps.push(steps::record(format!("record revision {version} as deployed"), &records, context.now));
    let surplus: Vec<ObjectRef> =
        history.surplus().into_iter().map(|record| steps::record_ref(context.namespace(), record)).collect();
    if !surplus.is_empty() {
        plan.steps.push(steps::delete_step("delete old records".to_owned(), surplus, timeout));
    }
    let failed = revision.record.with_state(State::Failed, format!("{description} failed"));
    plan.on_failure =
        vec![steps::record(format!("record revision {version} as failed"), &[failed], context.now)];
    Ok(())
}

/// Says when the release moved on without the server: what another program changed is undone.
fn warn_of_others(context: &Context<'_>, history: &History, plan: &mut Plan) {
    let known = context.request.current.as_ref().and_then(|current| stored_version(&current.plan));
    let (Some(known), Some(last)) = (known, history.deployed()) else { return };
    if last.version() > known {
        let (chart, version) = last.chart();
        plan.warnings.push(format!(
            "another program brought release `{}` to revision {} (chart `{chart}` {version}): this plan does not build on it",
            last.name(),
            last.version()
        ));
    }
}

/// The release's version that a stored plan wrote; an adopted release counts on from where it was.
pub(super) fn stored_version(plan: &Plan) -> Option<u32> {
    let records = plan.steps.iter().rev().find_map(|step| match &step.action {
        Action::Apply { objects, policy: Policy::Record } => Some(objects),
        _ => None,
    })?;
    let names = records.iter().filter_map(osc_plugin_api::objects::name);
    names.filter_map(|name| name.rsplit_once(".v")?.1.parse().ok()).max()
}

/// Removes what the revision no longer has, but for what stays on purpose.
fn prune(context: &Context<'_>, objects: &[Value], plan: &mut Plan) -> Result<()> {
    let refs = objects.iter().map(resources::reference).collect::<Result<Vec<_>>>()?;
    let mut gone: Vec<ObjectRef> = context
        .request
        .inventory
        .iter()
        .filter(|held| !matches!(held.policy, Policy::Crd | Policy::Record))
        .filter(|held| !refs.iter().any(|reference| reference.same_object(&held.object)))
        .map(|held| held.object.clone())
        .collect();
    let kept = kept(context, &gone)?;
    gone.retain(|reference| !kept.iter().any(|kept| kept.object == *reference));
    plan.keep = kept;
    if !gone.is_empty() {
        let name = format!("remove {} that fell out", steps::counted(gone.len(), "object"));
        plan.steps.push(Step::new(name, Action::Prune { propagation: Propagation::Background }));
    }
    Ok(())
}

/// Which of the objects stay in the cluster although they are no longer wanted, and why.
pub(super) fn kept(context: &Context<'_>, refs: &[ObjectRef]) -> Result<Vec<Kept>> {
    let live = resources::live(context.host, refs, context.namespace())?;
    let reason = |reference: &ObjectRef, live: Option<&Value>| {
        if live.is_some_and(resources::is_kept) || stored_as_kept(context, reference) {
            return Some("annotated `helm.sh/resource-policy: keep`");
        }
        match reference.kind.as_str() {
            _ if context.request.options.purge_data => None,
            "PersistentVolumeClaim" => Some("volume"),
            "CustomResourceDefinition" => Some("definition"),
            "Namespace" => Some("namespace"),
            _ => None,
        }
    };
    let kept = refs.iter().zip(&live).filter_map(|(reference, live)| {
        let reason = reason(reference, live.as_ref())?;
        Some(Kept { object: reference.clone(), reason: reason.to_owned() })
    });
    Ok(kept.collect())
}

/// Whether the plan in force applied the object with the annotation; for objects that cannot be read.
fn stored_as_kept(context: &Context<'_>, reference: &ObjectRef) -> bool {
    let Some(current) = &context.request.current else { return false };
    applied(&current.plan).any(|object| {
        resources::is_kept(object) && ObjectRef::of(object).is_some_and(|found| found.same_object(reference))
    })
}

/// The objects that a plan applied and owns.
pub(super) fn applied(plan: &Plan) -> impl Iterator<Item = &Value> {
    plan.steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Apply { objects, policy } if !matches!(policy, Policy::Crd | Policy::Record) => {
                Some(objects)
            }
            _ => None,
        })
        .flatten()
}
