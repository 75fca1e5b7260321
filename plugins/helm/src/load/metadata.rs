//! Turns `Chart.yaml`, `requirements.yaml` and lock files into types, with Go's leniency and Go's error texts.
//!
//! Field names match in any case, numbers and booleans become text where text is wanted, and reading goes on behind a
//! value of a wrong type, so that rules about the rest can still speak.

use serde_json::{Map, Value};

use crate::chart::{Dependency, Lock, Maintainer, Metadata};
use crate::semver::Version;
use crate::text::{is_print, quote, scalar_text};
use crate::values::to_floats;

/// Whether unknown fields are errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    Lenient,
    Strict,
}

/// Reads a parsed `Chart.yaml`; the metadata is as far filled as it can be, even beside an error.
pub fn decode_metadata(value: &Value, strictness: Strictness) -> (Metadata, Result<(), String>) {
    let mut metadata = Metadata::default();
    let result = decode_into(&mut metadata, value, METADATA, strictness);
    (metadata, result)
}

/// Go's type of metadata, which errors name.
pub(super) const METADATA: &str = "v2.Metadata";

/// Overlays metadata with a parsed document.
pub(super) fn decode_into(
    metadata: &mut Metadata,
    value: &Value,
    wanted: &str,
    strictness: Strictness,
) -> Result<(), String> {
    let mut decoder = Decoder::new(strictness);
    decoder.object(value, wanted, "Metadata", |decoder, field, value| match field {
        "name" => decoder.text(value, &mut metadata.name),
        "home" => decoder.text(value, &mut metadata.home),
        "sources" => decoder.texts(value, &mut metadata.sources),
        "version" => decoder.text(value, &mut metadata.version),
        "description" => decoder.text(value, &mut metadata.description),
        "keywords" => decoder.texts(value, &mut metadata.keywords),
        "maintainers" => {
            if let Some(list) = decoder.list(value, "[]*v2.Maintainer") {
                metadata.maintainers = list.iter().map(|item| decoder.maintainer(item)).collect();
            }
        }
        "icon" => decoder.text(value, &mut metadata.icon),
        "apiversion" => decoder.text(value, &mut metadata.api_version),
        "condition" => decoder.text(value, &mut metadata.condition),
        "tags" => decoder.text(value, &mut metadata.tags),
        "appversion" => decoder.text(value, &mut metadata.app_version),
        "deprecated" => decoder.flag(value, &mut metadata.deprecated),
        "annotations" => decoder.annotations(value, metadata),
        "kubeversion" => decoder.text(value, &mut metadata.kube_version),
        "dependencies" => {
            if let Some(list) = decoder.list(value, "[]*v2.Dependency") {
                metadata.dependencies = list.iter().map(|item| decoder.dependency(item)).collect();
            }
        }
        "type" => decoder.text(value, &mut metadata.kind),
        _ => decoder.unknown(),
    });
    decoder.finish()
}

/// Reads a parsed lock file.
pub(super) fn decode_lock(value: &Value) -> Result<Lock, String> {
    let mut lock = Lock::default();
    let mut decoder = Decoder::new(Strictness::Lenient);
    decoder.object(value, "v2.Lock", "Lock", |decoder, field, value| match field {
        "generated" => decoder.text(value, &mut lock.generated),
        "digest" => decoder.text(value, &mut lock.digest),
        "dependencies" => {
            if let Some(list) = decoder.list(value, "[]*v2.Dependency") {
                lock.dependencies = list.iter().map(|item| decoder.dependency(item)).collect();
            }
        }
        _ => decoder.unknown(),
    });
    decoder.finish()?;
    Ok(lock)
}

struct Decoder {
    strictness: Strictness,
    error: Option<String>,
    /// Names of the structs and fields around the current value.
    structs: Vec<&'static str>,
    fields: Vec<String>,
}

impl Decoder {
    fn new(strictness: Strictness) -> Self {
        Self { strictness, error: None, structs: Vec::new(), fields: Vec::new() }
    }

    fn finish(self) -> Result<(), String> {
        match self.error {
            Some(error) => Err(format!("error unmarshaling JSON: while decoding JSON: json: {error}")),
            None => Ok(()),
        }
    }

    fn fail(&mut self, error: String) {
        self.error.get_or_insert(error);
    }

    fn mismatch(&mut self, value: &Value, wanted: &str) {
        let got = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let place = match self.structs.last() {
            Some(name) => format!("struct field {name}.{}", self.fields.join(".")),
            None => "value".to_owned(),
        };
        self.fail(format!("cannot unmarshal {got} into Go {place} of type {wanted}"));
    }

    fn unknown(&mut self) {
        if self.strictness == Strictness::Strict {
            let name = self.fields.last().map_or("", String::as_str);
            self.fail(format!("unknown field {}", quote(name)));
        }
    }

