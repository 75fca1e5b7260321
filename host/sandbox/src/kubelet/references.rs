//! The ConfigMaps and Secrets that a pod needs.

use serde_json::Value;

use super::stage::Missing;
use crate::builtin::{CONFIG_MAPS, SECRETS};
use crate::client::Resource;
use crate::object::{self, Look, flag, items, map, text};
use crate::reconcile::cache::Cache;

/// The first reference that leads nowhere; optional ones do not count.
pub(super) fn missing(cache: &Cache, pod: &Value) -> Option<Missing> {
    let namespace = object::namespace(pod);
    let mut volumes = items(pod, "/spec/volumes").iter().flat_map(volume_references);
    if let Some(missing) = volumes.find_map(|reference| reference.problem(cache, namespace)) {
        return Some(Missing { volume: true, ..missing });
    }
    let lists = ["/spec/initContainers", "/spec/containers"];
    let containers = lists.iter().flat_map(|list| items(pod, list));
    let mut references = containers.flat_map(container_references);
    references.find_map(|reference| reference.problem(cache, namespace))
}

struct Reference<'a> {
    resource: &'static Resource,
    name: &'a str,
    key: &'a str,
    optional: bool,
}

impl Reference<'_> {
    fn problem(&self, cache: &Cache, namespace: &str) -> Option<Missing> {
        if self.optional || self.name.is_empty() {
            return None;
        }
        let missing = |key: &str, message: String| {
            let (resource, name, key) = (self.resource, self.name.to_owned(), key.to_owned());
            Some(Missing { resource, name, key, message, volume: false })
        };
        let what = if *self.resource == SECRETS { "secret" } else { "configmap" };
        let Some(object) = cache.get(self.resource, namespace, self.name) else {
            return missing("", format!("{what} \"{}\" not found", self.name));
        };
        let has = |field: &str| map(&object, field).is_some_and(|data| data.contains_key(self.key));
        if self.key.is_empty() || has("/data") || has("/binaryData") {
            return None;
        }
        let kind = if *self.resource == SECRETS { "Secret" } else { "ConfigMap" };
        missing(self.key, format!("couldn't find key {} in {kind} {namespace}/{}", self.key, self.name))
    }
}

pub(super) const MAPS: &Resource = &CONFIG_MAPS;
pub(super) const HIDDEN: &Resource = &SECRETS;

fn container_references(container: &Value) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    for source in items(container, "/envFrom") {
        for (resource, field) in [(MAPS, "configMapRef"), (HIDDEN, "secretRef")] {
            if let Some(reference) = source.get(field) {
                found.push(reference_of(resource, reference, "/name", ""));
            }
        }
    }
    for variable in items(container, "/env") {
        for (resource, pointer) in [(MAPS, "/valueFrom/configMapKeyRef"), (HIDDEN, "/valueFrom/secretKeyRef")]
        {
            if let Some(reference) = variable.look(pointer) {
                found.push(reference_of(resource, reference, "/name", text(reference, "/key")));
            }
        }
    }
    found
}

fn volume_references(volume: &Value) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    if let Some(source) = volume.get("configMap") {
        found.push(reference_of(MAPS, source, "/name", ""));
    }
    if let Some(source) = volume.get("secret") {
        found.push(reference_of(HIDDEN, source, "/secretName", ""));
    }
    for source in items(volume, "/projected/sources") {
        for (resource, field) in [(MAPS, "configMap"), (HIDDEN, "secret")] {
            if let Some(reference) = source.get(field) {
                found.push(reference_of(resource, reference, "/name", ""));
            }
        }
    }
    found
}

fn reference_of<'a>(
    resource: &'static Resource,
    value: &'a Value,
    name: &str,
    key: &'a str,
) -> Reference<'a> {
    Reference { resource, name: text(value, name), key, optional: flag(value, "/optional") }
}
