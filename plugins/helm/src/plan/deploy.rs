//! Install, update, upgrade, rollback, adopt and test: everything that brings objects into the cluster.

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Kept, Plan, Policy, Propagation, Step};
use osc_plugin_api::documents::plan_request::Verb;
use osc_plugin_api::{Error, Result};
use serde_json::Value;

use super::history::History;
use super::steps::{self, ReadyHook};
use super::{Context, MANAGER};
use crate::chart::{Chart, Metadata};
use crate::manifest::{Event, Hook, Manifest, split};
use crate::release::{NewRecord, Record, State};
use crate::resources::{self, Scopes};
use crate::template::{self, Output};
use crate::{package, yaml};

/// A revision on its way into the cluster.
struct Revision {
    record: Record,
    objects: Vec<Value>,
    crds: Vec<Value>,
    hooks: Vec<ReadyHook>,
    pending: State,
    before: Event,
    after: Event,
}

/// Install, update and upgrade: renders the package at hand.
pub(super) fn deploy(context: &Context<'_>) -> Result<Plan> {
    let is_install = context.request.verb == Verb::Install;
    let history = History::read(context)?;
    history.check_idle()?;
    if is_install {
        check_free(&history)?;
    }
    let version = history.next_version(context.request.revision);
    let rendered = package::render(context, version, !is_install)?;
    let mut plan = Plan::new(MANAGER);
    plan.warnings = history.warnings.clone();
    plan.warnings.extend(rendered.warnings.iter().cloned());
    plan.notes = rendered.notes.clone().filter(|notes| !notes.is_empty());
    let revision = revision(context, &history, rendered, version, &mut plan.warnings)?;
    check_conflicts(context, &revision.objects)?;
    fill(context, &history, &revision, &mut plan)?;
    Ok(plan)
}

