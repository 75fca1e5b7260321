//! Server-sent events. They carry only names of what changed; whoever listens fetches again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::error::{HttpResult, Problem};
use crate::app::App;
use crate::domain::principal::Principal;

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follow changes of all resources
///
/// Each event is `{"resource": "operations", "id": "12"}`; `id` is left out when several may have changed.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", operation_id = "follow_events",
    responses((status = OK, content_type = "text/event-stream", body = String), (status = "4XX", body = Problem)))]
pub(super) async fn follow_events(
    State(app): State<Arc<App>>,
    who: Principal,
) -> HttpResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    who.viewer()?;
    Ok(stream(app, |_, _| true))
}

/// A stream of the events that pass the filter, until the server shuts down.
pub(super) fn stream(
    app: Arc<App>,
    filter: impl Fn(&'static str, Option<i64>) -> bool + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let receiver = app.events.subscribe();
    let state = (receiver, filter, app, true);
    let events = futures::stream::unfold(state, |(mut receiver, filter, app, first)| async move {
        if first {
            // Lets the listener know that nothing is missed from here on.
            return Some((Ok(Event::default().comment("following")), (receiver, filter, app, false)));
        }
        loop {
            let event = tokio::select! {
                event = receiver.recv() => event,
                () = app.shutdown.begun() => return None,
            };
            let data = match event {
                Ok(event) if filter(event.resource, event.id) => match event.id {
                    Some(id) => json!({ "resource": event.resource, "id": id.to_string() }),
                    None => json!({ "resource": event.resource }),
                },
                Ok(_) => continue,
                // Too slow to hear every one: everything may have changed.
                Err(RecvError::Lagged(_)) => json!({ "resource": "everything" }),
                Err(RecvError::Closed) => return None,
            };
            return Some((Ok(Event::default().data(data.to_string())), (receiver, filter, app, false)));
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}
