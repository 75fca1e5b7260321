//! What the cluster records and does not call, since nothing runs that could answer: admission webhooks, conversion
//! webhooks and aggregated APIs. Whoever registers one is told so by an event, and aggregated APIs by their status too.
//! Only for clusters where nothing runs.

use serde_json::{Value, json};

use super::status::{self, Condition, Times};
use crate::builtin::{
    API_SERVICES, CUSTOM_RESOURCE_DEFINITIONS, MUTATING_WEBHOOK_CONFIGURATIONS,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
};
use crate::client::{Pending, Resource};
use crate::metrics;
use crate::object::{self, Look, items, text};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "sandbox";

/// Tells what is not called.
pub(crate) struct Extensions;

impl Reconciler for Extensions {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![
            API_SERVICES,
            CUSTOM_RESOURCE_DEFINITIONS,
            MUTATING_WEBHOOK_CONFIGURATIONS,
            VALIDATING_WEBHOOK_CONFIGURATIONS,
        ]
    }

    fn affected(&self, _cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let told = |state: &Value| seen.old.is_some_and(|old| asked_of(old) == asked_of(state));
        if seen.new.is_some_and(|new| asked_of(new).is_some() && !told(new)) {
            enqueue(seen.key());
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }

    fn workers(&self) -> usize {
        1
    }
}

/// What would be called for an object of these kinds: an answer is wanted only if this is there and new.
fn asked_of(object: &Value) -> Option<&Value> {
    match text(object, "/kind") {
        "APIService" => object.look("/spec/service"),
        "CustomResourceDefinition" if text(object, "/spec/conversion/strategy") == "Webhook" => {
            object.look("/spec/conversion")
        }
        "CustomResourceDefinition" => None,
        _ => object.look("/webhooks").filter(|webhooks| !items(webhooks, "").is_empty()),
    }
    .filter(|asked| !asked.is_null())
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(object) = context.cache().of(key).filter(|object| !object::is_terminating(object)) else {
        return Ok(None);
    };
    match text(&object, "/kind") {
        "APIService" => return serve(context, &object).await,
        "CustomResourceDefinition" => {
            let message = "nothing runs in this cluster, so its conversion webhook is not called: objects are \
                           served only in the version that they were written in";
            context.event(COMPONENT, &object, "Warning", "ConversionNotCalled", message);
        }
        _ => {
            let names: Vec<&str> =
                items(&object, "/webhooks").iter().map(|hook| text(hook, "/name")).collect();
            let message = format!(
                "nothing runs in this cluster, so these webhooks are recorded and not called: {}",
                names.join(", ")
            );
            context.event(COMPONENT, &object, "Warning", "WebhooksNotCalled", &message);
        }
    }
    Ok(None)
}

/// The cluster answers for a metrics server itself; behind every other service there is nothing.
async fn serve(context: &Context, api: &Value) -> Outcome {
    let (wanted, reason, message) = if object::name(api) == metrics::API_SERVICE {
        ("True", "Simulated", "the cluster makes up metrics by itself".to_owned())
    } else {
        let message = format!(
            "nothing runs in this cluster behind service {}/{}",
            text(api, "/spec/service/namespace"),
            text(api, "/spec/service/name")
        );
        context.event(COMPONENT, api, "Warning", "NotServed", &message);
        ("False", "NotServed", message)
    };
    let mut new = status::of(api);
    let condition =
        Condition { kind: "Available", status: wanted, reason, message: &message, times: Times::Plain };
    status::set(&mut new, &condition, context.now());
    context.set_status(&API_SERVICES, api, json!(new)).await?;
    Ok(None)
}
