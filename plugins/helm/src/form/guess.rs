//! Fields guessed from default values, and the hints that a field's name gives.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::{Builder, MAX_DEPTH, Place, join, title};

static QUANTITY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[0-9]+(?:\.[0-9]+)?(?:m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$").expect("the pattern is constant")
});
static CHOICES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:allowed|possible|valid|available|supported)\s+(?:values|options|choices)(?:\s+are)?\s*:?\s*(.+)|(?:one of|either)\s*:?\s+(.+)")
        .expect("the pattern is constant")
});
static CHOICE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("[`'\"]?([A-Za-z0-9][A-Za-z0-9_./-]*)[`'\"]?").expect("the pattern is constant")
});

/// Names of settings that few people touch.
const ADVANCED: [&str; 24] = [
    "affinity",
    "annotations",
    "args",
    "command",
    "commonannotations",
    "commonlabels",
    "fullnameoverride",
    "hostaliases",
    "imagepullsecrets",
    "initcontainers",
    "labels",
    "lifecycle",
    "nameoverride",
    "namespaceoverride",
    "nodeselector",
    "podannotations",
    "podlabels",
    "priorityclassname",
    "schedulername",
    "serviceaccount",
    "sidecars",
    "tolerations",
    "topologyspreadconstraints",
    "updatestrategy",
];

/// A field from its default value.
pub(super) fn field(builder: &mut Builder, value: &Value, place: Place<'_>) -> Value {
    let mut field = Map::new();
    match value {
        Value::Null => {}
        Value::Bool(_) => insert(&mut field, "type", "boolean"),
        Value::Number(number) if number.is_f64() => insert(&mut field, "type", "number"),
        Value::Number(_) => insert(&mut field, "type", "integer"),
        Value::String(_) => insert(&mut field, "type", "string"),
        Value::Array(items) => {
            insert(&mut field, "type", "array");
            field.insert("items".to_owned(), items_of(items));
        }
        Value::Object(map) => {
            insert(&mut field, "type", "object");
            if place.depth < MAX_DEPTH && (place.pointer.is_empty() || !map.is_empty()) {
                field.insert("properties".to_owned(), properties(builder, map, place));
            }
        }
    }
    annotate(builder, &mut field, Some(value), place);
    Value::Object(field)
}

fn insert(field: &mut Map<String, Value>, key: &str, value: &str) {
    field.insert(key.to_owned(), value.into());
}

fn items_of(items: &[Value]) -> Value {
    let kind = |value: &Value| match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::Object(_) => Some("object"),
        _ => None,
    };
    match items.first().and_then(kind) {
        Some(first) if items.iter().all(|item| kind(item) == Some(first)) => json!({"type": first}),
        _ => json!({}),
    }
}

/// The fields of an object, in the order of the file.
pub(super) fn properties(builder: &mut Builder, map: &Map<String, Value>, place: Place<'_>) -> Value {
    let mut keys: Vec<(usize, String, &String)> = map
        .keys()
        .map(|key| (place.comments.order(&join(place.pointer, key)), join(place.pointer, key), key))
        .collect();
    keys.sort();
    let mut fields = Map::new();
    for (_, pointer, key) in keys {
        if !builder.take() {
            break;
        }
        let inner = Place { pointer: &pointer, key, parent: place.key, depth: place.depth + 1, ..place };
        fields.insert(key.clone(), field(builder, &map[key], inner));
    }
    Value::Object(fields)
}

/// Adds title, help, default and hints to a field, where it has none of its own.
pub(super) fn annotate(
    builder: &mut Builder,
    field: &mut Map<String, Value>,
    default: Option<&Value>,
    place: Place<'_>,
) {
    if place.pointer.is_empty() {
        return;
    }
    // An entry of a list has no name.
    if !place.key.is_empty() {
        field.entry("title").or_insert_with(|| title(place.key).into());
    }
    if let Some(help) = place.comments.help(place.pointer) {
        field.entry("description").or_insert_with(|| help.into());
    }
    let is_group = field.contains_key("properties");
    if let Some(default) = default.filter(|default| !is_group && !default.is_null()) {
        // The values are what counts, whatever a schema says.
        field.insert("default".to_owned(), default.clone());
    }
    if !field.contains_key("enum")
        && let Some(choices) = choices(field, default, place)
    {
        field.insert("enum".to_owned(), choices.into());
    }
    let key = place.key.to_lowercase();
    if field.get("type").and_then(Value::as_str) == Some("integer")
        && (key == "port" || key.ends_with("port"))
    {
        field.entry("minimum").or_insert_with(|| 0.into());
        field.entry("maximum").or_insert_with(|| 65_535.into());
    }
    let widget = widget(field, default, place);
    if widget == Some("password") {
        builder.secrets.push(place.pointer.to_owned());
    }
    let hints = field.entry("x-osc").or_insert_with(|| json!({}));
    let Value::Object(hints) = hints else { return };
    if let Some(widget) = widget {
        hints.entry("widget").or_insert_with(|| widget.into());
    }
    hints.entry("order").or_insert_with(|| place.comments.order(place.pointer).into());
    if let (1, Some(section)) = (place.depth, place.comments.section(place.pointer)) {
        hints.entry("group").or_insert_with(|| section.into());
    }
    if is_advanced(&key, place.depth) {
        hints.entry("advanced").or_insert_with(|| true.into());
    }
}

