//! Sets of field paths in the form of `fieldsV1`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use serde_json::{Map, Value};

use crate::schema::{Node, Shape};

/// One step of a path as `fieldsV1` writes it: `f:name`, `k:{"name":"c"}`, `v:"x"`, `i:0`.
pub type Step = Box<str>;

/// A set of paths. A path may be a member, have members below it, or both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Set {
    entries: BTreeMap<Step, Entry>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Entry {
    member: bool,
    below: Set,
}

/// The step of a map key or struct field.
pub fn field(name: &str) -> Step {
    format!("f:{name}").into()
}

impl Set {
    /// A set of one-step and longer paths of fields.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Set::default();
        for path in paths {
            let steps: Vec<Step> = path.iter().map(|name| field(name)).collect();
            set.insert(&steps);
        }
        set
    }

    /// True if no path is a member.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a path.
    pub fn insert(&mut self, path: &[Step]) {
        let Some((first, rest)) = path.split_first() else { return };
        let entry = self.entries.entry(first.clone()).or_default();
        if rest.is_empty() { entry.member = true } else { entry.below.insert(rest) }
    }

    /// True if the path is a member.
    pub fn has(&self, path: &[Step]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        self.entries.get(first).is_some_and(|e| if rest.is_empty() { e.member } else { e.below.has(rest) })
    }

    /// True if this one step is a member.
    pub fn has_step(&self, step: &str) -> bool {
        self.entries.get(step).is_some_and(|e| e.member)
    }

    /// What lies below a step.
    pub fn below(&self, step: &str) -> Option<&Set> {
        self.entries.get(step).map(|e| &e.below).filter(|s| !s.is_empty())
    }

    /// Members of either.
    pub fn union(&self, other: &Set) -> Set {
        let mut out = self.clone();
        for (step, theirs) in &other.entries {
            let ours = out.entries.entry(step.clone()).or_default();
            ours.member |= theirs.member;
            ours.below = ours.below.union(&theirs.below);
        }
        out
    }

    /// Members of either, of which neither is needed any more.
    pub fn merged(mut self, other: Set) -> Set {
        if self.is_empty() {
            return other;
        }
        for (step, theirs) in other.entries {
            match self.entries.entry(step) {
                Slot::Vacant(slot) => {
                    slot.insert(theirs);
                }
                Slot::Occupied(mut slot) => {
                    let ours = slot.get_mut();
                    ours.member |= theirs.member;
                    ours.below = std::mem::take(&mut ours.below).merged(theirs.below);
                }
            }
        }
        self
    }

    /// Members of both.
    pub fn intersection(&self, other: &Set) -> Set {
        self.combine(|step, entry| {
            let theirs = other.entries.get(step)?;
            Some((entry.member && theirs.member, entry.below.intersection(&theirs.below)))
        })
    }

    /// Members that are not in the other.
    pub fn difference(&self, other: &Set) -> Set {
        self.combine(|step, entry| match other.entries.get(step) {
            None => Some((entry.member, entry.below.clone())),
            Some(theirs) => Some((entry.member && !theirs.member, entry.below.difference(&theirs.below))),
        })
    }

    /// Members that are neither in the other nor below one of its members.
    pub fn without_below(&self, other: &Set) -> Set {
        self.combine(|step, entry| match other.entries.get(step) {
            None => Some((entry.member, entry.below.clone())),
            Some(theirs) if theirs.member => None,
            Some(theirs) => Some((entry.member, entry.below.without_below(&theirs.below))),
        })
    }

    /// Members that are in the other or below one of its members.
    pub fn only_below(&self, other: &Set) -> Set {
        self.combine(|step, entry| match other.entries.get(step) {
            None => None,
            Some(theirs) if theirs.member => Some((entry.member, entry.below.clone())),
            Some(theirs) => Some((false, entry.below.only_below(&theirs.below))),
        })
    }

    fn combine<'a>(&'a self, f: impl Fn(&'a Step, &'a Entry) -> Option<(bool, Set)>) -> Set {
        let entries = self.entries.iter().filter_map(|(step, entry)| {
            let (member, below) = f(step, entry)?;
            (member || !below.is_empty()).then(|| (step.clone(), Entry { member, below }))
        });
        Set { entries: entries.collect() }
    }

    /// The same, where declared fields on the way to members are members too.
    pub fn with_named_fields(&self, node: &Node) -> Set {
        let entries = self.entries.iter().map(|(step, entry)| {
            let name = step.strip_prefix("f:");
            let named = name.zip(node.fields()).is_some_and(|(name, ty)| ty.fields.contains_key(name));
            let below = match child_node(node, step) {
                Some(child) => entry.below.with_named_fields(child),
                None => entry.below.clone(),
            };
            (step.clone(), Entry { member: entry.member || (named && !entry.below.is_empty()), below })
        });
        Set { entries: entries.collect() }
    }

    /// All member paths: those of one level first, then deeper ones.
    pub fn paths(&self) -> Vec<Vec<Step>> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, path: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
        for (step, _) in self.entries.iter().filter(|(_, e)| e.member) {
            let mut full = path.clone();
            full.push(step.clone());
            out.push(full);
        }
        for (step, entry) in &self.entries {
            path.push(step.clone());
            entry.below.collect(path, out);
            path.pop();
        }
    }

    /// As `fieldsV1`.
    pub fn to_value(&self) -> Value {
        Value::Object(self.to_map())
    }

    fn to_map(&self) -> Map<String, Value> {
        let entries = self.entries.iter().map(|(step, entry)| {
            let mut below = entry.below.to_map();
            if entry.member && !below.is_empty() {
                below.insert(".".into(), Value::Object(Map::new()));
            }
            (step.to_string(), Value::Object(below))
        });
        entries.collect()
    }

    /// From `fieldsV1`; `None` if that is malformed.
    pub fn from_value(value: &Value) -> Option<Self> {
        let mut set = Set::default();
        for (step, below) in value.as_object()? {
            if step == "." {
                continue;
            }
            if !["f:", "k:", "v:", "i:"].iter().any(|prefix| step.starts_with(prefix)) {
                return None;
            }
            let map = below.as_object()?;
            let member = map.is_empty() || map.contains_key(".");
            let step = canonical(step);
            set.entries.insert(step, Entry { member, below: Set::from_value(below)? });
        }
        Some(set)
    }
}

