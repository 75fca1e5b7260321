//! Requests for the made-up usage of nodes and pods.

use serde_json::{Value, json};

use super::Context;
use super::respond::Answer;
use super::route::Target;
use crate::metrics;
use crate::resources::Resource;
use crate::selector::LabelSelector;
use crate::status::{Result, Status};

pub(super) fn answer(context: &Context, resource: &Resource, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&[])?;
    let core = &context.core;
    if !target.name.is_empty() {
        let found = metrics::get(core, resource, &target.namespace, &target.name)
            .ok_or_else(|| crate::api::not_found(resource, &target.name))?;
        return Ok(Answer::value(200, &found, chosen.yaml));
    }
    let labels = LabelSelector::parse(context.query.get("labelSelector")).map_err(Status::bad_request)?;
    let namespace = (!target.namespace.is_empty()).then_some(target.namespace.as_str());
    let items: Vec<Value> = metrics::list(core, resource, namespace, &labels);
    let list = json!({
        "kind": resource.list_kind, "apiVersion": resource.api_version(), "metadata": {}, "items": items,
    });
    Ok(Answer::value(200, &list, chosen.yaml))
}
