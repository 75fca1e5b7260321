//! Helm's release records: Secrets that hold a release as base64 of gzip of JSON.
//!
//! Records that real Helm wrote keep fields which are unknown here. Records of ours are such that real Helm lists,
//! upgrades and rolls them back.

mod json;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::chart::Chart;
use crate::manifest::{Event, Hook};
pub(crate) use json::whole_numbers;
use json::{chart_json, decode, encode, hook_json, hook_of};

/// What the API server takes in one Secret.
const MAX_RECORD: usize = 1024 * 1024;
const TYPE: &str = "helm.sh/release.v1";
/// Begins descriptions of ours, so that a pending record tells whose it is.
pub const OPERATION: &str = "osc operation ";

/// Where a release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Unknown,
    Deployed,
    Uninstalled,
    Superseded,
    Failed,
    Uninstalling,
    PendingInstall,
    PendingUpgrade,
    PendingRollback,
}

const STATES: [(&str, State); 9] = [
    ("unknown", State::Unknown),
    ("deployed", State::Deployed),
    ("uninstalled", State::Uninstalled),
    ("superseded", State::Superseded),
    ("failed", State::Failed),
    ("uninstalling", State::Uninstalling),
    ("pending-install", State::PendingInstall),
    ("pending-upgrade", State::PendingUpgrade),
    ("pending-rollback", State::PendingRollback),
];

impl State {
    /// The word in records.
    pub fn name(self) -> &'static str {
        STATES.iter().find(|(_, state)| *state == self).map_or("unknown", |(name, _)| name)
    }

    /// Whether an operation was or is under way.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback)
    }
}

/// One revision of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The release as Helm's JSON.
    release: Value,
    /// Labels of the Secret that the record came from.
    labels: Map<String, Value>,
}

/// What a new record is made of.
#[derive(Debug)]
pub struct NewRecord<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
    pub version: u32,
    pub chart: &'a Chart,
    /// The user's values.
    pub config: &'a Value,
    pub manifest: String,
    pub hooks: &'a [Hook],
    pub notes: &'a str,
    pub first_deployed: Option<String>,
    pub now: Timestamp,
}

impl Record {
    /// A record without a state; give it one before it is stored.
    pub fn new(new: NewRecord<'_>) -> Self {
        let now = new.now.to_string();
        let mut info = Map::new();
        info.insert("first_deployed".into(), new.first_deployed.unwrap_or_else(|| now.clone()).into());
        info.insert("last_deployed".into(), now.into());
        info.insert("status".into(), State::Unknown.name().into());
        if !new.notes.is_empty() {
            info.insert("notes".into(), new.notes.into());
        }
        let mut release = json!({
            "name": new.name,
            "info": info,
            "chart": chart_json(new.chart),
            "manifest": new.manifest,
            "version": new.version,
            "namespace": new.namespace,
            "apply_method": "ssa",
        });
        if new.config.as_object().is_some_and(|config| !config.is_empty()) {
            release["config"] = whole_numbers(new.config);
        }
        if !new.hooks.is_empty() {
            release["hooks"] = new.hooks.iter().map(hook_json).collect();
        }
        Self { release, labels: Map::new() }
    }

    /// Reads the Secret of a record.
    pub fn from_secret(secret: &Value) -> Result<Self, String> {
        let name = secret.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let data = secret.pointer("/data/release").and_then(Value::as_str);
        let data = data.ok_or_else(|| format!("secret `{name}` holds no release"))?;
        let release =
            decode(data).map_err(|reason| format!("release in secret `{name}` is unreadable: {reason}"))?;
        let labels =
            secret.pointer("/metadata/labels").and_then(Value::as_object).cloned().unwrap_or_default();
        Ok(Self { release, labels })
    }

