//! Custom resources: what their definitions say, and the life of the definitions.

pub(crate) mod cel;
pub(crate) mod columns;
mod establish;
mod structural;
pub(crate) mod validate;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::resources::{Resource, all_verbs, custom_subresources};
use crate::schema::{Field, ListKind, Node, Shape, Type, TypeRef, table};
use crate::value::{Get, map_at, object, set};

pub(crate) use establish::{mark_deletion, note_stored, prepare_create, run, sync};

/// One version of a custom resource.
#[derive(Debug)]
pub struct CustomVersion {
    /// The structural schema, as in the definition; versions that have the same share it.
    pub schema: Arc<Value>,
    /// Unknown fields stay at the top.
    pub preserve_unknown: bool,
    /// Paths of the `scale` subresource.
    pub scale: Option<Scale>,
    /// The `status` subresource is on.
    pub status: bool,
    /// Printer columns, as in the definition.
    pub columns: Vec<Value>,
    /// Paths of fields that selectors may name, as in `.spec.color`.
    pub selectable: Vec<String>,
    /// A webhook converts between versions.
    pub webhook: bool,
    /// A warning for each request, if the version is deprecated.
    pub deprecation: Option<String>,
}

/// Paths of the `scale` subresource.
#[derive(Debug)]
pub struct Scale {
    /// Wanted replicas.
    pub spec_replicas: Vec<String>,
    /// Actual replicas.
    pub status_replicas: Vec<String>,
    /// Selector of the pods, empty if there is none.
    pub label_selector: Vec<String>,
}

/// The resources that a definition serves.
pub(crate) fn resources(definition: &Value) -> Vec<Arc<Resource>> {
    let group = definition.text(&["spec", "group"]).to_string();
    let names = |key: &str| definition.at(&["status", "acceptedNames", key]).cloned().unwrap_or(Value::Null);
    let text = |key: &str| names(key).as_str().unwrap_or_default().to_string();
    let list = |key: &str| -> Vec<String> {
        names(key).items(&[]).iter().filter_map(|v| v.as_str().map(String::from)).collect()
    };
    let plural = text("plural");
    let kind = text("kind");
    let versions = definition.items(&["spec", "versions"]);
    let stored = versions.iter().find(|v| v["storage"] == true).map_or("", |v| v.text(&["name"]));
    let mut out: Vec<Arc<Resource>> = Vec::new();
    for version in versions.iter().filter(|v| v["served"] == true) {
        let schema = version.at(&["schema", "openAPIV3Schema"]).unwrap_or(&Value::Null);
        let same =
            out.iter().find(|other| other.custom.as_ref().is_some_and(|custom| *custom.schema == *schema));
        let (schema, node) = match same.and_then(|other| Some((other.custom.as_ref()?, &other.node))) {
            Some((custom, node)) => (custom.schema.clone(), node.clone()),
            None => (Arc::new(schema.clone()), root_node(schema, &kind)),
        };
        let custom = custom_version(definition, version, &kind, schema);
        let subresources = custom_subresources(&kind, custom.status, custom.scale.is_some());
        out.push(Arc::new(Resource {
            group: group.clone(),
            version: version.text(&["name"]).into(),
            plural: plural.clone(),
            singular: text("singular"),
            kind: kind.clone(),
            list_kind: text("listKind"),
            namespaced: definition.text(&["spec", "scope"]) == "Namespaced",
            short_names: list("shortNames"),
            categories: list("categories"),
            verbs: all_verbs(),
            subresources,
            storage: format!("{plural}.{group}").into(),
            stored_as: (group.clone(), stored.into()),
            stored_node: node.clone(),
            node,
            custom: Some(Arc::new(custom)),
        }));
    }
    out.sort_by_key(|served| std::cmp::Reverse(version_order(&served.version)));
    out
}