fn check_free(history: &History) -> Result<()> {
    match history.last() {
        Some(last) if matches!(last.state(), State::Deployed | State::Superseded | State::Uninstalling) => {
            Err(Error::new(
                "already-exists",
                format!(
                    "release `{}` is in namespace `{}` already ({}): adopt it or choose another name",
                    last.name(),
                    last.namespace(),
                    last.state().name()
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// The objects, hooks and record of what was rendered.
fn revision(
    context: &Context<'_>,
    history: &History,
    rendered: Output,
    version: u32,
    warnings: &mut Vec<String>,
) -> Result<Revision> {
    let is_install = context.request.verb == Verb::Install;
    let mut crds = Vec::new();
    for (path, text) in &rendered.crds {
        for document in split(text) {
            crds.extend(resources::parse(document, path)?);
        }
    }
    let documents = rendered
        .manifests
        .iter()
        .map(|manifest| resources::parse(&manifest.content, &manifest.path))
        .collect::<Result<Vec<_>>>()?;
    let mut scopes = Scopes::default();
    scopes.learn(crds.iter().chain(documents.iter().flatten()));
    let hooks = rendered.hooks.clone();
    let hook_objects = steps::read_hooks(hooks, &Scopes::default(), context.namespace())?;
    let all = documents.iter().flatten().chain(hook_objects.iter().flat_map(|hook| &hook.objects));
    scopes.complete(context.host, all);
    let (documents, manifest) = transform_documents(context, &rendered.manifests, documents, &scopes)?;
    let hooks = transform_hooks(context, rendered.hooks, &scopes)?;
    let mut objects = resources::without_duplicates(documents, warnings);
    for object in &mut objects {
        resources::mark_owned(object, context.release(), context.namespace());
    }
    let plain: Vec<Hook> = hooks.iter().map(|ready| ready.hook.clone()).collect();
    let record = Record::new(NewRecord {
        name: context.release(),
        namespace: context.namespace(),
        version,
        chart: &rendered.chart,
        config: &context.request.values,
        manifest,
        hooks: &plain,
        notes: rendered.notes.as_deref().unwrap_or_default(),
        first_deployed: history.deployed().and_then(Record::first_deployed).map(str::to_owned),
        now: context.now,
    });
    let (pending, before, after) = if is_install {
        (State::PendingInstall, Event::PreInstall, Event::PostInstall)
    } else {
        (State::PendingUpgrade, Event::PreUpgrade, Event::PostUpgrade)
    };
    Ok(Revision { record, objects, crds, hooks, pending, before, after })
}

/// Places and transforms objects; the text for the record follows what the server changed.
fn transform_documents(
    context: &Context<'_>,
    manifests: &[Manifest],
    documents: Vec<Vec<Value>>,
    scopes: &Scopes,
) -> Result<(Vec<Value>, String)> {
    let counts: Vec<usize> = documents.iter().map(Vec::len).collect();
    let mut placed: Vec<Value> = documents.into_iter().flatten().collect();
    for object in &mut placed {
        scopes.place(object, context.namespace());
    }
    let changed = context.transformed(placed.clone())?;
    let mut text = String::new();
    let mut from = 0;
    for (manifest, count) in manifests.iter().zip(counts) {
        let range = from..from + count;
        from += count;
        let content = if changed[range.clone()] == placed[range.clone()] {
            manifest.content.clone()
        } else {
            document_text(&changed[range])
        };
        text.push_str(&template::source_block(&manifest.path, &content));
    }
    Ok((changed, text))
}

/// Like `transform_documents`, for hooks.
fn transform_hooks(context: &Context<'_>, hooks: Vec<Hook>, scopes: &Scopes) -> Result<Vec<ReadyHook>> {
    let mut ready = steps::read_hooks(hooks, scopes, context.namespace())?;
    let placed: Vec<Value> = ready.iter().flat_map(|hook| hook.objects.iter().cloned()).collect();
    let mut changed = context.transformed(placed)?.into_iter();
    for hook in &mut ready {
        let objects: Vec<Value> = changed.by_ref().take(hook.objects.len()).collect();
        if objects != hook.objects {
            hook.hook.content = document_text(&objects);
            hook.objects = objects;
        }
    }
    Ok(ready)
}

fn document_text(objects: &[Value]) -> String {
    objects.iter().map(yaml::to_yaml).collect::<Vec<_>>().join("---\n")
}

/// Refuses to take over objects of somebody else.
fn check_conflicts(context: &Context<'_>, objects: &[Value]) -> Result<()> {
    let mine = |reference: &ObjectRef| {
        context.request.inventory.iter().any(|held| held.object.same_object(reference))
    };
    let mut refs = objects.iter().map(resources::reference).collect::<Result<Vec<_>>>()?;
    refs.retain(|reference| !mine(reference));
    let live = resources::live(context.host, &refs, context.namespace())?;
    let foreign: Vec<String> = refs
        .iter()
        .zip(live)
        .filter_map(|(reference, live)| {
            let reason = resources::foreign(&live?, context.release(), context.namespace())?;
            Some(format!("{reference} ({reason})"))
        })
        .collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Error::new(
        "conflict",
        format!("objects are in the cluster already and belong to somebody else: {}", foreign.join(", ")),
    )
    .with("objects", foreign))
}

/// Puts the steps of a revision into a plan.
fn fill(context: &Context<'_>, history: &History, revision: &Revision, plan: &mut Plan) -> Result<()> {
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
fn applied(plan: &Plan) -> impl Iterator<Item = &Value> {
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

/// Applies a stored revision's objects again; nothing is rendered.
pub(super) fn roll_back(context: &Context<'_>) -> Result<Plan> {
    let target = context.request.target.as_ref();
    let target =
        target.ok_or_else(|| Error::invalid_document("a rollback needs the revision to go back to"))?;
    let history = History::read(context)?;
    history.check_idle()?;
    let version = history.next_version(context.request.revision);
    let objects: Vec<Value> = applied(&target.plan).cloned().collect();
    let mut plan = Plan::new(MANAGER);
    plan.warnings = history.warnings.clone();
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

/// The release's version that a stored plan wrote; an adopted release counts on from where it was.
fn stored_version(plan: &Plan) -> Option<u32> {
    let records = plan.steps.iter().rev().find_map(|step| match &step.action {
        Action::Apply { objects, policy: Policy::Record } => Some(objects),
        _ => None,
    })?;
    let names = records.iter().filter_map(osc_plugin_api::objects::name);
    names.filter_map(|name| name.rsplit_once(".v")?.1.parse().ok()).max()
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
    history.check_idle()?;
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
    plan.warnings = history.warnings.clone();
    plan.notes = Some(record.notes().to_owned()).filter(|notes| !notes.is_empty());
    plan.values = Some(record.config());
    let objects = resources::without_duplicates(objects, &mut plan.warnings);
    plan.steps = steps::apply(objects, context.timeout())?;
    // Unchanged: it tells a later rollback which version this revision is.
    let name = format!("record revision {} as adopted", record.version());
    plan.steps.push(steps::record(name, std::slice::from_ref(record), context.now));
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