    /// The Secret that stores the record; parts are left out when it would be too large, and the description says so.
    pub fn to_secret(&self, now: Timestamp) -> Value {
        let mut labels = self.labels.clone();
        let stamp = if labels.contains_key("owner") { "modifiedAt" } else { "createdAt" };
        labels.insert(stamp.into(), now.as_second().to_string().into());
        labels.insert("name".into(), self.name().into());
        labels.insert("owner".into(), "helm".into());
        labels.insert("status".into(), self.state().name().into());
        labels.insert("version".into(), self.version().to_string().into());
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": secret_name(self.name(), self.version()),
                "namespace": self.namespace(),
                "labels": labels,
            },
            "type": TYPE,
            "data": {"release": self.encoded()},
        })
    }

    fn encoded(&self) -> String {
        let full = encode(&self.release);
        if full.len() <= MAX_RECORD {
            return BASE64.encode(full);
        }
        let mut small = self.clone();
        let described = format!("{} (record over 1 MiB: chart left out)", self.description());
        small.set_info("description", described);
        for part in ["templates", "files"] {
            small.release["chart"][part] = json!([]);
        }
        small.release["chart"]["schema"] = Value::Null;
        let mut text = encode(&small.release);
        if text.len() > MAX_RECORD {
            let described =
                format!("{} (record over 1 MiB: chart and manifest left out)", self.description());
            small.set_info("description", described);
            small.release["chart"]["values"] = json!({});
            small.release["manifest"] = "".into();
            small.set_info("notes", "");
            text = encode(&small.release);
        }
        if text.len() > MAX_RECORD {
            let described = format!("{} (record over 1 MiB: all but the name left out)", self.description());
            small.set_info("description", described);
            small.release["hooks"] = json!([]);
            small.release["config"] = json!({});
            text = encode(&small.release);
        }
        BASE64.encode(text)
    }

    /// The same release with another state and description.
    pub fn with_state(&self, state: State, description: impl Into<String>) -> Self {
        let mut record = self.clone();
        record.set_info("status", state.name());
        record.set_info("description", description.into());
        record
    }

    /// The same release, marked as deleted at a time.
    pub fn deleted_at(&self, now: Timestamp) -> Self {
        let mut record = self.clone();
        record.set_info("deleted", now.to_string());
        record
    }

    /// A later revision with the content of this one.
    pub fn rolled_back(&self, version: u32, first_deployed: Option<&str>, now: Timestamp) -> Self {
        let mut record = self.clone();
        record.labels.retain(|key, _| !SYSTEM_LABELS.contains(&key.as_str()));
        let from = self.version();
        record.release["version"] = version.into();
        record.release["apply_method"] = "ssa".into();
        if let Some(first) = first_deployed {
            record.set_info("first_deployed", first);
        }
        record.set_info("last_deployed", now.to_string());
        record.set_info("rollback_revision", from);
        record
    }

    /// The same release, with all hooks of an event marked as run.
    pub fn with_hooks_run(&self, events: &[Event], now: Timestamp) -> Self {
        let mut record = self.clone();
        let run = |hook: &Value| {
            hook["events"].as_array().is_some_and(|names| {
                names.iter().any(|name| events.iter().any(|event| name.as_str() == Some(event.name())))
            })
        };
        if let Some(hooks) = record.release.get_mut("hooks").and_then(Value::as_array_mut) {
            for hook in hooks.iter_mut().filter(|hook| run(hook)) {
                let now = now.to_string();
                hook["last_run"] = json!({"started_at": now, "completed_at": now, "phase": "Succeeded"});
            }
        }
        record
    }

    fn set_info(&mut self, key: &str, value: impl Into<Value>) {
        self.release["info"][key] = value.into();
    }

    fn text(&self, pointer: &str) -> &str {
        self.release.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn name(&self) -> &str {
        self.text("/name")
    }

    pub fn namespace(&self) -> &str {
        self.text("/namespace")
    }

    pub fn version(&self) -> u32 {
        self.release["version"].as_u64().and_then(|version| version.try_into().ok()).unwrap_or_default()
    }

    pub fn state(&self) -> State {
        let name = self.text("/info/status");
        STATES.iter().find(|(known, _)| *known == name).map_or(State::Unknown, |(_, state)| *state)
    }

    pub fn description(&self) -> &str {
        self.text("/info/description")
    }

    pub fn manifest(&self) -> &str {
        self.text("/manifest")
    }

    pub fn notes(&self) -> &str {
        self.text("/info/notes")
    }

    /// The first deployment's time as text, if it is known.
    pub fn first_deployed(&self) -> Option<&str> {
        Some(self.text("/info/first_deployed")).filter(|text| !text.is_empty())
    }

    /// The version that this one went back to.
    pub fn rollback_of(&self) -> Option<u32> {
        self.release.pointer("/info/rollback_revision")?.as_u64()?.try_into().ok()
    }

    /// The user's values.
    pub fn config(&self) -> Value {
        self.release.get("config").filter(|config| config.is_object()).cloned().unwrap_or_else(|| json!({}))
    }

    /// Name and version of the chart.
    pub fn chart(&self) -> (&str, &str) {
        (self.text("/chart/metadata/name"), self.text("/chart/metadata/version"))
    }

    /// Whether parts of the release did not fit into its Secret.
    pub fn is_partial(&self) -> bool {
        self.description().contains("(record over 1 MiB: ")
    }

    /// The hooks of all events.
    pub fn hooks(&self) -> Vec<Hook> {
        let hooks = self.release.get("hooks").and_then(Value::as_array);
        hooks.map(|hooks| hooks.iter().map(hook_of).collect()).unwrap_or_default()
    }
}

const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// The name of the Secret of one revision.
pub fn secret_name(release: &str, version: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{version}")
}

#[cfg(test)]
mod tests;
