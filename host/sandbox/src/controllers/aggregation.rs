//! ClusterRoles that are made of others, by labels.

use serde_json::{Value, json};

use crate::builtin::CLUSTER_ROLES;
use crate::client::{Call, Pending, Resource, Verb};
use crate::object::{self, items, name};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::{Context, same};
use crate::reconcile::{Key, Outcome, Reconciler, Seen};
use crate::selector::LabelSelector;

const MANAGER: &str = "clusterrole-aggregation-controller";

/// Fills roles with the rules of others.
pub(super) struct Aggregation;

impl Reconciler for Aggregation {
    fn name(&self) -> &'static str {
        MANAGER
    }

    fn watches(&self) -> Vec<Resource> {
        vec![CLUSTER_ROLES]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        for role in cache.list(&CLUSTER_ROLES, "") {
            let own = name(&role) == name(seen.object());
            if is_aggregated(&role) && (own || seen.states().any(|state| selects(&role, state))) {
                enqueue(Key::of(&CLUSTER_ROLES, &role));
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

fn is_aggregated(role: &Value) -> bool {
    role.get("aggregationRule").is_some_and(Value::is_object)
}

fn selects(role: &Value, other: &Value) -> bool {
    let selectors = items(role, "/aggregationRule/clusterRoleSelectors").iter();
    selectors.filter_map(LabelSelector::from_value).any(|selector| selector.selects(other))
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(role) = context.cache().of(key).filter(|role| is_aggregated(role)) else { return Ok(None) };
    if object::is_terminating(&role) {
        return Ok(None);
    }
    let mut rules: Vec<Value> = Vec::new();
    for other in context.cache().list(&CLUSTER_ROLES, "") {
        if name(&other) != name(&role) && selects(&role, &other) {
            let news = items(&other, "/rules").iter().filter(|rule| !rules.contains(rule)).cloned();
            rules.extend(news.collect::<Vec<_>>());
        }
    }
    let rules = Value::Array(rules);
    if !same(role.get("rules").unwrap_or(&Value::Null), &rules) {
        let config = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name(&role)}, "rules": rules,
        });
        let call = Call::new(Verb::Apply, &CLUSTER_ROLES, "", name(&role), config);
        context.call(call.by(MANAGER)).await?;
    }
    Ok(None)
}
