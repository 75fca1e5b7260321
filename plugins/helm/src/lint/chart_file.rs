//! Rules about `Chart.yaml`.

use serde_json::Value;

use super::addresses::{is_email, is_request_url, is_url};
use super::{Level, Report, place};
use crate::chart::{File, Metadata};
use crate::load::{Strictness, decode_metadata};
use crate::semver::{Constraint, Version};
use crate::text::quote;
use crate::values::{self, read_yaml};

const PATH: &str = "Chart.yaml";

pub(super) fn check(report: &mut Report, file: Option<&File>) {
    let text = file.map(|file| values::text_of(&file.data)).unwrap_or_default();
    let mut say = |level, key: &str, outcome: Result<(), String>| {
        let line =
            outcome.as_ref().err().and_then(|text| place::yaml_line(text)).or_else(|| line_of(&text, key));
        report.check_at(level, "chart-yaml", PATH, line, outcome)
    };
    let parsed = match file {
        Some(_) => read_yaml(&text),
        None => Err("open Chart.yaml: no such file or directory".to_owned()),
    };
    let read = parsed.and_then(|value| {
        let (metadata, outcome) = decode_metadata(&value, Strictness::Lenient);
        outcome.map(|()| (value, metadata))
    });
    let (value, metadata) = match read {
        Ok(read) => read,
        Err(error) => {
            say(Level::Error, "", Err(format!("unable to parse YAML\n\t{error}")));
            return;
        }
    };
    let strict = duplicate_key(&text).map_or_else(|| decode_metadata(&value, Strictness::Strict).1, Err);
    let strict = strict.map_err(|error| format!("failed to strictly parse chart metadata file\n\t{error}"));
    let unknown =
        strict.as_ref().err().and_then(|error| error.split("unknown field \"").nth(1)?.split('"').next());
    let unknown = unknown.unwrap_or_default().to_owned();
    say(Level::Warning, &unknown, strict);
    say(Level::Error, "name", name(&metadata));
    say(Level::Error, "apiVersion", api_version(&metadata));
    say(Level::Error, "version", is_text(&value, "version"));
    say(Level::Error, "version", version(&metadata));
    say(Level::Error, "appVersion", is_text(&value, "appVersion"));
    say(Level::Error, "maintainers", maintainers(&metadata));
    say(Level::Error, "sources", sources(&metadata));
    say(Level::Info, "icon", when(metadata.icon.is_empty(), || "icon is recommended".to_owned()));
    let is_bad_icon = !metadata.icon.is_empty() && !is_request_url(&metadata.icon);
    say(Level::Error, "icon", when(is_bad_icon, || format!("invalid icon URL '{}'", metadata.icon)));
    let is_old = metadata.api_version != "v2";
    let api = &metadata.api_version;
    say(
        Level::Error,
        "type",
        when(is_old && !metadata.kind.is_empty(), || {
            format!("chart type is not valid in apiVersion '{api}'. It is valid in apiVersion 'v2'")
        }),
    );
    say(
        Level::Error,
        "dependencies",
        when(is_old && !metadata.dependencies.is_empty(), || {
            format!(
                "dependencies are not valid in the Chart file with apiVersion '{api}'. They are valid in apiVersion 'v2'"
            )
        }),
    );
    say(
        Level::Warning,
        "version",
        when(Version::parse_strict(&metadata.version).is_err(), || {
            format!("version '{}' is not a valid SemVerV2", metadata.version)
        }),
    );
}

fn when(is_wrong: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if is_wrong { Err(text()) } else { Ok(()) }
}

/// The line of a key at the top level.
fn line_of(text: &str, key: &str) -> Option<u32> {
    if key.is_empty() {
        return None;
    }
    let is_key = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'));
    text.lines().position(is_key).and_then(|index| u32::try_from(index + 1).ok())
}

/// What the strict reader says about a key that is there twice at the top level.
fn duplicate_key(text: &str) -> Option<String> {
    let mut seen: Vec<&str> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((key, _)) = line.split_once(':') else { continue };
        let is_plain = !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric());
        if !is_plain {
            continue;
        }
        if seen.contains(&key) {
            return Some(format!(
                "error converting YAML to JSON: yaml: unmarshal errors:\n  line {}: key {} already set in map",
                index + 1,
                quote(key)
            ));
        }
        seen.push(key);
    }
    None
}

fn is_text(value: &Value, key: &str) -> Result<(), String> {
    let kind = match value.get(key) {
        None | Some(Value::String(_)) => return Ok(()),
        Some(Value::Null) => "<nil>",
        Some(Value::Bool(_)) => "bool",
        Some(Value::Number(_)) => "float64",
        Some(Value::Array(_)) => "[]interface {}",
        Some(Value::Object(_)) => "map[string]interface {}",
    };
    Err(format!("{key} should be of type string but it's of type {kind}"))
}

fn name(metadata: &Metadata) -> Result<(), String> {
    when(metadata.name.is_empty(), || "name is required".to_owned())?;
    when(metadata.name.contains('/'), || format!("chart name {} is invalid", quote(&metadata.name)))
}

fn api_version(metadata: &Metadata) -> Result<(), String> {
    let choice = "The value must be either \"v1\" or \"v2\"";
    match metadata.api_version.as_str() {
        "v1" | "v2" => Ok(()),
        "" => Err(format!("apiVersion is required. {choice}")),
        other => Err(format!("apiVersion '{other}' is not valid. {choice}")),
    }
}

fn version(metadata: &Metadata) -> Result<(), String> {
    when(metadata.version.is_empty(), || "version is required".to_owned())?;
    let version = Version::parse(&metadata.version)
        .map_err(|_| format!("version '{}' is not a valid SemVer", metadata.version))?;
    let wanted = Constraint::parse(">0.0.0-0").map_err(|error| error.to_string())?;
    wanted
        .validate(&version)
        .map_err(|reasons| format!("version {}", reasons.first().map_or("", String::as_str)))
}

fn maintainers(metadata: &Metadata) -> Result<(), String> {
    for maintainer in &metadata.maintainers {
        let maintainer = maintainer.as_ref().ok_or("a maintainer entry is empty")?;
        let name = &maintainer.name;
        when(name.is_empty(), || "each maintainer requires a name".to_owned())?;
        when(!maintainer.email.is_empty() && !is_email(&maintainer.email), || {
            format!("invalid email '{}' for maintainer '{name}'", maintainer.email)
        })?;
        when(!maintainer.url.is_empty() && !is_url(&maintainer.url), || {
            format!("invalid url '{}' for maintainer '{name}'", maintainer.url)
        })?;
    }
    Ok(())
}

fn sources(metadata: &Metadata) -> Result<(), String> {
    match metadata.sources.iter().find(|source| !is_request_url(source)) {
        Some(source) => Err(format!("invalid source URL '{source}'")),
        None => Ok(()),
    }
}
