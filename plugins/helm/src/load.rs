//! Builds a chart from its files, as Helm's loader does.
//!
//! The files come from an archive (`load::archive`) or from a host that unpacked it already; names are relative to the
//! chart's folder and use `/`.

pub mod archive;
pub mod ignore;
mod metadata;

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::chart::{Chart, File, Lock, Metadata};
use crate::values;

use self::metadata::METADATA;
pub use metadata::{Strictness, decode_metadata, validate_metadata};

/// How deep charts may be nested in `charts/`.
const MAX_DEPTH: usize = 16;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Why a chart cannot be loaded; the texts are Helm's where Helm has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub String);

impl LoadError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Loads a chart from files that were unpacked before.
pub fn load_files(files: impl IntoIterator<Item = File>) -> Result<Chart, LoadError> {
    let mut budget = archive::Budget::default();
    let mut taken = Vec::new();
    for file in files {
        let name = archive::check_name(&file.name)?;
        budget.take(&name, file.data.len() as u64)?;
        taken.push(File::new(name, without_bom(&file.data)));
    }
    build(taken, &mut budget, 0)
}

/// Loads a chart from a `.tgz` archive.
pub fn load_archive(data: &[u8]) -> Result<Chart, LoadError> {
    let mut budget = archive::Budget::default();
    let files = archive::unpack(data, &mut budget)?;
    build(files, &mut budget, 0)
}

/// Drops a byte order mark at the start.
pub(crate) fn without_bom(data: &Bytes) -> Bytes {
    if data.starts_with(BOM) { data.slice(BOM.len()..) } else { data.clone() }
}

fn build(files: Vec<File>, budget: &mut archive::Budget, depth: usize) -> Result<Chart, LoadError> {
    if depth > MAX_DEPTH {
        return Err(LoadError(format!("charts are nested deeper than {MAX_DEPTH} levels")));
    }
    let mut chart = Chart { values: Value::Object(Map::new()), ..Chart::default() };
    let mut has_metadata = false;
    for file in files.iter().filter(|file| file.name == "Chart.yaml") {
        let context = |error| LoadError(format!("cannot load Chart.yaml: {error}"));
        chart.raw_metadata = read(file).map_err(context)?;
        // Helm first looks for the version of the format, in a type of its own.
        let wanted = if depth == 0 { "loader.chartBase" } else { METADATA };
        metadata::decode_into(&mut chart.metadata, &chart.raw_metadata, wanted, Strictness::Lenient)
            .map_err(context)?;
        if chart.metadata.api_version.is_empty() {
            chart.metadata.api_version = "v1".to_owned();
        }
        has_metadata = true;
    }
    let mut subcharts: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in files {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => chart.lock = Some(read_lock(&file)?),
            "values.yaml" => {
                let text = values::text_of(&file.data);
                chart.values = values::load_values(&text)
                    .map_err(|error| LoadError(format!("cannot load values.yaml: {error}")))?;
                chart.values_yaml = Some(file.data);
            }
            "values.schema.json" => chart.schema = Some(file.data),
            "requirements.yaml" => {
                has_metadata = true;
                read_requirements(&mut chart.metadata, &file)?;
                if chart.metadata.api_version == "v1" {
                    chart.files.push(file);
                }
            }
            "requirements.lock" => {
                chart.lock = Some(read_lock(&file)?);
                if chart.metadata.api_version == "v1" {
                    chart.files.push(file);
                }
            }
            name if name.starts_with("templates/") => chart.templates.push(file),
            name if name.starts_with("charts/") && !name.ends_with(".prov") => {
                let inner = name["charts/".len()..].to_owned();
                let folder = inner.split('/').next().unwrap_or_default().to_owned();
                subcharts.entry(folder).or_default().push(File { name: inner, data: file.data });
            }
            _ => chart.files.push(file),
        }
    }
    if !has_metadata {
        return Err(LoadError::new("Chart.yaml file is missing"));
    }
    validate_metadata(&mut chart.metadata).map_err(|reason| LoadError(format!("validation: {reason}")))?;
    for (name, files) in subcharts {
        if name.starts_with(['_', '.']) {
            continue;
        }
        let dependency = load_subchart(&chart, &name, files, budget, depth)?;
        chart.dependencies.push(dependency);
    }
    Ok(chart)
}

fn load_subchart(
    parent: &Chart,
    name: &str,
    files: Vec<File>,
    budget: &mut archive::Budget,
    depth: usize,
) -> Result<Chart, LoadError> {
    let loaded = if name.ends_with(".tgz") {
        let file = &files[0];
        if file.name != name {
            return Err(LoadError(format!(
                "error unpacking subchart tar in {}: expected {name}, got {}",
                parent.name(),
                file.name
            )));
        }
        archive::unpack(&file.data, budget).and_then(|files| build(files, budget, depth + 1))
    } else {
        let inner = files
            .into_iter()
            .filter_map(|file| {
                let (_, rest) = file.name.split_once('/')?;
                Some(File::new(rest, file.data))
            })
            .collect();
        build(inner, budget, depth + 1)
    };
    loaded
        .map_err(|error| LoadError(format!("error unpacking subchart {name} in {}: {error}", parent.name())))
}

fn read_lock(file: &File) -> Result<Lock, LoadError> {
    let context = |error: String| LoadError(format!("cannot load {}: {error}", file.name));
    let value = read(file).map_err(context)?;
    metadata::decode_lock(&value).map_err(context)
}

fn read_requirements(metadata: &mut Metadata, file: &File) -> Result<(), LoadError> {
    let context = |error: String| LoadError(format!("cannot load requirements.yaml: {error}"));
    let value = read(file).map_err(context)?;
    metadata::decode_into(metadata, &value, METADATA, Strictness::Lenient).map_err(context)
}

fn read(file: &File) -> Result<Value, String> {
    let text = std::str::from_utf8(&file.data)
        .map_err(|_| "error converting YAML to JSON: yaml: invalid leading UTF-8 octet".to_owned())?;
    values::read_yaml(text)
}
