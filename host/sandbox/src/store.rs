//! The objects: in memory, with one global version, a ring of recent changes, and a write-through to SQLite.
//!
//! A write happens in memory under one lock and is visible at once; [`Store::durable`] waits until it is on disk,
//! which HTTP does before it answers. The writer thread commits everything that queued meanwhile in one transaction.

mod disk;

pub use disk::Error as StoreError;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use crate::value::serialize;

/// How many changes are kept for watches.
const RING: usize = 20_000;
/// How many bytes of objects the ring may hold.
const RING_BYTES: usize = 64 << 20;

/// Where an object lies: storage key of its resource (`pods`, `deployments.apps`), namespace (or empty), name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Storage key of the resource.
    pub resource: Arc<str>,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl Key {
    /// A key from its parts.
    pub fn new(resource: &Arc<str>, namespace: &str, name: &str) -> Self {
        Key { resource: resource.clone(), namespace: namespace.into(), name: name.into() }
    }
}

/// A stored object at one version. Never changes.
#[derive(Debug)]
pub struct Object {
    /// Where it lies.
    pub key: Key,
    /// Its version; equals `metadata.resourceVersion`.
    pub version: u64,
    /// The object, with apiVersion and kind of its storage version.
    pub value: Value,
    text: OnceLock<Bytes>,
}

impl Object {
    /// An object as it is; the version must be the one in its metadata.
    pub fn new(key: Key, version: u64, value: Value) -> Self {
        Object { key, version, value, text: OnceLock::new() }
    }

    /// Its JSON, made once. `kind` and `apiVersion` come first.
    pub fn text(&self) -> &Bytes {
        self.text.get_or_init(|| serialize(&self.value).into())
    }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It changed.
    Modified,
    /// It is gone; the change carries its last state with the version of the deletion.
    Deleted,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The version of this change.
    pub version: u64,
    /// The object after the change, or the last state of a deleted one.
    pub object: Arc<Object>,
    /// The object before the change.
    pub previous: Option<Arc<Object>>,
}

/// Objects of one resource by namespace and name.
type Named = BTreeMap<(Arc<str>, Arc<str>), Arc<Object>>;

#[derive(Default)]
struct Inner {
    version: u64,
    /// Changes up to this version are forgotten.
    forgotten: u64,
    objects: BTreeMap<Arc<str>, Named>,
    ring: VecDeque<Change>,
    ring_bytes: usize,
}

/// All objects of a cluster.
pub struct Store {
    inner: Mutex<Inner>,
    newest: watch::Sender<u64>,
    disk: Option<disk::Disk>,
}

/// Why a write did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The object is not what the writer saw.
    Changed,
}

impl Store {
    /// A store without a file.
    pub fn in_memory() -> Self {
        Self::with(Inner::default(), None)
    }

