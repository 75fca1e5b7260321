//! A running server: opened in steps, so that `osc sandbox` can add its cluster before requests come.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::net::TcpListener;

use crate::api;
use crate::app::App;
use crate::config::Config;
use crate::domain::{clusters, setup, tokens};
use crate::scheduler;
use crate::secrets::Sealer;

/// Name of the cluster that this program runs itself.
pub const SANDBOX_CLUSTER: &str = "sandbox";

/// A server that is open and does not serve yet.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    address: SocketAddr,
    first_start: bool,
    _lock: File,
}

impl Server {
    /// Locks the data folder, opens everything in it and takes the address.
    pub async fn open(config: Config) -> anyhow::Result<Server> {
        // Another provider may be linked; without a choice the first handshake panics. A second choice is no error.
        let _ = rustls::crypto::ring::default_provider().install_default();
        make_folder(&config.data_dir)?;
        let lock = lock(&config.data_dir)?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on `{}`", config.listen))?;
        let address = listener.local_addr()?;
        let app = App::open(config).await?;
        let first_start = setup::first_start(&app).await?;
        Ok(Server { app, listener, address, first_start, _lock: lock })
    }

    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// `http://127.0.0.1:8080`, with the port that was taken.
    pub fn url(&self) -> String {
        format!("{}://{}", self.app.config.scheme(), self.address)
    }

    /// Registers the embedded cluster, granted to the first tenant.
    pub async fn register_sandbox(&self, kubeconfig: &str) -> anyhow::Result<()> {
        clusters::register_sandbox(&self.app, SANDBOX_CLUSTER, kubeconfig, setup::DEFAULT_TENANT)
            .await
            .context("cannot register the embedded cluster")
    }

    /// A bearer token of the first administrator: the one in the file if it still works, else a new one, which is
    /// written there (mode 0600).
    pub async fn admin_token(&self, file: &Path) -> anyhow::Result<String> {
        if let Ok(kept) = std::fs::read_to_string(file)
            && tokens::is_valid(&self.app, kept.trim()).await?
        {
            return Ok(kept.trim().to_owned());
        }
        let token = tokens::mint_bearer(&self.app, setup::ADMIN, "admin.token").await?;
        crate::secrets::write_private(file, format!("{token}\n").as_bytes())
            .with_context(|| format!("cannot write `{}`", file.display()))?;
        Ok(token)
    }

    /// A one-time sign-in link of the first administrator.
    pub async fn sign_in_link(&self) -> anyhow::Result<String> {
        Ok(format!("{}/sign-in#token={}", self.url(), setup::admin_link(&self.app).await?))
    }

    /// Serves until the process is told to end. Prints where it serves, and on a first start (or if `link` is set) a
    /// sign-in link.
    pub async fn run(self, link: bool, out: &mut dyn Write) -> anyhow::Result<()> {
        let router = api::router::router(self.app.clone());
        let scheduler = tokio::spawn(scheduler::run(self.app.clone()));
        let serving = tokio::spawn(api::listen::serve(self.app.clone(), self.listener, router));
        let url = format!("{}://{}", self.app.config.scheme(), self.address);
        writeln!(out, "osc ready on {url}")?;
        if link || self.first_start {
            let token = setup::admin_link(&self.app).await?;
            writeln!(out, "sign in within ten minutes: {url}/sign-in#token={token}")?;
        }
        out.flush()?;
        told_to_end().await?;
        tracing::info!("shutting down");
        self.app.shutdown.begin();
        serving.await.context("the server stopped")??;
        scheduler.await.context("the scheduler stopped")?;
        Ok(())
    }
}

/// `osc serve`: a server without an embedded cluster.
pub async fn serve(config: Config, out: &mut dyn Write) -> anyhow::Result<()> {
    Server::open(config).await?.run(false, out).await
}

/// Deletes what a server keeps in its data folder, which must not be in use. The key and the embedded cluster's
/// folder stay.
pub fn wipe(data_dir: &Path) -> anyhow::Result<()> {
    if !data_dir.exists() {
        return Ok(());
    }
    let _lock = lock(data_dir)?;
    for name in ["osc.db", "osc.db-wal", "osc.db-shm", "admin.token", "objects", "plugins"] {
        let path = data_dir.join(name);
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot delete `{}`", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Seals with a new key from now on; the server must not run. Answers the key file.
pub fn rotate_key(config: Config) -> anyhow::Result<std::path::PathBuf> {
    if !config.data_dir.exists() {
        bail!("there is no data folder `{}`", config.data_dir.display());
    }
    let _lock = lock(&config.data_dir)?;
    Sealer::rotate(&config.data_dir, config.key_file)
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| format!("cannot make the data folder `{}`", path.display()))
}

/// Two servers on one folder would destroy each other's work.
fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!(
                "another server uses the data folder `{}`: stop it or choose another folder",
                data_dir.display()
            )
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock `{}`", path.display()))
        }
    }
}

/// Waits for SIGTERM or SIGINT.
#[cfg(unix)]
pub async fn told_to_end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}

/// Waits for an interruption.
#[cfg(not(unix))]
pub async fn told_to_end() -> anyhow::Result<()> {
    Ok(tokio::signal::ctrl_c().await?)
}
