//! The embedded cluster beside a real control plane: start, memory, requests per second, many pods.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::stream::{StreamExt, TryStreamExt, iter};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use osc_integration::api_client::start_kubelet;
use osc_integration::osc::{Home, memory_of};
use osc_integration::realkube::{RealKube, client};
use serde_json::json;

use crate::{Row, mib, row, time};

/// Requests of each kind.
const REQUESTS: usize = 2000;
/// How many of them are under way at once.
const AT_ONCE: usize = 16;
/// Deployments, and the pods of each.
const DEPLOYMENTS: usize = 20;
const REPLICAS: usize = 50;
/// How long all pods may take.
const PODS_LIMIT: Duration = Duration::from_secs(600);

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let started = Instant::now();
    let embedded = Embedded::start()?;
    let config = std::fs::read_to_string(embedded.folder.path().join("sandbox/kubeconfig"))?;
    let ours = client(&config).await?;
    ours.apiserver_version().await?;
    let mut rows = vec![row("embedded cluster: start to ready", time(started.elapsed()))];
    let memory = || memory_of(embedded.child.id());
    rows.push(row("embedded cluster: memory when idle", mib(memory()?.0)));
    rows.extend(on("embedded cluster", ours).await?);
    rows.push(row("embedded cluster: memory after that, at its highest", mib(memory()?.1)));
    drop(embedded);

    let started = Instant::now();
    let Some(kube) = RealKube::start().await? else { return Ok(rows) };
    rows.push(row("real control plane: start to ready", time(started.elapsed())));
    rows.push(row("real control plane: memory when idle", mib(kube.memory()?.0)));
    let _kubelet = start_kubelet(kube.client());
    rows.extend(on("real control plane", kube.client()).await?);
    rows.push(row("real control plane: memory after that, at its highest", mib(kube.memory()?.1)));
    Ok(rows)
}

/// `osc sandbox-cluster` on a folder of its own.
struct Embedded {
    child: Child,
    folder: tempfile::TempDir,
    _home: Home,
}

impl Embedded {
    fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let home = Home::new()?;
        let child = home
            .command(["sandbox-cluster".as_ref(), "--data-dir".as_ref(), Path::new(folder.path())])?
            .stdout(Stdio::piped())
            .spawn()?;
        // From here on the process ends with the handle.
        let mut embedded = Self { child, folder, _home: home };
        let out = embedded.child.stdout.take().context("no standard output")?;
        let ready = BufReader::new(out).lines().map_while(Result::ok).any(|l| l.starts_with("cluster ready"));
        ensure!(ready, "the embedded cluster did not start");
        Ok(embedded)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn on(cluster: &str, client: kube::Client) -> Result<Vec<Row>> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let map = |i: usize, text: &str| -> Result<ConfigMap> {
        Ok(serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("map-{i}")}, "data": {"text": text},
        }))?)
    };
    let mut rows = Vec::new();
    let creates = timed(|i| {
        let (maps, map) = (maps.clone(), map(i, "a"));
        async move {
            maps.create(&PostParams::default(), &map?).await?;
            Ok(())
        }
    });
    rows.push(row(format!("{cluster}: creates"), creates.await?));
    let gets = timed(|i| {
        let maps = maps.clone();
        async move {
            maps.get(&format!("map-{i}")).await?;
            Ok(())
        }
    });
    rows.push(row(format!("{cluster}: gets"), gets.await?));
    let applies = timed(|i| {
        let (maps, map) = (maps.clone(), map(i, "b"));
        async move {
            let params = PatchParams::apply("bench").force();
            maps.patch(&format!("map-{i}"), &params, &Patch::Apply(map?)).await?;
            Ok(())
        }
    });
    rows.push(row(format!("{cluster}: server-side applies"), applies.await?));
    let name = format!("{cluster}: {} pods of {DEPLOYMENTS} Deployments, to ready", DEPLOYMENTS * REPLICAS);
    rows.push(row(name, time(pods(client).await?)));
    Ok(rows)
}

/// How many requests end in a second.
async fn timed<F: Future<Output = Result<()>>>(request: impl Fn(usize) -> F) -> Result<String> {
    let started = Instant::now();
    iter((0..REQUESTS).map(request)).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(format!("{:.0} /s", REQUESTS as f64 / started.elapsed().as_secs_f64()))
}

/// Until the status of every Deployment tells that all its pods are ready.
async fn pods(client: kube::Client) -> Result<Duration> {
    let deployments: Api<Deployment> = Api::namespaced(client, "default");
    let started = Instant::now();
    for i in 0..DEPLOYMENTS {
        let labels = json!({"app": format!("app-{i}")});
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": format!("app-{i}")},
            "spec": {
                "replicas": REPLICAS,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "main", "image": "registry.example.com/app:1"}]},
                },
            },
        });
        deployments.create(&PostParams::default(), &serde_json::from_value(deployment)?).await?;
    }
    let list = deployments.list(&ListParams::default()).await?;
    let mut waiting: Vec<String> =
        list.items.iter().filter(|d| !ready(d)).filter_map(|d| d.metadata.name.clone()).collect();
    let version = list.metadata.resource_version.unwrap_or_default();
    let watch = async {
        let mut events = deployments.watch(&WatchParams::default(), &version).await?.boxed();
        while !waiting.is_empty() {
            let event = events.try_next().await?.context("the watch ended before all pods were ready")?;
            if let WatchEvent::Modified(deployment) = event
                && ready(&deployment)
            {
                waiting.retain(|name| Some(name) != deployment.metadata.name.as_ref());
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PODS_LIMIT, watch).await.context("the pods were not ready in time")??;
    Ok(started.elapsed())
}

fn ready(deployment: &Deployment) -> bool {
    let ready = deployment.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    usize::try_from(ready) == Ok(REPLICAS)
}
