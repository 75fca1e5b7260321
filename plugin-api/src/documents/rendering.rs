//! `osc.rendering/v1`: a package rendered, for scanners and offline tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Rendering {
    /// Always `osc.rendering/v1`.
    pub schema: String,
    /// What the package's own tool prints (`helm template` for charts).
    pub text: String,
    /// The same as objects, in order, hooks last.
    pub objects: Vec<RenderedObject>,
    pub notes: Option<String>,
    pub warnings: Vec<String>,
}

impl Rendering {
    pub const SCHEMA: &str = "osc.rendering/v1";
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RenderedObject {
    /// File inside the package that gave it.
    pub path: String,
    pub object: Value,
    pub hook: bool,
}
