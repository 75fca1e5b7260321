//! What every part of the server shares: one [`App`] per process, handed around as `Arc<App>`.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast, watch};

use crate::api::metrics::Metrics;
use crate::config::Config;
use crate::domain::clusters::ClusterSource;
use crate::domain::sessions::Passwords;
use crate::egress::EgressRules;
use crate::kube::clusters::Clusters;
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
    pub metrics: Metrics,
    pub passwords: Passwords,
    pub events: Events,
    pub scheduler: Poke,
    pub shutdown: Shutdown,
}

impl App {
    /// Opens everything in the data folder, which exists.
    pub async fn open(config: Config) -> anyhow::Result<Arc<App>> {
        let rules = Arc::new(EgressRules::parse(&config.egress_allow)?);
        App::with_clusters(config, Arc::new(Clusters::new(rules)))
    }

    /// The same with clusters from elsewhere, for tests.
    pub fn with_clusters(config: Config, clusters: Arc<dyn ClusterSource>) -> anyhow::Result<Arc<App>> {
        let data = &config.data_dir;
        let db = Db::open(&data.join("osc.db"), READERS)?;
        let sealer = Arc::new(Sealer::open(data, config.key_file.clone())?);
        let blobs = Blobs::open_local(&data.join("objects"))?;
        let documents = Documents::new(blobs.clone(), sealer.clone());
        Ok(Arc::new(App {
            config,
            db,
            sealer,
            blobs,
            documents,
            clusters,
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
