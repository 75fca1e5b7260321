//! `ClusterApi` over HTTPS with kube's client.
//!
//! Nothing is read from the environment, and the answers of a cluster are bounded in size and time: a cluster is
//! somebody else's computer.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{Method, Request};
use kube::client::Body;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::Propagation;
use serde_json::{Value, json};

use super::api::{ApplyOptions, ClusterApi, DeleteOptions, Deleted, LogOptions};
use super::discovery::{Discovery, segment, unknown_kind};
use crate::error::{Error, Result};

const TIMEOUT: Duration = Duration::from_secs(40);
const MAX_ANSWER: usize = 64 << 20;
const MAX_LISTED: usize = 20_000;
const PAGE: usize = 500;
const MAX_MESSAGE: usize = 4000;
const LOG_LIMIT: usize = 1 << 20;
/// How long a discovery is answered from memory.
const DISCOVERY_AGE: Duration = Duration::from_secs(60);
/// Asking again for an unknown kind is not done more often than this.
const DISCOVERY_PAUSE: Duration = Duration::from_millis(500);
const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// A client of one cluster.
pub struct KubeCluster {
    name: String,
    client: kube::Client,
    known: Mutex<Option<(Instant, Arc<Discovery>)>>,
    asking: tokio::sync::Mutex<()>,
}

struct Ask<'a> {
    method: Method,
    path: String,
    content_type: &'a str,
    accept: &'a str,
    body: Vec<u8>,
    max_bytes: usize,
}

impl Ask<'_> {
    fn get(path: String) -> Ask<'static> {
        Ask {
            method: Method::GET,
            path,
            content_type: "application/json",
            accept: "application/json",
            body: Vec::new(),
            max_bytes: MAX_ANSWER,
        }
    }
}

impl KubeCluster {
    pub(super) fn new(name: String, client: kube::Client) -> KubeCluster {
        KubeCluster { name, client, known: Mutex::new(None), asking: tokio::sync::Mutex::new(()) }
    }

    fn unreachable(&self, reason: impl Into<String>) -> Error {
        Error::Unreachable { cluster: self.name.clone(), reason: reason.into() }
    }

    async fn ask(&self, ask: Ask<'_>) -> Result<Value> {
        let bytes = self.ask_bytes(ask).await?;
        serde_json::from_slice(&bytes).map_err(|_| self.unreachable("its answer is no JSON"))
    }

    async fn ask_bytes(&self, ask: Ask<'_>) -> Result<bytes::Bytes> {
        tokio::time::timeout(TIMEOUT, self.exchange(ask)).await.map_err(|_| self.late())?
    }

    fn late(&self) -> Error {
        self.unreachable(format!("no answer within {} seconds", TIMEOUT.as_secs()))
    }

    async fn exchange(&self, ask: Ask<'_>) -> Result<bytes::Bytes> {
        let max_bytes = ask.max_bytes;
        let response = self.send(ask).await?;
        let status = response.status();
        let bytes = self.read(response, max_bytes).await?;
        if status.is_success() { Ok(bytes) } else { Err(refusal(status.as_u16(), &bytes)) }
    }

    async fn send(&self, ask: Ask<'_>) -> Result<hyper::Response<Body>> {
        let request = Request::builder()
            .method(ask.method)
            .uri(ask.path)
            .header("content-type", ask.content_type)
            .header("accept", ask.accept)
            .header("user-agent", concat!("osc/", env!("CARGO_PKG_VERSION")))
            .body(Body::from(ask.body))
            .map_err(|error| anyhow::anyhow!("cannot build a request: {error}"))?;
        self.client.send(request).await.map_err(|error| self.explain(&error))
    }

