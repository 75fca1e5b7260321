//! How instances are.

use std::sync::Arc;

use futures::StreamExt as _;

use crate::app::App;
use crate::domain::instances::refresh;
use crate::error::{Error, Result};
use crate::store::instances::{self, Filter};
use crate::store::scope::Page;

const AT_ONCE: usize = 8;

/// Looks at every instance's objects and notes its health.
pub(in crate::scheduler) async fn run(app: Arc<App>) -> Result<()> {
    let read =
        app.db.read(|conn| Ok::<_, Error>(instances::list_anywhere(conn, &Filter::default(), Page::ALL)?));
    futures::stream::iter(read.await?)
        .for_each_concurrent(AT_ONCE, |instance| {
            let app = app.clone();
            async move { refresh(&app, instance.id).await }
        })
        .await;
    Ok(())
}