/// Newest stable version first: `v2 > v1 > v1beta2 > v1alpha1 > other`.
pub(crate) fn version_order(version: &str) -> (u8, u32, u32, std::cmp::Reverse<String>) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major = rest[..end].parse::<u32>().ok()?;
        let tail = &rest[end..];
        if tail.is_empty() {
            return Some((3, major, 0));
        }
        for (rank, name) in [(2, "beta"), (1, "alpha")] {
            if let Some(minor) = tail.strip_prefix(name).and_then(|m| m.parse().ok()) {
                return Some((rank, major, minor));
            }
        }
        None
    };
    let (rank, major, minor) = parse().unwrap_or((0, 0, 0));
    (rank, major, minor, std::cmp::Reverse(version.to_string()))
}

fn custom_version(definition: &Value, version: &Value, kind: &str, schema: Arc<Value>) -> CustomVersion {
    let path = |key: &str| -> Vec<String> {
        let text = version.text(&["subresources", "scale", key]);
        text.split('.').filter(|p| !p.is_empty()).map(String::from).collect()
    };
    let scale = version.at(&["subresources", "scale"]).filter(|s| !s.is_null()).map(|_| Scale {
        spec_replicas: path("specReplicasPath"),
        status_replicas: path("statusReplicasPath"),
        label_selector: path("labelSelectorPath"),
    });
    let deprecation = (version["deprecated"] == true).then(|| match version.text(&["deprecationWarning"]) {
        "" => {
            let group = definition.text(&["spec", "group"]);
            let name = version.text(&["name"]);
            let others = definition.items(&["spec", "versions"]).iter();
            let newer = others
                .filter(|v| v["served"] == true && v["deprecated"] != true)
                .map(|v| v.text(&["name"]))
                .filter(|v| version_order(v) > version_order(name))
                .max_by_key(|v| version_order(v));
            match newer {
                Some(newer) => format!("{group}/{name} {kind} is deprecated; use {group}/{newer} {kind}"),
                None => format!("{group}/{name} {kind} is deprecated"),
            }
        }
        text => text.to_string(),
    });
    CustomVersion {
        preserve_unknown: schema.is_null()
            || schema["x-kubernetes-preserve-unknown-fields"] == true
            || definition.at(&["spec", "preserveUnknownFields"]) == Some(&Value::Bool(true)),
        schema,
        scale,
        status: version.at(&["subresources", "status"]).is_some_and(|s| !s.is_null()),
        columns: version.items(&["additionalPrinterColumns"]).to_vec(),
        selectable: version
            .items(&["selectableFields"])
            .iter()
            .map(|f| f.text(&["jsonPath"]).to_string())
            .collect(),
        webhook: definition.text(&["spec", "conversion", "strategy"]) == "Webhook",
        deprecation,
    }
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

fn meta_node() -> Node {
    Node::plain(table().named(META).map_or(Shape::Any, Shape::Struct))
}

fn root_node(schema: &Value, kind: &str) -> Node {
    let mut node = node(schema);
    let mut ty = match &node.shape {
        Shape::Struct(ty) => ty.get().clone(),
        _ => Type { extra: Some(Box::new(Node::plain(Shape::Any))), custom: true, ..Type::default() },
    };
    ty.name = kind.into();
    with_type_meta(&mut ty);
    node.shape = Shape::Struct(TypeRef::Own(Arc::new(ty)));
    node
}

fn with_type_meta(ty: &mut Type) {
    for key in ["apiVersion", "kind"] {
        ty.fields.insert(key.into(), Field::custom(Node::plain(Shape::Text), false, None));
    }
    ty.fields.insert("metadata".into(), Field::custom(meta_node(), false, None));
}

/// The schema of a value from a structural schema.
pub(crate) fn node(schema: &Value) -> Node {
    if !schema.is_object() {
        return Node::plain(Shape::Any);
    }
    let flag = |key: &str| schema[key] == true;
    if flag("x-kubernetes-int-or-string") {
        return Node::plain(Shape::IntOrString);
    }
    let atomic = (schema.text(&["x-kubernetes-map-type"]) == "atomic").then_some(true);
    let shape = match schema.text(&["type"]) {
        "string" => Shape::Text,
        "integer" => Shape::Int64,
        "number" => Shape::Number,
        "boolean" => Shape::Bool,
        "array" => {
            let list = match schema.text(&["x-kubernetes-list-type"]) {
                "set" => ListKind::Set,
                "map" => {
                    let keys = schema.items(&["x-kubernetes-list-map-keys"]);
                    ListKind::Map(keys.iter().filter_map(|k| k.as_str().map(Into::into)).collect())
                }
                _ => ListKind::Atomic,
            };
            let item = node(&schema["items"]);
            return Node { shape: Shape::List(Box::new(item)), atomic: None, list };
        }
        _ => {
            let properties = schema.get("properties").and_then(Value::as_object).filter(|p| !p.is_empty());
            let embedded = flag("x-kubernetes-embedded-resource");
            let extra = match schema.get("additionalProperties") {
                Some(inner @ Value::Object(_)) => Some(node(inner)),
                Some(Value::Bool(true)) => Some(Node::plain(Shape::Any)),
                _ if flag("x-kubernetes-preserve-unknown-fields") => Some(Node::plain(Shape::Any)),
                _ => None,
            };
            match (properties, extra) {
                (None, Some(extra)) if !embedded => match extra.shape {
                    Shape::Any => Shape::Any,
                    _ => Shape::Map(Box::new(extra)),
                },
                (properties, extra) => {
                    let required = schema.items(&["required"]);
                    let mut fields = BTreeMap::new();
                    for (key, inner) in properties.into_iter().flatten() {
                        let needed = required.iter().any(|r| r == key.as_str());
                        let default = inner.get("default").cloned();
                        fields.insert(key.as_str().into(), Field::custom(node(inner), needed, default));
                    }
                    let extra = extra.map(Box::new);
                    let mut ty = Type { fields, extra, custom: true, ..Type::default() };
                    if embedded {
                        with_type_meta(&mut ty);
                    }
                    Shape::Struct(TypeRef::Own(Arc::new(ty)))
                }
            }
        }
    };
    Node { shape, atomic, list: ListKind::Atomic }
}

/// Decodes an object of a custom resource: prunes, coerces metadata, sets defaults.
pub(crate) fn decode(
    custom: &CustomVersion,
    mut body: Value,
    unknown: &mut Vec<String>,
) -> Result<Value, String> {
    let metadata = object(&mut body).remove("metadata").unwrap_or_default();
    let metadata = structural::metadata(metadata, "metadata", unknown)?;
    if !custom.preserve_unknown {
        structural::prune(&custom.schema, &mut body, "", true, unknown);
    }
    structural::whole_numbers(&mut body);
    structural::set_defaults(&custom.schema, &mut body);
    structural::prune_null_metadata(&mut body);
    object(&mut body).insert("metadata".into(), metadata);
    Ok(body)
}

/// Decodes an applied configuration: prunes, but sets no defaults.
pub(crate) fn decode_config(custom: &CustomVersion, mut config: Value, unknown: &mut Vec<String>) -> Value {
    let metadata = object(&mut config).remove("metadata").unwrap_or_else(|| Value::Object(Map::new()));
    if !custom.preserve_unknown {
        structural::prune(&custom.schema, &mut config, "", true, unknown);
    }
    object(&mut config).insert("metadata".into(), metadata);
    config
}

/// Sets names that a definition leaves out.
pub(crate) fn default_names(definition: &mut Value) {
    let kind = definition.text(&["spec", "names", "kind"]).to_string();
    let names = map_at(definition, &["spec", "names"]);
    let missing = |names: &Map<String, Value>, key: &str| {
        names.get(key).and_then(Value::as_str).is_none_or(str::is_empty)
    };
    if missing(names, "singular") {
        names.insert("singular".into(), kind.to_lowercase().into());
    }
    if missing(names, "listKind") && !kind.is_empty() {
        names.insert("listKind".into(), format!("{kind}List").into());
    }
    if definition.at(&["spec", "conversion"]).is_none_or(Value::is_null) {
        set(definition, &["spec", "conversion"], serde_json::json!({"strategy": "None"}));
    }
}
