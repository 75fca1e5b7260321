//! The sandbox's controllers and simulated kubelet as ordinary clients of an API server over HTTPS.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::io::AsyncBufReadExt;
use futures::stream::StreamExt;
use k8s_openapi::api::core::v1::PersistentVolume;
use kube::api::PostParams;
use osc_sandbox::client::{Call, Change, Client, Pending, Refusal, Resource, Shared, Verb};
use osc_sandbox::clock::SystemClock;
use osc_sandbox::controllers;
use osc_sandbox::kubelet::Kubelet;
use osc_sandbox::reconcile::Manager;
use serde_json::Value;
use tokio::sync::mpsc;

/// How many changes wait for a reader before the watch is held up.
const WAITING: usize = 256;

/// An API server behind a kube client.
#[derive(Clone)]
pub struct ApiClient(kube::Client);

impl ApiClient {
    /// Speaks through a client with all rights.
    pub fn new(client: kube::Client) -> Self {
        Self(client)
    }
}

/// Name of the simulated node.
pub const NODE: &str = "fake-node";

/// Runs a simulated node on a cluster until the manager is dropped.
pub fn start_kubelet(client: kube::Client) -> Manager {
    Kubelet::start(NODE, Arc::new(ApiClient::new(client)), Arc::new(SystemClock))
}

/// Runs the sandbox's controllers, scheduler and node on an API server that has none, until the manager is dropped.
pub fn start_controllers(client: kube::Client, root_ca: &str) -> Manager {
    let settings = controllers::Settings { root_ca: root_ca.to_owned() };
    let node = Arc::new(Kubelet::new(NODE));
    controllers::start(Arc::new(ApiClient::new(client)), Arc::new(SystemClock), &settings, vec![node])
}

/// Makes volumes that claims without a class bind to, on a cluster that provisions none.
pub async fn offer_volumes(client: kube::Client, count: usize) -> Result<()> {
    let volumes: kube::Api<PersistentVolume> = kube::Api::all(client);
    for i in 0..count {
        let volume = serde_json::json!({
            "metadata": {"name": format!("volume-{i}")},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "10Gi"},
                "hostPath": {"path": format!("/volumes/{i}")},
            },
        });
        volumes.create(&PostParams::default(), &serde_json::from_value(volume)?).await?;
    }
    Ok(())
}

impl Client for ApiClient {
    fn call(&self, call: Call) -> Pending<'_, Result<Shared, Refusal>> {
        Box::pin(async move {
            let mut path = call.resource.path(&call.namespace, &call.name);
            if !call.subresource.is_empty() {
                path = format!("{path}/{}", call.subresource);
            }
            let (method, media) = match call.verb {
                Verb::Get => ("GET", ""),
                Verb::Create => ("POST", "application/json"),
                Verb::Update => ("PUT", "application/json"),
                Verb::Merge => ("PATCH", "application/merge-patch+json"),
                Verb::Strategic => ("PATCH", "application/strategic-merge-patch+json"),
                Verb::Apply => ("PATCH", "application/apply-patch+yaml"),
                Verb::Delete => ("DELETE", "application/json"),
            };
            path = match call.verb {
                Verb::Get | Verb::Delete => path,
                Verb::Apply => format!("{path}?fieldManager={}&force=true", call.manager),
                _ => format!("{path}?fieldManager={}", call.manager),
            };
            let mut request = http::Request::builder().method(method).uri(path);
            let mut body = Vec::new();
            if !call.body.is_null() {
                request = request.header(http::header::CONTENT_TYPE, media);
                body = call.body.to_string().into_bytes();
            }
            let request = request.body(body).map_err(|error| Refusal::unreachable(error.to_string()))?;
            self.0.request(request).await.map(|answer: Value| Shared::from(answer)).map_err(refusal)
        })
    }

    fn feed(&self, resources: Vec<Resource>) -> mpsc::Receiver<Change> {
        let (sender, receiver) = mpsc::channel(WAITING);
        for resource in resources {
            let (client, sender) = (self.0.clone(), sender.clone());
            tokio::spawn(async move {
                while !sender.is_closed() {
                    if let Err(error) = follow(&client, &resource, &sender).await {
                        tracing::debug!("watching `{}` failed: {error:#}", resource.plural);
                    }
                    // A server that is away is asked again, but not in a tight loop.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            });
        }
        receiver
    }
}

fn refusal(error: kube::Error) -> Refusal {
    match error {
        kube::Error::Api(status) => {
            Refusal { code: status.code, reason: status.reason.clone(), message: status.message.clone() }
        }
        other => Refusal::unreachable(other.to_string()),
    }
}

/// Lists a resource and then watches it until the server ends the stream.
async fn follow(client: &kube::Client, resource: &Resource, sender: &mpsc::Sender<Change>) -> Result<()> {
    let path = resource.path("", "");
    let list: Value = client.request(http::Request::get(&path).body(Vec::new())?).await?;
    let mut version = list["metadata"]["resourceVersion"].as_str().unwrap_or("0").to_owned();
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let objects = items.into_iter().map(|item| typed(resource, item)).collect();
    sender.send(Change::Listed(resource.clone(), objects)).await?;
    loop {
        let uri = format!(
            "{path}?watch=true&allowWatchBookmarks=true&timeoutSeconds=280&resourceVersion={version}"
        );
        let stream = client.request_stream(http::Request::get(uri).body(Vec::new())?).await?;
        let mut lines = std::pin::pin!(stream.lines());
        while let Some(line) = lines.next().await {
            let mut event: Value = serde_json::from_str(&line?)?;
            let object = event["object"].take();
            if let Some(newer) = object["metadata"]["resourceVersion"].as_str() {
                version = newer.to_owned();
            }
            let change = match event["type"].as_str() {
                Some("ADDED" | "MODIFIED") => Change::Set(resource.clone(), typed(resource, object)),
                Some("DELETED") => Change::Gone(resource.clone(), typed(resource, object)),
                Some("BOOKMARK") => continue,
                _ => return Ok(()), // the version is too old: list again
            };
            sender.send(change).await?;
        }
    }
}

/// Items of lists do not say what they are.
fn typed(resource: &Resource, mut object: Value) -> Shared {
    if let Some(map) = object.as_object_mut() {
        map.insert("kind".to_owned(), resource.kind.clone().into());
        map.insert("apiVersion".to_owned(), resource.api_version().into_owned().into());
    }
    Shared::from(object)
}
