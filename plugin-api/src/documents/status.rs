//! `osc.status-request/v1` and `osc.status/v1`: how an instance is, from its live objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StatusRequest {
    /// Always `osc.status-request/v1`.
    pub schema: String,
    pub instance: super::plan_request::InstanceFacts,
    /// Live objects of the inventory, without Secrets' data.
    pub objects: Vec<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Status {
    /// Always `osc.status/v1`.
    pub schema: String,
    /// The plugin's judgement; none leaves it to the server's own rules (kstatus).
    pub health: Option<Health>,
    pub reason: Option<String>,
    pub endpoints: Vec<Endpoint>,
    /// Facts for the overview, in order.
    pub facts: Vec<Fact>,
}

impl Status {
    pub const SCHEMA: &str = "osc.status/v1";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    Running,
    Progressing,
    Degraded,
    Failed,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Endpoint {
    pub name: String,
    /// `http://host:port`, or `host:port` for other protocols.
    pub url: String,
    /// `cluster`, `node-port`, `load-balancer` or `ingress`.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Fact {
    pub label: String,
    pub value: String,
}
