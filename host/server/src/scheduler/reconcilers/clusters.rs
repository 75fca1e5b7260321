//! Whether clusters answer.

use std::sync::Arc;

use futures::StreamExt as _;

use crate::app::App;
use crate::domain::clusters::refresh;
use crate::error::{Error, Result};
use crate::store::clusters;
use crate::store::scope::Page;

const AT_ONCE: usize = 8;

/// Asks every cluster for its version and notes whether it is there.
pub(in crate::scheduler) async fn run(app: Arc<App>) -> Result<()> {
    let found = app.db.read(|conn| Ok::<_, Error>(clusters::list_anywhere(conn, Page::ALL)?)).await?;
    futures::stream::iter(found)
        .for_each_concurrent(AT_ONCE, |cluster| {
            let app = app.clone();
            async move {
                if let Err(error) = refresh(&app, &cluster).await {
                    tracing::warn!(cluster.name = %cluster.name, "cannot check cluster `{}`: {error:#}", cluster.name);
                }
            }
        })
        .await;
    Ok(())
}
