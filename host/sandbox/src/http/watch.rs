//! Watches: changes from a version on, filtered by selectors, as a stream of events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::list::{Selectors, check_options, parse_version};
use super::object::{VIEWS, partial};
use super::respond::{Answer, View};
use super::route::Target;
use super::{Context, table};
use crate::cluster::Core;
use crate::convert;
use crate::resources::Resource;
use crate::status::{Result, Status};
use crate::store::{Change, ChangeKind, Object};
use crate::value::{Get, set};

/// How often bookmarks are sent.
const BOOKMARKS: Duration = Duration::from_secs(50);
/// The longest watch.
const LONGEST: u64 = 3600;
/// Answers that wait for a slow client.
const QUEUE: usize = 64;
/// Changes that a watch holds while its client is slow; the history is forgotten for all others.
const BATCH: usize = 32;
/// A client that reads nothing for so long loses its watch.
const STALLED: Duration = Duration::from_secs(60);
/// Objects from this size on are sent from where they lie, so that slow clients hold no copies of them.
const LARGE: usize = 16 * 1024;

pub(super) fn answer(context: &Context, resource: &Arc<Resource>, target: &Target) -> Result<Answer> {
    let chosen = context.accept.choose(&VIEWS)?;
    if chosen.yaml {
        return Ok(Answer::text(406, "").with_content_type("application/yaml"));
    }
    let query = &context.query;
    let selectors = Selectors::parse(context, resource, target)?;
    check_options(context, true)?;
    let version = parse_version(query.get("resourceVersion")).map_err(Status::unclassified)?;
    let initial = match query.has("sendInitialEvents") {
        true => query.flag("sendInitialEvents"),
        false => version == 0,
    };
    let seconds = match query.get("timeoutSeconds").parse::<u64>() {
        Ok(seconds @ 1..) => seconds.min(LONGEST * 24),
        _ => rand::random_range(LONGEST / 2..LONGEST),
    };
    let (sender, receiver) = mpsc::channel(QUEUE);
    let watch = Watch {
        core: context.core.clone(),
        resource: resource.clone(),
        namespace: target.namespace.clone(),
        selectors,
        view: chosen.view,
        include: query.get("includeObject").to_string(),
        bookmarks: query.flag("allowWatchBookmarks"),
        wants_end: query.flag("sendInitialEvents"),
        columns_sent: false,
        sender,
    };
    if target.resource == "namespaces" && !target.name.is_empty() {
        let mut watch = watch;
        watch.namespace.clear();
        tokio::spawn(watch.run(version, initial, Duration::from_secs(seconds)));
    } else {
        tokio::spawn(watch.run(version, initial, Duration::from_secs(seconds)));
    }
    Ok(Answer::stream(receiver))
}

struct Watch {
    core: Arc<Core>,
    resource: Arc<Resource>,
    namespace: String,
    selectors: Selectors,
    view: View,
    include: String,
    bookmarks: bool,
    wants_end: bool,
    columns_sent: bool,
    sender: mpsc::Sender<Bytes>,
}

/// The client is gone, or there is nothing more to tell it.
struct Gone;

impl Watch {
    async fn run(mut self, version: u64, initial: bool, length: Duration) {
        let end = Instant::now() + length;
        // A client that goes away ends its watch; there is nothing to report.
        let _ = self.follow(version, initial, end).await;
    }

