//! `metadata.managedFields`: what updates and applies do to it.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::check::has_keys;
use super::fields::Set;
use super::merge::{Comparison, compare};
use crate::schema::Node;
use crate::schema::typed::format_seconds;
use crate::value::Get;

/// More update managers than this are merged into one.
const MOST_UPDATERS: usize = 10;

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
    pub(super) fn apply(&self, set: Set) -> Set {
        match self {
            Filter::Without(other) if other.is_empty() => set,
            Filter::Without(other) => set.without_below(other),
            Filter::Only(other) => set.only_below(other),
        }
    }

    /// Changes without those that a request cannot make.
    pub(super) fn apply_to(&self, all: Comparison) -> Comparison {
        Comparison {
            added: self.apply(all.added),
            modified: self.apply(all.modified),
            removed: self.apply(all.removed),
        }
    }
}

/// What one manager owns.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) manager: String,
    pub(super) applied: bool,
    pub(super) api_version: String,
    pub(super) subresource: String,
    pub(super) time: Option<String>,
    pub(super) set: Set,
}

impl Entry {
    fn is(&self, writer: &Writer<'_>, applied: bool) -> bool {
        self.manager == writer.manager
            && self.applied == applied
            && self.subresource == writer.subresource
            && (applied || self.api_version == writer.api_version)
    }
}

/// The entries of all managers.
#[derive(Debug, Clone, Default)]
pub(super) struct Managed(pub(super) Vec<Entry>);

/// What nobody owns by an apply.
pub(super) fn strip_set() -> &'static Set {
    static STRIPPED: LazyLock<Set> = LazyLock::new(|| {
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
    });
    &STRIPPED
}

pub(super) fn now() -> String {
    format_seconds(Timestamp::now())
}

impl Managed {
    pub(super) fn decode(list: Option<&Value>) -> Option<Self> {
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

    pub(super) fn encode(mut self, object: &mut Value) {
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

    pub(super) fn find(&mut self, writer: &Writer<'_>, applied: bool) -> Option<usize> {
        self.0.iter().position(|e| e.is(writer, applied))
    }

    pub(super) fn drop_empty(&mut self) {
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

pub(super) fn take_managed(object: &mut Value) -> Option<Value> {
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

pub(super) fn track_update(
    node: &Node,
    old: &Value,
    new: &Value,
    managed: &mut Managed,
    writer: &Writer<'_>,
    filter: &Filter,
) {
    let changes = filter.apply_to(compare(node, old, new));
    let touched = changes.modified.merged(changes.added);
    if touched.is_empty() && changes.removed.is_empty() {
        return;
    }
    for entry in &mut managed.0 {
        entry.set = entry.set.difference(&touched).difference(&changes.removed);
    }
    let won = touched.difference(strip_set());
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
    same_but(a, b, "metadata", |a, b| same_but(a, b, "managedFields", same_entries))
}

/// True if two maps are the same, where one key is compared by its own rule.
fn same_but(a: &Value, b: &Value, key: &str, rule: impl Fn(&Value, &Value) -> bool) -> bool {
    let (Some(x), Some(y)) = (a.as_object(), b.as_object()) else { return a == b };
    let rest = |map: &'_ Map<String, Value>| map.len() - usize::from(map.contains_key(key));
    rest(x) == rest(y)
        && x.iter().all(|(k, value)| k == key || y.get(k) == Some(value))
        && rule(x.get(key).unwrap_or(&Value::Null), y.get(key).unwrap_or(&Value::Null))
}

/// True if two lists have the same entries but for their times, by which they are sorted.
fn same_entries(a: &Value, b: &Value) -> bool {
    let (a, b) = (a.items(&[]), b.items(&[]));
    let same = |a: &Value, b: &Value| same_but(a, b, "time", |_, _| true);
    a.len() == b.len() && a.iter().all(|entry| b.iter().any(|other| same(entry, other)))
}
