//! The form of a chart: its schema where it has one, else what its values and their comments tell.

mod comments;
mod described;
mod guess;

use osc_plugin_api::documents::form::Form;
use serde_json::{Map, Value, json};

use crate::chart::Chart;
use crate::coalesce::coalesce_values;
use crate::dependencies;
use crate::release::whole_numbers;
use comments::Comments;

/// Fields that a form may have; what is beyond becomes text fields for YAML.
const MAX_FIELDS: usize = 3000;
/// How deep groups of fields may be nested.
const MAX_DEPTH: usize = 10;

/// What a person may set.
pub fn form(chart: &Chart) -> Form {
    let mut chart = chart.clone();
    let mut warnings = Vec::new();
    // Without values to merge, the chart's own defaults still make a form.
    let processed = dependencies::process(&mut chart, &Value::Null, &mut warnings);
    let defaults = match processed.and_then(|()| coalesce_values(&chart, &Value::Null, &mut warnings)) {
        Ok(defaults) => whole_numbers(&defaults),
        Err(_) => whole_numbers(&chart.values),
    };
    let mut builder = Builder { fields: 0, secrets: Vec::new(), references: vec![String::new()] };
    let shape = with_nulls(&defaults, &chart.values);
    let (json_schema, source) = builder.chart(&chart, &shape, "", 0);
    builder.secrets.sort();
    builder.secrets.dedup();
    Form {
        schema: Form::SCHEMA.to_owned(),
        json_schema,
        defaults,
        secrets: builder.secrets,
        source: source.to_owned(),
    }
}

/// Collects fields and secrets on the way through a chart and its subcharts.
struct Builder {
    fields: usize,
    secrets: Vec<String>,
    /// References of a schema that are being followed.
    references: Vec<String>,
}

/// Values with the nulls that merging dropped: they stand for fields without a default.
fn with_nulls(merged: &Value, written: &Value) -> Value {
    match (merged, written) {
        (Value::Object(merged), Value::Object(written)) => {
            let mut shape = merged.clone();
            for (key, value) in written {
                let found = merged.get(key).map(|merged| with_nulls(merged, value));
                match found {
                    Some(found) => shape.insert(key.clone(), found),
                    None if value.is_null() => shape.insert(key.clone(), Value::Null),
                    None => None,
                };
            }
            Value::Object(shape)
        }
        (merged, _) => merged.clone(),
    }
}

/// Where a field is and what is known about it beside its value.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// JSON pointer in the values of the whole chart.
    pointer: &'a str,
    key: &'a str,
    /// The key above, empty at the top.
    parent: &'a str,
    /// Help, order and section of a field by its pointer.
    comments: &'a Comments,
    depth: usize,
}

impl Builder {
    fn chart(&mut self, chart: &Chart, values: &Value, pointer: &str, depth: usize) -> (Value, &'static str) {
        let text = chart.values_yaml.as_ref().map(|text| String::from_utf8_lossy(text)).unwrap_or_default();
        let comments = Comments::read(&text, pointer);
        let own = chart.schema.as_ref().and_then(|schema| serde_json::from_slice::<Value>(schema).ok());
        let own = own.filter(|schema| schema.is_object());
        let source = if own.is_some() { "schema" } else { "values" };
        let subcharts: Vec<&Chart> = chart.dependencies.iter().filter(|chart| !chart.is_library()).collect();
        let is_subchart = |key: &str| subcharts.iter().any(|chart| chart.name() == key);
        let mut apart = values.clone();
        if let Value::Object(map) = &mut apart {
            map.retain(|key, _| !is_subchart(key) && (key != "global" || depth == 0));
        }
        let place = Place { pointer, key: "", parent: "", comments: &comments, depth };
        let mut schema = match &own {
            Some(own) => described::described(self, own, own, Some(&apart), place),
            None => guess::field(self, &apart, place),
        };
        for subchart in subcharts.into_iter().filter(|_| depth < 3) {
            let name = subchart.name();
            let Some(inner) = values.get(name).filter(|inner| inner.is_object()) else { continue };
            let shape = with_nulls(inner, &subchart.values);
            let (mut below, _) = self.chart(subchart, &shape, &join(pointer, name), depth + 1);
            below["title"] = name.into();
            if !subchart.metadata.description.is_empty() {
                below["description"] = subchart.metadata.description.clone().into();
            }
            below["x-osc"] =
                json!({"advanced": true, "group": name, "order": comments.order(&join(pointer, name))});
            if let Some(properties) = object_at(&mut schema, "properties") {
                properties.insert(name.to_owned(), below);
            }
        }
        (schema, source)
    }

    /// Counts a field; whether there is room for another.
    fn take(&mut self) -> bool {
        self.fields += 1;
        self.fields <= MAX_FIELDS
    }
}

fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The object under a key, made if it is not there.
fn object_at<'v>(value: &'v mut Value, key: &str) -> Option<&'v mut Map<String, Value>> {
    value.as_object_mut()?.entry(key).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
}

/// A key as words: `adminPassword` becomes `Admin password`.
fn title(key: &str) -> String {
    let mut words = String::new();
    let letters: Vec<char> = key.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| letters[index]);
        let after = letters.get(index + 1);
        let starts_word = letter.is_uppercase()
            && (before.is_some_and(char::is_lowercase) || after.is_some_and(|after| after.is_lowercase()));
        if matches!(letter, '-' | '_' | '.') {
            words.push(' ');
        } else if starts_word && index > 0 {
            words.push(' ');
            let is_name = after.is_some_and(|after| after.is_uppercase());
            words.extend(if is_name { vec![*letter] } else { letter.to_lowercase().collect() });
        } else if index == 0 {
            words.extend(letter.to_uppercase());
        } else {
            words.push(*letter);
        }
    }
    words
}

#[cfg(test)]
mod tests;
