//! The objects as reconcilers see them: what the feed brought and what they wrote themselves, whichever is newer.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Key;
use crate::client::{Resource, Shared};
use crate::object;

/// How many ended objects are remembered, so that late news of them does not bring them back.
const REMEMBERED: usize = 20_000;

/// Objects by resource, namespace and name, and by their owners.
#[derive(Default)]
pub struct Cache(RwLock<Tables>);

#[derive(Default)]
struct Tables {
    objects: HashMap<Resource, BTreeMap<(String, String), Shared>>,
    owned: HashMap<String, HashSet<Key>>,
    by_uid: HashMap<String, Key>,
    ended: HashSet<String>,
    ended_order: VecDeque<String>,
}

impl Cache {
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// One object.
    pub fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Shared> {
        self.read().objects.get(resource)?.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// The object of a key.
    pub fn of(&self, key: &Key) -> Option<Shared> {
        self.get(&key.resource, &key.namespace, &key.name)
    }

    /// The objects of a resource in a namespace by name, or in all for an empty one.
    pub fn list(&self, resource: &Resource, namespace: &str) -> Vec<Shared> {
        let tables = self.read();
        let Some(table) = tables.objects.get(resource) else { return Vec::new() };
        if namespace.is_empty() {
            return table.values().cloned().collect();
        }
        let from = (namespace.to_owned(), String::new());
        table
            .range(from..)
            .take_while(|(key, _)| key.0 == namespace)
            .map(|(_, object)| object.clone())
            .collect()
    }

    /// The objects of a resource that name an owner.
    pub fn owned(&self, resource: &Resource, owner: &str) -> Vec<Shared> {
        let tables = self.read();
        let Some(keys) = tables.owned.get(owner) else { return Vec::new() };
        let mut keys: Vec<&Key> = keys.iter().filter(|key| key.resource == *resource).collect();
        keys.sort_unstable();
        keys.into_iter().filter_map(|key| tables.find(key)).collect()
    }

    /// The objects of a resource in a namespace that no controller manages.
    pub fn orphans(&self, resource: &Resource, namespace: &str) -> Vec<Shared> {
        self.owned(resource, &orphanage(namespace))
    }

    /// Everything that names an owner.
    pub fn dependents(&self, owner: &str) -> Vec<Key> {
        self.read().owned.get(owner).map(|keys| keys.iter().cloned().collect()).unwrap_or_default()
    }

    /// Where the object with a uid is.
    pub fn by_uid(&self, uid: &str) -> Option<Key> {
        self.read().by_uid.get(uid).cloned()
    }

    /// The resources of which objects are known.
    pub fn resources(&self) -> Vec<Resource> {
        self.read().objects.iter().filter(|(_, table)| !table.is_empty()).map(|(r, _)| r.clone()).collect()
    }

    /// The objects of a resource that are known and not in a list that was taken now.
    pub(super) fn absent(&self, resource: &Resource, listed: &[Shared]) -> Vec<Shared> {
        let tables = self.read();
        let Some(table) = tables.objects.get(resource) else { return Vec::new() };
        let there: HashSet<&str> = listed.iter().map(|object| object::uid(object)).collect();
        // What we wrote after the list was taken is not in it either.
        let newest = listed.iter().map(|object| object::version(object)).max().unwrap_or(u64::MAX);
        let gone =
            |object: &&Shared| !there.contains(object::uid(object)) && object::version(object) <= newest;
        table.values().filter(gone).cloned().collect()
    }

    /// Takes a state; `None` if it is not news, else the state before.
    pub(super) fn set(&self, resource: &Resource, object: &Shared) -> Option<Option<Shared>> {
        let mut tables = self.write();
        let key = Key::of(resource, object);
        if tables.ended.contains(object::uid(object)) {
            return None;
        }
        let old = tables.find(&key);
        if old.as_ref().is_some_and(|old| object::version(old) >= object::version(object)) {
            return None;
        }
        if let Some(old) = &old {
            tables.forget_links(&key, old);
        }
        for owner in links(object) {
            tables.owned.entry(owner).or_default().insert(key.clone());
        }
        tables.by_uid.insert(object::uid(object).to_owned(), key.clone());
        let table = tables.objects.entry(key.resource).or_default();
        table.insert((key.namespace, key.name), object.clone());
        Some(old)
    }

    /// Takes the end of an object; its last known state if it was known.
    pub(super) fn gone(&self, resource: &Resource, object: &serde_json::Value) -> Option<Shared> {
        let mut tables = self.write();
        let key = Key::of(resource, object);
        let uid = object::uid(object).to_owned();
        if tables.ended.insert(uid.clone()) {
            tables.ended_order.push_back(uid.clone());
            if tables.ended_order.len() > REMEMBERED
                && let Some(oldest) = tables.ended_order.pop_front()
            {
                tables.ended.remove(&oldest);
            }
        }
        let old = tables.find(&key).filter(|old| object::uid(old) == uid)?;
        tables.forget_links(&key, &old);
        if let Some(table) = tables.objects.get_mut(&key.resource) {
            table.remove(&(key.namespace, key.name));
        }
        Some(old)
    }
}

impl Tables {
    fn find(&self, key: &Key) -> Option<Shared> {
        self.objects.get(&key.resource)?.get(&(key.namespace.clone(), key.name.clone())).cloned()
    }

    fn forget_links(&mut self, key: &Key, old: &Shared) {
        for owner in links(old) {
            if let Some(owned) = self.owned.get_mut(&owner) {
                owned.remove(key);
                if owned.is_empty() {
                    self.owned.remove(&owner);
                }
            }
        }
        self.by_uid.remove(object::uid(old));
    }
}

/// Under which names an object is found by its owners; without a controller also under that of all orphans.
fn links(object: &Shared) -> Vec<String> {
    let owners = object::items(object, "/metadata/ownerReferences");
    let mut links: Vec<String> = owners.iter().map(|owner| object::text(owner, "/uid").to_owned()).collect();
    if object::controller(object).is_none() {
        links.push(orphanage(object::namespace(object)));
    }
    links
}

/// No uid looks like this.
fn orphanage(namespace: &str) -> String {
    format!("orphans of {namespace}")
}
