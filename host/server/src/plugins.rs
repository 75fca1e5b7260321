//! WebAssembly plugins: which there are, what they may use, and calling them.
//!
//! Only this module names wasmtime. A call runs in a fresh store with limits on time, memory and sizes; a trap, a
//! time-out or a malformed answer is an error of that call and leaves nothing behind. Built-in plugins are plugins
//! like any other. Plugins change nothing: what they answer are documents.

pub mod attached;
mod bindings;
pub mod call;
mod catalog;
mod cluster;
pub mod compile;
mod component;
mod engine;
mod folder;
mod grants;
mod host;
mod logs;
mod manage;
pub mod roles;
mod virtual_time;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use osc_plugin_api::manifest::Role;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

pub use call::{Call, Read, VirtualTime};
pub use catalog::PluginInfo;
pub use cluster::{ClusterReader, LiveCluster};
pub use compile::Compiler;
pub use grants::Allowed;
pub use logs::LogLine;
pub use roles::{Opened, Planned};

use call::{Code, Failure, Function, Outcome, State};
use catalog::{Plugin, Shared, Source};
use compile::Cache;
use engine::{Allocation, Sandbox};
use grants::Effective;

use crate::egress::Egress;
use crate::error::{Error, Result};
use crate::registry::blobs::Blobs;
use crate::store::db::Db;
use crate::store::plugins::PluginState;

/// A plugin that is part of the binary.
#[derive(Clone, Copy)]
pub struct Builtin {
    pub id: &'static str,
    /// Empty when the binary was built without it.
    pub wasm: &'static [u8],
}

/// The plugins of this binary.
pub fn builtin() -> &'static [Builtin] {
    static BUILTIN: &[Builtin] = include!(concat!(env!("OUT_DIR"), "/builtin_plugins.rs"));
    BUILTIN
}

/// Refuses a plugin file that no server of this version could enable, and says why.
pub fn check_file(wasm: &[u8]) -> Result<()> {
    let description = component::describe(wasm)?;
    Effective::new(&description.manifest.grants, &Allowed::ALL).check(&description)
}

/// What the server does to objects before a deployer builds steps: image map, pull secrets, capability additions.
pub trait Transform: Send + Sync {
    /// The objects as they shall be applied, in the same order.
    fn objects(&self, tenant: Option<i64>, objects: Vec<Value>) -> Result<Vec<Value>>;
}

/// What [`Plugins::open`] needs.
pub struct PluginsSettings {
    /// The watched folder of installed plugins.
    pub folder: PathBuf,
    /// Where compiled code is kept.
    pub cache_dir: PathBuf,
    pub db: Db,
    /// Packages of instances, which a swapped plugin must still read; without it that is not asked.
    pub packages: Option<Blobs>,
    pub builtin: Vec<Builtin>,
    pub compiler: Compiler,
    /// The way out for plugins; without it every request is denied.
    pub egress: Option<Egress>,
    pub transform: Option<Arc<dyn Transform>>,
}

impl PluginsSettings {
    /// The settings of a server: its own built-in plugins, and itself as the compiler. Installed plugins live below
    /// the data directory, in `plugins/`, and compiled code in `cache/plugins/`.
    pub fn new(data_dir: &Path, db: Db) -> PluginsSettings {
        PluginsSettings {
            folder: data_dir.join("plugins"),
            cache_dir: data_dir.join("cache/plugins"),
            db,
            packages: None,
            builtin: builtin().to_vec(),
            compiler: Compiler::this_program(),
            egress: None,
            transform: None,
        }
    }
}

/// What host functions reach for, the same for all calls.
pub(crate) struct Environment {
    /// The server's own runtime.
    runtime: Handle,
    db: Option<Db>,
    packages: Option<Blobs>,
    egress: Option<Egress>,
    transform: Option<Arc<dyn Transform>>,
}

/// All plugins.
pub struct Plugins {
    sandbox: Sandbox,
    cache: Cache,
    environment: Arc<Environment>,
    catalog: RwLock<BTreeMap<String, Arc<Plugin>>>,
    builtin: Vec<Builtin>,
    /// The watched folder; none offline.
    folder: Option<PathBuf>,
    /// Files of the folder as they were seen last. Held while the catalogue changes.
    seen: Mutex<folder::Seen>,
}

