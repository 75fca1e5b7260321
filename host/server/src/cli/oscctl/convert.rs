//! `oscctl convert`: a Helm chart as an OSC package, as the specification maps it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::author::is_service_name;
use super::files::{self, Files};
use crate::cli::failure::Failure;
use crate::cli::output::{Ui, to_yaml};

/// Group of the definitions that are made for charts.
const GROUP: &str = "helm.osc.io";
/// A schema is not followed deeper than this; what is below takes anything.
const DEPTH: usize = 16;
/// Characters of a `briefDescription`.
const BRIEF: usize = 63;

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The package: an archive or a folder
    #[arg(short = 'i', long = "input", value_name = "PATH")]
    input: PathBuf,
    /// The OSC package to make: a `.zip` or `.tgz`, or a folder
    #[arg(short = 'o', long = "output", value_name = "PATH")]
    output: PathBuf,
}

pub(crate) fn run(ui: &mut Ui, args: ConvertArgs) -> Result<(), Failure> {
    convert(&args.input, &args.output)?;
    ui.text("Successfully converted original package to OSC package!\n")
}

/// Reads a package of another kind and writes it as an OSC package.
pub(crate) fn convert(input: &Path, output: &Path) -> Result<(), Failure> {
    let files = files::read(input)?;
    let has = |name: &str| files.iter().any(|(path, _)| path == name);
    if has("metadata.yaml") && has("lifecycle.yaml") {
        return Err(Failure::refused(format!("`{}` is an OSC package already", input.display())));
    }
    if !has("Chart.yaml") {
        let operator = has("metadata/annotations.yaml")
            || files.iter().any(|(path, _)| path.ends_with(".clusterserviceversion.yaml"));
        let what =
            if operator { "operator packages are not converted yet" } else { "it has no `Chart.yaml`" };
        return Err(Failure::refused(format!("`{}` cannot be converted: {what}", input.display()))
            .hint("charts can; an operator package can be uploaded as it is"));
    }
    let converted = of_chart(files).map_err(|message| {
        Failure::refused(format!("`{}` cannot be converted: {message}", input.display()))
    })?;
    files::write(output, &converted)
}

/// The OSC package of a chart: facts, a definition made of its values, and the chart itself below `raw/`.
fn of_chart(chart: Files) -> Result<Files, String> {
    let text = |name: &str| {
        let found = chart.iter().find(|(path, _)| path == name);
        found.map(|(_, content)| String::from_utf8_lossy(content).into_owned())
    };
    let read = |name: &str| match text(name) {
        Some(text) => osc_plugin_helm::yaml::parse_object(&text).map_err(|error| format!("{name}: {error}")),
        None => Ok(Value::Null),
    };
    let (facts, values, schema) = (read("Chart.yaml")?, read("values.yaml")?, read("values.schema.json")?);
    let name = facts["name"].as_str().unwrap_or_default().to_owned();
    if !is_service_name(&name) {
        return Err(format!("its name `{name}` is no name of a service"));
    }
    let yaml = |value: &Value| to_yaml(value).map(String::into_bytes).map_err(|failure| failure.message);
    let names = Names::of(&name);
    let mut made: Files = vec![
        ("metadata.yaml".into(), yaml(&metadata(&facts, logo(&chart))?)?),
        ("lifecycle.yaml".into(), Vec::new()),
        ("manifests/helmrelease_crd.yaml".into(), yaml(&definition(&names, &values, &schema))?),
        ("manifests/helmrelease_csd.yaml".into(), yaml(&service_definition(&names, &facts, values)?)?),
    ];
    if let Some(readme) = text("README.md") {
        made.push(("README.md".into(), readme.into_bytes()));
    }
    made.extend(chart.into_iter().map(|(path, content)| (format!("raw/{path}"), content)));
    Ok(made)
}

struct Names {
    chart: String,
    kind: String,
    plural: String,
}

impl Names {
    fn of(chart: &str) -> Names {
        Names { chart: chart.into(), kind: camel_case(chart), plural: format!("{}s", chart.replace('-', "")) }
    }

