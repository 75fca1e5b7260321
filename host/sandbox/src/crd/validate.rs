//! Validation of custom resources by their structural schema, and of definitions.

use serde_json::Value;

use crate::resources::Resource;
use crate::status::Cause;

/// What is wrong with an object of a custom resource.
pub(crate) fn object(_resource: &Resource, _live: Option<&Value>, _value: &Value) -> Vec<Cause> {
    Vec::new()
}

/// What is wrong with a definition.
pub(crate) fn definition(_live: Option<&Value>, _value: &Value) -> Vec<Cause> {
    Vec::new()
}
