//! A chart in memory: what `Chart.yaml` says, and the files.
//!
//! Loading is in `load`, merging of values in `coalesce`; this module only holds the types that everything shares.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A chart and the charts below it.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    /// What `Chart.yaml` says, as Helm understands it.
    pub metadata: Metadata,
    /// `Chart.yaml` as it was read, for rules about its form.
    pub raw_metadata: Value,
    /// `Chart.lock` or `requirements.lock`.
    pub lock: Option<Lock>,
    /// Files below `templates/`, partials and `NOTES.txt` too.
    pub templates: Vec<File>,
    /// Files that are none of the above, with `crds/`: what `.Files` shows.
    pub files: Vec<File>,
    /// `values.yaml` as it was written, comments included.
    pub values_yaml: Option<Bytes>,
    /// The default values; always an object.
    pub values: Value,
    /// `values.schema.json`.
    pub schema: Option<Bytes>,
    /// The charts of `charts/`, loaded.
    pub dependencies: Vec<Chart>,
}

/// A file of a chart; the name is relative to the chart's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub data: Bytes,
}

/// The content of `Chart.yaml`. Serialises as Helm does in release records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// `None` stands for an empty entry in the list, which Helm refuses later than reading.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Option<Maintainer>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    #[serde(skip_serializing_if = "is_false")]
    pub deprecated: bool,
    /// `None` when the chart says nothing of them, which prints as `null`; an empty map as `{}`.
    #[serde(skip_serializing_if = "is_none_or_empty")]
    pub annotations: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    /// `None` stands for an empty entry in the list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Option<Dependency>>,
    /// Empty, `application` or `library`.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
}

/// Somebody who looks after a chart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Maintainer {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A chart that a chart needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Dependency {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    pub repository: String,
    /// Value paths, separated by commas; the first that holds a boolean decides.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub enabled: bool,
    /// Strings, or objects with `child` and `parent`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub import_values: Vec<Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias: String,
}

/// The dependencies as they were resolved.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    pub generated: String,
    pub digest: String,
    pub dependencies: Vec<Option<Dependency>>,
}

impl Chart {
    /// The name in `Chart.yaml`, or the alias once dependencies are processed.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether the chart only offers templates to others.
    pub fn is_library(&self) -> bool {
        self.metadata.kind == "library"
    }
}

impl File {
    /// A file from a name and anything that turns into bytes.
    pub fn new(name: impl Into<String>, data: impl Into<Bytes>) -> Self {
        Self { name: name.into(), data: data.into() }
    }
}

fn is_none_or_empty(map: &Option<BTreeMap<String, String>>) -> bool {
    map.as_ref().is_none_or(BTreeMap::is_empty)
}

fn is_false(value: &bool) -> bool {
    !*value
}
