//! What every part of the server shares: one [`App`] per process, handed around as `Arc<App>`.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, broadcast, watch};

use crate::api::metrics::Metrics;
use crate::config::Config;
use crate::domain::clusters::ClusterSource;
use crate::domain::operations::Host;
use crate::domain::sessions::Passwords;
use crate::egress::{Egress, EgressRules};
use crate::kube::clusters::Clusters;
use crate::operations::clock::SystemClock;
use crate::operations::executor::{Executor, ExecutorParts};
use crate::operations::journal::CrashPoint;
use crate::plugins::{self, Builtin, Compiler, Plugins, PluginsSettings};
use crate::registry::blobs::{Blobs, Documents};
use crate::secrets::Sealer;
use crate::store::db::Db;

/// Read connections of the database.
const READERS: usize = 4;

/// The parts of a running server.
pub struct App {
    pub config: Config,
    pub db: Db,
    pub sealer: Arc<Sealer>,
    pub blobs: Blobs,
    pub documents: Documents,
    pub clusters: Arc<dyn ClusterSource>,
    pub plugins: Arc<Plugins>,
    pub executor: Executor,
    pub metrics: Metrics,
    pub passwords: Passwords,
    pub events: Events,
    pub scheduler: Poke,
    pub shutdown: Shutdown,
}

/// What an app meets outside its data folder.
pub struct Outside {
    pub clusters: Arc<dyn ClusterSource>,
    pub egress: Option<Egress>,
    pub builtin: Vec<Builtin>,
    pub compiler: Compiler,
    /// Where compiled code is kept; below the data folder when not said.
    pub plugin_cache: Option<PathBuf>,
}

impl App {
    /// Opens everything in the data folder, which exists.
    pub async fn open(config: Config) -> anyhow::Result<Arc<App>> {
        let rules = Arc::new(EgressRules::parse(&config.egress_allow)?);
        let outside = Outside {
            clusters: Arc::new(Clusters::new(rules.clone())),
            egress: Some(Egress::new(rules)?),
            builtin: plugins::builtin().to_vec(),
            compiler: Compiler::this_program(),
            plugin_cache: None,
        };
        App::open_with(config, outside).await
    }

    /// The same with a world of one's own, for tests.
    pub async fn open_with(config: Config, outside: Outside) -> anyhow::Result<Arc<App>> {
        let data = &config.data_dir;
        let db = Db::open(&data.join("osc.db"), READERS)?;
        let sealer = Arc::new(Sealer::open(data, config.key_file.clone())?);
        let blobs = Blobs::open_local(&data.join("objects"))?;
        let documents = Documents::new(blobs.clone(), sealer.clone());
        let mut settings = PluginsSettings::new(data, db.clone());
        settings.builtin = outside.builtin;
        settings.compiler = outside.compiler;
        settings.egress = outside.egress;
        settings.packages = Some(blobs.clone());
        if let Some(folder) = outside.plugin_cache {
            settings.cache_dir = folder;
        }
        let plugins = Plugins::open(settings).await?;
        let host = Host { db: db.clone(), sealer: sealer.clone(), clusters: outside.clusters.clone() };
        let executor = Executor::new(ExecutorParts {
            db: db.clone(),
            documents: documents.clone(),
            host: Arc::new(host),
            clock: Arc::new(SystemClock),
            crash: config.crash_after.map_or_else(CrashPoint::never, CrashPoint::kill_after),
        });
        Ok(Arc::new(App {
            config,
            db,
            sealer,
            blobs,
            documents,
            clusters: outside.clusters,
            plugins,
            executor,
            metrics: Metrics::default(),
            passwords: Passwords::new()?,
            events: Events::new(),
            scheduler: Poke::default(),
            shutdown: Shutdown::new(),
        }))
    }
}

/// Tells browsers what to fetch again. Events carry only names.
#[derive(Clone)]
pub struct Events {
    sender: broadcast::Sender<Event>,
}

/// Something of this kind changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `instances`, `operations`, `clusters` and so on.
    pub resource: &'static str,
    /// Which one, if that is one.
    pub id: Option<i64>,
}

impl Events {
    pub fn new() -> Events {
        Events { sender: broadcast::channel(1_024).0 }
    }

    /// Something of this kind changed.
    pub fn changed(&self, resource: &'static str) {
        // Nobody listening is fine.
        let _ = self.sender.send(Event { resource, id: None });
    }

    /// This one changed.
    pub fn changed_one(&self, resource: &'static str, id: i64) {
        let _ = self.sender.send(Event { resource, id: Some(id) });
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }
}

impl Default for Events {
    fn default() -> Events {
        Events::new()
    }
}

/// Wakes the scheduler after a commit; its timer covers a lost poke.
#[derive(Default)]
pub struct Poke {
    notify: Notify,
}

impl Poke {
    pub fn poke(&self) {
        self.notify.notify_one();
    }

    pub async fn poked(&self) {
        self.notify.notified().await;
    }
}

/// Tells everything that runs to come to an end.
pub struct Shutdown {
    sender: watch::Sender<bool>,
}

impl Shutdown {
    pub fn new() -> Shutdown {
        Shutdown { sender: watch::channel(false).0 }
    }

    pub fn begin(&self) {
        self.sender.send_replace(true);
    }

    pub fn has_begun(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until the end has begun.
    pub async fn begun(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives as long as `self`.
        let _ = receiver.wait_for(|begun| *begun).await;
    }
}

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown::new()
    }
}
