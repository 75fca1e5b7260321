//! `metadata.managedFields`: what updates and applies do to it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::fields::{Set, path_text};
use super::merge::{Comparison, compare, field_set, has_keys, merge, remove_items, validate};
use crate::schema::Node;
use crate::schema::typed::format_seconds;
use crate::status::{Cause, Status};
use crate::value::Get;

/// More update managers than this are merged into one.
const MOST_UPDATERS: usize = 10;
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who writes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer<'a> {
    /// Name of the manager.
    pub manager: &'a str,
    /// API version of the request.
    pub api_version: &'a str,
    /// Subresource, empty for the object itself.
    pub subresource: &'a str,
}

/// Which fields a request cannot change; nobody becomes their owner.
#[derive(Debug, Clone)]
pub enum Filter {
    /// All but these and what lies below.
    Without(Set),
    /// Only these and what lies below.
    Only(Set),
}

impl Filter {
    fn apply(&self, set: &Set) -> Set {
        match self {
            Filter::Without(other) => set.without_below(other),
            Filter::Only(other) => set.only_below(other),
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    manager: String,
    applied: bool,
    api_version: String,
    subresource: String,
    time: Option<String>,
    set: Set,
}

impl Entry {
    fn is(&self, writer: &Writer<'_>, applied: bool) -> bool {
        self.manager == writer.manager
            && self.applied == applied
            && self.subresource == writer.subresource
            && (applied || self.api_version == writer.api_version)
    }
}

#[derive(Debug, Clone, Default)]
struct Managed(Vec<Entry>);

fn strip_set() -> Set {
    Set::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

fn now() -> String {
    format_seconds(Timestamp::now())
}

impl Managed {
    fn decode(list: Option<&Value>) -> Option<Self> {
        let mut entries = Vec::new();
        for item in list.and_then(Value::as_array).into_iter().flatten() {
            let operation = item.text(&["operation"]);
            if !matches!(operation, "Apply" | "Update") {
                return None;
            }
            entries.push(Entry {
                manager: item.text(&["manager"]).into(),
                applied: operation == "Apply",
                api_version: item.text(&["apiVersion"]).into(),
                subresource: item.text(&["subresource"]).into(),
                time: item.get("time").and_then(Value::as_str).map(Into::into),
                set: match item.get("fieldsV1") {
                    Some(fields) => Set::from_value(fields)?,
                    None => Set::default(),
                },
            });
        }
        Some(Managed(entries))
    }

    fn encode(mut self, object: &mut Value) {
        self.0.sort_by(|a, b| {
            let key = |e: &Entry| (!e.applied, e.time.clone(), e.manager.clone(), e.api_version.clone());
            key(a).cmp(&key(b)).then_with(|| a.subresource.cmp(&b.subresource))
        });
        let list: Vec<Value> = self.0.iter().map(Entry::encode).collect();
        let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if list.is_empty() {
            meta.remove("managedFields");
        } else {
            meta.insert("managedFields".into(), list.into());
        }
    }

    fn find(&mut self, writer: &Writer<'_>, applied: bool) -> Option<usize> {
        self.0.iter().position(|e| e.is(writer, applied))
    }

    fn drop_empty(&mut self) {
        self.0.retain(|e| !e.set.is_empty());
    }

    fn cap(&mut self) {
        let mut updaters: Vec<usize> = (0..self.0.len()).filter(|i| !self.0[*i].applied).collect();
        let surplus = updaters.len().saturating_sub(MOST_UPDATERS);
        if surplus == 0 {
            return;
        }
        updaters.sort_by(|a, b| {
            let key = |i: usize| (self.0[i].time.clone(), self.0[i].manager.clone());
            key(*a).cmp(&key(*b))
        });
        // The oldest ones of one version go into one bucket, which itself counts.
        let first = updaters[0];
        let version = self.0[first].api_version.clone();
        let old: Vec<usize> =
            updaters.into_iter().filter(|i| self.0[*i].api_version == version).take(surplus + 1).collect();
        let mut bucket = Entry {
            manager: "ancient-changes".into(),
            applied: false,
            api_version: version,
            subresource: String::new(),
            time: None,
            set: Set::default(),
        };
        for i in &old {
            bucket.set = bucket.set.union(&self.0[*i].set);
            bucket.time = self.0[*i].time.clone();
        }
        let mut index = 0;
        self.0.retain(|_| {
            index += 1;
            !old.contains(&(index - 1))
        });
        self.0.push(bucket);
    }
}

impl Entry {
    fn encode(&self) -> Value {
        let mut out = Map::new();
        out.insert("manager".into(), self.manager.clone().into());
        out.insert("operation".into(), if self.applied { "Apply" } else { "Update" }.into());
        out.insert("apiVersion".into(), self.api_version.clone().into());
        if let Some(time) = &self.time {
            out.insert("time".into(), time.clone().into());
        }
        out.insert("fieldsType".into(), "FieldsV1".into());
        out.insert("fieldsV1".into(), self.set.to_value());
        if !self.subresource.is_empty() {
            out.insert("subresource".into(), self.subresource.clone().into());
        }
        Value::Object(out)
    }
}

fn take_managed(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

/// What a request says about `managedFields`, before decoding drops empty lists.
#[derive(Debug, Clone, PartialEq)]
pub enum Claim {
    /// Nothing: the live list stays the base.
    None,
    /// An empty list: forget everything.
    Reset,
    /// This list is the new base.
    List(Value),
}

impl Claim {
    /// Reads it from a request's object.
    pub fn of(object: &Value) -> Self {
        match object.at(&["metadata", "managedFields"]) {
            Some(Value::Array(list)) if list.is_empty() => Claim::Reset,
            Some(Value::Array(list)) if list.len() == 1 && is_blank(&list[0]) => Claim::Reset,
            Some(list @ Value::Array(_)) => Claim::List(list.clone()),
            _ => Claim::None,
        }
    }
}

fn is_blank(entry: &Value) -> bool {
    entry.as_object().is_some_and(|m| m.values().all(|v| v.is_null() || v == ""))
}

/// Tracks an update (or a create, where `live` is the empty object without uid) and writes `managedFields` into `new`.
pub fn update(
    node: &Node,
    live: &Value,
    new: &mut Value,
    claim: &Claim,
    writer: &Writer<'_>,
    filter: &Filter,
) {
    let live_list = || Managed::decode(live.at(&["metadata", "managedFields"])).unwrap_or_default();
    let mut managed = match claim {
        _ if !writer.subresource.is_empty() => live_list(),
        Claim::Reset => Managed::default(),
        Claim::None => live_list(),
        Claim::List(list) => match Managed::decode(Some(list)) {
            Some(managed) if !managed.0.is_empty() => managed,
            _ => live_list(),
        },
    };
    take_managed(new);
    // Objects that nobody tracks stay untracked until the first apply.
    if managed.0.is_empty() && !live.text(&["metadata", "uid"]).is_empty() {
        return;
    }
    // Nobody can own items that cannot be told apart.
    if !has_keys(node, new) {
        return;
    }
    let mut old = live.clone();
    take_managed(&mut old);
    track_update(node, &old, new, &mut managed, writer, filter);
    managed.cap();
    managed.encode(new);
}

fn track_update(
    node: &Node,
    old: &Value,
    new: &Value,
    managed: &mut Managed,
    writer: &Writer<'_>,
    filter: &Filter,
) {
    let all = compare(node, old, new);
    let changes = Comparison {
        added: filter.apply(&all.added),
        modified: filter.apply(&all.modified),
        removed: filter.apply(&all.removed),
    };
    let lost = changes.modified.union(&changes.added).union(&changes.removed);
    if lost.is_empty() {
        return;
    }
    for entry in &mut managed.0 {
        entry.set = entry.set.difference(&lost);
    }
    let won = filter.apply(&changes.modified.union(&changes.added)).difference(&strip_set());
    if !won.is_empty() {
        match managed.find(writer, false) {
            Some(i) => {
                managed.0[i].set = managed.0[i].set.union(&won);
                managed.0[i].time = Some(now());
            }
            None => managed.0.push(Entry {
                manager: writer.manager.into(),
                applied: false,
                api_version: writer.api_version.into(),
                subresource: writer.subresource.into(),
                time: Some(now()),
                set: won,
            }),
        }
    }
    managed.drop_empty();
}

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
    let set = filter.apply(&field_set(node, config));
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
    let all = compare(node, old, &merged);
    let changes = Comparison {
        added: filter.apply(&all.added),
        modified: filter.apply(&all.modified),
        removed: filter.apply(&all.removed),
    };
    let touched = changes.modified.union(&changes.added);
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
    let stripped = managed.0[index].set.difference(&strip_set());
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

/// Takes a field away from all its owners.
pub fn disown(object: &mut Value, path: &[String]) {
    let Some(mut managed) = Managed::decode(object.at(&["metadata", "managedFields"])) else { return };
    let steps: Vec<&str> = path.iter().map(String::as_str).collect();
    let lost = Set::of_fields(&[&steps]);
    for entry in &mut managed.0 {
        entry.set = entry.set.difference(&lost);
    }
    managed.drop_empty();
    managed.encode(object);
}

/// True if two objects differ in nothing but the times of `managedFields`.
pub fn same_but_times(a: &Value, b: &Value) -> bool {
    let split = |value: &Value| {
        let mut value = value.clone();
        let mut list = take_managed(&mut value).unwrap_or(Value::Null);
        for entry in list.as_array_mut().into_iter().flatten() {
            if let Some(map) = entry.as_object_mut() {
                map.remove("time");
            }
        }
        // Entries are sorted by time.
        if let Some(items) = list.as_array_mut() {
            items.sort_by_key(Value::to_string);
        }
        (value, list)
    };
    split(a) == split(b)
}
