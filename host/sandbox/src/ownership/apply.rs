//! Server-side apply: what a configuration does to a live object and to the owners of its fields.

use serde_json::{Value, json};

use super::check::validate;
use super::fields::{Set, path_text};
use super::managed::{Claim, Entry, Filter, Managed, Writer, now, strip_set, take_managed, track_update};
use super::merge::{compare, field_set, merge, remove_items};
use crate::schema::Node;
use crate::status::{Cause, Status};
use crate::value::Get;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What an apply gives.
pub enum Applied {
    /// The merged object, with new `managedFields`.
    Changed(Value),
    /// The live object with (perhaps) other `managedFields`.
    Same(Value),
}

/// Applies a configuration to the live object (the empty object if there is none).
pub fn apply(
    node: &Node,
    live: &Value,
    config: &Value,
    writer: &Writer<'_>,
    filter: &Filter,
    force: bool,
) -> Result<Applied, Status> {
    let meta = |key: &str| config.text(&["metadata", key]).to_string();
    let (group_version, kind) = (config.text(&["apiVersion"]), config.text(&["kind"]));
    if !matches!(Claim::of(config), Claim::None) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    validate(node, config).map_err(|error| {
        let gv = if group_version.contains('/') { group_version.into() } else { format!("/{group_version}") };
        Status::unclassified(format!(
            "failed to create typed patch object ({}/{}; {gv}, Kind={kind}): {error}",
            meta("namespace"),
            meta("name")
        ))
    })?;
    let Some(mut managed) = Managed::decode(live.at(&["metadata", "managedFields"])) else {
        return Err(Status::unclassified("failed to decode managed fields"));
    };
    let mut old = live.clone();
    take_managed(&mut old);
    if managed.0.is_empty() && !live.text(&["metadata", "uid"]).is_empty() {
        let before = Writer { manager: "before-first-apply", ..writer.clone() };
        let empty = json!({"apiVersion": live["apiVersion"], "kind": live["kind"]});
        track_update(node, &empty, &old, &mut managed, &before, filter);
    }
    let first = try_apply(node, &old, config, &managed, writer, filter, force);
    let (mut merged, managed) = match first {
        Err(conflicts) if writer.manager == "kubectl" && !force => {
            let allowed = last_applied_set(node, &old, writer.api_version);
            let rest: Vec<Conflict> = conflicts
                .into_iter()
                .filter_map(|c| {
                    let set = c.set.difference(&allowed);
                    (!set.is_empty()).then_some(Conflict { set, ..c })
                })
                .collect();
            if !rest.is_empty() {
                return Err(conflict_status(&rest));
            }
            try_apply(node, &old, config, &managed, writer, filter, true).map_err(|c| conflict_status(&c))?
        }
        Err(conflicts) => return Err(conflict_status(&conflicts)),
        Ok(done) => done,
    };
    if writer.manager == "kubectl" && !merged.text(&["metadata", "annotations", LAST_APPLIED]).is_empty() {
        set_last_applied(&mut merged, config);
    }
    let same = merged == old;
    managed.encode(&mut merged);
    Ok(if same { Applied::Same(merged) } else { Applied::Changed(merged) })
}

struct Conflict {
    manager: String,
    applied: bool,
    api_version: String,
    subresource: String,
    set: Set,
}