    fn crd(&self) -> String {
        format!("{}.{GROUP}", self.plural)
    }
}

/// `redis-cluster` as `RedisCluster`.
pub(super) fn camel_case(name: &str) -> String {
    name.split('-').fold(String::new(), |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

fn metadata(chart: &Value, logo: Option<Value>) -> Result<Value, String> {
    let text = |name: &str| match &chart[name] {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        // `appVersion: 1.2` is a number in YAML.
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let version = text("version").ok_or("Chart.yaml has no `version`")?;
    let annotation =
        |name: &str| chart["annotations"][name].as_str().map(str::trim).filter(|a| !a.is_empty());
    let list = |name: &str, default: &[&str]| -> Vec<String> {
        match annotation(name) {
            Some(text) => {
                text.split(',').map(|word| word.trim().to_owned()).filter(|w| !w.is_empty()).collect()
            }
            None => default.iter().map(|word| (*word).to_owned()).collect(),
        }
    };
    let mut made = Map::new();
    let mut put = |name: &str, value: Value| {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            made.insert(name.into(), value);
        }
    };
    put("name", json!(text("name")));
    put("version", json!(version));
    put("appVersion", json!(text("appVersion")));
    put("displayName", json!(text("name")));
    let description = text("description");
    put(
        "briefDescription",
        json!(description.as_ref().map(|text| text.chars().take(BRIEF).collect::<String>())),
    );
    put("detail", json!(description));
    let source =
        annotation("source").filter(|source| ["ISV", "OpenSource", "HuaweiProvided"].contains(source));
    put("source", json!(source.unwrap_or("OpenSource")));
    put("type", json!("helm"));
    put("architecture", json!(list("architecture", &["x86_64"])));
    put("categories", json!(list("categories", &[])));
    put("devices", json!(list("devices", &["CPU"])));
    put("industries", json!(list("industries", &[])));
    put("scenes", json!(list("scenes", &["CCE"])));
    let people = chart["maintainers"].as_array().cloned().unwrap_or_default();
    let person = |person: &Value| {
        let fields =
            ["name", "email"].into_iter().filter_map(|key| Some((key.to_owned(), person.get(key)?.clone())));
        Value::Object(fields.collect())
    };
    put("maintainers", people.iter().map(person).collect());
    let sources = chart["sources"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let links = text("home").map(|url| ("Home".to_owned(), url)).into_iter();
    let links = links.chain(sources.map(|url| ("Source".to_owned(), url.to_owned())));
    put("links", links.map(|(name, url)| json!({ "name": name, "url": url })).collect());
    put("logo", json!(logo));
    Ok(Value::Object(made))
}

/// `logo.png` and its like beside `Chart.yaml`.
fn logo(chart: &Files) -> Option<Value> {
    use base64::Engine as _;
    let kinds = [("logo.png", "image/png"), ("logo.jpg", "image/jpeg"), ("logo.svg", "image/svg+xml")];
    kinds.iter().find_map(|(name, kind)| {
        let (_, content) = chart.iter().find(|(path, _)| path == name)?;
        let text = base64::prelude::BASE64_STANDARD.encode(content);
        Some(json!({ "base64data": text, "mediatype": kind }))
    })
}

fn definition(names: &Names, values: &Value, schema: &Value) -> Value {
    let spec = match schema {
        Value::Object(_) => structural(schema, schema, DEPTH),
        _ => of_value(values, DEPTH),
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": names.crd() },
        "spec": {
            "group": GROUP,
            "names": {
                "kind": names.kind,
                "listKind": format!("{}List", names.kind),
                "plural": names.plural,
                "singular": names.kind.to_ascii_lowercase(),
            },
            "scope": "Namespaced",
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": spec,
                    "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                }}},
            }],
        },
    })
}

