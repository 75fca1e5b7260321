//! Logs of an instance's pods, as far as there are any and as they come.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::error::{HttpResult, Problem};
use super::events::KEEP_ALIVE;
use super::extract::{Json, Path, Query};
use crate::app::App;
use crate::domain::logs::{self, Lines};
use crate::domain::principal::Principal;
use crate::kube::api::LogOptions;

const TAIL: u32 = 500;
const MOST_LINES: u32 = 10_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogQuery {
    /// The first pod when left out.
    pod: Option<String>,
    /// The pod's main one when left out.
    container: Option<String>,
    /// So many of the last lines (500, at most 10000).
    tail: Option<u32>,
    since_seconds: Option<u32>,
    /// Of the container's run before.
    #[serde(default)]
    previous: bool,
    /// For following: only lines written after this time, the id of the last event; `Last-Event-ID` does the same.
    after: Option<String>,
}

impl LogQuery {
    fn options(&self) -> LogOptions {
        LogOptions {
            container: self.container.clone(),
            tail_lines: Some(self.tail.unwrap_or(TAIL).min(MOST_LINES)),
            since_seconds: self.since_seconds,
            previous: self.previous,
            ..LogOptions::default()
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstanceLogs)]
pub(super) struct LogsView {
    /// The instance's pods.
    pods: Vec<String>,
    /// The one that `text` is of.
    pod: Option<String>,
    /// Its containers.
    containers: Vec<String>,
    /// The one that `text` is of.
    container: Option<String>,
    text: String,
    /// The same, for lists.
    items: Vec<LogView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PodLog)]
pub(super) struct LogView {
    pod: String,
    container: Option<String>,
    text: String,
}

/// The log of an instance's pod
#[utoipa::path(get, path = "/api/v1/instances/{id}/logs", tag = "instances",
    params(("id" = String, Path, description = "name or id"), LogQuery),
    responses((status = OK, body = LogsView), (status = "4XX", body = Problem)))]
pub(super) async fn get_instance_logs(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> HttpResult<Json<LogsView>> {
    let options = query.options();
    let (source, text) = logs::read(&app, &who, &id, query.pod, options).await?;
    let item =
        |pod: &String| LogView { pod: pod.clone(), container: source.container.clone(), text: text.clone() };
    let items = source.pod.iter().map(item).collect();
    Ok(Json(LogsView {
        pods: source.pods,
        pod: source.pod,
        containers: source.containers,
        container: source.container,
        text,
        items,
    }))
}

/// Follow the log of an instance's pod
///
/// Each event is `{"pod", "container", "text"}` with whole lines; the event `end` says that the container has ended.
/// Whoever connects again with `Last-Event-ID` gets what came meanwhile, and nothing twice.
#[utoipa::path(get, path = "/api/v1/instances/{id}/logs/follow", tag = "instances",
    params(("id" = String, Path, description = "name or id"), LogQuery),
    responses((status = OK, content_type = "text/event-stream", body = String), (status = "4XX", body = Problem)))]
pub(super) async fn follow_instance_logs(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
    headers: HeaderMap,
) -> HttpResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after = last.or(query.after.as_deref()).and_then(|time| time.parse().ok());
    let options = query.options();
    let (source, lines) = logs::follow(&app, &who, &id, query.pod, options, after).await?;
    let told = move |Lines { text, until }: Lines| {
        let data = json!({ "pod": source.pod, "container": source.container, "text": text });
        let event = Event::default().data(data.to_string());
        match until {
            Some(time) => event.id(time.to_string()),
            None => event,
        }
    };
    // A stream that breaks off says nothing: the listener connects again and goes on.
    let end = stream::once(async { Some(Event::default().event("end").data("{}")) });
    let events = lines.map(move |lines| lines.ok().map(&told)).chain(end);
    let events = events.take_while(|event| std::future::ready(event.is_some()));
    let events = events.filter_map(|event| std::future::ready(event.map(Ok)));
    let following = stream::once(async { Ok(Event::default().comment("following")) });
    let events = following.chain(events).take_until(async move { app.shutdown.begun().await });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}
