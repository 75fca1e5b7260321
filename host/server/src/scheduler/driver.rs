//! The loop: wakes on pokes and timers, and runs what is due.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::reconcilers;
use crate::app::App;
use crate::domain::operations::drive;
use crate::error::{Error, Result};
use crate::store::operations::list_open_anywhere;

const CLUSTERS_EVERY: Duration = Duration::from_secs(30);
const EXPIRY_EVERY: Duration = Duration::from_secs(60);
const INSTANCES_EVERY: Duration = Duration::from_secs(30);
/// Covers a lost poke, and tries again what the server itself could not do.
const OPERATIONS_EVERY: Duration = Duration::from_secs(5);

/// Runs until the app shuts down.
pub async fn run(app: Arc<App>) {
    let mut tasks = JoinSet::new();
    tasks.spawn(repeat(app.clone(), "clusters", CLUSTERS_EVERY, reconcilers::clusters::run));
    tasks.spawn(repeat(app.clone(), "expiry", EXPIRY_EVERY, reconcilers::expiry::run));
    tasks.spawn(repeat(app.clone(), "instances", INSTANCES_EVERY, reconcilers::instances::run));
    tasks.spawn(relay_operations(app.clone()));
    tasks.spawn(drive_operations(app));
    while tasks.join_next().await.is_some() {}
}

/// Drives every open operation, those of before a restart too, at most so many at once.
async fn drive_operations(app: Arc<App>) {
    let places = Arc::new(Semaphore::new(app.config.limits.operations));
    let driven = Arc::new(Mutex::new(HashSet::new()));
    let mut timer = interval(OPERATIONS_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut runs = JoinSet::new();
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = app.scheduler.poked() => {}
            () = app.shutdown.begun() => return, // what runs is resumed from its journal at the next start
        }
        while runs.try_join_next().is_some() {}
        let open = match app.db.read(|conn| Ok::<_, Error>(list_open_anywhere(conn)?)).await {
            Ok(open) => open,
            Err(error) => {
                tracing::error!("open operations cannot be read: {:#}", anyhow::Error::new(error));
                continue;
            }
        };
        for id in open {
            if !driven.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
                continue;
            }
            let (app, places, driven) = (app.clone(), places.clone(), driven.clone());
            runs.spawn(async move {
                if let Ok(_place) = places.acquire().await
                    && let Err(error) = drive(&app, id).await
                {
                    let error = anyhow::Error::new(error);
                    tracing::error!(operation.id = id, "operation `{id}` cannot go on now: {error:#}");
                }
                driven.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
            });
        }
    }
}

/// Tells browsers of what the executor does.
async fn relay_operations(app: Arc<App>) {
    let mut news = app.executor.subscribe();
    loop {
        let event = tokio::select! {
            event = news.recv() => event,
            () = app.shutdown.begun() => return,
        };
        match event {
            Ok(event) => app.events.changed_one("operations", event.operation),
            Err(RecvError::Lagged(_)) => app.events.changed("operations"),
            Err(RecvError::Closed) => return,
        }
    }
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