fn service_definition(names: &Names, chart: &Value, values: Value) -> Result<Value, String> {
    let example = json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": names.kind,
        "metadata": { "name": names.chart },
        "spec": if values.is_null() { json!({}) } else { values },
    });
    let example = serde_json::to_string_pretty(&example).map_err(|error| error.to_string())?;
    Ok(json!({
        "apiVersion": "osc.io/v1beta1",
        "kind": "CustomServiceDefinition",
        "metadata": { "name": format!("{}-csd", names.chart) },
        "spec": {
            "CRDRef": {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": { "name": names.crd() },
            },
            "displayName": names.kind,
            "description": chart["description"].as_str().unwrap_or_default(),
            "role": "serviceEntity",
            "defaultConfiguration": example,
        },
    }))
}

/// Keywords that mean the same in a definition.
const SAME: [&str; 17] = [
    "title",
    "description",
    "default",
    "enum",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "multipleOf",
    "required",
    "maxProperties",
];

/// What a structural schema can say of a JSON Schema; the rest takes anything, and the chart's own schema decides.
fn structural(schema: &Value, root: &Value, depth: usize) -> Value {
    let anything = json!({ "x-kubernetes-preserve-unknown-fields": true });
    if depth == 0 {
        return anything;
    }
    if let Some(target) = schema["$ref"].as_str() {
        let found = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return found.map_or(anything, |found| structural(found, root, depth - 1));
    }
    let Some(kind) = schema["type"].as_str().filter(|kind| *kind != "null") else {
        let described =
            ["title", "description"].iter().filter_map(|key| Some(((*key).into(), schema.get(key)?.clone())));
        let mut made: Map<String, Value> = described.collect();
        made.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
        return made.into();
    };
    let mut made = Map::new();
    made.insert("type".into(), kind.into());
    for key in SAME {
        // Since draft 6 these are numbers; a definition has them as switches.
        let other = key.starts_with("exclusive") && !schema[key].is_boolean();
        if let Some(value) = schema.get(key).filter(|_| !other) {
            made.insert(key.into(), value.clone());
        }
    }
    match kind {
        "object" => {
            let properties = schema["properties"].as_object();
            match (properties, schema.get("additionalProperties")) {
                (Some(properties), extra) => {
                    let below = properties
                        .iter()
                        .map(|(key, child)| (key.clone(), structural(child, root, depth - 1)));
                    made.insert("properties".into(), Value::Object(below.collect()));
                    if extra != Some(&Value::Bool(false)) {
                        made.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
                    }
                }
                (None, Some(extra @ Value::Object(_))) => {
                    made.insert("additionalProperties".into(), structural(extra, root, depth - 1));
                }
                (None, _) => {
                    made.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
                }
            }
        }
        "array" => {
            let items = schema.get("items").filter(|items| items.is_object());
            let items = items.map_or(anything, |items| structural(items, root, depth - 1));
            made.insert("items".into(), items);
        }
        _ => {}
    }
    made.into()
}

