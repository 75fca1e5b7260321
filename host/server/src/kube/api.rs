//! What a cluster can be asked for, apart from how: the real client and the fake of the tests both answer this.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _};
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::Propagation;
use serde_json::Value;

use super::discovery::Discovery;
use crate::error::{Error, Result};

/// How an object is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Field manager.
    pub manager: String,
    /// Take fields from other managers.
    pub force: bool,
    /// Let the API server check and default it, and store nothing.
    pub dry_run: bool,
}

/// How an object is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Only the object with this uid; another one of the same name stays.
    pub uid: Option<String>,
    pub propagation: Propagation,
    pub dry_run: bool,
}

/// What happened to a delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// Accepted; finalizers may hold the object for a while.
    Accepted,
    /// There was none.
    Absent,
    /// Another object has the name now: the uid differs.
    Other,
}

/// Which lines of a container's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogOptions {
    pub container: Option<String>,
    pub tail_lines: Option<u32>,
    pub since_seconds: Option<u32>,
    /// Instead of `since_seconds`: a time of the cluster's clock (RFC 3339).
    pub since_time: Option<String>,
    pub previous: bool,
    pub timestamps: bool,
    /// Bound of the answer; 0 means 1 MiB.
    pub limit_bytes: usize,
}

/// One cluster. Paths of kinds come from discovery, which is kept and refreshed when a kind is unknown.
pub trait ClusterApi: Send + Sync {
    /// `v1.36.3`.
    fn version(&self) -> BoxFuture<'_, Result<String>>;

    /// The kinds that the cluster serves. `fresh` asks again instead of answering what is kept.
    fn discovery(&self, fresh: bool) -> BoxFuture<'_, Result<Arc<Discovery>>>;

    /// The live object; `None` when it is absent, or its kind or namespace is.
    fn get<'a>(&'a self, object: &'a ObjectRef) -> BoxFuture<'a, Result<Option<Value>>>;

    /// Objects of a kind, in one namespace or all.
    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        namespace: Option<&'a str>,
        label_selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>>>;

    /// Server-side apply; answers the object as it is (or, for a dry run, would be) stored.
    fn apply<'a>(&'a self, object: &'a Value, options: &'a ApplyOptions) -> BoxFuture<'a, Result<Value>>;

    /// Makes an object; `Error::Cluster` with status 409 and reason `AlreadyExists` when it is there.
    fn create<'a>(
        &'a self,
        object: &'a Value,
        manager: &'a str,
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Value>>;

    /// JSON patch (RFC 6902), for what apply cannot say: moving managed fields, adding keys to a Secret.
    fn patch<'a>(
        &'a self,
        object: &'a ObjectRef,
        operations: &'a Value,
        manager: &'a str,
    ) -> BoxFuture<'a, Result<Value>>;

    fn delete<'a>(
        &'a self,
        object: &'a ObjectRef,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Deleted>>;

    fn logs<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        options: &'a LogOptions,
    ) -> BoxFuture<'a, Result<String>>;

    /// The log as it comes, until the container ends; by default what there is now.
    fn follow_logs<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        options: &'a LogOptions,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        Box::pin(async move {
            let text = self.logs(namespace, pod, options).await?;
            Ok(stream::iter([Ok(Bytes::from(text))]).boxed())
        })
    }
}

/// Helm's `.Capabilities.APIVersions` of a cluster.
pub async fn api_versions(cluster: &dyn ClusterApi) -> Result<Vec<String>> {
    Ok(cluster.discovery(false).await?.api_versions())
}

/// Events about one object, newest last.
pub async fn events(
    cluster: &dyn ClusterApi,
    namespace: &str,
    involved: Option<&ObjectRef>,
) -> Result<Vec<Value>> {
    let mut events = cluster.list("v1", "Event", Some(namespace), None).await?;
    if let Some(involved) = involved {
        let text =
            |event: &Value, pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        events.retain(|event| {
            text(event, "/involvedObject/kind").as_deref() == Some(&involved.kind)
                && text(event, "/involvedObject/name").as_deref() == Some(&involved.name)
        });
    }
    events.sort_by_key(|event| event_time(event).unwrap_or_default().to_owned());
    Ok(events)
}

/// When an event was last seen, as it writes it.
pub fn event_time(event: &Value) -> Option<&str> {
    ["/lastTimestamp", "/eventTime", "/firstTimestamp", "/metadata/creationTimestamp"]
        .iter()
        .find_map(|pointer| event.pointer(pointer).and_then(Value::as_str))
}

/// Whether trying again may help: the cluster is busy, starting, or somebody wrote at the same time.
pub fn is_transient(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Cluster { status, reason, message } => match status {
            429 | 500 | 502 | 503 | 504 => true,
            // Fields that another manager holds stay held; only a write at the same time is worth another try.
            409 => reason == "Conflict" && !message.contains("Apply failed with"),
            _ => false,
        },
        _ => false,
    }
}

/// Whether the API server said that there is no such object, kind or namespace.
pub fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Cluster { status: 404, .. })
}