    /// A store that keeps its objects in the SQLite database at `path`.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (disk, loaded) = disk::Disk::open(path)?;
        let mut inner = Inner { version: loaded.version, forgotten: loaded.version, ..Inner::default() };
        for object in loaded.objects {
            inner.insert(Arc::new(object));
        }
        Ok(Self::with(inner, Some(disk)))
    }

    fn with(mut inner: Inner, disk: Option<disk::Disk>) -> Self {
        // Version 1 is never a watchable one: watches from it expire, as on a server that was restarted.
        inner.version = inner.version.max(2);
        inner.forgotten = inner.forgotten.max(2);
        let newest = watch::Sender::new(inner.version);
        Store { inner: Mutex::new(inner), newest, disk }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The newest version.
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// One object.
    pub fn get(&self, key: &Key) -> Option<Arc<Object>> {
        let inner = self.lock();
        inner.objects.get(&key.resource)?.get(&(key.namespace.clone(), key.name.clone())).cloned()
    }

    /// The objects of a resource, in one namespace or in all, by namespace and name, and the version of this view.
    pub fn list(&self, resource: &str, namespace: Option<&str>) -> (Vec<Arc<Object>>, u64) {
        let inner = self.lock();
        let Some(all) = inner.objects.get(resource) else { return (Vec::new(), inner.version) };
        let objects = match namespace {
            None => all.values().cloned().collect(),
            Some(ns) => {
                let from: (Arc<str>, Arc<str>) = (ns.into(), "".into());
                all.range(from..).take_while(|(k, _)| &*k.0 == ns).map(|(_, o)| o.clone()).collect()
            }
        };
        (objects, inner.version)
    }

    /// The objects as they were at a version. `None`: the store has forgotten that.
    pub fn list_at(&self, resource: &str, namespace: Option<&str>, version: u64) -> Option<Vec<Arc<Object>>> {
        let (objects, now) = self.list(resource, namespace);
        if version >= now {
            return Some(objects);
        }
        let inner = self.lock();
        if version < inner.forgotten {
            return None;
        }
        let mut then: BTreeMap<(Arc<str>, Arc<str>), Arc<Object>> = BTreeMap::new();
        for object in objects {
            then.insert((object.key.namespace.clone(), object.key.name.clone()), object);
        }
        let start = inner.ring.partition_point(|c| c.version <= version);
        for change in inner.ring.range(start..).rev() {
            let key = &change.object.key;
            if *key.resource != *resource || namespace.is_some_and(|ns| ns != &*key.namespace) {
                continue;
            }
            let place = (key.namespace.clone(), key.name.clone());
            match &change.previous {
                Some(previous) => then.insert(place, previous.clone()),
                None => then.remove(&place),
            };
        }
        Some(then.into_values().collect())
    }

    /// Changes up to this version are forgotten.
    pub fn oldest(&self) -> u64 {
        self.lock().forgotten
    }

    /// How many objects a resource has.
    pub fn count(&self, resource: &str) -> usize {
        self.lock().objects.get(resource).map_or(0, BTreeMap::len)
    }

    /// Writes an object if it still has the version that the writer saw (`None`: absent). The new value gets the
    /// next version in its metadata.
    pub fn put(&self, key: Key, seen: Option<u64>, mut value: Value) -> Result<Arc<Object>, Refused> {
        let mut inner = self.lock();
        let previous = inner.find(&key);
        if previous.as_ref().map(|o| o.version) != seen {
            return Err(Refused::Changed);
        }
        let version = inner.next();
        set_version(&mut value, version);
        let object = Arc::new(Object::new(key, version, value));
        inner.insert(object.clone());
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        if let Some(disk) = &self.disk {
            disk.put(&object);
        }
        inner.record(Change { kind, version, object: object.clone(), previous });
        drop(inner);
        self.newest.send_replace(version);
        Ok(object)
    }

    /// Removes an object that still has the version that the writer saw. `last` is its state for watchers.
    pub fn remove(&self, key: &Key, seen: u64, mut last: Value) -> Result<Arc<Object>, Refused> {
        let mut inner = self.lock();
        let Some(previous) = inner.find(key).filter(|o| o.version == seen) else {
            return Err(Refused::Changed);
        };
        let version = inner.next();
        set_version(&mut last, version);
        if let Some(all) = inner.objects.get_mut(&key.resource) {
            all.remove(&(key.namespace.clone(), key.name.clone()));
        }
        if let Some(disk) = &self.disk {
            disk.remove(key, version);
        }
        let object = Arc::new(Object::new(key.clone(), version, last));
        inner.record(Change {
            kind: ChangeKind::Deleted,
            version,
            object: object.clone(),
            previous: Some(previous),
        });
        drop(inner);
        self.newest.send_replace(version);
        Ok(object)
    }

    /// Waits until everything up to this version is on disk. False: the disk refused a write.
    pub async fn durable(&self, version: u64) -> bool {
        match &self.disk {
            Some(disk) => disk.durable(version).await,
            None => true,
        }
    }

    /// Writes everything that is queued; for the shutdown.
    pub fn flush(&self) {
        if let Some(disk) = &self.disk {
            disk.flush();
        }
    }

    /// The changes after `since` that `wanted` accepts, and the version up to which they reach. `None`: the store
    /// has forgotten some of them.
    pub fn changes(&self, since: u64, wanted: impl Fn(&Change) -> bool) -> Option<(Vec<Change>, u64)> {
        let inner = self.lock();
        if since < inner.forgotten {
            return None;
        }
        let start = inner.ring.partition_point(|c| c.version <= since);
        Some((inner.ring.range(start..).filter(|c| wanted(c)).cloned().collect(), inner.version))
    }

    /// The same with at most so many changes; the version says how far they reach.
    pub fn some_changes(
        &self,
        since: u64,
        most: usize,
        wanted: impl Fn(&Change) -> bool,
    ) -> Option<(Vec<Change>, u64)> {
        let inner = self.lock();
        if since < inner.forgotten {
            return None;
        }
        let start = inner.ring.partition_point(|c| c.version <= since);
        let mut found = Vec::new();
        let mut upto = since;
        for change in inner.ring.range(start..) {
            if wanted(change) {
                if found.len() == most {
                    return Some((found, upto));
                }
                found.push(change.clone());
            }
            upto = change.version;
        }
        Some((found, inner.version))
    }

    /// A receiver that wakes at each change; it holds the newest version.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// All changes from now on.
    pub fn feed(self: &Arc<Self>) -> Feed {
        let newest = self.newest();
        let since = self.version();
        Feed { store: self.clone(), newest, since }
    }
}

