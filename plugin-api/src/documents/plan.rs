//! `osc.plan/v1`: ordered steps that change a cluster. What is stored is what runs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::ObjectRef;

mod check;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    pub schema: String,
    /// `main`, `expose/N`, `monitor`, `logs` or `backup/N`.
    #[serde(default = "main_part")]
    pub part: String,
    /// Field manager of server-side apply: `osc`, or `helm` for releases.
    #[serde(default = "default_manager")]
    pub manager: String,
    /// Add-ons that must be in the cluster first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    pub steps: Vec<Step>,
    /// Steps to run when a step failed or the operation was cancelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_failure: Vec<Step>,
    /// Objects that a delete leaves in the cluster on purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Kept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// For adopt: the overrides that the release was installed with; they become the instance's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

fn main_part() -> String {
    "main".into()
}

fn default_manager() -> String {
    "osc".into()
}

impl Plan {
    pub const SCHEMA: &str = "osc.plan/v1";

    /// An empty plan of part `main` for the given field manager.
    pub fn new(manager: &str) -> Plan {
        Plan {
            schema: Self::SCHEMA.into(),
            part: main_part(),
            manager: manager.into(),
            requires: Vec::new(),
            steps: Vec::new(),
            on_failure: Vec::new(),
            keep: Vec::new(),
            notes: None,
            values: None,
            warnings: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requirement {
    pub addon: String,
    /// Version constraint, empty for any.
    #[serde(default)]
    pub version: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Kept {
    #[serde(flatten)]
    pub object: ObjectRef,
    /// Why it stays: "annotated `helm.sh/resource-policy: keep`", "volume".
    pub reason: String,
}

/// One step. Its name is unique in the plan and shows in progress: "apply 12 objects".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    pub name: String,
    #[serde(flatten)]
    pub action: Action,
}

impl Step {
    pub fn new(name: impl Into<String>, action: Action) -> Step {
        Step { name: name.into(), action }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Action {
    /// Server-side apply of all objects in parallel.
    Apply {
        objects: Vec<Value>,
        policy: Policy,
    },
    /// A Secret made once by the server; its values are in no plan and no plugin.
    Secret {
        #[serde(rename = "ref")]
        object: ObjectRef,
        keys: Vec<SecretKey>,
        /// Stays when the instance is deleted.
        #[serde(default)]
        keep: bool,
    },
    /// A TLS certificate made and renewed by the server.
    Certificate {
        secret: ObjectRef,
        dns: Vec<String>,
        /// Where the CA goes.
        #[serde(default)]
        inject: Vec<Injection>,
    },
    /// An object that runs to an end: Helm hooks, backups, migrations.
    Hook {
        object: Value,
        done: HookDone,
        #[serde(default)]
        timeout_seconds: u32,
        /// When to delete it.
        #[serde(default)]
        delete: Vec<HookDelete>,
        /// Keep its pods' logs with the operation.
        #[serde(default)]
        logs: bool,
    },
    Wait {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        refs: Vec<ObjectRef>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        selector: Option<Selector>,
        until: Until,
        #[serde(default)]
        timeout_seconds: u32,
        #[serde(default)]
        on_timeout: OnTimeout,
    },
    Delete {
        refs: Vec<ObjectRef>,
        #[serde(default)]
        propagation: Propagation,
        /// Wait until they are gone.
        #[serde(default)]
        until_gone: bool,
        #[serde(default)]
        timeout_seconds: u32,
        #[serde(default)]
        on_timeout: OnTimeout,
    },
    /// Deletes what the inventory of this part holds and this plan no longer has.
    Prune {
        #[serde(default)]
        propagation: Propagation,
    },
    EnsureNamespace {
        namespace: String,
    },
    /// Waits for a person to continue.
    Pause {
        message: String,
    },
}

/// How an applied object is owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Ours: applied with force, in the inventory, pruned.
    Owned,
    /// Several instances may hold it: applied without force, removed when nobody holds it.
    Shared,
    /// Made when absent, then left alone; stays in the inventory.
    CreateOnly,
    /// A CustomResourceDefinition: made when absent, upgraded when safe, never pruned.
    Crd,
    /// Bookkeeping such as a Helm release Secret: never pruned, not shown as a resource.
    Record,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SecretKey {
    pub name: String,
    pub generate: Generate,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Generate {
    Password { length: u32 },
    Hex { bytes: u32 },
    Base64 { bytes: u32 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Injection {
    #[serde(rename = "ref")]
    pub object: ObjectRef,
    /// JSON pointer of the base64 CA bundle.
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookDone {
    /// It exists.
    Created,
    /// A Job or Pod ended, or another kind is ready.
    Complete,
    /// A Job or Pod ended well.
    Succeeded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HookDelete {
    /// A leftover of the same name, before this one is made.
    Before,
    Succeeded,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    Ready,
    Exists,
    Gone,
    /// The condition of this type is `True`.
    Condition(String),
    /// The value at a JSON pointer equals.
    Path {
        path: String,
        equals: Value,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Selector {
    pub api_version: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnTimeout {
    #[default]
    Fail,
    /// Go on with a warning.
    Continue,
    /// Fail and say which finalizers hold the objects.
    ExplainFinalizers,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Propagation {
    #[default]
    Background,
    Foreground,
    Orphan,
}
