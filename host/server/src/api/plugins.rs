//! Plugins, by administrators of the platform.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path};
use super::page::List;
use crate::app::App;
use crate::domain::plugins;
use crate::domain::principal::Principal;
use crate::error::Error;
use crate::plugins::{LogLine, PluginInfo};

#[derive(Serialize, ToSchema)]
#[schema(as = Plugin)]
pub(super) struct PluginView {
    id: String,
    version: String,
    description: String,
    /// `deployer`, `scanner`.
    roles: Vec<String>,
    digest: String,
    /// `built-in` or `installed`.
    source: String,
    /// `loaded`, `enabled`, `disabled` or `faulted`.
    state: String,
    reason: Option<String>,
    /// What an administrator allows: the word `requested` for whatever the plugin asks for, or a document.
    #[schema(value_type = Value)]
    grants: Value,
    /// What the plugin asks for.
    #[schema(value_type = HashMap<String, Value>)]
    requested: Value,
    #[schema(value_type = HashMap<String, Value>)]
    settings: Map<String, Value>,
    /// Higher wins when several deployers are equally sure of a package.
    priority: i64,
    faults: i64,
    /// Its code is compiled and loaded.
    ready: bool,
}

impl From<PluginInfo> for PluginView {
    fn from(info: PluginInfo) -> PluginView {
        let role = |role| json!(role).as_str().unwrap_or_default().to_owned();
        PluginView {
            id: info.id,
            version: info.version,
            description: info.description,
            roles: info.roles.into_iter().map(role).collect(),
            digest: info.digest,
            source: info.source.into(),
            state: info.state.to_string(),
            reason: info.reason,
            grants: json!(info.allowed),
            requested: json!(info.requested),
            settings: info.settings,
            priority: info.priority,
            faults: info.faults,
            ready: info.ready,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = PluginLogLine)]
pub(super) struct LogLineView {
    time: String,
    level: String,
    message: String,
}

impl From<LogLine> for LogLineView {
    fn from(line: LogLine) -> LogLineView {
        LogLineView {
            time: crate::store::time::text(line.time),
            level: format!("{:?}", line.level).to_lowercase(),
            message: line.message,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SettingsSet {
    #[schema(value_type = HashMap<String, Value>)]
    settings: Option<Map<String, Value>>,
    priority: Option<i64>,
}

/// List plugins
#[utoipa::path(get, path = "/api/v1/plugins", tag = "plugins",
    responses((status = OK, body = List<PluginView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_plugins(
    State(app): State<Arc<App>>,
    who: Principal,
) -> HttpResult<Json<List<PluginView>>> {
    let found = plugins::list(&app, &who)?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// Install a plugin, or swap its version
#[utoipa::path(post, path = "/api/v1/plugins", tag = "plugins",
    request_body(content_type = "application/wasm", content = Vec<u8>),
    responses((status = CREATED, body = PluginView), (status = "4XX", body = Problem)))]
pub(super) async fn install_plugin(
    State(app): State<Arc<App>>,
    who: Principal,
    body: axum::body::Body,
) -> HttpResult<(StatusCode, Json<PluginView>)> {
    who.administrator()?;
    let limit = app.config.limits.component_bytes;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let wasm: Bytes = axum::body::to_bytes(body, most).await.map_err(|_| Error::TooLarge {
        what: "plugin".into(),
        limit: crate::registry::blobs::bytes_text(limit),
    })?;
    Ok((StatusCode::CREATED, Json(plugins::install(&app, &who, wasm).await?.into())))
}

/// Show a plugin
#[utoipa::path(get, path = "/api/v1/plugins/{id}", tag = "plugins", params(("id" = String, Path)),
    responses((status = OK, body = PluginView), (status = "4XX", body = Problem)))]
pub(super) async fn get_plugin(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<PluginView>> {
    Ok(Json(plugins::get(&app, &who, &id)?.into()))
}

/// Remove an installed plugin
#[utoipa::path(delete, path = "/api/v1/plugins/{id}", tag = "plugins", params(("id" = String, Path)),
    responses((status = NO_CONTENT), (status = "4XX", body = Problem)))]
pub(super) async fn delete_plugin(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<StatusCode> {
    plugins::remove(&app, &who, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a plugin be called
#[utoipa::path(post, path = "/api/v1/plugins/{id}/enable", tag = "plugins", params(("id" = String, Path)),
    responses((status = OK, body = PluginView), (status = "4XX", body = Problem)))]
pub(super) async fn enable_plugin(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<PluginView>> {
    Ok(Json(plugins::set_enabled(&app, &who, &id, true).await?.into()))
}

/// Let a plugin be called no more
#[utoipa::path(post, path = "/api/v1/plugins/{id}/disable", tag = "plugins", params(("id" = String, Path)),
    responses((status = OK, body = PluginView), (status = "4XX", body = Problem)))]
pub(super) async fn disable_plugin(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<PluginView>> {
    Ok(Json(plugins::set_enabled(&app, &who, &id, false).await?.into()))
}

/// Compile a plugin again and load it anew
///
/// For one that does not heal. Its grants, settings and instances stay; calls in flight finish.
#[utoipa::path(post, path = "/api/v1/plugins/{id}/rebuild", tag = "plugins", params(("id" = String, Path)),
    responses((status = OK, body = PluginView), (status = "4XX", body = Problem)))]
pub(super) async fn rebuild_plugin(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<PluginView>> {
    Ok(Json(plugins::rebuild(&app, &who, &id).await?.into()))
}

/// The newest lines of a plugin's log, oldest first
#[utoipa::path(get, path = "/api/v1/plugins/{id}/logs", tag = "plugins", params(("id" = String, Path)),
    responses((status = OK, body = List<LogLineView>), (status = "4XX", body = Problem)))]
pub(super) async fn get_plugin_logs(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<List<LogLineView>>> {
    let found = plugins::logs(&app, &who, &id)?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// What a plugin is allowed
#[utoipa::path(get, path = "/api/v1/plugins/{id}/grants", tag = "plugins", params(("id" = String, Path)),
    responses((status = OK, body = Value), (status = "4XX", body = Problem)))]
pub(super) async fn get_plugin_grants(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<Value>> {
    Ok(Json(json!(plugins::get(&app, &who, &id)?.allowed)))
}

/// Set what a plugin is allowed
///
/// The word `requested`, or a document like `[grants]` of `plugin.toml`.
#[utoipa::path(put, path = "/api/v1/plugins/{id}/grants", tag = "plugins", params(("id" = String, Path)),
    request_body = Value,
    responses((status = OK, body = Value), (status = "4XX", body = Problem)))]
pub(super) async fn set_plugin_grants(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> HttpResult<Json<Value>> {
    let allowed = serde_json::from_value(body).map_err(|error| Error::Invalid {
        field: "grants",
        reason: format!("neither `requested` nor a document of grants: {error}"),
    })?;
    Ok(Json(json!(plugins::set_granted(&app, &who, &id, allowed).await?.allowed)))
}

/// Set a plugin's settings and priority
#[utoipa::path(put, path = "/api/v1/plugins/{id}/settings", tag = "plugins", params(("id" = String, Path)),
    request_body = SettingsSet,
    responses((status = OK, body = PluginView), (status = "4XX", body = Problem)))]
pub(super) async fn set_plugin_settings(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Json(body): Json<SettingsSet>,
) -> HttpResult<Json<PluginView>> {
    Ok(Json(plugins::set_settings(&app, &who, &id, body.settings, body.priority).await?.into()))
}