fn is_advanced(key: &str, depth: usize) -> bool {
    depth > 3
        || ADVANCED.contains(&key)
        || key.starts_with("extra")
        || key.ends_with("securitycontext")
        || key.ends_with("probe")
}

/// The values that a field may have, if its name or help tells.
fn choices(field: &Map<String, Value>, default: Option<&Value>, place: Place<'_>) -> Option<Vec<String>> {
    let default = default.and_then(Value::as_str)?;
    let known: &[&str] = match (place.key, place.parent.to_lowercase()) {
        ("type", parent) if parent.ends_with("service") => {
            &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]
        }
        ("serviceType", _) => &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
        ("pullPolicy" | "imagePullPolicy", _) => &["Always", "IfNotPresent", "Never"],
        ("accessMode", _) => &["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"],
        _ => &[],
    };
    if known.contains(&default) {
        return Some(known.iter().map(|choice| (*choice).to_owned()).collect());
    }
    let help = field.get("description").and_then(Value::as_str)?;
    let found = CHOICES.captures(help)?;
    let list = found.get(1).or(found.get(2))?.as_str();
    let list = list.split(['.', ';', '(']).next().unwrap_or(list);
    let is_word = |word: &&str| !matches!(*word, "or" | "and" | "the" | "a" | "is");
    let choices: Vec<String> = CHOICE
        .captures_iter(list)
        .filter_map(|word| word.get(1).map(|word| word.as_str()))
        .filter(is_word)
        .map(str::to_owned)
        .collect();
    // A sentence is no list: the default must be in it, and items must be set apart.
    let is_list = list.contains(',') || list.contains('`') || list.contains(" or ") || list.contains('|');
    let fits = (2..=20).contains(&choices.len()) && choices.iter().any(|choice| choice == default);
    (is_list && fits).then_some(choices)
}

fn widget(field: &Map<String, Value>, default: Option<&Value>, place: Place<'_>) -> Option<&'static str> {
    let key = place.key.to_lowercase();
    let parent = place.parent.to_lowercase();
    let kind = field.get("type").and_then(Value::as_str);
    let text = default.and_then(Value::as_str);
    let may_be_text = matches!(kind, Some("string") | None);
    if field.get("format").and_then(Value::as_str) == Some("password")
        || field.get("writeOnly") == Some(&Value::Bool(true))
    {
        return Some("password");
    }
    if may_be_text && default.is_none_or(|default| default.is_null() || default.is_string()) {
        if key.starts_with("existingsecret") || (key.ends_with("secretname") || key.ends_with("secretref")) {
            return (!key.ends_with("key")).then_some("secret");
        }
        if is_secret(&key) {
            return Some("password");
        }
        if matches!(key.as_str(), "storageclass" | "storageclassname") {
            return Some("storage-class");
        }
        if matches!(key.as_str(), "namespace" | "namespaceoverride") {
            return Some("namespace");
        }
    }
    let is_amount = matches!(parent.as_str(), "limits" | "requests")
        && matches!(key.as_str(), "cpu" | "memory" | "storage" | "ephemeral-storage");
    let is_size = matches!(key.as_str(), "size" | "storage" | "storagesize")
        && text.is_some_and(|text| {
            QUANTITY.is_match(text) && text.ends_with(|letter: char| letter.is_alphabetic())
        });
    if is_amount || is_size {
        return Some("quantity");
    }
    match kind {
        Some("string") if text.is_some_and(|text| text.contains('\n')) => Some("textarea"),
        Some("object") => (!has_shape(field)).then_some("yaml"),
        Some("array") => {
            let items = field.get("items").and_then(Value::as_object);
            let is_told = items.is_some_and(|items| match items.get("type").and_then(Value::as_str) {
                None | Some("object") => has_shape(items) || items.contains_key("enum"),
                Some(_) => true,
            });
            (!is_told).then_some("yaml")
        }
        None if !has_shape(field)
            && !["enum", "const", "type"].iter().any(|known| field.contains_key(*known)) =>
        {
            Some("yaml")
        }
        _ => None,
    }
}

/// Whether it is known what is inside.
fn has_shape(field: &Map<String, Value>) -> bool {
    ["properties", "oneOf", "anyOf"].iter().any(|keyword| field.contains_key(*keyword))
        || field.get("additionalProperties").is_some_and(Value::is_object)
}

/// Whether a name in lower case is that of a secret value rather than of a place where one lies.
fn is_secret(key: &str) -> bool {
    let names = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "privatekey",
        "credential",
        "accesskey",
    ];
    let places = [
        "secretname",
        "secretref",
        "existing",
        "passwordkey",
        "tokenkey",
        "secretkeyname",
        "secretnamespace",
        "file",
        "path",
        "policy",
        "length",
        "enabled",
        "annotations",
        "labels",
        "keys",
        "url",
        "uri",
        "ttl",
        "expir",
        "audience",
        "create",
        "type",
    ];
    names.iter().any(|name| key.contains(name)) && !places.iter().any(|place| key.contains(place))
}