    /// Visits the fields with their names in lower case, in the order of their names.
    fn object(
        &mut self,
        value: &Value,
        wanted: &str,
        name: &'static str,
        mut visit: impl FnMut(&mut Self, &str, &Value),
    ) -> bool {
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return true,
            other => {
                self.mismatch(other, wanted);
                return false;
            }
        };
        self.structs.push(name);
        for (key, value) in sorted(map) {
            self.fields.push(key.clone());
            visit(self, &key.to_lowercase(), value);
            self.fields.pop();
        }
        self.structs.pop();
        true
    }

    fn list<'v>(&mut self, value: &'v Value, wanted: &str) -> Option<&'v [Value]> {
        match value {
            Value::Array(list) => Some(list),
            Value::Null => Some(&[]),
            other => {
                self.mismatch(other, wanted);
                None
            }
        }
    }

    fn text(&mut self, value: &Value, target: &mut String) {
        match scalar_text(value) {
            Some(text) => *target = text,
            None if value.is_null() => {}
            None => self.mismatch(value, "string"),
        }
    }

    fn texts(&mut self, value: &Value, target: &mut Vec<String>) {
        let Some(list) = self.list(value, "[]string") else { return };
        *target = list
            .iter()
            .map(|item| {
                let mut text = String::new();
                self.text(item, &mut text);
                text
            })
            .collect();
    }

    fn flag(&mut self, value: &Value, target: &mut bool) {
        match value {
            Value::Bool(flag) => *target = *flag,
            Value::Null => {}
            other => self.mismatch(other, "bool"),
        }
    }

    fn annotations(&mut self, value: &Value, metadata: &mut Metadata) {
        match value {
            Value::Object(map) => {
                let annotations = metadata.annotations.get_or_insert_default();
                for (key, value) in sorted(map) {
                    let mut text = String::new();
                    self.text(value, &mut text);
                    annotations.insert(key.clone(), text);
                }
            }
            Value::Null => {}
            other => self.mismatch(other, "map[string]string"),
        }
    }

    fn maintainer(&mut self, value: &Value) -> Option<Maintainer> {
        let mut maintainer = Maintainer::default();
        let read = self.object(value, "v2.Maintainer", "Maintainer", |decoder, field, value| match field {
            "name" => decoder.text(value, &mut maintainer.name),
            "email" => decoder.text(value, &mut maintainer.email),
            "url" => decoder.text(value, &mut maintainer.url),
            _ => decoder.unknown(),
        });
        (read && !value.is_null()).then_some(maintainer)
    }

    fn dependency(&mut self, value: &Value) -> Option<Dependency> {
        let mut dependency = Dependency::default();
        let read = self.object(value, "v2.Dependency", "Dependency", |decoder, field, value| match field {
            "name" => decoder.text(value, &mut dependency.name),
            "version" => decoder.text(value, &mut dependency.version),
            "repository" => decoder.text(value, &mut dependency.repository),
            "condition" => decoder.text(value, &mut dependency.condition),
            "tags" => decoder.texts(value, &mut dependency.tags),
            "enabled" => decoder.flag(value, &mut dependency.enabled),
            "import-values" => {
                if let Some(list) = decoder.list(value, "[]interface {}") {
                    dependency.import_values = list.iter().cloned().map(to_floats).collect();
                }
            }
            "alias" => decoder.text(value, &mut dependency.alias),
            _ => decoder.unknown(),
        });
        (read && !value.is_null()).then_some(dependency)
    }
}

fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

/// Cleans the texts and checks what Helm checks when it loads a chart.
pub fn validate_metadata(metadata: &mut Metadata) -> Result<(), String> {
    for text in [
        &mut metadata.name,
        &mut metadata.description,
        &mut metadata.home,
        &mut metadata.icon,
        &mut metadata.condition,
        &mut metadata.tags,
        &mut metadata.app_version,
        &mut metadata.kube_version,
    ] {
        sanitize(text);
    }
    metadata.sources.iter_mut().chain(&mut metadata.keywords).for_each(sanitize);
    let name = &metadata.name;
    if metadata.api_version.is_empty() {
        return Err("chart.metadata.apiVersion is required".to_owned());
    }
    if name.is_empty() {
        return Err("chart.metadata.name is required".to_owned());
    }
    if name == "." || name == ".." {
        return Err(format!("chart.metadata.name {} is not allowed", quote(name)));
    }
    if name.contains('/') {
        return Err(format!("chart.metadata.name {} is invalid", quote(name)));
    }
    if metadata.version.is_empty() {
        return Err("chart.metadata.version is required".to_owned());
    }
    if Version::parse(&metadata.version).is_err() {
        return Err(format!("chart.metadata.version {} is invalid", quote(&metadata.version)));
    }
    if !matches!(metadata.kind.as_str(), "" | "application" | "library") {
        return Err("chart.metadata.type must be application or library".to_owned());
    }
    for maintainer in &mut metadata.maintainers {
        let maintainer = maintainer.as_mut().ok_or("maintainers must not contain empty or null nodes")?;
        [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url].into_iter().for_each(sanitize);
    }
    let mut seen: Vec<&str> = Vec::new();
    for dependency in &mut metadata.dependencies {
        let dependency = dependency.as_mut().ok_or("dependencies must not contain empty or null nodes")?;
        validate_dependency(dependency)?;
        let key = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
        if seen.contains(&key.as_str()) {
            return Err(format!("more than one dependency with name or alias {}", quote(key)));
        }
        seen.push(key);
    }
    Ok(())
}

fn validate_dependency(dependency: &mut Dependency) -> Result<(), String> {
    for text in
        [&mut dependency.name, &mut dependency.version, &mut dependency.repository, &mut dependency.condition]
    {
        sanitize(text);
    }
    dependency.tags.iter_mut().for_each(sanitize);
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !dependency.alias.chars().all(is_allowed) {
        return Err(format!("dependency {} has disallowed characters in the alias", quote(&dependency.name)));
    }
    Ok(())
}

fn sanitize(text: &mut String) {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return;
    }
    *text = text
        .chars()
        .filter_map(|letter| match letter {
            _ if letter.is_whitespace() => Some(' '),
            _ if is_print(letter) => Some(letter),
            _ => None,
        })
        .collect();
}
