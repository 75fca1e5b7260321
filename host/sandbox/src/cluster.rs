//! A cluster: its store, registry and what lives beside requests; starting and stopping it.

mod bootstrap;
mod files;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::allocate::{Allocated, Allocator};
use crate::api::Api;
use crate::auth::{Auth, User};
use crate::crd;
use crate::embedded;
use crate::faults::Faults;
use crate::http::{Listener, ServeError};
use crate::reconcile::Manager;
use crate::resources::{Registry, Resource};
use crate::status::Result;
use crate::store::{Object, Store, StoreError};

pub use files::FileError;

/// The version that the cluster says it has. Build metadata, so that it is no pre-release.
pub const GIT_VERSION: &str = "v1.36.3+sandbox";

/// What all parts of a cluster share.
pub struct Core {
    /// The objects.
    pub store: Arc<Store>,
    /// The served resources.
    pub registry: Registry,
    pub(crate) auth: Auth,
    allocator: Allocator,
    pub(crate) faults: Faults,
    /// Goes up when what discovery says changes.
    served: AtomicU64,
    address: OnceLock<SocketAddr>,
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
            auth: Auth::default(),
            allocator: Allocator::default(),
            faults: Faults::default(),
            served: AtomicU64::new(1),
            address: OnceLock::new(),
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

    /// Where the cluster is served.
    pub(crate) fn address(&self) -> String {
        self.address.get().map_or_else(|| "127.0.0.1:6443".into(), SocketAddr::to_string)
    }

    /// Numbers about the cluster in the form of Prometheus.
    pub(crate) fn metrics(&self) -> String {
        let mut out = String::from("# TYPE apiserver_storage_objects gauge\n");
        for resource in self.registry.storages() {
            let count = self.store.count(&resource.storage);
            if count > 0 {
                out.push_str(&format!(
                    "apiserver_storage_objects{{resource={:?}}} {count}\n",
                    resource.storage
                ));
            }
        }
        out.push_str(&format!(
            "# TYPE sandbox_newest_version counter\nsandbox_newest_version {}\n",
            self.store.version()
        ));
        out
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
    pub(crate) fn after_delete(&self, resource: &Resource, last: &Object) {
        self.faults.changed(&last.key);
        self.allocator.forget(resource, &last.value);
    }

    /// What follows a create or an update.
    pub(crate) fn after_write(&self, object: &Object) {
        self.faults.changed(&object.key);
    }
}

/// How a cluster is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it keeps objects, port and certificate; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// Address and port; port 0 takes the port of the last time, or a free one.
    pub listen: String,
    /// Forget what the folder holds; the port and the certificate stay.
    pub fresh: bool,
    /// Run controllers and a simulated node; without them objects stay as they were written.
    pub controllers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options { data_dir: None, listen: "127.0.0.1:0".into(), fresh: false, controllers: true }
    }
}

/// Why a cluster does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its folder.
    #[error(transparent)]
    Files(#[from] FileError),
    /// Its database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its port.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Its first objects.
    #[error("the sandbox's first objects were refused: {0}")]
    Bootstrap(crate::status::Status),
}

/// A running cluster.
pub struct Cluster {
    core: Arc<Core>,
    address: SocketAddr,
    ca: String,
    kubeconfig: String,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    controllers: Option<Manager>,
}

impl Cluster {
    /// Starts a cluster and serves it. Must be called on a Tokio runtime.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let state = files::open(&options)?;
        let core = Core::open(state.database.as_deref())?;
        core.auth.set(state.secrets.clone());
        bootstrap::run(&core).map_err(StartError::Bootstrap)?;
        let listener = match Listener::bind(&state.listen, &state.certificate, &state.key).await {
            // Somebody took the port of the last time: take another.
            Err(ServeError::Listen(..)) if state.may_move => {
                Listener::bind(&options.listen, &state.certificate, &state.key).await?
            }
            other => other?,
        };
        let address = listener.address().map_err(|e| ServeError::Listen(options.listen.clone(), e))?;
        let _ = core.address.set(address);
        bootstrap::announce(&core, address).map_err(StartError::Bootstrap)?;
        let kubeconfig = files::kubeconfig(address, &state.ca, &state.secrets.admin);
        state.save(address, &kubeconfig)?;
        let stop = watch::Sender::new(false);
        let tasks = vec![
            tokio::spawn(crd::run(core.clone())),
            tokio::spawn(listener.serve(core.clone(), stop.subscribe())),
        ];
        let controllers = options.controllers.then(|| embedded::start(&core, &state.ca));
        Ok(Cluster { core, address, ca: state.ca, kubeconfig, stop, tasks, controllers })
    }

    /// A handle for in-process callers whose field manager is `manager`.
    pub fn api(&self, manager: &str) -> Api {
        self.core.api(manager)
    }

    /// What all parts share.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Where it is served.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its authority, in PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// A kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// Tells parts that run beside the cluster when it stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Stops serving and writes what is left.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        drop(self.controllers);
        for task in self.tasks {
            task.abort();
            // The port is free only when its task has ended; an error says that it was aborted.
            let _ = task.await;
        }
        let store = self.core.store.clone();
        // Flushing waits for the disk; an error means that the runtime stops too.
        let _ = tokio::task::spawn_blocking(move || store.flush()).await;
    }
}
