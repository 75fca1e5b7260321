//! The watched folder of installed plugins: files that appear, change or vanish while the server runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use super::component::MAX_FILE;
use super::{Plugins, component};
use crate::error::{Error, Result};

const POLL: Duration = Duration::from_secs(2);

/// Files as they were seen last.
#[derive(Default)]
pub(super) struct Seen(HashMap<PathBuf, File>);

#[derive(Clone, PartialEq)]
struct File {
    length: u64,
    changed: Option<SystemTime>,
}

impl Seen {
    /// Notes a file that we wrote ourselves.
    pub(super) fn note(&mut self, path: &Path) {
        if let Some(file) = look(path) {
            self.0.insert(path.to_owned(), file);
        }
    }

    pub(super) fn forget(&mut self, path: &Path) {
        self.0.remove(path);
    }
}

/// Looks at the folder every two seconds, as long as the plugins live.
pub(super) fn watch(plugins: &Arc<Plugins>) {
    let weak: Weak<Plugins> = Arc::downgrade(plugins);
    tokio::spawn(async move {
        if let Some(plugins) = weak.upgrade() {
            plugins.prepare().await;
        }
        loop {
            tokio::time::sleep(POLL).await;
            let Some(plugins) = weak.upgrade() else { return };
            if let Err(error) = plugins.rescan().await {
                tracing::warn!("the folder of plugins cannot be read: {error}");
            }
        }
    });
}

impl Plugins {
    /// Looks at the folder now. A file that is refused leaves the version in force as it is, with the reason.
    pub async fn rescan(&self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let mut seen = self.seen.lock().await;
        let mut present = HashMap::new();
        let entries =
            std::fs::read_dir(folder).map_err(|error| anyhow::anyhow!("`{}`: {error}", folder.display()))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "wasm")
                && let Some(file) = look(&path)
            {
                present.insert(path, file);
            }
        }

        let gone: Vec<_> = seen.0.keys().filter(|path| !present.contains_key(*path)).cloned().collect();
        for path in gone {
            seen.0.remove(&path);
            self.vanished(&path).await?;
        }
        let mut paths: Vec<_> = present.into_iter().collect();
        paths.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (path, file) in paths {
            if seen.0.get(&path) != Some(&file) {
                self.appeared(&path).await;
                seen.0.insert(path, file);
            }
        }
        Ok(())
    }

    /// Loads a new or changed file.
    async fn appeared(&self, path: &Path) {
        let here = self.snapshot().into_iter().find(|plugin| plugin.file() == Some(path));
        let outcome = match self.load_file(path).await {
            Ok(true) => {
                tracing::info!("loaded plugin file `{}`", path.display());
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { return };
        tracing::warn!("plugin file `{}` is refused: {error}", path.display());
        if let Some(plugin) = here {
            plugin.shared.set_reason(Some(format!("the file `{}` is refused: {error}", path.display())));
        }
    }

    /// Whether the file held something new.
    async fn load_file(&self, path: &Path) -> Result<bool> {
        let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        if length > MAX_FILE as u64 {
            return Err(Error::TooLarge {
                what: path.display().to_string(),
                limit: format!("{MAX_FILE} bytes"),
            });
        }
        let wasm = std::fs::read(path).map_err(|error| anyhow::anyhow!("it cannot be read: {error}"))?;
        let described = component::describe(&wasm)?;
        if let Ok(current) = self.find(&described.manifest.id) {
            if current.description.digest == described.digest && !current.is_builtin() {
                return Ok(false);
            }
            if current.file().is_some_and(|file| file != path && file.exists()) {
                return Err(Error::Conflict(format!(
                    "another file holds plugin `{}`",
                    described.manifest.id
                )));
            }
        }
        let plugin = self.admit(wasm.into(), path.to_owned()).await?;
        plugin.shared.set_reason(None);
        self.put(plugin).await?;
        Ok(true)
    }

    async fn vanished(&self, path: &Path) -> Result<()> {
        let here = self.snapshot().into_iter().find(|plugin| plugin.file() == Some(path));
        let Some(plugin) = here else { return Ok(()) };
        match self.check_unused(plugin.id()).await {
            Ok(()) => self.drop_plugin(plugin.id()).await,
            // It is still in memory: instances keep their plugin until the server stops.
            Err(error) => {
                plugin.shared.set_reason(Some(format!("its file was taken away: {error}")));
                Ok(())
            }
        }
    }
}

fn look(path: &Path) -> Option<File> {
    let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.is_file())?;
    Some(File { length: metadata.len(), changed: metadata.modified().ok() })
}