/// The step with its JSON in one form.
fn canonical(step: &str) -> Step {
    match step.split_at(2) {
        (prefix @ ("k:" | "v:"), json) => match serde_json::from_str::<Value>(json) {
            Ok(value) => format!("{prefix}{value}").into(),
            Err(_) => step.into(),
        },
        _ => step.into(),
    }
}

/// The schema below a step.
pub fn child_node<'a>(node: &'a Node, step: &str) -> Option<&'a Node> {
    match &node.shape {
        Shape::Struct(ty) => ty.get().child(step.strip_prefix("f:")?),
        Shape::Map(item) => step.starts_with("f:").then_some(item),
        Shape::List(item) => step.starts_with("k:").then_some(item),
        _ => None,
    }
}

/// A path as conflicts print it: `.spec.containers[name="c"].image`.
pub fn path_text(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        out.push_str(&step_text(step));
    }
    out
}

/// A step as conflicts print it.
pub fn step_text(step: &str) -> String {
    let (prefix, rest) = step.split_at(2);
    match prefix {
        "k:" => {
            let Ok(Value::Object(keys)) = serde_json::from_str(rest) else { return format!("[{rest}]") };
            let parts: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", parts.join(","))
        }
        "v:" => format!("[={rest}]"),
        "i:" => format!("[{rest}]"),
        _ => format!(".{rest}"),
    }
}
