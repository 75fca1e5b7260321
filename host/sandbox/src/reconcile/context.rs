//! What a reconciler works with: the cache to read, the client to write, the clock, and events to record.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::cache::Cache;
use super::events::{Entry, Recorder};
use super::{Hub, Key};
use crate::client::{Call, Client, Refusal, Resource, Shared, Verb};
use crate::clock::Clock;
use crate::object;

/// Shared by all reconcilers of a manager; cheap to clone.
#[derive(Clone)]
pub struct Context {
    client: Arc<dyn Client>,
    clock: Arc<dyn Clock>,
    hub: Arc<Hub>,
    events: Recorder,
}

impl Context {
    pub(super) fn new(
        client: Arc<dyn Client>,
        clock: Arc<dyn Clock>,
        hub: Arc<Hub>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let events = Recorder::start(client.clone(), tasks);
        Self { client, clock, hub, events }
    }

    /// The known objects.
    pub fn cache(&self) -> &Cache {
        &self.hub.cache
    }

    /// The cluster, for what the other functions do not offer.
    pub fn client(&self) -> &dyn Client {
        &*self.client
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Makes a call and takes note of the object that comes back.
    pub async fn call(&self, call: Call) -> Result<Shared, Refusal> {
        let (resource, verb, namespace) = (call.resource.clone(), call.verb, call.namespace.clone());
        let key = Key::new(&resource, &namespace, &call.name);
        let plain = matches!(call.subresource, "" | "status");
        match self.client.call(call).await {
            Ok(answer) => {
                let is_object = plain && object::text(&answer, "/kind") == resource.kind;
                if is_object && (verb != Verb::Delete || object::is_terminating(&answer)) {
                    self.hub.set(&resource, &answer);
                } else if verb == Verb::Delete
                    && let Some(known) = self.hub.cache.of(&key)
                    && !is_object
                    && object::text(&answer, "/details/uid") == object::uid(&known)
                {
                    self.hub.gone(&resource, &known);
                }
                Ok(answer)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Makes an object.
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: Value,
    ) -> Result<Shared, Refusal> {
        self.call(Call::new(Verb::Create, resource, namespace, "", object)).await
    }

    /// Replaces an object that was read before; refused if it changed since.
    pub async fn update(&self, resource: &Resource, object: Value) -> Result<Shared, Refusal> {
        let (namespace, name) = (object::namespace(&object).to_owned(), object::name(&object).to_owned());
        self.call(Call::new(Verb::Update, resource, &namespace, &name, object)).await
    }

    /// Replaces the status of an object that was read before, unless it is the same already.
    pub async fn set_status(
        &self,
        resource: &Resource,
        object: &Value,
        status: Value,
    ) -> Result<(), Refusal> {
        if same(object.get("status").unwrap_or(&Value::Null), &status) {
            return Ok(());
        }
        let mut new = object.clone();
        if let Some(map) = new.as_object_mut() {
            map.insert("status".to_owned(), status);
        }
        let (namespace, name) = (object::namespace(object).to_owned(), object::name(object).to_owned());
        self.call(Call::new(Verb::Update, resource, &namespace, &name, new).on("status")).await.map(drop)
    }

    /// Changes an object by a JSON merge patch.
    pub async fn merge(&self, key: &Key, patch: Value) -> Result<Shared, Refusal> {
        self.call(Call::new(Verb::Merge, &key.resource, &key.namespace, &key.name, patch)).await
    }

    /// Removes an object if it is still the one that was read.
    pub async fn delete(
        &self,
        resource: &Resource,
        object: &Value,
        policy: Option<&str>,
    ) -> Result<(), Refusal> {
        let mut options = json!({
            "kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": object::uid(object)},
        });
        if let Some(policy) = policy {
            options["propagationPolicy"] = policy.into();
        }
        let call =
            Call::new(Verb::Delete, resource, object::namespace(object), object::name(object), options);
        match self.call(call).await {
            Err(refusal) if !refusal.is_not_found() => Err(refusal),
            _ => Ok(()),
        }
    }

    /// Records an event about an object.
    pub fn event(
        &self,
        component: &'static str,
        object: &Value,
        kind: &'static str,
        reason: &str,
        message: &str,
    ) {
        self.event_at(component, object, "", kind, reason, message);
    }

    /// Records an event about a part of an object.
    pub fn event_at(
        &self,
        component: &'static str,
        object: &Value,
        field: &str,
        kind: &'static str,
        reason: &str,
        message: &str,
    ) {
        let entry = Entry { component, kind, reason: reason.to_owned(), message: message.to_owned() };
        self.events.record(entry, object, field, self.now());
    }
}

/// Whether two values are the same to an API server, which drops nulls and empty maps and lists.
pub fn same(a: &Value, b: &Value) -> bool {
    fn empty(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Object(map) => map.values().all(empty),
            Value::Array(list) => list.is_empty(),
            _ => false,
        }
    }
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let nothing = Value::Null;
            a.iter().all(|(key, value)| same(value, b.get(key).unwrap_or(&nothing)))
                && b.iter().all(|(key, value)| a.contains_key(key) || empty(value))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b || empty(a) && empty(b),
    }
}
