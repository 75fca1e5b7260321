//! OpenAPI v3: an index with a hash per group and version, and the documents, made from the table when asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use super::Context;
use super::respond::Answer;
use crate::resources::Resource;
use crate::schema::{Field, ListKind, Node, Shape, Type, descriptions, enums, table};
use crate::status::{Result, Status};
use crate::value::Get;

const PREFIX: &str = "#/components/schemas/";
const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// Paths of the index that have no schemas of their own.
const PLAIN: [&str; 5] = [".well-known/openid-configuration", "api", "apis", "openid/v1/jwks", "version"];

pub(super) fn answer(context: &Context, path: Option<&str>) -> Result<Answer> {
    let all: Vec<Arc<Resource>> =
        context.core.registry.builtin().iter().cloned().chain(context.core.registry.custom()).collect();
    let Some(path) = path else { return Ok(index(&all)) };
    let resources: Vec<&Arc<Resource>> = all.iter().filter(|r| place(&r.group, &r.version) == path).collect();
    if resources.is_empty() {
        let known = PLAIN.contains(&path) || all.iter().any(|r| format!("apis/{}", r.group) == path);
        if !known {
            return Err(Status::no_resource());
        }
    }
    let document = document(&resources);
    let text = crate::value::serialize(&document);
    let answer = Answer::json_bytes(200, text.into());
    let hashed = !context.query.get("hash").is_empty();
    let control = if hashed { "public, immutable" } else { "no-cache, private" };
    Ok(answer.with("cache-control", control.into()).with("vary", "Accept".into()))
}

fn place(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

fn index(all: &[Arc<Resource>]) -> Answer {
    let mut hashes: BTreeMap<String, Sha256> = BTreeMap::new();
    for path in PLAIN {
        hashes.entry(path.into()).or_default();
    }
    for resource in all {
        if !resource.group.is_empty() {
            hashes.entry(format!("apis/{}", resource.group)).or_default();
        }
        let hash = hashes.entry(place(&resource.group, &resource.version)).or_default();
        hash.update(&resource.kind);
        hash.update(env!("CARGO_PKG_VERSION"));
        if let Some(custom) = &resource.custom {
            hash.update(custom.schema.to_string());
            hash.update([u8::from(custom.status), u8::from(custom.scale.is_some())]);
        }
    }
    let mut paths = Map::new();
    for (path, hash) in hashes {
        let digest: String = hash.finalize().iter().map(|b| format!("{b:02X}")).collect();
        paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={digest}")}));
    }
    let text = json!({"paths": paths}).to_string();
    Answer::text(200, text).with("cache-control", "no-cache, private".into())
}

struct Writer {
    texts: BTreeMap<String, BTreeMap<String, String>>,
    enums: Map<String, Value>,
    schemas: Map<String, Value>,
    wanted: BTreeSet<String>,
}

fn document(resources: &[&Arc<Resource>]) -> Value {
    let mut writer =
        Writer { texts: descriptions(), enums: enums(), schemas: Map::new(), wanted: BTreeSet::new() };
    let mut paths = Map::new();
    for resource in resources {
        let name = match &resource.custom {
            Some(custom) => writer.custom(resource, &custom.schema),
            None => resource.node.fields().map(|t| t.name.clone()).unwrap_or_default(),
        };
        if name.is_empty() {
            continue;
        }
        writer.want(&name);
        let list = writer.list(resource, &name);
        for extra in ["Status", "DeleteOptions"] {
            writer.want(&format!("{META}.{extra}"));
        }
        write_paths(resource, &name, &list, &mut paths);
    }
    while let Some(name) = writer.wanted.pop_first() {
        writer.builtin(&name);
    }
    json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": crate::cluster::GIT_VERSION},
        "paths": paths, "components": {"schemas": writer.schemas},
    })
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("{PREFIX}{name}")})
}

impl Writer {
    fn want(&mut self, name: &str) {
        if !self.schemas.contains_key(name) && table().named(name).is_some() {
            self.wanted.insert(name.into());
        }
    }

    fn builtin(&mut self, name: &str) {
        let Some(found) = table().named(name) else { return };
        let ty = found.get();
        // A placeholder first, so that types which hold themselves end.
        self.schemas.insert(name.into(), Value::Null);
        let schema = self.structure(ty);
        self.schemas.insert(name.into(), schema);
    }