    async fn follow(&mut self, version: u64, initial: bool, end: Instant) -> Result<(), Gone> {
        let mut since = version;
        if initial || version == 0 {
            let namespace = (!self.namespace.is_empty()).then_some(self.namespace.as_str());
            let (objects, now) = self.core.store.list(&self.resource.storage, namespace);
            since = now;
            if initial {
                for object in &objects {
                    if self.selectors.matches(&object.value) {
                        self.send("ADDED", object).await?;
                    }
                }
            }
            if self.wants_end && self.bookmarks {
                self.bookmark(now, true).await?;
            }
        }
        let mut newest = self.core.store.newest();
        let mut next_bookmark = Instant::now() + BOOKMARKS;
        loop {
            let seen = *newest.borrow_and_update();
            let storage = self.resource.storage.clone();
            let namespace = self.namespace.clone();
            let found = self.core.store.some_changes(since, BATCH, |change| {
                let key = &change.object.key;
                key.resource == storage && (namespace.is_empty() || *key.namespace == *namespace)
            });
            let Some((changes, upto)) = found else { return self.expired(since).await };
            for change in &changes {
                self.change(change).await?;
            }
            since = upto.max(since);
            if since < seen {
                continue;
            }
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return Ok(()) },
                () = sleep_until(end) => return Ok(()),
                () = self.sender.closed() => return Err(Gone),
                () = sleep_until(next_bookmark), if self.bookmarks => {
                    self.bookmark(since, false).await?;
                    next_bookmark = Instant::now() + BOOKMARKS;
                }
            }
        }
    }

    async fn expired(&mut self, since: u64) -> Result<(), Gone> {
        let oldest = self.core.store.oldest();
        let status = Status::expired(format!("too old resource version: {since} ({oldest})"));
        self.put(&json!({"type": "ERROR", "object": status.to_value()})).await
    }

    async fn change(&mut self, change: &Change) -> Result<(), Gone> {
        let now = self.selectors.matches(&change.object.value);
        let before = change.previous.as_ref().is_some_and(|p| self.selectors.matches(&p.value));
        match (change.kind, before, now) {
            (ChangeKind::Added, _, true) | (ChangeKind::Modified, false, true) => {
                self.send("ADDED", &change.object).await
            }
            (ChangeKind::Modified, true, true) => self.send("MODIFIED", &change.object).await,
            (ChangeKind::Deleted, true, true) => self.send("DELETED", &change.object).await,
            (ChangeKind::Modified | ChangeKind::Deleted, true, false) => match &change.previous {
                // It stops matching: its last matching state, with the version of this change.
                Some(previous) => {
                    let mut value = previous.value.clone();
                    set(&mut value, &["metadata", "resourceVersion"], change.version.to_string());
                    let object = Object::new(previous.key.clone(), change.version, value);
                    self.send("DELETED", &object).await
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    async fn send(&mut self, kind: &str, object: &Object) -> Result<(), Gone> {
        if let Err(status) = convert::check(&self.resource, &object.value) {
            self.put(&json!({"type": "ERROR", "object": status.to_value()})).await?;
            return Err(Gone);
        }
        let plain =
            self.view == View::Plain && object.value.text(&["apiVersion"]) == self.resource.api_version();
        if plain {
            let text = object.text();
            let mut out = Vec::with_capacity(if text.len() > LARGE { 40 } else { text.len() + 40 });
            out.extend_from_slice(b"{\"type\":\"");
            out.extend_from_slice(kind.as_bytes());
            out.extend_from_slice(b"\",\"object\":");
            if text.len() > LARGE {
                self.pass(out.into()).await?;
                self.pass(text.clone()).await?;
                return self.pass(Bytes::from_static(b"}\n")).await;
            }
            out.extend_from_slice(text);
            out.extend_from_slice(b"}\n");
            return self.pass(out.into()).await;
        }
        let value = object.value.clone();
        let shown = match self.view {
            View::Partial => partial(&value),
            View::Table => {
                let version = value.text(&["metadata", "resourceVersion"]).to_string();
                let first = !std::mem::replace(&mut self.columns_sent, true);
                let meta = [("resourceVersion", Value::from(version))];
                match table::of_objects(&self.resource, &[value], &self.include, first, meta) {
                    Ok(table) => table,
                    Err(status) => status.to_value(),
                }
            }
            _ => convert::from_stored(&self.resource, value),
        };
        self.put(&json!({"type": kind, "object": shown})).await
    }

    async fn bookmark(&mut self, version: u64, end: bool) -> Result<(), Gone> {
        let mut meta = json!({"resourceVersion": version.to_string()});
        if end {
            meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let mut object = crate::api::empty_object(&self.resource);
        object["apiVersion"] = self.resource.api_version().into();
        object["metadata"] = meta;
        let shown = match self.view {
            View::Partial => partial(&object),
            View::Table => {
                let version = Value::from(version.to_string());
                let table =
                    table::of_objects(&self.resource, &[object], "", false, [("resourceVersion", version)]);
                table.unwrap_or_else(|status| status.to_value())
            }
            _ => object,
        };
        self.put(&json!({"type": "BOOKMARK", "object": shown})).await
    }

    async fn put(&mut self, event: &Value) -> Result<(), Gone> {
        let mut text = event.to_string().into_bytes();
        text.push(b'\n');
        self.pass(text.into()).await
    }

    async fn pass(&self, part: Bytes) -> Result<(), Gone> {
        match tokio::time::timeout(STALLED, self.sender.send(part)).await {
            Ok(sent) => sent.map_err(|_| Gone),
            Err(_) => Err(Gone),
        }
    }
}
