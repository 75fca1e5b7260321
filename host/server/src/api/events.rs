//! Server-sent events. They carry only names of what changed; whoever listens fetches again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::error::{HttpResult, Problem};
use crate::app::App;
use crate::domain::principal::Principal;

pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follow changes of all resources
///
/// Each event is `{"resource": "operations"}`; `everything` says that some events were lost.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", operation_id = "follow_events",
    responses((status = OK, content_type = "text/event-stream", body = String), (status = "4XX", body = Problem)))]
pub(super) async fn follow_events(
    State(app): State<Arc<App>>,
    who: Principal,
) -> HttpResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    who.viewer()?;
    // No ids: they may be another tenant's.
    Ok(stream(app, |resource, _| Some(json!({ "resource": resource }))))
}

/// A stream of the events that have data for the listener, until the server shuts down.
pub(super) fn stream(
    app: Arc<App>,
    data: impl Fn(&'static str, Option<i64>) -> Option<Value> + Send + 'static,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let receiver = app.events.subscribe();
    let state = (receiver, data, app, true);
    let events = futures::stream::unfold(state, |(mut receiver, data, app, first)| async move {
        if first {
            // Lets the listener know that nothing is missed from here on.
            return Some((Ok(Event::default().comment("following")), (receiver, data, app, false)));
        }
        loop {
            let event = tokio::select! {
                event = receiver.recv() => event,
                () = app.shutdown.begun() => return None,
            };
            let told = match event {
                Ok(event) => match data(event.resource, event.id) {
                    Some(data) => data,
                    None => continue,
                },
                // Too slow to hear every one: everything may have changed.
                Err(RecvError::Lagged(_)) => json!({ "resource": "everything" }),
                Err(RecvError::Closed) => return None,
            };
            return Some((Ok(Event::default().data(told.to_string())), (receiver, data, app, false)));
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}