    fn structure(&mut self, ty: &Type) -> Value {
        let texts = self.texts.get(&ty.name).cloned().unwrap_or_default();
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (key, field) in &ty.fields {
            let mut property = self.field(field, texts.get(&**key));
            if let Some(values) = self.enums.get(&ty.name).and_then(|fields| fields.get(&**key)) {
                add_enum(&mut property, values);
            }
            if ty.name.ends_with("List") && **key == *"items" {
                crate::value::remove(&mut property, &["x-kubernetes-list-type"]);
            }
            properties.insert(key.to_string(), property);
            if field.required {
                required.push((field.outer, field.tag, key.to_string()));
            }
        }
        // Required fields come in the order of the Go type.
        required.sort();
        let required: Vec<String> = required.into_iter().map(|(_, _, key)| key).collect();
        let mut out = json!({"type": "object"});
        if let Some(text) = texts.get("").filter(|t| !t.is_empty()) {
            out["description"] = text.clone().into();
        }
        if !properties.is_empty() {
            out["properties"] = Value::Object(properties);
        }
        if !required.is_empty() {
            out["required"] = required.into();
        }
        if ty.atomic {
            out["x-kubernetes-map-type"] = "atomic".into();
        }
        if !ty.gvks.is_empty() {
            let list: Vec<Value> =
                ty.gvks.iter().map(|[g, v, k]| json!({"group": g, "version": v, "kind": k})).collect();
            out["x-kubernetes-group-version-kind"] = list.into();
        }
        out
    }

    fn field(&mut self, field: &Field, text: Option<&String>) -> Value {
        let mut out = self.node(&field.node);
        if out.get("$ref").is_some() {
            let scalar = !matches!(field.node.shape, Shape::Struct(_));
            // A bare reference may not have a description beside it.
            out = if scalar && text.is_none_or(|t| t.is_empty()) { out } else { json!({"allOf": [out]}) };
            if !field.pointer && !scalar {
                out["default"] = json!({});
            }
        }
        if let Some(text) = text.filter(|t| !t.is_empty()) {
            out["description"] = text.clone().into();
        }
        if let Some(default) = field.key_default() {
            out["default"] = default;
        }
        if let Some(key) = &field.merge {
            out["x-kubernetes-patch-strategy"] =
                if field.retain_keys { "merge,retainKeys" } else { "merge" }.into();
            if !key.is_empty() {
                out["x-kubernetes-patch-merge-key"] = key.to_string().into();
            }
        } else if field.retain_keys {
            out["x-kubernetes-patch-strategy"] = "retainKeys".into();
        }
        out
    }

    /// A scalar that has a name of its own.
    fn scalar(&mut self, name: &str, schema: Value) -> Value {
        self.schemas.entry(name).or_insert(schema);
        reference(name)
    }

    fn node(&mut self, node: &Node) -> Value {
        let mut out = match &node.shape {
            Shape::Text => json!({"type": "string"}),
            Shape::Int32 => json!({"type": "integer", "format": "int32"}),
            Shape::Int64 => json!({"type": "integer", "format": "int64"}),
            Shape::Number => json!({"type": "number", "format": "double"}),
            Shape::Bool => json!({"type": "boolean"}),
            Shape::Quantity => self.scalar(
                "io.k8s.apimachinery.pkg.api.resource.Quantity",
                json!({"oneOf": [{"type": "string"}, {"type": "number"}],
                    "description": "Quantity is a fixed-point representation of a number, as in 500m or 1.5Gi."}),
            ),
            Shape::IntOrString => self.scalar(
                "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
                json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}],
                    "description": "IntOrString is a type that can hold an int32 or a string."}),
            ),
            Shape::Time => self.scalar(
                "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
                json!({"type": "string", "format": "date-time"}),
            ),
            Shape::MicroTime => self.scalar(
                "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime",
                json!({"type": "string", "format": "date-time"}),
            ),
            Shape::Bytes => json!({"type": "string", "format": "byte"}),
            Shape::Any => json!({"type": "object"}),
            Shape::Struct(ty) => {
                let name = ty.get().name.clone();
                self.want(&name);
                reference(&name)
            }
            Shape::List(item) => {
                let mut inner = self.node(item);
                if let Shape::Struct(_) = item.shape {
                    inner = json!({"allOf": [inner], "default": {}});
                }
                json!({"type": "array", "items": inner})
            }
            Shape::Map(item) => {
                let item = self.node(item);
                json!({"type": "object", "additionalProperties": item})
            }
        };
        if let Shape::List(_) = node.shape {
            match &node.list {
                ListKind::Atomic => out["x-kubernetes-list-type"] = "atomic".into(),
                ListKind::Set => out["x-kubernetes-list-type"] = "set".into(),
                ListKind::Map(keys) => {
                    out["x-kubernetes-list-type"] = "map".into();
                    let keys: Vec<String> = keys.iter().map(|k| k.to_string()).collect();
                    out["x-kubernetes-list-map-keys"] = keys.into();
                }
            }
        }
        if let (Some(atomic), false) = (node.atomic, matches!(node.shape, Shape::Any)) {
            out["x-kubernetes-map-type"] = if atomic { "atomic" } else { "granular" }.into();
        }
        out
    }

    /// The schema of a custom resource, under a name made from its group.
    fn custom(&mut self, resource: &Resource, schema: &Value) -> String {
        let reversed: Vec<&str> = resource.group.rsplit('.').collect();
        let name = format!("{}.{}.{}", reversed.join("."), resource.version, resource.kind);
        let mut schema = if schema.is_object() { schema.clone() } else { json!({"type": "object"}) };
        let meta = format!("{META}.ObjectMeta");
        self.want(&meta);
        let text = |key: &str| {
            let known = self.texts.get("io.k8s.api.core.v1.Pod").and_then(|t| t.get(key));
            known.cloned().unwrap_or_default()
        };
        let (version_text, kind_text) = (text("apiVersion"), text("kind"));
        let properties = crate::value::map_at(&mut schema, &["properties"]);
        properties.insert("apiVersion".into(), json!({"type": "string", "description": version_text}));
        properties.insert("kind".into(), json!({"type": "string", "description": kind_text}));
        properties.insert("metadata".into(), json!({"allOf": [reference(&meta)],
            "description": "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"}));
        schema["x-kubernetes-group-version-kind"] =
            json!([{"group": resource.group, "version": resource.version, "kind": resource.kind}]);
        self.schemas.insert(name.clone(), schema);
        name
    }

    /// The schema of lists of a resource.
    fn list(&mut self, resource: &Resource, item: &str) -> String {
        let name = match item.rsplit_once('.') {
            Some((path, _)) => format!("{path}.{}", resource.list_kind),
            None => resource.list_kind.clone(),
        };
        if table().named(&name).is_some() {
            self.want(&name);
        } else {
            let meta = format!("{META}.ListMeta");
            self.want(&meta);
            let gvk =
                json!([{"group": resource.group, "version": resource.version, "kind": resource.list_kind}]);
            let schema = json!({"type": "object", "required": ["items"], "properties": {
                "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": reference(&meta),
                "items": {"type": "array", "items": reference(item)}},
                "x-kubernetes-group-version-kind": gvk});
            self.schemas.insert(name.clone(), schema);
        }
        name
    }
}

