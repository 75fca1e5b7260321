//! Install, update and upgrade: renders the package at hand.

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::Plan;
use osc_plugin_api::documents::plan_request::Verb;
use osc_plugin_api::{Error, Result};
use serde_json::Value;

use super::history::History;
use super::revision::{Revision, fill};
use super::steps::{self, ReadyHook};
use super::{Context, MANAGER};
use crate::manifest::{Event, Hook, Manifest, split};
use crate::release::{NewRecord, Record, State};
use crate::resources::{self, Scopes};
use crate::template::{self, Output};
use crate::{package, yaml};

/// The plan for the package, with the values of the request.
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
    // Several subcharts may bring the same definition; Helm takes the first.
    crds.reverse();
    let mut crds = resources::without_duplicates(crds, &mut Vec::new());
    crds.reverse();
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
