//! `osc.form/v1`: what a person may set, for a generated form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Form {
    /// Always `osc.form/v1`.
    pub schema: String,
    /// JSON Schema (draft 7 subset) of the values. Annotations used: `title`, `description`, `default`, `enum`,
    /// `examples`, and `x-osc: {widget, order, advanced, group}` with the widgets `password`, `textarea`, `quantity`,
    /// `storage-class`, `secret`, `namespace`, `yaml`.
    pub json_schema: Value,
    /// The package's own defaults, complete. Forms submit only differences from these.
    pub defaults: Value,
    /// JSON pointers of values that are secret: masked in answers, never logged.
    pub secrets: Vec<String>,
    /// Where the form comes from: `schema` (the package describes its values) or `values` (guessed from defaults).
    pub source: String,
}

impl Form {
    pub const SCHEMA: &str = "osc.form/v1";

    /// A form without a field.
    pub fn empty() -> Form {
        Form {
            schema: Self::SCHEMA.into(),
            json_schema: serde_json::json!({"type": "object", "properties": {}}),
            defaults: Value::Object(Default::default()),
            secrets: Vec::new(),
            source: "values".into(),
        }
    }
}
