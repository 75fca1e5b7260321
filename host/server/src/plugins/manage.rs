//! What administrators do with plugins: install, remove, enable, disable, grant, set.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use osc_plugin_api::documents::package::Detection;
use osc_plugin_api::manifest::{Grants, Role};
use serde_json::{Map, Value};

use super::call::{Call, Function, State};
use super::catalog::{Plugin, PluginInfo, Shared, Source};
use super::component::describe;
use super::grants::Allowed;
use super::{Plugins, compile};
use crate::error::{Error, Result};
use crate::registry::archive::{ArchiveLimits, Package};
use crate::registry::blobs::Digest;
use crate::store;
use crate::store::plugins::{PluginRow, PluginState};

impl Plugins {
    /// Loads what is built in and what the folder holds.
    pub(super) async fn load(&self) -> Result<()> {
        let rows = self.rows().await?;
        for builtin in &self.builtin {
            if builtin.wasm.is_empty() {
                let id = builtin.id;
                tracing::warn!(plugin.id = id, "plugin `{id}` was not there when the server was built");
                continue;
            }
            let row = rows.iter().find(|row| row.id == builtin.id);
            self.put(self.builtin_plugin(builtin.wasm, row)?).await?;
        }
        self.rescan().await
    }

    pub(super) fn builtin_plugin(&self, wasm: &'static [u8], row: Option<&PluginRow>) -> Result<Plugin> {
        let description = describe(wasm)?;
        let shared = row.map_or_else(
            || Shared::new(PluginState::Enabled, None, 0),
            |row| Shared::new(row.state, row.state_reason.clone(), row.faults),
        );
        let row = row.filter(|row| row.source == "built-in");
        let allowed = row.and_then(|row| serde_json::from_str(&row.granted).ok()).unwrap_or(Allowed::ALL);
        let settings = row.and_then(|row| serde_json::from_str(&row.settings).ok()).unwrap_or_default();
        let priority = row.map_or(0, |row| row.priority);
        Ok(Plugin::new(description, Source::BuiltIn(wasm), allowed, settings, priority, shared))
    }