/// The changes of a store, in order, for in-process consumers such as controllers.
///
/// ```text
/// let mut feed = store.feed();          // first the feed, then the lists: nothing is missed
/// resync_everything();
/// loop {
///     match feed.next().await {
///         Some(changes) => for change in changes { enqueue(&change.object.key) },
///         None => resync_everything(),  // too slow: some changes are forgotten
///     }
/// }
/// ```
pub struct Feed {
    store: Arc<Store>,
    newest: watch::Receiver<u64>,
    since: u64,
}

impl Feed {
    /// Waits for at least one change and returns all that are there. `None` means that the consumer was too slow:
    /// it must list again; the feed goes on from the newest version. Safe to drop and call again (in `select!`).
    pub async fn next(&mut self) -> Option<Vec<Change>> {
        loop {
            let since = self.since;
            match self.store.changes(since, |_| true) {
                None => {
                    self.since = self.store.version();
                    return None;
                }
                Some((changes, version)) if !changes.is_empty() => {
                    self.since = version;
                    return Some(changes);
                }
                Some(_) => {}
            }
            // The store outlives its feed, so the channel never closes.
            let _ = self.newest.wait_for(|v| *v > since).await;
        }
    }

    /// What is there now, without waiting; empty if nothing is.
    pub fn poll(&mut self) -> Option<Vec<Change>> {
        let Some((changes, version)) = self.store.changes(self.since, |_| true) else {
            self.since = self.store.version();
            return None;
        };
        self.since = version;
        Some(changes)
    }
}

impl Inner {
    fn find(&self, key: &Key) -> Option<Arc<Object>> {
        self.objects.get(&key.resource)?.get(&(key.namespace.clone(), key.name.clone())).cloned()
    }

    fn insert(&mut self, object: Arc<Object>) {
        let place = (object.key.namespace.clone(), object.key.name.clone());
        self.objects.entry(object.key.resource.clone()).or_default().insert(place, object);
    }

    fn next(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    fn record(&mut self, change: Change) {
        self.ring_bytes += weight(&change);
        self.ring.push_back(change);
        while self.ring.len() > RING || self.ring_bytes > RING_BYTES {
            let Some(oldest) = self.ring.pop_front() else { break };
            self.ring_bytes -= weight(&oldest);
            self.forgotten = oldest.version;
        }
    }
}

/// How much memory a change holds, about: the object and its text.
fn weight(change: &Change) -> usize {
    /// A block of the heap is a multiple of this and one more.
    const BLOCK: usize = 16;
    /// A map keeps its entries in nodes of up to eleven, most of them half full.
    const NODE: usize = 640;
    const ENTRIES: usize = 6;
    fn size(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len() + BLOCK,
            Value::Array(items) => {
                items.iter().map(|item| size(item) + size_of::<Value>()).sum::<usize>() + BLOCK
            }
            Value::Object(map) => {
                let inner = map.iter().map(|(key, value)| key.len() + BLOCK + size(value)).sum::<usize>();
                map.len().div_ceil(ENTRIES) * NODE + inner
            }
            _ => 0,
        }
    }
    fn text(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len() + 3,
            Value::Array(items) => items.iter().map(text).sum::<usize>() + 2,
            Value::Object(map) => {
                map.iter().map(|(key, value)| key.len() + 4 + text(value)).sum::<usize>() + 2
            }
            _ => 4,
        }
    }
    size(&change.object.value) + text(&change.object.value)
}

fn set_version(value: &mut Value, version: u64) {
    if let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.insert("resourceVersion".into(), version.to_string().into());
    }
}
