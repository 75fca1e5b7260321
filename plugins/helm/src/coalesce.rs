//! Merges a user's values with the defaults of a chart and its subcharts, exactly as Helm does.
//!
//! Helm's maps are shared while it merges: what one subchart adds deep inside `global` shows up in its parent and its
//! siblings. So the work is done on maps with shared ownership, and only the result is a plain value again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use crate::chart::Chart;
use crate::golang::printf::sprintf;
use crate::value;

type Table = Rc<RefCell<BTreeMap<String, Tree>>>;

/// A value whose maps are shared; lists are never merged and stay as they are.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    Table(Table),
    Leaf(Rc<Value>),
}

/// Whether nulls survive (a later merge needs them) or delete what they stand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    Keep,
    Delete,
}

impl Tree {
    pub(crate) fn new(value: &Value) -> Self {
        match value {
            Value::Object(map) => {
                let map = map.iter().map(|(key, value)| (key.clone(), Self::new(value))).collect();
                Self::Table(Rc::new(RefCell::new(map)))
            }
            other => Self::Leaf(Rc::new(other.clone())),
        }
    }

    pub(crate) fn empty() -> Self {
        Self::Table(Table::default())
    }

    pub(crate) fn value(&self) -> Value {
        match self {
            Self::Table(table) => {
                Value::Object(table.borrow().iter().map(|(key, tree)| (key.clone(), tree.value())).collect())
            }
            Self::Leaf(value) => Value::clone(value),
        }
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            Self::Leaf(_) => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Self::Leaf(value) if value.is_null())
    }

    /// The table at the end of a dotted path.
    pub(crate) fn table_at(&self, path: &str) -> Option<Table> {
        let mut table = Rc::clone(self.table()?);
        for part in path.split('.') {
            let next = table.borrow().get(part).and_then(|tree| tree.table().cloned())?;
            table = next;
        }
        Some(table)
    }
}

/// What Helm would have logged on the way.
pub(crate) type Warnings = Vec<String>;

/// The values that the chart's templates see: the user's over the defaults, nulls deleting.
pub fn coalesce_values(chart: &Chart, user: &Value, warnings: &mut Vec<String>) -> Result<Value, String> {
    Ok(coalesce_tree(chart, user, Nulls::Delete, warnings)?.value())
}

