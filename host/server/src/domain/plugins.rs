//! Plugins, as administrators see and change them.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::principal::Principal;
use crate::error::Result;
use crate::plugins::{Allowed, LogLine, PluginInfo};

/// Everybody may see which plugins there are.
pub fn list(app: &App, who: &Principal) -> Result<Vec<PluginInfo>> {
    who.viewer()?;
    Ok(app.plugins.list())
}

pub fn get(app: &App, who: &Principal, id: &str) -> Result<PluginInfo> {
    who.viewer()?;
    app.plugins.get(id)
}

/// A plugin's log may hold what other tenants gave it.
pub fn logs(app: &App, who: &Principal, id: &str) -> Result<Vec<LogLine>> {
    who.administrator()?;
    app.plugins.logs(id)
}

pub async fn install(app: &App, who: &Principal, wasm: Bytes) -> Result<PluginInfo> {
    let digest = crate::registry::blobs::Digest::of(&wasm).to_string();
    let installed = audited(app, who, Act::new("InstallPlugin", "plugin", digest), async {
        who.administrator()?;
        app.plugins.install(wasm).await
    });
    let installed = installed.await?;
    app.events.changed("plugins");
    Ok(installed)
}

pub async fn remove(app: &App, who: &Principal, id: &str) -> Result<()> {
    audited(app, who, Act::new("DeletePlugin", "plugin", id), async {
        who.administrator()?;
        app.plugins.remove(id).await
    })
    .await?;
    app.events.changed("plugins");
    Ok(())
}

pub async fn set_enabled(app: &App, who: &Principal, id: &str, enabled: bool) -> Result<PluginInfo> {
    update(app, who, id, async {
        if enabled { app.plugins.enable(id).await } else { app.plugins.disable(id).await }
    })
    .await
}

pub async fn set_granted(app: &App, who: &Principal, id: &str, allowed: Allowed) -> Result<PluginInfo> {
    update(app, who, id, app.plugins.set_granted(id, allowed)).await
}

/// Sets settings and priority; what is left out stays.
pub async fn set_settings(
    app: &App,
    who: &Principal,
    id: &str,
    settings: Option<Map<String, Value>>,
    priority: Option<i64>,
) -> Result<PluginInfo> {
    update(app, who, id, async {
        let present = app.plugins.get(id)?;
        let settings = settings.unwrap_or(present.settings);
        app.plugins.set_settings(id, settings, priority.unwrap_or(present.priority)).await
    })
    .await
}

async fn update(
    app: &App,
    who: &Principal,
    id: &str,
    work: impl Future<Output = Result<PluginInfo>>,
) -> Result<PluginInfo> {
    let updated = audited(app, who, Act::new("UpdatePlugin", "plugin", id), async {
        who.administrator()?;
        work.await
    });
    let updated = updated.await?;
    app.events.changed("plugins");
    Ok(updated)
}
