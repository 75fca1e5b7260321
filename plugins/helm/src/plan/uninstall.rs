//! Uninstalling: hooks, objects in the reverse order, then the records; data stays unless it was asked for.

use osc_plugin_api::Result;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Kept, Plan, Policy};
use osc_plugin_api::objects::name;
use serde_json::Value;

use super::history::History;
use super::{Context, MANAGER, revision, steps, stored};
use crate::manifest::{Event, split};
use crate::release::{Record, State};
use crate::resources::{self, Scopes};

pub(super) fn uninstall(context: &Context<'_>) -> Result<Plan> {
    let history = History::read(context)?;
    let timeout = context.timeout();
    let mut plan = Plan::new(MANAGER);
    plan.warnings = history.warnings_of_ending();
    let record = history.last();
    let hooks = match record {
        Some(record) if !context.request.options.no_hooks => record.hooks(),
        Some(_) => Vec::new(),
        None => {
            plan.warnings.push(format!(
                "the cluster has no record of release `{}`: its delete hooks do not run",
                context.release()
            ));
            Vec::new()
        }
    };
    let hooks = stored::known_hooks(context, hooks, &mut Scopes::default())?;
    if let Some(record) = record {
        let leaving = record.deleted_at(context.now).with_state(State::Uninstalling, context.description());
        plan.steps.push(steps::record("record the release as uninstalling", &[leaving], context.now));
        let failed =
            record.with_state(State::Failed, format!("{} failed to uninstall", context.description()));
        plan.on_failure = vec![steps::record("record the release as failed", &[failed], context.now)];
    }
    plan.steps.extend(steps::hooks(&hooks, Event::PreDelete, timeout));
    let mut refs = held(context, record)?;
    plan.keep = revision::kept(context, &refs)?;
    refs.retain(|reference| !plan.keep.iter().any(|kept| kept.object == *reference));
    let mut claims = claims_of(context, &refs)?;
    if !context.request.options.purge_data {
        plan.keep.extend(claims.drain(..).map(|object| Kept { object, reason: "volume".to_owned() }));
    }
    plan.keep.extend(definitions(context));
    plan.steps.extend(steps::delete(refs, timeout));
    if !claims.is_empty() {
        let name = format!("delete {} of claim templates", steps::counted(claims.len(), "volume"));
        plan.steps.push(steps::delete_step(name, claims, timeout));
    }
    plan.steps.extend(steps::hooks(&hooks, Event::PostDelete, timeout));
    let records: Vec<ObjectRef> =
        history.records.iter().map(|record| steps::record_ref(context.namespace(), record)).collect();
    if !records.is_empty() {
        plan.steps.push(steps::delete_step("delete the release's records".to_owned(), records, timeout));
    }
    Ok(plan)
}

/// Definitions outlive the release: others may have objects of their kinds.
fn definitions(context: &Context<'_>) -> impl Iterator<Item = Kept> {
    let held = context.request.inventory.iter().filter(|held| held.policy == Policy::Crd);
    held.map(|held| Kept { object: held.object.clone(), reason: "definition".to_owned() })
}

/// What the release holds: the inventory, or what its record says where there is none.
fn held(context: &Context<'_>, record: Option<&Record>) -> Result<Vec<ObjectRef>> {
    if !context.request.inventory.is_empty() {
        let held = context.request.inventory.iter();
        let held = held.filter(|held| !matches!(held.policy, Policy::Crd | Policy::Record));
        return Ok(held.map(|held| held.object.clone()).collect());
    }
    let mut objects = Vec::new();
    for document in record.map(|record| split(record.manifest())).unwrap_or_default() {
        objects.extend(resources::parse(document, "manifest")?);
    }
    let mut scopes = Scopes::default();
    scopes.learn(&objects);
    scopes.complete(context.host, &objects);
    for object in &mut objects {
        scopes.place(object, context.namespace());
    }
    let mut refs = objects.iter().map(resources::reference).collect::<Result<Vec<_>>>()?;
    // Without an inventory only the marks tell whose an object is. What cannot be read here is for the executor to check.
    let live = resources::live(context.host, &refs, context.namespace())?;
    let mut live = live.into_iter();
    refs.retain(|reference| {
        let live = live.next().flatten();
        !resources::in_reach(reference, context.namespace())
            || live.is_some_and(|live| {
                resources::foreign(&live, context.release(), context.namespace()).is_none()
            })
    });
    Ok(refs)
}

/// Volumes that StatefulSets made of their claim templates: `TEMPLATE-SET-NUMBER`.
fn claims_of(context: &Context<'_>, refs: &[ObjectRef]) -> Result<Vec<ObjectRef>> {
    let sets: Vec<ObjectRef> =
        refs.iter().filter(|reference| reference.kind == "StatefulSet").cloned().collect();
    let prefixes: Vec<String> = resources::live(context.host, &sets, context.namespace())?
        .iter()
        .flatten()
        .flat_map(|set| {
            let templates = set.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
            let set = name(set).unwrap_or_default();
            let names = templates.into_iter().flatten().filter_map(name);
            names.map(|template| format!("{template}-{set}-")).collect::<Vec<_>>()
        })
        .collect();
    if prefixes.is_empty() {
        return Ok(Vec::new());
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let claims = context.host.list("v1", "PersistentVolumeClaim", Some(context.namespace()), None)?;
    let made = claims.iter().filter(|claim| {
        let name = name(claim).unwrap_or_default();
        prefixes.iter().any(|prefix| name.strip_prefix(prefix.as_str()).is_some_and(is_number))
    });
    made.map(resources::reference).collect()
}