/// A schema that a value and its like fit.
fn of_value(value: &Value, depth: usize) -> Value {
    match value {
        Value::Object(fields) if depth > 0 && !fields.is_empty() => {
            let properties = fields.iter().map(|(key, child)| (key.clone(), of_value(child, depth - 1)));
            json!({
                "type": "object",
                "properties": Value::Object(properties.collect()),
                "x-kubernetes-preserve-unknown-fields": true,
            })
        }
        Value::Object(_) => json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }),
        Value::Array(items) => {
            let item =
                items.first().map_or(json!({ "x-kubernetes-preserve-unknown-fields": true }), |item| {
                    of_value(item, depth.saturating_sub(1))
                });
            json!({ "type": "array", "items": item })
        }
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Number(number) if number.is_i64() || number.is_u64() => json!({ "type": "integer" }),
        Value::Number(_) => json!({ "type": "number" }),
        Value::Null => json!({ "x-kubernetes-preserve-unknown-fields": true }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn yaml(files: &Files, path: &str) -> Value {
        let (_, content) = files.iter().find(|(found, _)| found == path).unwrap();
        osc_plugin_helm::yaml::parse_object(std::str::from_utf8(content).unwrap()).unwrap()
    }

    const FACTS: &str = "apiVersion: v2\nname: redis-cluster\nversion: 1.2.0\nappVersion: 7.2\ndescription: Keeps\n\
                         maintainers: [{name: Ann, email: ann@example.org, url: x}]\nhome: https://example.org\n\
                         annotations: {categories: 'database, cache', source: Other}\n";

    #[test]
    fn facts_come_from_the_chart() {
        let made =
            of_chart(chart(&[("Chart.yaml", FACTS), ("templates/a.yaml", "{}"), ("logo.png", "x")])).unwrap();
        let metadata = yaml(&made, "metadata.yaml");
        let expected = json!({
            "name": "redis-cluster", "version": "1.2.0", "appVersion": "7.2", "displayName": "redis-cluster",
            "briefDescription": "Keeps", "detail": "Keeps", "source": "OpenSource", "type": "helm",
            "architecture": ["x86_64"], "categories": ["database", "cache"], "devices": ["CPU"], "scenes": ["CCE"],
            "maintainers": [{"name": "Ann", "email": "ann@example.org"}],
            "links": [{"name": "Home", "url": "https://example.org"}],
            "logo": {"base64data": "eA==", "mediatype": "image/png"},
        });
        assert_eq!(metadata, expected);
        assert!(made.iter().any(|(path, content)| path == "lifecycle.yaml" && content.is_empty()));
        assert!(made.iter().any(|(path, _)| path == "raw/templates/a.yaml"));
        assert_eq!(
            yaml(&made, "manifests/helmrelease_crd.yaml")["metadata"]["name"],
            "redisclusters.helm.osc.io"
        );
    }

    #[test]
    fn the_definition_follows_schema_or_values() {
        let values = "replicas: 2\nimage: {tag: ''}\nlist: []\nratio: 0.5\nnothing: null\n";
        let made = of_chart(chart(&[("Chart.yaml", FACTS), ("values.yaml", values)])).unwrap();
        let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
        let properties =
            yaml(&made, "manifests/helmrelease_crd.yaml").pointer(spec).unwrap()["properties"].clone();
        assert_eq!(properties["replicas"], json!({"type": "integer"}));
        assert_eq!(properties["image"]["properties"]["tag"], json!({"type": "string"}));
        assert_eq!(properties["nothing"], json!({"x-kubernetes-preserve-unknown-fields": true}));

        let schema = r##"{"type": "object", "$defs": {"port": {"type": "integer", "maximum": 65535}}, "properties": {
            "port": {"$ref": "#/$defs/port"}, "any": {"oneOf": [{"type": "string"}]},
            "size": {"type": "number", "exclusiveMinimum": 0},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}"##;
        let made = of_chart(chart(&[("Chart.yaml", FACTS), ("values.schema.json", schema)])).unwrap();
        let properties =
            yaml(&made, "manifests/helmrelease_crd.yaml").pointer(spec).unwrap()["properties"].clone();
        assert_eq!(properties["port"], json!({"type": "integer", "maximum": 65535}));
        assert_eq!(properties["any"], json!({"x-kubernetes-preserve-unknown-fields": true}));
        assert_eq!(properties["size"], json!({"type": "number"}));
        assert_eq!(
            properties["labels"],
            json!({"type": "object", "additionalProperties": {"type": "string"}})
        );
    }

    #[test]
    fn a_schema_that_names_itself_ends() {
        let schema = r##"{"type": "object", "properties": {"again": {"$ref": "#"}}}"##;
        assert!(of_chart(chart(&[("Chart.yaml", FACTS), ("values.schema.json", schema)])).is_ok());
    }

    #[test]
    fn others_are_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out.zip"));
        files::write(&input, &chart(&[("metadata.yaml", "a: b"), ("lifecycle.yaml", "")])).unwrap();
        assert!(convert(&input, &output).unwrap_err().message.contains("already"));
        let input = folder.path().join("bundle");
        files::write(&input, &chart(&[("metadata/annotations.yaml", "a: b"), ("x.yaml", "")])).unwrap();
        assert_eq!(convert(&input, &output).unwrap_err().exit, 3);
        assert!(!output.exists());
    }
}