impl Plugins {
    /// Loads built-in and installed plugins, and watches the folder of installed ones. Code is compiled in the
    /// background; calls wait for it.
    pub async fn open(settings: PluginsSettings) -> Result<Arc<Plugins>> {
        let sandbox = Sandbox::new(Allocation::Pooled)?;
        let environment = Environment {
            runtime: Handle::current(),
            db: Some(settings.db),
            packages: settings.packages,
            egress: settings.egress,
            transform: settings.transform,
        };
        let folder = settings.folder;
        std::fs::create_dir_all(&folder)
            .map_err(|error| anyhow::anyhow!("cannot make the folder `{}`: {error}", folder.display()))?;
        let plugins = Arc::new(Plugins {
            cache: Cache::open(settings.cache_dir, settings.compiler, &sandbox.engine)?,
            sandbox,
            environment: Arc::new(environment),
            catalog: RwLock::default(),
            builtin: settings.builtin,
            folder: Some(folder),
            seen: Mutex::default(),
        });
        plugins.load().await?;
        folder::watch(&plugins);
        Ok(plugins)
    }

    /// Built-in plugins alone, for the offline tools: no database, no network; compiled code is kept in `cache_dir`.
    pub fn offline(cache_dir: &Path) -> Result<Arc<Plugins>> {
        Plugins::offline_with(cache_dir, builtin().to_vec(), Compiler::this_program())
    }

    /// As [`Plugins::offline`], with plugins and compiler at hand.
    pub fn offline_with(cache_dir: &Path, builtin: Vec<Builtin>, compiler: Compiler) -> Result<Arc<Plugins>> {
        let sandbox = Sandbox::new(Allocation::OnDemand)?;
        let environment = Environment {
            runtime: Handle::current(),
            db: None,
            packages: None,
            egress: None,
            transform: None,
        };
        let plugins = Plugins {
            cache: Cache::open(cache_dir.to_owned(), compiler, &sandbox.engine)?,
            sandbox,
            environment: Arc::new(environment),
            catalog: RwLock::default(),
            builtin,
            folder: None,
            seen: Mutex::default(),
        };
        let mut catalog = BTreeMap::new();
        for builtin in plugins.builtin.iter().filter(|builtin| !builtin.wasm.is_empty()) {
            let description = component::describe(builtin.wasm)?;
            let shared = Shared::new(PluginState::Enabled, None, 0);
            let source = Source::BuiltIn(builtin.wasm);
            let plugin = Plugin::new(description, source, Allowed::ALL, Default::default(), 0, shared);
            catalog.insert(builtin.id.to_owned(), Arc::new(plugin));
        }
        *plugins.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
        Ok(Arc::new(plugins))
    }

    /// All plugins, by id.
    pub fn list(&self) -> Vec<PluginInfo> {
        self.snapshot().iter().map(|plugin| plugin.info()).collect()
    }

    /// One plugin.
    pub fn get(&self, id: &str) -> Result<PluginInfo> {
        Ok(self.find(id)?.info())
    }

    /// Ids of the deployers that are enabled, those with the higher priority first.
    pub fn deployers(&self) -> Vec<String> {
        self.enabled(Role::Deployer).iter().map(|plugin| plugin.id().to_owned()).collect()
    }

    /// Ids of the scanners that are enabled, those with the higher priority first.
    pub fn scanners(&self) -> Vec<String> {
        self.enabled(Role::Scanner).iter().map(|plugin| plugin.id().to_owned()).collect()
    }

    /// Ids of the plugins that have to be compiled before their first call.
    pub fn uncompiled(&self) -> Vec<String> {
        let is_new = |plugin: &Arc<Plugin>| !self.cache.has(&plugin.description.digest);
        self.snapshot().iter().filter(|plugin| is_new(plugin)).map(|plugin| plugin.id().to_owned()).collect()
    }

    /// The newest lines of a plugin's log, oldest first.
    pub fn logs(&self, id: &str) -> Result<Vec<LogLine>> {
        Ok(self.find(id)?.shared.logs.lines())
    }

