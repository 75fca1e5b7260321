//! Warnings for definitions and for objects of custom resources.

use serde_json::Value;

use crate::value::Get;

/// Formats of texts that are checked.
const FORMATS: [&str; 26] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "k8sshortname",
    "k8slongname",
];

/// Formats of a definition that mean nothing, unless they were there before.
pub(super) fn formats(live: Option<&Value>, value: &Value, warnings: &mut Vec<String>) {
    let all = |definition: &Value| {
        let mut found = Vec::new();
        for version in definition.items(&["spec", "versions"]) {
            unknown(&version["schema"]["openAPIV3Schema"], &mut found);
        }
        found
    };
    let before = live.map(all).unwrap_or_default();
    let new = all(value).into_iter().filter(|format| !before.contains(format));
    warnings.extend(new.map(|format| format!("unrecognized format {format:?}")));
}

fn unknown(schema: &Value, found: &mut Vec<String>) {
    let Some(map) = schema.as_object() else { return };
    let format = schema.text(&["format"]);
    let known = match schema.text(&["type"]) {
        "" | "string" => FORMATS.contains(&&*format.replace('-', "")),
        "integer" => matches!(format, "int32" | "int64"),
        "number" => matches!(format, "float" | "double"),
        _ => false,
    };
    if !format.is_empty() && !known && !found.iter().any(|f| f == format) {
        found.push(format.into());
    }
    for (key, inner) in map {
        match (key.as_str(), inner) {
            ("properties", Value::Object(properties)) => properties.values().for_each(|p| unknown(p, found)),
            ("items" | "additionalProperties" | "not", inner) => unknown(inner, found),
            ("allOf" | "anyOf" | "oneOf", Value::Array(list)) => list.iter().for_each(|p| unknown(p, found)),
            _ => {}
        }
    }
}

/// New finalizers without a domain.
pub(super) fn finalizers(live: Option<&Value>, value: &Value, warnings: &mut Vec<String>) {
    const STANDARD: [&str; 3] = ["orphan", "foregroundDeletion", "kubernetes"];
    let old = live.map_or(&[][..], |live| live.items(&["metadata", "finalizers"]));
    let new = value.items(&["metadata", "finalizers"]).iter().filter(|f| !old.contains(f));
    let mut names: Vec<&str> = new.filter_map(Value::as_str).collect();
    names.sort_unstable();
    for name in names.into_iter().filter(|name| !name.contains('/') && !STANDARD.contains(name)) {
        let path = if name.contains('.') { " including a path (/)" } else { "" };
        warnings.push(format!(
            "metadata.finalizers: {name:?}: prefer a domain-qualified finalizer name{path} to avoid accidental conflicts \
             with other finalizer writers"
        ));
    }
}
