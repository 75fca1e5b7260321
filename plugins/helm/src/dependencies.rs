//! Which subcharts are enabled, under which name, and which values they lend to their parent.

use serde_json::{Value, json};

use crate::chart::{Chart, Dependency};
use crate::coalesce::{Nulls, Tree, Warnings, coalesce_tables, coalesce_tree, coalesce_values};
use crate::semver::{Constraint, Version};

/// Refuses a chart that names dependencies which `charts/` does not hold.
pub fn check_present(chart: &Chart) -> Result<(), String> {
    let missing: Vec<&str> = chart
        .metadata
        .dependencies
        .iter()
        .flatten()
        .map(|dependency| dependency.name.as_str())
        .filter(|name| !chart.dependencies.iter().any(|present| present.name() == *name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("found in Chart.yaml, but missing in charts/ directory: {}", missing.join(", ")))
}

/// Whether a version meets a constraint; anything malformed does not.
pub fn is_compatible(constraint: &str, version: &str) -> bool {
    let (Ok(version), Ok(constraint)) = (Version::parse(version), Constraint::parse(constraint)) else {
        return false;
    };
    constraint.check(&version)
}

/// Drops disabled subcharts, renames aliased ones, and imports values into the parents.
pub fn process(chart: &mut Chart, user: &Value, warnings: &mut Vec<String>) -> Result<(), String> {
    enable(chart, user, "", warnings)?;
    import(chart, warnings)
}

fn enable(chart: &mut Chart, values: &Value, path: &str, warnings: &mut Warnings) -> Result<(), String> {
    let is_listed = !chart.metadata.dependencies.is_empty()
        || chart.raw_metadata.get("dependencies").is_some_and(Value::is_array);
    if !is_listed {
        return Ok(());
    }
    let mut wanted: Vec<Dependency> =
        std::mem::take(&mut chart.metadata.dependencies).into_iter().flatten().collect();
    let present = std::mem::take(&mut chart.dependencies);
    let is_wanted = |subchart: &Chart| {
        wanted.iter().any(|dependency| {
            subchart.name() == dependency.name
                && is_compatible(&dependency.version, &subchart.metadata.version)
        })
    };
    chart.dependencies = present.iter().filter(|subchart| !is_wanted(subchart)).cloned().collect();
    for dependency in &mut wanted {
        chart.dependencies.extend(under_alias(&present, dependency));
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
    let values = coalesce_values(chart, values, warnings)?;
    apply_tags(&mut wanted, &values, warnings);
    apply_conditions(&mut wanted, &values, path, warnings);
    let disabled: Vec<String> = wanted
        .iter()
        .filter(|dependency| !dependency.enabled)
        .map(|dependency| dependency.name.clone())
        .collect();
    chart.dependencies.retain(|subchart| !disabled.iter().any(|name| name == subchart.name()));
    wanted.retain(|dependency| !disabled.contains(&dependency.name));
    for subchart in &mut chart.dependencies {
        let path = format!("{path}{}.", subchart.name());
        enable(subchart, &values, &path, warnings)?;
    }
    chart.metadata.dependencies = wanted.into_iter().map(Some).collect();
    Ok(())
}

fn under_alias(present: &[Chart], dependency: &Dependency) -> Option<Chart> {
    let mut found = present
        .iter()
        .find(|chart| {
            chart.name() == dependency.name && is_compatible(&dependency.version, &chart.metadata.version)
        })?
        .clone();
    if !dependency.alias.is_empty() {
        found.metadata.name.clone_from(&dependency.alias);
    }
    Some(found)
}

fn apply_tags(wanted: &mut [Dependency], values: &Value, warnings: &mut Warnings) {
    for dependency in wanted.iter_mut() {
        dependency.enabled = true;
    }
    let Some(Value::Object(tags)) = values.get("tags") else { return };
    for dependency in wanted {
        let (mut on, mut off) = (false, false);
        for tag in &dependency.tags {
            match tags.get(tag) {
                Some(Value::Bool(true)) => on = true,
                Some(Value::Bool(false)) => off = true,
                Some(_) => warnings.push(format!("tag `{tag}` of chart `{}` is no boolean", dependency.name)),
                None => {}
            }
        }
        dependency.enabled = on || !off;
    }
}

fn apply_conditions(wanted: &mut [Dependency], values: &Value, path: &str, warnings: &mut Warnings) {
    for dependency in wanted {
        let condition = dependency.condition.trim().to_owned();
        for condition in condition.split(',').filter(|condition| !condition.is_empty()) {
            match value_at(values, &format!("{path}{condition}")) {
                Some(Value::Bool(flag)) => {
                    dependency.enabled = *flag;
                    break;
                }
                Some(_) => {
                    warnings.push(format!(
                        "condition `{condition}` of chart `{}` is no boolean",
                        dependency.name
                    ));
                }
                None => {}
            }
        }
    }
}

/// The value at a dotted path, if it is no table.
fn value_at<'v>(values: &'v Value, path: &str) -> Option<&'v Value> {
    let mut value = values;
    for part in path.split('.') {
        value = value.as_object()?.get(part)?;
    }
    (!value.is_object()).then_some(value)
}

fn import(chart: &mut Chart, warnings: &mut Warnings) -> Result<(), String> {
    for subchart in &mut chart.dependencies {
        import(subchart, warnings)?;
    }
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let values = coalesce_tree(chart, &Value::Null, Nulls::Keep, warnings)?;
    let imported = Tree::empty();
    for dependency in chart.metadata.dependencies.iter_mut().flatten() {
        let mut resolved = Vec::new();
        for item in &dependency.import_values {
            let (child, parent) = match item {
                Value::Object(map) => (printed(map.get("child")), printed(map.get("parent"))),
                Value::String(name) => (format!("exports.{name}"), ".".to_owned()),
                _ => continue,
            };
            match values.table_at(&format!("{}.{child}", dependency.name)) {
                Some(table) => {
                    // An empty table is not shared with the values that it comes from.
                    let mut tree = if table.borrow().is_empty() { Tree::empty() } else { Tree::Table(table) };
                    if parent != "." {
                        for part in parent.rsplit('.') {
                            let outer = Tree::empty();
                            if let Some(outer) = outer.table() {
                                outer.borrow_mut().insert(part.to_owned(), tree);
                            }
                            tree = outer;
                        }
                    }
                    merge(&imported, &tree, warnings);
                }
                None => warnings.push(format!(
                    "values to import are missing: chart `{}` has no table `{child}`",
                    dependency.name
                )),
            }
            resolved.push(json!({"child": child, "parent": parent}));
        }
        dependency.import_values = resolved;
    }
    // The parent's own values win over what it imports. The copy keeps what was shared on the way apart.
    let own = Tree::new(&values.value());
    merge(&own, &imported, warnings);
    chart.values = own.value();
    Ok(())
}

fn merge(into: &Tree, from: &Tree, warnings: &mut Warnings) {
    if let (Some(into), Some(from)) = (into.table(), from.table()) {
        coalesce_tables(into, from, "", Nulls::Keep, warnings);
    }
}

fn printed(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => "<nil>".to_owned(),
        Some(other) => other.to_string(),
    }
}