    /// Compiles what is enabled and not compiled yet; afterwards the server is ready. Failures are logged and shown
    /// with the plugin.
    pub async fn prepare(&self) {
        for plugin in self.snapshot() {
            if plugin.shared.standing().state != PluginState::Enabled {
                continue;
            }
            if let Err(error) = self.code(&plugin).await {
                tracing::error!(
                    plugin.id = plugin.id(),
                    "plugin `{}` cannot be loaded: {error}",
                    plugin.id()
                );
                plugin.shared.set_reason(Some(error.to_string()));
            }
        }
    }

    fn snapshot(&self) -> Vec<Arc<Plugin>> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn find(&self, id: &str) -> Result<Arc<Plugin>> {
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        catalog.get(id).cloned().ok_or_else(|| Error::NotFound { kind: "plugin", id: id.to_owned() })
    }

    fn enabled(&self, role: Role) -> Vec<Arc<Plugin>> {
        let mut plugins = self.snapshot();
        plugins.retain(|plugin| plugin.check_enabled(role).is_ok());
        plugins.sort_by_key(|plugin| -plugin.priority);
        plugins
    }

    /// The plugin's code, linked; compiled first where it must be.
    async fn code(&self, plugin: &Arc<Plugin>) -> Result<Arc<Code>> {
        let failed = |error: anyhow::Error| Error::Plugin {
            plugin: plugin.id().to_owned(),
            message: format!("it cannot be loaded: {error:#}"),
        };
        // The linker's own refusal is unreadable.
        plugin.grants.check(&plugin.description)?;
        let link = async {
            let wasm = plugin.source.bytes();
            let load = || self.cache.load(&self.sandbox.engine, &plugin.description.digest, wasm);
            let component = plugin.component.get_or_try_init(load).await?;
            Ok(Arc::new(Code::link(&self.sandbox.engine, component, plugin)?))
        };
        plugin.code.get_or_try_init(|| link).await.cloned().map_err(failed)
    }

    /// Calls a function, and counts how it went.
    async fn invoke(&self, plugin: &Arc<Plugin>, call: &Call, function: Function) -> Result<Outcome<String>> {
        let role = if matches!(function, Function::Scan(_)) { Role::Scanner } else { Role::Deployer };
        plugin.check_enabled(role)?;
        let code = self.code(plugin).await?;
        let name = function.name();
        let started = std::time::Instant::now();
        let state = State::new(plugin.clone(), call.clone(), self.environment.clone());
        let Outcome { answer, reads, warnings } = call::run(&self.sandbox, code, state, function).await;
        let id = plugin.id().to_owned();
        tracing::debug!(
            plugin.id = id,
            duration_ms = started.elapsed().as_secs_f64() * 1e3,
            ok = answer.is_ok(),
            "called `{name}` of plugin `{id}`"
        );
        match answer {
            Ok(answer) => Ok(Outcome { answer, reads, warnings }),
            Err(Failure::Refused { code, message, details }) => {
                plugin.shared.succeeded();
                let details = serde_json::from_str(&details).unwrap_or_default();
                Err(Error::PluginRefused { plugin: id, code, message, details })
            }
            Err(Failure::Fault(message)) => {
                self.note_fault(plugin, call, &message);
                Err(Error::Plugin { plugin: id, message: format!("`{name}`: {message}") })
            }
            Err(Failure::Late(message)) => {
                Err(Error::Plugin { plugin: id, message: format!("`{name}`: {message}") })
            }
        }
    }

    /// Counts a fault, and keeps the count.
    fn note_fault(&self, plugin: &Arc<Plugin>, call: &Call, message: &str) {
        let unique = || format!("{:?}", std::time::Instant::now());
        let subject = call.package.as_ref().map_or_else(unique, |package| package.digest().to_owned());
        // A built-in plugin serves every tenant: their packages must not be able to stop it.
        plugin.shared.failed(subject, !plugin.is_builtin(), message);
        let Some(db) = self.environment.db.clone() else { return };
        let row = plugin.row();
        self.environment.runtime.spawn(async move {
            let saved: rusqlite::Result<()> = db.write(move |tx| crate::store::plugins::save(tx, &row)).await;
            if let Err(error) = saved {
                tracing::error!("the faults of a plugin cannot be kept: {error}");
            }
        });
    }
}