fn try_apply(
    node: &Node,
    old: &Value,
    config: &Value,
    managed: &Managed,
    writer: &Writer<'_>,
    filter: &Filter,
    force: bool,
) -> Result<(Value, Managed), Vec<Conflict>> {
    let mut managed = managed.clone();
    let mut merged = merge(node, old, config);
    let set = filter.apply(field_set(node, config));
    let mine = managed.find(writer, true);
    let last = mine.map(|i| managed.0[i].set.clone()).unwrap_or_default();
    let old_time = mine.and_then(|i| managed.0[i].time.clone());
    let entry = Entry {
        manager: writer.manager.into(),
        applied: true,
        api_version: writer.api_version.into(),
        subresource: writer.subresource.into(),
        time: old_time,
        set,
    };
    let index = match mine {
        Some(i) => {
            managed.0[i] = entry;
            i
        }
        None => {
            managed.0.push(entry);
            managed.0.len() - 1
        }
    };
    if !last.is_empty() {
        merged = prune(node, &merged, &last, &managed);
    }
    let changes = filter.apply_to(compare(node, old, &merged));
    let touched = changes.modified.merged(changes.added);
    let mut conflicts = Vec::new();
    for (i, entry) in managed.0.iter_mut().enumerate() {
        if i == index {
            continue;
        }
        let set = entry.set.intersection(&touched);
        if !set.is_empty() {
            conflicts.push(Conflict {
                manager: entry.manager.clone(),
                applied: entry.applied,
                api_version: entry.api_version.clone(),
                subresource: entry.subresource.clone(),
                set,
            });
        }
        entry.set = entry.set.difference(&touched).difference(&changes.removed);
    }
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    let stripped = managed.0[index].set.difference(strip_set());
    managed.0[index].set = stripped;
    // An apply that changes nothing leaves no time.
    if merged != *old {
        managed.0[index].time = Some(now());
    }
    managed.drop_empty();
    Ok((merged, managed))
}

/// Removes what this manager owned and no longer applies, unless somebody else owns it.
fn prune(node: &Node, merged: &Value, last: &Set, managed: &Managed) -> Value {
    let named = last.with_named_fields(node);
    let mut pruned = remove_items(node, merged, &named);
    let owned = managed.0.iter().fold(Set::default(), |all, e| all.union(&e.set));
    let merged_set = field_set(node, merged).with_named_fields(node);
    let pruned_set = field_set(node, &pruned).with_named_fields(node);
    let gone = merged_set.difference(&pruned_set.union(&owned.with_named_fields(node)));
    pruned = remove_items(node, merged, &gone);
    let pruned_set = field_set(node, &pruned).with_named_fields(node);
    remove_items(node, merged, &merged_set.difference(&pruned_set).intersection(&named))
}

fn conflict_status(conflicts: &[Conflict]) -> Status {
    let mut named: Vec<(String, Vec<String>)> = conflicts
        .iter()
        .map(|c| (manager_text(c), c.set.paths().iter().map(|p| path_text(p)).collect()))
        .collect();
    named.sort();
    let count: usize = named.iter().map(|(_, paths)| paths.len()).sum();
    let causes = named.iter().flat_map(|(manager, paths)| {
        paths
            .iter()
            .map(move |path| Cause::other(path, "FieldManagerConflict", format!("conflict with {manager}")))
    });
    let causes: Vec<Cause> = causes.collect();
    let text = if let [(manager, paths)] = &named[..]
        && let [path] = &paths[..]
    {
        format!("Apply failed with 1 conflict: conflict with {manager}: {path}")
    } else {
        let mut lines = Vec::new();
        for (manager, paths) in &named {
            lines.push(format!("conflicts with {manager}:"));
            lines.extend(paths.iter().map(|path| format!("- {path}")));
        }
        format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
    };
    Status::apply_conflict(text, causes)
}

/// Only Update managers are named with their version and time.
fn manager_text(conflict: &Conflict) -> String {
    let mut text = format!("{:?}", conflict.manager);
    if !conflict.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", conflict.subresource));
    }
    if !conflict.applied {
        text.push_str(&format!(" using {}", conflict.api_version));
    }
    text
}

/// The fields that the last client-side apply set and that nobody changed since.
fn last_applied_set(node: &Node, live: &Value, api_version: &str) -> Set {
    let text = live.text(&["metadata", "annotations", LAST_APPLIED]);
    let Ok(last) = serde_json::from_str::<Value>(text) else { return Set::default() };
    if last.text(&["apiVersion"]) != api_version {
        return Set::default();
    }
    let changes = compare(node, &last, live);
    field_set(node, &last)
        .difference(&changes.modified)
        .difference(&changes.added)
        .difference(&changes.removed)
}

fn set_last_applied(object: &mut Value, config: &Value) {
    let mut config = config.clone();
    crate::value::remove(&mut config, &["metadata", "annotations", LAST_APPLIED]);
    // The encoder of unstructured objects ends its text with a line break.
    let text = format!("{config}\n");
    if text.len() <= 256 * 1024 {
        crate::value::set(object, &["metadata", "annotations", LAST_APPLIED], text);
    }
}
