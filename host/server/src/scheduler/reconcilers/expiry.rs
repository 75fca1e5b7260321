//! What is over by time: sessions, links, plans.

use std::sync::Arc;

use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{plans, subscriptions, time, tokens};

/// Plans' documents are kept for a day after they can no longer be used.
const KEEP_SECONDS: i64 = 86_400;
const BATCH: u32 = 100;

/// Expires plans and tokens, and deletes documents that nothing can need any more.
pub(in crate::scheduler) async fn run(app: Arc<App>) -> Result<()> {
    let garbage = app
        .db
        .write(|tx| {
            let now = time::now();
            tokens::delete_expired(tx, &now)?;
            plans::expire_anywhere(tx, &now)?;
            subscriptions::finish_ending_anywhere(tx)?;
            Ok::<_, Error>(plans::list_garbage_anywhere(tx, &time::in_seconds(-KEEP_SECONDS), BATCH)?)
        })
        .await?;
    for (id, document, preview) in garbage {
        // First the files: a crash in between leaves a row that is tried again.
        for key in [document, preview].into_iter().filter(|key| !key.is_empty()) {
            app.documents.delete(&key).await?;
        }
        app.db.write(move |tx| Ok::<_, Error>(plans::delete(tx, id)?)).await?;
    }
    Ok(())
}
