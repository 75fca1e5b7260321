//! `osc.plan-request/v1`: what the server asks a deployer to plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::ObjectRef;
use super::plan::Plan;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRequest {
    #[serde(default)]
    pub schema: String,
    pub verb: Verb,
    pub instance: InstanceFacts,
    /// The operation that will carry the plan out; virtual while only a preview is wanted. Helm records name it.
    #[serde(default)]
    pub operation: String,
    /// Number of the revision that the plan makes, from 1.
    #[serde(default)]
    pub revision: u32,
    /// The user's overrides, complete (already merged with earlier ones for `update`).
    #[serde(default)]
    pub values: Value,
    #[serde(default)]
    pub cluster: ClusterFacts,
    #[serde(default)]
    pub options: PlanOptions,
    /// The revision in force; none for install and adopt.
    #[serde(default)]
    pub current: Option<StoredRevision>,
    /// For rollback: the revision to go back to. Its objects are applied again, never rendered.
    #[serde(default)]
    pub target: Option<StoredRevision>,
    /// Objects that the instance's part `main` holds now.
    #[serde(default)]
    pub inventory: Vec<InventoryObject>,
    /// For adopt: name of the release that is there already.
    #[serde(default)]
    pub release: Option<String>,
}

impl PlanRequest {
    pub const SCHEMA: &str = "osc.plan-request/v1";

    /// A request with nothing but its verb and instance; set the other fields as known.
    pub fn new(verb: Verb, instance: InstanceFacts) -> PlanRequest {
        PlanRequest {
            schema: Self::SCHEMA.into(),
            verb,
            instance,
            operation: String::new(),
            revision: 1,
            values: Value::Object(Default::default()),
            cluster: ClusterFacts::default(),
            options: PlanOptions::default(),
            current: None,
            target: None,
            inventory: Vec::new(),
            release: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Install,
    /// Same version, other values.
    Update,
    /// Another version.
    Upgrade,
    Rollback,
    Uninstall,
    /// Take over what another tool installed.
    Adopt,
    /// Run the package's tests.
    Test,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InstanceFacts {
    pub name: String,
    pub namespace: String,
    /// Service name and version.
    pub service: String,
    pub version: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClusterFacts {
    /// `v1.36.3`; empty when no cluster is at hand.
    pub kube_version: String,
    /// `v1`, `apps/v1`, `apps/v1/Deployment`, as Helm's `.Capabilities.APIVersions`. Empty: the deployer's default.
    pub api_versions: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PlanOptions {
    /// Seconds for each wait step; 0 means the deployer's default (300).
    pub timeout_seconds: u32,
    pub no_hooks: bool,
    /// Delete volumes too.
    pub purge_data: bool,
    /// For `render` only: print CRDs as `helm template --include-crds` does.
    pub include_crds: bool,
    /// For `render` only: leave test hooks out.
    pub skip_tests: bool,
}

/// A revision as the server keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredRevision {
    pub number: u32,
    pub version: String,
    /// The user's overrides of that revision.
    #[serde(default)]
    pub values: Value,
    /// The plan that was executed, whole.
    pub plan: Plan,
    #[serde(default)]
    pub notes: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryObject {
    #[serde(flatten)]
    pub object: ObjectRef,
    #[serde(default)]
    pub uid: String,
    /// Policy of the step that made it.
    pub policy: super::plan::Policy,
}