    async fn read(&self, response: hyper::Response<Body>, max_bytes: usize) -> Result<bytes::Bytes> {
        let body = Limited::new(response.into_body(), max_bytes).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                let limit = crate::registry::blobs::bytes_text(max_bytes as u64);
                return Error::TooLarge { what: format!("answer of cluster {}", self.name), limit };
            }
            self.unreachable(format!("its answer broke off: {error}"))
        })?;
        Ok(body.to_bytes())
    }

    /// The innermost words of an error, or our own refusal when the egress rules gave it.
    fn explain(&self, error: &kube::Error) -> Error {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut last = String::new();
        while let Some(error) = source {
            match error.downcast_ref::<Error>() {
                Some(Error::Refused(reason)) => return Error::Refused(reason.clone()),
                Some(Error::Unreachable { reason, .. }) => return self.unreachable(reason.clone()),
                _ => last = error.to_string(),
            }
            source = error.source();
        }
        self.unreachable(last)
    }

    fn kept(&self) -> Option<(Instant, Arc<Discovery>)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn discover(&self, at_most: Duration) -> Result<Arc<Discovery>> {
        let young = |kept: &Option<(Instant, Arc<Discovery>)>| {
            kept.as_ref().filter(|(at, _)| at.elapsed() < at_most).map(|(_, discovery)| discovery.clone())
        };
        if let Some(discovery) = young(&self.kept()) {
            return Ok(discovery);
        }
        // One asks, the others take its answer.
        let _turn = self.asking.lock().await;
        if let Some(discovery) = young(&self.kept()) {
            return Ok(discovery);
        }
        let discovery = Arc::new(self.ask_discovery().await?);
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), discovery.clone()));
        Ok(discovery)
    }

    async fn ask_discovery(&self) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        let mut paths = Vec::new();
        for root in ["/api", "/apis"] {
            let answer = self.ask(Ask { accept: AGGREGATED, ..Ask::get(root.into()) }).await?;
            if answer["kind"] == "APIGroupDiscoveryList" {
                discovery.add_aggregated(&answer);
                continue;
            }
            let text = |value: &Value| value.as_str().map(str::to_owned);
            paths.extend(
                answer["versions"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(text)
                    .map(|v| format!("/api/{v}")),
            );
            let groups = answer["groups"].as_array().into_iter().flatten();
            let versions = groups.flat_map(|group| group["versions"].as_array().into_iter().flatten());
            paths.extend(versions.filter_map(|v| text(&v["groupVersion"])).map(|v| format!("/apis/{v}")));
        }
        let lists: Vec<Option<Value>> = stream::iter(paths)
            .map(|path| async move {
                match self.ask(Ask::get(path)).await {
                    Ok(list) => Ok(Some(list)),
                    // A group whose own server is down must not hide the others.
                    Err(Error::Cluster { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .buffered(8)
            .try_collect()
            .await?;
        lists.iter().flatten().for_each(|list| discovery.add_resource_list(list));
        Ok(discovery)
    }

    /// A discovery that knows the kind, asked for again if need be.
    async fn knowing(&self, api_version: &str, kind: &str) -> Result<Arc<Discovery>> {
        let discovery = self.discover(DISCOVERY_AGE).await?;
        if discovery.find(api_version, kind).is_some() {
            return Ok(discovery);
        }
        let discovery = self.discover(DISCOVERY_PAUSE).await?;
        match discovery.find(api_version, kind) {
            Some(_) => Ok(discovery),
            None => Err(unknown_kind(api_version, kind)),
        }
    }

    async fn path(&self, object: &ObjectRef) -> Result<String> {
        self.knowing(&object.api_version, &object.kind).await?.path(object)
    }

    async fn list_all(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        label_selector: Option<&str>,
    ) -> Result<Vec<Value>> {
        let discovery = self.knowing(api_version, kind).await?;
        let collection = discovery.collection(api_version, kind, namespace)?;
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let mut path = format!("{collection}?limit={PAGE}");
            for (key, value) in [("labelSelector", label_selector.unwrap_or_default()), ("continue", &next)] {
                if !value.is_empty() {
                    let _ = write!(path, "&{key}={}", query(value));
                }
            }
            let mut page = self.ask(Ask::get(path)).await?;
            if let Value::Array(found) = page["items"].take() {
                items.extend(found.into_iter().map(|item| with_type(item, api_version, kind)));
            }
            if items.len() > MAX_LISTED {
                return Err(Error::TooLarge {
                    what: format!("list of {kind}"),
                    limit: format!("{MAX_LISTED} objects"),
                });
            }
            match page.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => next = token.to_owned(),
                _ => return Ok(items),
            }
        }
    }
}

/// Objects in a list do not say what they are.
fn with_type(mut item: Value, api_version: &str, kind: &str) -> Value {
    if let Value::Object(fields) = &mut item {
        fields.insert("apiVersion".into(), api_version.into());
        fields.insert("kind".into(), kind.into());
    }
    item
}

fn reference(object: &Value) -> Result<ObjectRef> {
    ObjectRef::of(object).ok_or_else(|| Error::Invalid {
        field: "object",
        reason: "it needs `apiVersion`, `kind` and `metadata.name`".into(),
    })
}

fn json_bytes(value: &Value) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(value).map_err(anyhow::Error::from)?)
}

