//! Rollback, adopt and test: what works on revisions that are stored already.

use osc_plugin_api::documents::plan::Plan;
use osc_plugin_api::{Error, Result};
use serde_json::Value;

use super::history::History;
use super::revision::{Revision, applied, fill, stored_version};
use super::steps::{self, ReadyHook};
use super::{Context, MANAGER};
use crate::chart::{Chart, Metadata};
use crate::manifest::{Event, Hook, split};
use crate::release::{NewRecord, Record, State};
use crate::resources::{self, Scopes};
use crate::{package, yaml};

/// Applies a stored revision's objects again; nothing is rendered.
pub(super) fn roll_back(context: &Context<'_>) -> Result<Plan> {
    let target = context.request.target.as_ref();
    let target =
        target.ok_or_else(|| Error::invalid_document("a rollback needs the revision to go back to"))?;
    let history = History::read(context)?;
    let version = history.next_version(context.request.revision);
    let objects: Vec<Value> = applied(&target.plan).cloned().collect();
    let mut plan = Plan::new(MANAGER);
    plan.warnings = history.warnings_of_ending();
    plan.notes = target.notes.clone();
    let first_deployed = history.deployed().and_then(Record::first_deployed);
    let number = stored_version(&target.plan).unwrap_or(target.number);
    let (record, hooks) = match history.find(number) {
        Some(record) => (record.rolled_back(version, first_deployed, context.now), record.hooks()),
        None => {
            plan.warnings.push(format!(
                "the cluster has no record of revision {}: its rollback hooks do not run",
                target.number
            ));
            let metadata = Metadata {
                name: context.request.instance.service.rsplit('/').next().unwrap_or_default().to_owned(),
                version: target.version.clone(),
                api_version: "v2".to_owned(),
                ..Metadata::default()
            };
            let record = Record::new(NewRecord {
                name: context.release(),
                namespace: context.namespace(),
                version,
                chart: &Chart { metadata, values: Value::Object(Default::default()), ..Chart::default() },
                config: &target.values,
                manifest: objects.iter().map(|object| format!("---\n{}", yaml::to_yaml(object))).collect(),
                hooks: &[],
                notes: target.notes.as_deref().unwrap_or_default(),
                first_deployed: first_deployed.map(str::to_owned),
                now: context.now,
            });
            (record, Vec::new())
        }
    };
    let mut scopes = Scopes::default();
    let hooks = known_hooks(context, hooks, &mut scopes)?;
    let revision = Revision {
        record,
        objects,
        crds: Vec::new(),
        hooks,
        pending: State::PendingRollback,
        before: Event::PreRollback,
        after: Event::PostRollback,
    };
    fill(context, &history, &revision, &mut plan)?;
    Ok(plan)
}

/// Hooks of a record, with their objects where they belong.
pub(super) fn known_hooks(
    context: &Context<'_>,
    hooks: Vec<Hook>,
    scopes: &mut Scopes,
) -> Result<Vec<ReadyHook>> {
    let read = steps::read_hooks(hooks.clone(), scopes, context.namespace())?;
    scopes.complete(context.host, read.iter().flat_map(|hook| &hook.objects));
    steps::read_hooks(hooks, scopes, context.namespace())
}

/// Takes over the objects of a release that is there, as they were applied last, with the user's values.
pub(super) fn adopt(context: &Context<'_>) -> Result<Plan> {
    let (release, name) = (context.release(), &context.request.instance.name);
    if release != name {
        // Its later revisions are found by the instance's name, by real helm too.
        let message =
            format!("release `{release}` keeps its name: call the instance `{release}`, not `{name}`");
        return Err(Error::new("invalid-name", message));
    }
    let history = History::read(context)?;
    let record = history.deployed().ok_or_else(|| {
        Error::new(
            "not-found",
            format!("there is no release `{}` in namespace `{}`", context.release(), context.namespace()),
        )
    })?;
    if record.manifest().is_empty() {
        return Err(Error::new(
            "not-supported",
            format!("the record of release `{}` holds no manifest, so nothing can be adopted", record.name()),
        ));
    }
    let mut objects = Vec::new();
    for document in split(record.manifest()) {
        let path = document.lines().find_map(|line| line.strip_prefix("# Source: ")).unwrap_or("manifest");
        objects.extend(resources::parse(document, path)?);
    }
    let mut scopes = Scopes::default();
    scopes.learn(&objects);
    scopes.complete(context.host, &objects);
    for object in &mut objects {
        scopes.place(object, context.namespace());
        resources::mark_owned(object, context.release(), context.namespace());
    }
    let mut plan = Plan::new(MANAGER);
    plan.warnings = history.warnings_of_ending();
    plan.notes = Some(record.notes().to_owned()).filter(|notes| !notes.is_empty());
    plan.values = Some(record.config());
    let objects = resources::without_duplicates(objects, &mut plan.warnings);
    plan.steps = steps::apply(objects, context.timeout())?;
    // What nobody will finish is over; if nothing was deployed before, that is what the objects just applied make it.
    let mut adopted = record.clone();
    if record.state().is_pending() {
        adopted = record.with_state(State::Deployed, context.description());
    } else if let Some(abandoned) = history.abandoned() {
        let name = format!("record revision {} as abandoned", abandoned.version());
        plan.steps.push(steps::record(name, &[abandoned], context.now));
    }
    // The last record of a plan tells a later rollback which version this revision is.
    let name = format!("record revision {} as adopted", adopted.version());
    plan.steps.push(steps::record(name, &[adopted], context.now));
    Ok(plan)
}

/// Runs the test hooks of the revision in force.
pub(super) fn test(context: &Context<'_>) -> Result<Plan> {
    let history = History::read(context)?;
    history.check_idle()?;
    let hooks = match history.deployed() {
        Some(record) => record.hooks(),
        None => package::render(context, context.request.revision.max(1), true)?.hooks,
    };
    let hooks = known_hooks(context, hooks, &mut Scopes::default())?;
    let mut plan = Plan::new(MANAGER);
    plan.warnings = history.warnings.clone();
    plan.steps = steps::hooks(&hooks, Event::Test, context.timeout());
    if plan.steps.is_empty() {
        return Err(Error::not_supported(format!("release `{}` has no tests", context.release())));
    }
    if let Some(record) = history.deployed() {
        let tested = record.with_hooks_run(&[Event::Test], context.now);
        plan.steps.push(steps::record("record the tests", &[tested], context.now));
    }
    Ok(plan)
}