/// Adds the values that a text, or the items of a list, may have.
fn add_enum(property: &mut Value, values: &Value) {
    let inner = match property.get_mut("items") {
        Some(items) => items,
        None => &mut *property,
    };
    inner["enum"] = values[0].clone();
    if let Some(text) = values[1].as_str().filter(|text| !text.is_empty()) {
        let before = property.text(&["description"]).to_owned();
        property["description"] = format!("{before}\n\nPossible enum values:\n{text}").into();
    }
}

fn write_paths(resource: &Resource, name: &str, list: &str, paths: &mut Map<String, Value>) {
    let base = format!("/{}", place(&resource.group, &resource.version));
    let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("{base}{scope}/{}", resource.plural);
    let object = format!("{collection}/{{name}}");
    let gvk = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let operation = |action: &str, result: &str, body: Option<&str>, parameters: &[&str]| {
        let mut out = json!({
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": reference(result)}}}},
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
        });
        if let Some(body) = body {
            let schema = reference(body);
            out["requestBody"] = json!({"content": {"*/*": {"schema": schema}}});
        }
        let list: Vec<Value> = parameters
            .iter()
            .map(|p| {
                let kind = if *p == "force" { "boolean" } else { "string" };
                json!({"name": p, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
            })
            .collect();
        out["parameters"] = list.into();
        out
    };
    let write = ["dryRun", "fieldManager", "fieldValidation"];
    let status = format!("{META}.Status");
    let options = format!("{META}.DeleteOptions");
    let patch = || {
        let mut out = operation("patch", name, None, &["dryRun", "fieldManager", "fieldValidation", "force"]);
        out["requestBody"] = json!({"content": {"application/json-patch+json": {"schema": {"type": "object"}},
            "application/merge-patch+json": {"schema": {"type": "object"}},
            "application/apply-patch+yaml": {"schema": {"type": "object"}}}});
        out
    };
    let mut on_collection = Map::new();
    let mut on_object = Map::new();
    for verb in &resource.verbs {
        match *verb {
            "list" => {
                on_collection
                    .insert("get".into(), operation("list", list, None, &["labelSelector", "limit"]));
            }
            "create" => {
                on_collection.insert("post".into(), operation("post", name, Some(name), &write));
            }
            "deletecollection" => {
                let out =
                    operation("deletecollection", &status, Some(&options), &["dryRun", "labelSelector"]);
                on_collection.insert("delete".into(), out);
            }
            "get" => {
                on_object.insert("get".into(), operation("get", name, None, &[]));
            }
            "update" => {
                on_object.insert("put".into(), operation("put", name, Some(name), &write));
            }
            "patch" => {
                on_object.insert("patch".into(), patch());
            }
            "delete" => {
                on_object.insert("delete".into(), operation("delete", &status, Some(&options), &["dryRun"]));
            }
            _ => {}
        }
    }
    paths.insert(collection, Value::Object(on_collection));
    if !on_object.is_empty() {
        paths.insert(object.clone(), Value::Object(on_object));
    }
    for sub in resource.subresources.iter().filter(|s| s.name == "status") {
        let mut out = Map::new();
        out.insert("get".into(), operation("get", name, None, &[]));
        out.insert("put".into(), operation("put", name, Some(name), &write));
        out.insert("patch".into(), patch());
        paths.insert(format!("{object}/{}", sub.name), Value::Object(out));
    }
}
