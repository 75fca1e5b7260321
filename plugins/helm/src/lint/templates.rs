//! Rules about templates and what they render to.

use serde_json::Value;

use super::{Level, Report, deprecated, names, place};
use crate::chart::{Chart, File};
use crate::functions::json;
use crate::load::LoadError;
use crate::template::{self, DEFAULT_KUBE_VERSION};
use crate::text::{quote, scalar_text};
use crate::values::{read_yaml, split_documents};

const FOLDER: &str = "templates/";
const RULE: &str = "templates";

/// The head of a rendered document.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
}

pub(super) fn check(
    report: &mut Report,
    files: &[File],
    loaded: &Result<Chart, LoadError>,
    overrides: &Value,
) {
    if files.iter().any(|file| file.name == "templates") {
        report.check(Level::Error, RULE, FOLDER, Err("not a directory".to_owned()));
        return;
    }
    if !files.iter().any(|file| file.name.starts_with(FOLDER)) {
        report.check(Level::Warning, RULE, FOLDER, Err("directory does not exist".to_owned()));
        return;
    }
    let chart = match loaded {
        Ok(chart) => chart,
        Err(error) => {
            report.check(Level::Error, RULE, FOLDER, Err(error.to_string()));
            return;
        }
    };
    let rendered = match template::lint_files(chart.clone(), overrides) {
        Ok(Some(rendered)) => rendered,
        // Helm says nothing when values cannot be merged at all.
        Ok(None) => return,
        Err(error) => {
            report.check(Level::Error, RULE, FOLDER, Err(error));
            return;
        }
    };
    for file in &chart.templates {
        let text = rendered.get(&format!("{}/{}", chart.name(), file.name)).map_or("", String::as_str);
        if !check_file(report, file, text) {
            return;
        }
    }
}

/// Whether the next file may be looked at.
fn check_file(report: &mut Report, file: &File, text: &str) -> bool {
    let path = file.name.as_str();
    let base = path.rsplit('/').next().unwrap_or(path);
    let extension = base.rfind('.').map_or("", |at| &base[at..]);
    let is_allowed = matches!(extension, ".yaml" | ".yml" | ".tpl" | ".txt");
    let outcome = match is_allowed {
        true => Ok(()),
        false => Err(format!(
            "file extension '{extension}' not valid. Valid extensions are .yaml, .yml, .tpl, or .txt"
        )),
    };
    report.check(Level::Error, RULE, path, outcome);
    if !matches!(extension.to_lowercase().as_str(), ".yaml" | ".yml") || text.trim().is_empty() {
        return true;
    }
    report.check(Level::Warning, RULE, path, top_indent(text));
    let (documents, separator) = documents(text);
    for (number, document) in documents.iter().enumerate() {
        match Document::parse(document) {
            Ok(None) => {}
            Ok(Some(document)) => check_document(report, file, &document, text),
            Err(error) => return unreadable(report, path, first_error(text, number, error)),
        }
    }
    match separator {
        Some(error) => unreadable(report, path, error),
        None => true,
    }
}

/// What is taken for JSON first is complained about as JSON.
pub(super) fn first_error(text: &str, number: usize, error: String) -> String {
    if number > 0 || !text.trim_start().starts_with('{') {
        return error;
    }
    match json::read::first_fault(text) {
        Ok(()) => error,
        Err((Some(offset), reason)) => format!("json: offset {offset}: {reason}"),
        Err((None, reason)) => reason,
    }
}

fn unreadable(report: &mut Report, path: &str, error: String) -> bool {
    let line = place::yaml_line(&error);
    report.check_at(Level::Error, RULE, path, line, Err(format!("unable to parse YAML: {error}")))
}

