//! The loop: wakes on pokes and timers, and runs what is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::reconcilers;
use crate::app::App;
use crate::error::Result;

const CLUSTERS_EVERY: Duration = Duration::from_secs(30);
const EXPIRY_EVERY: Duration = Duration::from_secs(60);

/// Runs until the app shuts down.
pub async fn run(app: Arc<App>) {
    let mut tasks = JoinSet::new();
    tasks.spawn(repeat(app.clone(), "clusters", CLUSTERS_EVERY, reconcilers::clusters::run));
    tasks.spawn(repeat(app.clone(), "expiry", EXPIRY_EVERY, reconcilers::expiry::run));
    while tasks.join_next().await.is_some() {}
}

/// Runs a reconciler now and then until the end begins. A failure waits for the next turn.
async fn repeat<F: Future<Output = Result<()>>>(
    app: Arc<App>,
    name: &'static str,
    every: Duration,
    reconcile: impl Fn(Arc<App>) -> F,
) {
    let mut timer = interval(every);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = app.shutdown.begun() => return,
        }
        let done = tokio::select! {
            done = reconcile(app.clone()) => done,
            () = app.shutdown.begun() => return,
        };
        if let Err(error) = done {
            tracing::error!("reconciler `{name}` failed: {:#}", anyhow::Error::new(error));
        }
    }
}