/// Percent-encodes a value of a query.
fn query(value: &str) -> String {
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// What the API server refused, from its `Status`.
fn refusal(status: u16, body: &[u8]) -> Error {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = match answer["message"].as_str() {
        Some(message) => message.to_owned(),
        None => format!("the API server answered {status}: {}", String::from_utf8_lossy(body).trim()),
    };
    let reason = answer["reason"].as_str().unwrap_or_default().to_owned();
    Error::Cluster { status, reason, message: message.chars().take(MAX_MESSAGE).collect() }
}

impl ClusterApi for KubeCluster {
    fn version(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async move {
            let answer = self.ask(Ask::get("/version".into())).await?;
            let version = answer["gitVersion"].as_str().filter(|version| version.starts_with('v'));
            version.map(str::to_owned).ok_or_else(|| self.unreachable("it does not tell its version"))
        })
    }

    fn discovery(&self, fresh: bool) -> BoxFuture<'_, Result<Arc<Discovery>>> {
        Box::pin(self.discover(if fresh { DISCOVERY_PAUSE } else { DISCOVERY_AGE }))
    }

    fn get<'a>(&'a self, object: &'a ObjectRef) -> BoxFuture<'a, Result<Option<Value>>> {
        Box::pin(async move {
            let answer = match self.path(object).await {
                Ok(path) => self.ask(Ask::get(path)).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(object) => Ok(Some(object)),
                Err(Error::Cluster { status: 404, .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        namespace: Option<&'a str>,
        label_selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>>> {
        Box::pin(self.list_all(api_version, kind, namespace, label_selector))
    }

    fn apply<'a>(&'a self, object: &'a Value, options: &'a ApplyOptions) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let mut path = self.path(&reference(object)?).await?;
            let _ = write!(path, "?fieldManager={}&force={}", query(&options.manager), options.force);
            if options.dry_run {
                path.push_str("&dryRun=All");
            }
            self.ask(Ask {
                method: Method::PATCH,
                content_type: "application/apply-patch+yaml",
                body: json_bytes(object)?,
                ..Ask::get(path)
            })
            .await
        })
    }

    fn create<'a>(
        &'a self,
        object: &'a Value,
        manager: &'a str,
        dry_run: bool,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let object_ref = reference(object)?;
            let discovery = self.knowing(&object_ref.api_version, &object_ref.kind).await?;
            let mut path = discovery.collection(
                &object_ref.api_version,
                &object_ref.kind,
                object_ref.namespace.as_deref(),
            )?;
            let _ = write!(path, "?fieldManager={}", query(manager));
            if dry_run {
                path.push_str("&dryRun=All");
            }
            self.ask(Ask { method: Method::POST, body: json_bytes(object)?, ..Ask::get(path) }).await
        })
    }

    fn patch<'a>(
        &'a self,
        object: &'a ObjectRef,
        operations: &'a Value,
        manager: &'a str,
    ) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let path = format!("{}?fieldManager={}", self.path(object).await?, query(manager));
            self.ask(Ask {
                method: Method::PATCH,
                content_type: "application/json-patch+json",
                body: json_bytes(operations)?,
                ..Ask::get(path)
            })
            .await
        })
    }

    fn delete<'a>(
        &'a self,
        object: &'a ObjectRef,
        options: &'a DeleteOptions,
    ) -> BoxFuture<'a, Result<Deleted>> {
        Box::pin(async move {
            let path = match self.path(object).await {
                Ok(path) => path,
                Err(Error::Cluster { status: 404, .. }) => return Ok(Deleted::Absent),
                Err(error) => return Err(error),
            };
            let propagation = match options.propagation {
                Propagation::Background => "Background",
                Propagation::Foreground => "Foreground",
                Propagation::Orphan => "Orphan",
            };
            let mut body =
                json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation});
            if let Some(uid) = &options.uid {
                body["preconditions"] = json!({"uid": uid});
            }
            if options.dry_run {
                body["dryRun"] = json!(["All"]);
            }
            match self.ask(Ask { method: Method::DELETE, body: json_bytes(&body)?, ..Ask::get(path) }).await {
                Ok(_) => Ok(Deleted::Accepted),
                Err(Error::Cluster { status: 404, .. }) => Ok(Deleted::Absent),
                Err(Error::Cluster { status: 409, message, .. })
                    if options.uid.is_some() && message.to_ascii_lowercase().contains("uid") =>
                {
                    Ok(Deleted::Other)
                }
                Err(error) => Err(error),
            }
        })
    }

    fn logs<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        options: &'a LogOptions,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let limit = if options.limit_bytes == 0 { LOG_LIMIT } else { options.limit_bytes };
            let path = format!("{}&limitBytes={limit}", log_path(namespace, pod, options)?);
            let ask = Ask { accept: "*/*", max_bytes: limit + 4096, ..Ask::get(path) };
            Ok(String::from_utf8_lossy(&self.ask_bytes(ask).await?).into_owned())
        })
    }

    fn follow_logs<'a>(
        &'a self,
        namespace: &'a str,
        pod: &'a str,
        options: &'a LogOptions,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<bytes::Bytes>>>> {
        Box::pin(async move {
            let path = format!("{}&follow=true", log_path(namespace, pod, options)?);
            let response = self.send(Ask { accept: "*/*", ..Ask::get(path) });
            let response = tokio::time::timeout(TIMEOUT, response).await.map_err(|_| self.late())??;
            let status = response.status();
            if !status.is_success() {
                return Err(refusal(status.as_u16(), &self.read(response, MAX_MESSAGE * 4).await?));
            }
            let name = self.name.clone();
            let broken = move |error: kube::Error| Error::Unreachable {
                cluster: name.clone(),
                reason: format!("its log broke off: {error}"),
            };
            Ok(response.into_body().into_data_stream().map_err(broken).boxed())
        })
    }
}

/// The path of a container's log, with all of its query that `follow` has too.
fn log_path(namespace: &str, pod: &str, options: &LogOptions) -> Result<String> {
    let mut path = format!(
        "/api/v1/namespaces/{}/pods/{}/log?previous={}&timestamps={}",
        segment(namespace)?,
        segment(pod)?,
        options.previous,
        options.timestamps,
    );
    for (key, text) in [("container", &options.container), ("sinceTime", &options.since_time)] {
        if let Some(text) = text {
            let _ = write!(path, "&{key}={}", query(text));
        }
    }
    let seconds = options.since_seconds.filter(|_| options.since_time.is_none());
    for (key, number) in [("tailLines", options.tail_lines), ("sinceSeconds", seconds)] {
        if let Some(number) = number {
            let _ = write!(path, "&{key}={number}");
        }
    }
    Ok(path)
}
