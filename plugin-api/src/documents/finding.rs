//! `osc.finding/v1`: one thing that a lint or a scanner found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    #[serde(default = "Finding::schema")]
    pub schema: String,
    /// Stable id of the rule: `helm/chart-yaml`, `pod/run-as-root`.
    pub check: String,
    pub severity: Severity,
    #[serde(default)]
    pub result: Outcome,
    pub message: String,
    /// File inside the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line in that file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The object concerned, as `Kind namespace/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// The package is refused because of it.
    #[serde(default)]
    pub blocking: bool,
}

impl Finding {
    fn schema() -> String {
        "osc.finding/v1".into()
    }

    /// A failed check without a place; set the other fields as known.
    pub fn new(check: impl Into<String>, severity: Severity, message: impl Into<String>) -> Finding {
        Finding {
            schema: Self::schema(),
            check: check.into(),
            severity,
            result: Outcome::Fail,
            message: message.into(),
            path: None,
            line: None,
            object: None,
            remediation: None,
            blocking: false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Critical,
    High,
    Medium,
    Low,
    Info,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Pass,
    #[default]
    Fail,
    /// Could not be decided.
    Unknown,
    /// A waiver covers it.
    Waived,
}
