//! A cluster: its store, registry and what lives beside requests.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::allocate::{Allocated, Allocator};
use crate::api::Api;
use crate::auth::User;
use crate::crd;
use crate::resources::{Registry, Resource};
use crate::status::Result;
use crate::store::{Store, StoreError};

/// What all parts of a cluster share.
pub struct Core {
    /// The objects.
    pub store: Arc<Store>,
    /// The served resources.
    pub registry: Registry,
    allocator: Allocator,
    /// Goes up when what discovery says changes.
    served: AtomicU64,
}

impl Core {
    /// A cluster whose objects lie in a file, or only in memory.
    pub fn open(path: Option<&Path>) -> Result<Arc<Self>, StoreError> {
        let store = match path {
            Some(path) => Store::open(path)?,
            None => Store::in_memory(),
        };
        let core = Core {
            store: Arc::new(store),
            registry: Registry::new(),
            allocator: Allocator::default(),
            served: AtomicU64::new(1),
        };
        core.allocator.load(&core.store);
        crd::sync(&core);
        Ok(Arc::new(core))
    }

    /// A handle for in-process callers: an administrator whose field manager is `manager`.
    pub fn api(self: &Arc<Self>, manager: &str) -> Api {
        Api::new(self.clone(), Arc::new(User::system("system:admin")), manager)
    }

    /// A handle that acts as a user.
    pub fn api_as(self: &Arc<Self>, user: Arc<User>, manager: &str) -> Api {
        Api::new(self.clone(), user, manager)
    }

    pub(crate) fn definitions_changed(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn allocate_create(&self, resource: &Resource, value: &mut Value) -> Result<Allocated> {
        self.allocator.create(resource, value)
    }

    pub(crate) fn allocate_update(&self, resource: &Resource, live: &Value, value: &mut Value) -> Result<()> {
        self.allocator.update(resource, live, value)
    }

    pub(crate) fn release(&self, allocated: Allocated) {
        self.allocator.release(allocated);
    }

    /// What follows a deletion.
    pub(crate) fn after_delete(&self, resource: &Resource, last: &Value) {
        self.allocator.forget(resource, last);
    }

    /// What follows an update.
    pub(crate) fn after_update(&self, _resource: &Resource, _old: &Value, _new: &Value) {}
}
