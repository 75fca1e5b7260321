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
    changed(app, who, Act::new("InstallPlugin", "plugin", digest), app.plugins.install(wasm)).await
}

pub async fn remove(app: &App, who: &Principal, id: &str) -> Result<()> {
    changed(app, who, Act::new("DeletePlugin", "plugin", id), app.plugins.remove(id)).await
}

pub async fn set_enabled(app: &App, who: &Principal, id: &str, enabled: bool) -> Result<PluginInfo> {
    update(app, who, id, async {
        if enabled { app.plugins.enable(id).await } else { app.plugins.disable(id).await }
    })
    .await
}

pub async fn rebuild(app: &App, who: &Principal, id: &str) -> Result<PluginInfo> {
    changed(app, who, Act::new("RecreatePlugin", "plugin", id), app.plugins.rebuild(id)).await
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
    changed(app, who, Act::new("UpdatePlugin", "plugin", id), work).await
}

/// What an administrator alone may do, with its line in the audit log and news for who looks on.
async fn changed<T>(
    app: &App,
    who: &Principal,
    act: Act,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let done = audited(app, who, act, async {
        who.administrator()?;
        work.await
    });
    let done = done.await?;
    app.events.changed("plugins");
    Ok(done)
}
