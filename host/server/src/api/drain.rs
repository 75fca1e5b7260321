//! Uploads that are refused before they are whole: their rest is read and thrown away, so that whoever sends sees the
//! answer instead of a broken connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use futures::stream::{Stream, StreamExt as _};
use tokio::runtime::Handle;

/// Bytes and time that a refused upload is still worth.
const MAX_BYTES: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// A layer around handlers that may answer before they have read everything.
pub(super) async fn drained(request: Request) -> Request {
    request.map(|body| Body::from_stream(Rest(Some(body.into_data_stream()))))
}

/// A body; what is left of it when it is dropped is read by nobody in particular.
struct Rest(Option<BodyDataStream>);

impl Stream for Rest {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let next = ready!(body.poll_next_unpin(context));
        if !matches!(next, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(next)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        let (Some(mut body), Ok(runtime)) = (self.0.take(), Handle::try_current()) else { return };
        runtime.spawn(async move {
            let mut read = 0;
            let drain = async {
                while let Some(Ok(chunk)) = body.next().await {
                    read += chunk.len();
                    if read > MAX_BYTES {
                        return;
                    }
                }
            };
            // Whoever is slower sees the connection end.
            let _ = tokio::time::timeout(PATIENCE, drain).await;
        });
    }
}
