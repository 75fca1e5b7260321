//! Addresses of load balancers and ingresses, from 192.0.2.0/24: nothing is reachable there, by definition.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

use super::status;
use crate::builtin::{INGRESSES, SERVICES};
use crate::client::{Pending, Refusal, Resource};
use crate::object::{self, annotation, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "service-controller";
/// The first addresses belong to nodes.
const RANGE: std::ops::RangeInclusive<u8> = 32..=254;

/// Gives addresses out and takes them back.
#[derive(Default)]
pub(super) struct Addresses(Mutex<BTreeMap<u8, String>>);

impl Addresses {
    fn taken(&self) -> MutexGuard<'_, BTreeMap<u8, String>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The address of an object, or the wanted or first free one; `None` when all are taken.
    fn reserve(&self, owner: &str, wanted: Option<u8>) -> Option<Ipv4Addr> {
        let mut taken = self.taken();
        let own = taken.iter().find(|(_, other)| *other == owner).map(|(last, _)| *last);
        let wanted = wanted.filter(|last| RANGE.contains(last) && !taken.contains_key(last));
        let last = own.or(wanted).or_else(|| RANGE.into_iter().find(|last| !taken.contains_key(last)))?;
        taken.insert(last, owner.to_owned());
        Some(Ipv4Addr::new(192, 0, 2, last))
    }

    fn release(&self, owner: &str) {
        self.taken().retain(|_, other| other != owner);
    }

    async fn look(&self, context: &Context, key: &Key) -> Outcome {
        let Some(object) = context.cache().of(key) else { return Ok(None) };
        let known = text(&object, "/status/loadBalancer/ingress/0/ip");
        if object::is_terminating(&object) {
            return Ok(None);
        }
        if !wants(&key.resource, &object) {
            self.release(uid(&object));
            if last_of(known).is_some() {
                self.write(context, &key.resource, &object, json!({})).await?;
            }
            return Ok(None);
        }
        if annotation(&object, "sandbox.osc.io/fault") == Some("pending") || !known.is_empty() {
            return Ok(None);
        }
        let wanted = last_of(text(&object, "/spec/loadBalancerIP"));
        let Some(address) = self.reserve(uid(&object), wanted) else {
            let message = "Simulated: all addresses of 192.0.2.0/24 are taken";
            context.event(COMPONENT, &object, "Warning", "SyncLoadBalancerFailed", message);
            return Ok(None);
        };
        let is_service = key.resource == SERVICES;
        if is_service {
            let message = "Simulated: Ensuring load balancer";
            context.event(COMPONENT, &object, "Normal", "EnsuringLoadBalancer", message);
        }
        let mut entry = json!({"ip": address.to_string()});
        if is_service {
            entry["ipMode"] = "VIP".into();
        }
        self.write(context, &key.resource, &object, json!({"ingress": [entry]})).await?;
        if is_service {
            let message = "Simulated: Ensured load balancer, nothing listens there";
            context.event(COMPONENT, &object, "Normal", "EnsuredLoadBalancer", message);
        }
        Ok(None)
    }

    async fn write(
        &self,
        context: &Context,
        resource: &Resource,
        object: &Value,
        new: Value,
    ) -> Result<(), Refusal> {
        let mut status = status::of(object);
        status.insert("loadBalancer".to_owned(), new);
        context.set_status(resource, object, Value::Object(status)).await
    }
}

/// The last part of an address of the range.
fn last_of(address: &str) -> Option<u8> {
    let [192, 0, 2, last] = address.parse::<Ipv4Addr>().ok()?.octets() else { return None };
    Some(last)
}

/// Load balancers want an address, and ingresses that name who serves them.
fn wants(resource: &Resource, object: &Value) -> bool {
    if *resource == SERVICES {
        return text(object, "/spec/type") == "LoadBalancer"
            && text(object, "/spec/loadBalancerClass").is_empty();
    }
    !text(object, "/spec/ingressClassName").is_empty()
        || annotation(object, "kubernetes.io/ingress.class").is_some()
}

impl Reconciler for Addresses {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![SERVICES, INGRESSES]
    }

    fn affected(&self, _: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let object = seen.object();
        if seen.new.is_none() {
            self.release(uid(object));
            return;
        }
        let known = last_of(text(object, "/status/loadBalancer/ingress/0/ip"));
        if let Some(last) = known.filter(|_| wants(seen.resource, object)) {
            self.taken().insert(last, uid(object).to_owned());
        }
        enqueue(seen.key());
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(self.look(context, key))
    }

    fn workers(&self) -> usize {
        1
    }
}
