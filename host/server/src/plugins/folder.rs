//! The watched folder of installed plugins: files that appear, change or vanish while the server runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use super::catalog::Source;
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
    /// The plugin that it holds, when it could be read.
    id: Option<String>,
}

impl Seen {
    /// Notes a file that we wrote ourselves.
    pub(super) fn note(&mut self, path: &Path, id: &str) {
        if let Some(file) = look(path) {
            self.0.insert(path.to_owned(), File { id: Some(id.to_owned()), ..file });
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
            self.vanished(&path, seen.0.remove(&path).and_then(|file| file.id)).await?;
        }
        let mut paths: Vec<_> = present.into_iter().collect();
        paths.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (path, file) in paths {
            let known = seen.0.get(&path);
            if known.is_some_and(|known| (known.length, known.changed) == (file.length, file.changed)) {
                continue;
            }
            let id = self.appeared(&path).await;
            seen.0.insert(path, File { id, ..file });
        }
        Ok(())
    }

    /// Loads a new or changed file; answers the id that it holds.
    async fn appeared(&self, path: &Path) -> Option<String> {
        let wasm = match std::fs::read(path) {
            Ok(wasm) if wasm.len() <= MAX_FILE => wasm,
            _ => return None,
        };
        let described = component::describe(&wasm);
        let id = described.as_ref().ok().map(|description| description.manifest.id.clone());
        let current = id.as_deref().and_then(|id| self.find(id).ok());
        if let (Ok(described), Some(current)) = (&described, &current)
            && described.digest == current.description.digest
        {
            return id;
        }
        let elsewhere = current.as_ref().is_some_and(|current| match &current.source {
            Source::File(file, _) => file != path && file.exists(),
            Source::BuiltIn(_) => false,
        });
        let admitted = match described {
            Err(error) => Err(error),
            Ok(_) if elsewhere => Err(Error::Conflict("another file holds the same plugin".into())),
            Ok(_) => self.admit(wasm.into(), path.to_owned()).await,
        };
        let outcome = match admitted {
            Ok(plugin) => self.put(plugin).await.map(|_| ()),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => tracing::info!("loaded plugin file `{}`", path.display()),
            Err(error) => {
                tracing::warn!("plugin file `{}` is refused: {error}", path.display());
                if let Some(current) = current {
                    current
                        .shared
                        .set_reason(Some(format!("the file `{}` is refused: {error}", path.display())));
                }
            }
        }
        id
    }

    async fn vanished(&self, path: &Path, id: Option<String>) -> Result<()> {
        let Some(plugin) = id.and_then(|id| self.find(&id).ok()) else { return Ok(()) };
        if !matches!(&plugin.source, Source::File(file, _) if file == path) {
            return Ok(());
        }
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
    Some(File { length: metadata.len(), changed: metadata.modified().ok(), id: None })
}