fn check_document(report: &mut Report, file: &File, document: &Document, text: &str) {
    let path = file.name.as_str();
    let source = String::from_utf8_lossy(&file.data);
    let line = place::only_line(&source, &format!("kind: {}", document.kind));
    let version = DEFAULT_KUBE_VERSION.trim_start_matches('v');
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or_default());
    let cluster = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    report.check_at(Level::Warning, RULE, path, line, names::check(&document.kind, &document.name));
    report.check_at(
        Level::Warning,
        "deprecated-api",
        path,
        place::only_line(&source, &format!("apiVersion: {}", document.api_version)).or(line),
        deprecated::check(&document.api_version, &document.kind, cluster),
    );
    let needs_selector =
        matches!(document.kind.as_str(), "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet");
    let has_selector = text.contains("matchLabels") || text.contains("matchExpressions");
    let outcome = match needs_selector && !has_selector {
        false => Ok(()),
        true => Err(format!(
            "a {} must contain matchLabels or matchExpressions, and {} does not",
            document.kind,
            quote(&document.name)
        )),
    };
    report.check_at(Level::Error, RULE, path, line, outcome);
    report.check_at(Level::Error, RULE, path, line, list_annotations(document, text));
}

fn list_annotations(document: &Document, text: &str) -> Result<(), String> {
    if document.kind != "List" {
        return Ok(());
    }
    let list = read_yaml(text).map_err(|error| format!("unable to parse YAML: {error}"))?;
    let items = list.get("items").and_then(Value::as_array).into_iter().flatten();
    let has_policy = |item: &Value| item.pointer("/metadata/annotations/helm.sh~1resource-policy").is_some();
    match items.into_iter().any(has_policy) {
        true => Err("annotation 'helm.sh/resource-policy' within List objects are ignored".to_owned()),
        false => Ok(()),
    }
}

fn top_indent(text: &str) -> Result<(), String> {
    match text.lines().find(|line| !line.trim().is_empty()) {
        Some(line) if line.starts_with([' ', '\t']) => Err(format!(
            "document starts with an illegal indent: {}, which may cause parsing problems",
            quote(line)
        )),
        _ => Ok(()),
    }
}

/// The documents up to a separator that is none, and the error of that one.
pub(super) fn documents(text: &str) -> (Vec<String>, Option<String>) {
    let (documents, error) = split_documents(text);
    (documents, error.map(|rest| format!("invalid Yaml document separator: {rest}")))
}

impl Document {
    /// `None` for a document without content.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        let value = read_yaml(text)?;
        let map = match &value {
            Value::Null => return Ok(None),
            Value::Object(map) => map,
            other => return Err(mismatch(other, "value of type rules.k8sYamlStruct")),
        };
        let mut document = Self::default();
        for (key, value) in map {
            match key.to_lowercase().as_str() {
                "apiversion" => set(&mut document.api_version, value, "k8sYamlStruct.apiVersion")?,
                "kind" => set(&mut document.kind, value, "k8sYamlStruct.Kind")?,
                "metadata" => document.read_metadata(value)?,
                _ => {}
            }
        }
        Ok(Some(document))
    }

    fn read_metadata(&mut self, value: &Value) -> Result<(), String> {
        let map = match value {
            Value::Null => return Ok(()),
            Value::Object(map) => map,
            other => {
                return Err(mismatch(
                    other,
                    "struct field k8sYamlStruct.Metadata of type rules.k8sYamlMetadata",
                ));
            }
        };
        let mut namespace = String::new();
        for (key, value) in map {
            match key.to_lowercase().as_str() {
                "name" => set(&mut self.name, value, "k8sYamlMetadata.Metadata.Name")?,
                "namespace" => set(&mut namespace, value, "k8sYamlMetadata.Metadata.Namespace")?,
                _ => {}
            }
        }
        Ok(())
    }
}

fn set(target: &mut String, value: &Value, field: &str) -> Result<(), String> {
    match scalar_text(value) {
        Some(text) => *target = text,
        None if value.is_null() => {}
        None => return Err(mismatch(value, &format!("struct field {field} of type string"))),
    }
    Ok(())
}

fn mismatch(value: &Value, place: &str) -> String {
    let got = crate::values::json_kind(value);
    format!("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {got} into Go {place}")
}
