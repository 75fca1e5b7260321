//! What makes an object invalid, in the words of a real server.

use serde_json::Value;

use crate::cluster::Core;
use crate::crd;
use crate::resources::Resource;
use crate::status::Cause;

/// What is wrong with a new object.
pub(crate) fn create(_core: &Core, resource: &Resource, value: &Value) -> Vec<Cause> {
    if resource.is_custom() {
        return crd::validate::object(resource, None, value);
    }
    Vec::new()
}

/// What is wrong with a changed object.
pub(crate) fn update(
    _core: &Core,
    resource: &Resource,
    _subresource: &str,
    live: &Value,
    value: &Value,
) -> Vec<Cause> {
    if resource.is_custom() {
        return crd::validate::object(resource, Some(live), value);
    }
    Vec::new()
}

/// Warnings that a write of this object gives.
pub(crate) fn warn(_resource: &Resource, _value: &Value, _warnings: &mut Vec<String>) {}
