//! Whether the server is alive, and whether it is ready.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::error::Error;
use crate::store::plugins::PluginState;

/// The process answers.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Plugins are loaded and the database answers.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, String) {
    if app.shutdown.has_begun() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".into());
    }
    let waiting =
        app.plugins.list().into_iter().find(|plugin| plugin.state == PluginState::Enabled && !plugin.ready);
    if let Some(plugin) = waiting {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("plugin `{}` is being compiled\n", plugin.id));
    }
    let database = app.db.read(|conn| Ok::<i64, Error>(conn.query_row("SELECT 1", [], |row| row.get(0))?));
    match database.await {
        Ok(_) => (StatusCode::OK, "ready\n".into()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".into()),
    }
}