    pub(super) async fn rows(&self) -> Result<Vec<PluginRow>> {
        match &self.environment.db {
            Some(db) => Ok(db.read(store::plugins::list).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Installs a component file, or swaps the version that is there: calls in flight finish on the old one. A new
    /// plugin is granted nothing and enabled by nobody; a new version keeps both, unless it needs more.
    pub async fn install(&self, wasm: Bytes) -> Result<PluginInfo> {
        let mut seen = self.seen.lock().await;
        let folder =
            self.folder.clone().ok_or_else(|| Error::Refused("plugins cannot be installed here".into()))?;
        let plugin = self.admit(wasm.clone(), folder.join("new.wasm")).await?;
        let file = folder.join(format!("{}.wasm", plugin.id()));
        compile::write_whole(&file, &wasm)?;
        let plugin = Plugin { source: Source::File(file.clone(), wasm), ..plugin };
        plugin.shared.set_reason(None);
        seen.note(&file);
        let info = self.put(plugin).await?;
        tracing::info!(plugin.id = info.id, "installed plugin `{}` {}", info.id, info.version);
        Ok(info)
    }

    /// A file as a plugin, tried out: it compiles, links and instantiates. Says no where the version in force must
    /// stay.
    pub(super) async fn admit(&self, wasm: Bytes, file: std::path::PathBuf) -> Result<Plugin> {
        let description = describe(&wasm)?;
        let id = description.manifest.id.clone();
        let source = Source::File(file, wasm);
        let current = self.find(&id).ok();
        let is_builtin_id = self.builtin.iter().any(|builtin| builtin.id == id);
        if !id.contains('.') && !is_builtin_id {
            return Err(Error::Invalid {
                field: "plugin",
                reason: format!("the id `{id}` has no publisher: `publisher.{id}` is expected"),
            });
        }
        let stored = self.rows().await?.into_iter().find(|row| row.id == id && row.source == "installed");
        let plugin = match (current, stored) {
            (Some(current), _) if !current.is_builtin() => {
                let (allowed, settings) = (current.allowed.clone(), current.settings.clone());
                Plugin::new(description, source, allowed, settings, current.priority, current.shared.clone())
            }
            (_, Some(row)) => {
                let allowed = serde_json::from_str(&row.granted).unwrap_or(Allowed::Only(Grants::default()));
                let settings = serde_json::from_str(&row.settings).unwrap_or_default();
                let shared = Shared::new(row.state, row.state_reason.clone(), row.faults);
                Plugin::new(description, source, allowed, settings, row.priority, shared)
            }
            _ => {
                let shared = Shared::new(PluginState::Loaded, None, 0);
                let allowed = Allowed::Only(Grants::default());
                Plugin::new(description, source, allowed, Map::new(), 0, shared)
            }
        };
        if plugin.shared.standing().state == PluginState::Enabled {
            plugin.grants.check(&plugin.description)?;
        }
        // Tried out with all that it asks for, so that refusals come now and not when it is enabled; by itself, so
        // that its faults do not count for the version in force.
        let shared = Shared::new(PluginState::Enabled, None, 0);
        let tried = Arc::new(Plugin { shared, ..plugin.with_allowed(Allowed::ALL) });
        if tried.grants.check(&tried.description).is_ok() {
            let code = self.code(&tried).await.map_err(|error| invalid(&error))?;
            let state = State::new(tried.clone(), Call::default(), self.environment.clone());
            code.try_out(&self.sandbox, state).await.map_err(|error| Error::Invalid {
                field: "plugin",
                reason: format!("it cannot be started: {error:#}"),
            })?;
            self.check_reads(&tried).await?;
        }
        Ok(Plugin { component: tried.component.clone(), ..plugin })
    }

    /// Refuses a version that cannot read the packages which the plugin's instances were made from.
    async fn check_reads(&self, plugin: &Arc<Plugin>) -> Result<()> {
        let (Some(db), Some(packages)) = (&self.environment.db, &self.environment.packages) else {
            return Ok(());
        };
        if !plugin.description.manifest.roles.contains(&Role::Deployer) {
            return Ok(());
        }
        let id = plugin.id().to_owned();
        for (service, version, digest) in
            db.read(move |conn| store::plugins::packages_in_use(conn, &id)).await?
        {
            let Some(digest) = Digest::parse(&digest) else { continue };
            let package = Package::open(packages.get_digest(&digest).await?, &ArchiveLimits::default())?;
            let call = Call { package: Some(Arc::new(package)), ..Call::default() };
            let refused = match self.ask::<Detection>(plugin, &call, Function::Detect).await {
                Ok(detection) if detection.certainty > 0 => continue,
                Ok(_) => "it does not know this kind of package".to_owned(),
                Err(error) => error.to_string(),
            };
            return Err(Error::Conflict(format!(
                "plugin `{}` {} cannot read `{service}@{version}`, which has instances: {refused}",
                plugin.id(),
                plugin.description.manifest.version
            )));
        }
        Ok(())
    }

    /// Takes an installed plugin away; a built-in one of the same id comes back.
    pub async fn remove(&self, id: &str) -> Result<()> {
        let mut seen = self.seen.lock().await;
        let plugin = self.find(id)?;
        let Source::File(file, _) = &plugin.source else {
            return Err(Error::Refused(format!(
                "plugin `{id}` is built in: it can be disabled, not removed"
            )));
        };
        self.check_unused(id).await?;
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(anyhow::anyhow!("cannot remove `{}`: {error}", file.display()).into());
            }
            _ => seen.forget(file),
        }
        self.drop_plugin(id).await
    }

    /// Refuses to leave instances without their plugin.
    pub(super) async fn check_unused(&self, id: &str) -> Result<()> {
        let Some(db) = &self.environment.db else { return Ok(()) };
        if self.builtin.iter().any(|builtin| builtin.id == id && !builtin.wasm.is_empty()) {
            return Ok(());
        }
        let name = id.to_owned();
        let count = db.read(move |conn| store::plugins::instances(conn, &name)).await?;
        if count > 0 {
            return Err(Error::Conflict(format!(
                "plugin `{id}` answers for {count} instances: delete them first"
            )));
        }
        Ok(())
    }

    pub(super) async fn drop_plugin(&self, id: &str) -> Result<()> {
        self.catalog.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(db) = &self.environment.db {
            let name = id.to_owned();
            db.write(move |tx| store::plugins::delete(tx, &name)).await?;
        }
        if let Some(builtin) =
            self.builtin.iter().find(|builtin| builtin.id == id && !builtin.wasm.is_empty())
        {
            self.put(self.builtin_plugin(builtin.wasm, None)?).await?;
        }
        tracing::info!(plugin.id = id, "removed plugin `{id}`");
        Ok(())
    }

    /// Lets a plugin be called; refused as long as it imports what it is not granted.
    pub async fn enable(&self, id: &str) -> Result<PluginInfo> {
        let _changing = self.seen.lock().await;
        let plugin = self.find(id)?;
        plugin.grants.check(&plugin.description)?;
        self.code(&plugin).await?;
        plugin.shared.set_state(PluginState::Enabled, None);
        self.save(&plugin).await
    }

    /// Lets a plugin be called no more; calls in flight finish.
    pub async fn disable(&self, id: &str) -> Result<PluginInfo> {
        let _changing = self.seen.lock().await;
        let plugin = self.find(id)?;
        plugin.shared.set_state(PluginState::Disabled, None);
        self.save(&plugin).await
    }

    /// Compiles a plugin again and loads it anew; one that was stopped after faults works again. Calls in flight
    /// finish on the old code, and grants, settings and instances stay as they are.
    pub async fn rebuild(&self, id: &str) -> Result<PluginInfo> {
        let _changing = self.seen.lock().await;
        let old = self.find(id)?;
        let (description, source) = (old.description.clone(), old.source.clone());
        let (allowed, settings) = (old.allowed.clone(), old.settings.clone());
        let fresh = Plugin::new(description, source, allowed, settings, old.priority, old.shared.clone());
        self.cache.forget(&fresh.description.digest)?;
        // With all that it asks for: a plugin that is not granted anything yet compiles too.
        self.code(&Arc::new(fresh.with_allowed(Allowed::ALL))).await?;
        if fresh.shared.standing().state == PluginState::Faulted {
            fresh.shared.set_state(PluginState::Enabled, None);
        }
        let info = self.put(fresh).await?;
        if info.state != PluginState::Enabled {
            return Ok(info);
        }
        let fresh = self.find(id)?;
        self.code(&fresh).await?;
        Ok(fresh.info())
    }

    /// Sets what a plugin is allowed. An enabled plugin that would lack an interface is disabled.
    pub async fn set_granted(&self, id: &str, allowed: Allowed) -> Result<PluginInfo> {
        let _changing = self.seen.lock().await;
        let plugin = self.find(id)?.with_allowed(allowed);
        if let Err(error) = plugin.grants.check(&plugin.description)
            && plugin.shared.standing().state == PluginState::Enabled
        {
            plugin.shared.set_state(PluginState::Disabled, Some(error.to_string()));
        }
        self.put(plugin).await
    }

    /// Sets a plugin's settings and its place among equals.
    pub async fn set_settings(
        &self,
        id: &str,
        settings: Map<String, Value>,
        priority: i64,
    ) -> Result<PluginInfo> {
        let _changing = self.seen.lock().await;
        let plugin = self.find(id)?.with_settings(settings, priority);
        self.put(plugin).await
    }

    /// Puts a plugin into the catalogue and the database.
    pub(super) async fn put(&self, plugin: Plugin) -> Result<PluginInfo> {
        let plugin = Arc::new(plugin);
        let info = self.save(&plugin).await?;
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        catalog.insert(plugin.id().to_owned(), plugin);
        Ok(info)
    }

    async fn save(&self, plugin: &Arc<Plugin>) -> Result<PluginInfo> {
        if let Some(db) = &self.environment.db {
            let row = plugin.row();
            db.write(move |tx| store::plugins::save(tx, &row)).await?;
        }
        Ok(plugin.info())
    }
}

fn invalid(error: &Error) -> Error {
    let reason = match error {
        Error::Plugin { message, .. } => message.clone(),
        other => other.to_string(),
    };
    Error::Invalid { field: "plugin", reason }
}