/// Like `coalesce_values`, as a tree and with a choice about nulls.
pub(crate) fn coalesce_tree(
    chart: &Chart,
    user: &Value,
    nulls: Nulls,
    warnings: &mut Warnings,
) -> Result<Tree, String> {
    let tree = if user.is_object() { Tree::new(user) } else { Tree::empty() };
    if let Some(table) = tree.table() {
        coalesce(chart, table, "", nulls, warnings)?;
    }
    Ok(tree)
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

fn coalesce(
    chart: &Chart,
    into: &Table,
    prefix: &str,
    nulls: Nulls,
    warnings: &mut Warnings,
) -> Result<(), String> {
    coalesce_own(chart, into, prefix, nulls, warnings);
    let prefix = join(prefix, chart.name());
    for dependency in &chart.dependencies {
        let name = dependency.name();
        let found = into.borrow().get(name).cloned();
        let table = match found {
            Some(Tree::Table(table)) => table,
            Some(Tree::Leaf(value)) => {
                return Err(format!(
                    "type mismatch on {name}: {}",
                    sprintf("%t", &[value::Value::from_json(&value)])
                ));
            }
            None => {
                let table = Table::default();
                into.borrow_mut().insert(name.to_owned(), Tree::Table(Rc::clone(&table)));
                table
            }
        };
        coalesce_globals(&table, into, &prefix, warnings);
        coalesce(dependency, &table, &prefix, nulls, warnings)?;
    }
    Ok(())
}

/// Copies the parent's globals into the subchart's; the top level is copied, everything below is shared.
fn coalesce_globals(into: &Table, from: &Table, prefix: &str, warnings: &mut Warnings) {
    let target = match into.borrow().get("global") {
        None => Table::default(),
        Some(Tree::Table(table)) => Rc::clone(table),
        Some(Tree::Leaf(_)) => {
            warnings.push("warning: skipping globals because destination global is not a table.".to_owned());
            return;
        }
    };
    let source = match from.borrow().get("global") {
        None => BTreeMap::new(),
        Some(Tree::Table(table)) => table.borrow().clone(),
        Some(Tree::Leaf(_)) => {
            warnings.push("warning: skipping globals because source global is not a table.".to_owned());
            return;
        }
    };
    for (key, value) in source {
        let present = target.borrow().get(&key).cloned();
        match (value, present) {
            (Tree::Table(table), present) => {
                let copy = Rc::new(RefCell::new(table.borrow().clone()));
                match present {
                    None => {}
                    Some(Tree::Table(present)) => {
                        coalesce_tables(&copy, &present, &join(prefix, &key), Nulls::Keep, warnings);
                    }
                    Some(Tree::Leaf(_)) => {
                        warnings
                            .push(format!("Conflict: cannot merge map onto non-map for {key:?}. Skipping."));
                        continue;
                    }
                }
                target.borrow_mut().insert(key, Tree::Table(copy));
            }
            (Tree::Leaf(_), Some(Tree::Table(_))) => warnings.push(format!("key {key} is table. Skipping")),
            (leaf, _) => {
                target.borrow_mut().insert(key, leaf);
            }
        }
    }
    into.borrow_mut().insert("global".to_owned(), Tree::Table(target));
}

/// Puts the chart's own defaults below what is there already.
fn coalesce_own(chart: &Chart, into: &Table, prefix: &str, nulls: Nulls, warnings: &mut Warnings) {
    let prefix = join(prefix, chart.name());
    let defaults = Tree::new(&chart.values);
    let Some(defaults) = defaults.table() else { return };
    for (key, default) in defaults.borrow().iter() {
        let present = into.borrow().get(key).cloned();
        match present {
            Some(value) if value.is_null() && nulls == Nulls::Delete => {
                into.borrow_mut().remove(key);
            }
            Some(Tree::Table(table)) => match default {
                Tree::Table(default) => {
                    let is_subchart = chart.dependencies.iter().any(|dependency| dependency.name() == key);
                    let nulls = if is_subchart { Nulls::Keep } else { nulls };
                    if nulls == Nulls::Delete {
                        delete_nulls(default);
                    }
                    coalesce_tables(&table, default, &join(&prefix, key), nulls, warnings);
                }
                leaf if leaf.is_null() => {}
                Tree::Leaf(_) => {
                    warnings.push(format!("warning: skipped value for {prefix}.{key}: Not a table."))
                }
            },
            Some(_) => {}
            None => {
                if nulls == Nulls::Delete {
                    if default.is_null() {
                        continue;
                    }
                    if let Tree::Table(default) = default {
                        delete_nulls(default);
                    }
                }
                into.borrow_mut().insert(key.clone(), default.clone());
            }
        }
    }
}

/// Merges `from` below `into`, which has the say.
pub(crate) fn coalesce_tables(
    into: &Table,
    from: &Table,
    prefix: &str,
    nulls: Nulls,
    warnings: &mut Warnings,
) {
    if Rc::ptr_eq(into, from) {
        return;
    }
    let had_value: Vec<String> =
        from.borrow().iter().filter(|(_, value)| !value.is_null()).map(|(key, _)| key.clone()).collect();
    for (key, value) in into.borrow().iter().filter(|(_, value)| value.is_null()) {
        from.borrow_mut().insert(key.clone(), value.clone());
    }
    let source = from.borrow().clone();
    for (key, value) in source {
        let present = into.borrow().get(&key).cloned();
        match (present, &value) {
            (None, _) => {
                into.borrow_mut().insert(key, value);
            }
            (Some(present), _)
                if nulls == Nulls::Delete && present.is_null() && had_value.binary_search(&key).is_ok() =>
            {
                into.borrow_mut().remove(&key);
            }
            (Some(Tree::Table(present)), Tree::Table(table)) => {
                coalesce_tables(&present, table, &join(prefix, &key), nulls, warnings);
            }
            (Some(Tree::Leaf(_)), Tree::Table(_)) => warnings.push(format!(
                "warning: cannot overwrite table with non table for {} ({})",
                join(prefix, &key),
                value.value()
            )),
            (Some(Tree::Table(_)), leaf) if !leaf.is_null() => warnings.push(format!(
                "warning: destination for {} is a table. Ignoring non-table value ({})",
                join(prefix, &key),
                value.value()
            )),
            _ => {}
        }
    }
}

fn delete_nulls(table: &Table) {
    table.borrow_mut().retain(|_, value| !value.is_null());
    for tree in table.borrow().values() {
        if let Tree::Table(inner) = tree {
            delete_nulls(inner);
        }
    }
}
