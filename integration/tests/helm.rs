//! The real helm client against the embedded cluster: real charts are installed, upgraded, rolled back and removed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use osc_integration::charts::corpus;
use osc_integration::osc::{Ended, run};
use osc_integration::{realkube, skip};
use osc_sandbox::{Api, Cluster, Options};
use serde_json::Value;
use tempfile::TempDir;

/// Charts of the corpus, each with a setting that changes what it renders: Deployments, StatefulSets, DaemonSets,
/// Jobs as hooks, custom resource definitions, webhooks, claims and roles are among their objects.
const CHARTS: [(&str, &str); 10] = [
    ("altinity-altinity-clickhouse-operator", "podAnnotations.round=two"),
    ("aquasecurity-trivy-operator", "podAnnotations.round=two"),
    ("bitnami-apache", "replicaCount=2"),
    ("bitnami-kube-state-metrics", "replicaCount=2"),
    ("bitnami-nginx", "replicaCount=2"),
    ("bitnami-tomcat", "replicaCount=2"),
    ("datadog-cloudprem", "searcher.replicaCount=3"),
    ("kong-gateway-operator", "replicaCount=2"),
    ("signoz-zookeeper", "replicaCount=3"),
    ("victoriametrics-victoria-logs-single", "server.podAnnotations.round=two"),
];

/// Longest wait of one helm command on a busy machine.
const TIMEOUT: &str = "120s";

struct Helm {
    program: PathBuf,
    home: TempDir,
}

impl Helm {
    fn new(program: PathBuf, cluster: &Cluster) -> Result<Self> {
        let home = tempfile::tempdir()?;
        std::fs::write(home.path().join("kubeconfig"), cluster.kubeconfig())?;
        Ok(Self { program, home })
    }

    fn run(&self, namespace: &str, args: &[&str]) -> Result<Ended> {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .args(["--namespace", namespace])
            .env("KUBECONFIG", home.join("kubeconfig"))
            .env("HOME", home)
            .env("HELM_CACHE_HOME", home.join("cache"))
            .env("HELM_CONFIG_HOME", home.join("config"))
            .env("HELM_DATA_HOME", home.join("data"));
        run(command)
    }

    fn ok(&self, namespace: &str, args: &[&str]) -> Result<String> {
        self.run(namespace, args)?.ok().with_context(|| format!("helm {}", args.join(" ")))
    }
}

/// The packaged chart of an id.
fn package(corpus: &Path, id: &str) -> Result<PathBuf> {
    let index: Value = serde_json::from_str(&std::fs::read_to_string(corpus.join("index.json"))?)?;
    let charts = index["charts"].as_array().context("no charts")?;
    let chart = charts.iter().find(|chart| chart["id"] == id).with_context(|| format!("no chart `{id}`"))?;
    Ok(corpus.join(chart["chart"].as_str().context("no file")?))
}

/// Kind and name of the objects that a manifest names and the cluster has.
fn found(api: &Api, namespace: &str, manifest: &str) -> Result<(usize, BTreeSet<String>)> {
    let (mut named, mut present) = (0, BTreeSet::new());
    let documents = manifest.split("\n---\n").map(|document| document.trim_start_matches("---\n"));
    for document in documents {
        let line = |key: &str| {
            let mut lines = document.lines().filter_map(|line| line.strip_prefix(key));
            lines.next().map(|text| text.trim().trim_matches('"').to_owned())
        };
        let (Some(kind), Some(name)) = (line("kind:"), line("  name:")) else { continue };
        named += 1;
        let version = line("apiVersion:").context("no apiVersion")?;
        let group = version.rsplit_once('/').map_or("", |(group, _)| group);
        let plural = plural(&kind);
        let resource = if group.is_empty() { plural } else { format!("{plural}.{group}") };
        if api.find(&resource, namespace, &name).or_else(|| api.find(&resource, "", &name)).is_some() {
            present.insert(format!("{kind}/{name}"));
        }
    }
    Ok((named, present))
}

fn plural(kind: &str) -> String {
    let kind = kind.to_lowercase();
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    }
}

/// Pods that should run and do not.
fn unready(api: &Api, namespace: &str) -> Vec<String> {
    let pods = api.list("pods", Some(namespace));
    let ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array();
        let ready =
            conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"));
        ready || pod["status"]["phase"] == "Succeeded" || !pod["metadata"]["deletionTimestamp"].is_null()
    };
    pods.iter().filter(|pod| !ready(&pod.value)).map(|pod| pod.key.name.to_string()).collect()
}

fn live_a_life(helm: &Helm, api: &Api, namespace: &str, chart: &Path, change: &str) -> Result<()> {
    let chart = chart.to_str().context("the path is no text")?;
    let wait = ["--wait", "--timeout", TIMEOUT];
    helm.ok(namespace, &[&["install", "r", chart, "--create-namespace"], &wait[..]].concat())?;
    let first = helm.ok(namespace, &["get", "manifest", "r"])?;
    let (named, present) = found(api, namespace, &first)?;
    ensure!(named > 0 && present.len() == named, "{named} objects, of which only {present:?} exist");
    ensure!(unready(api, namespace).is_empty(), "not ready: {:?}", unready(api, namespace));

    helm.ok(namespace, &[&["upgrade", "r", chart, "--set", change], &wait[..]].concat())?;
    ensure!(helm.ok(namespace, &["get", "manifest", "r"])? != first, "`{change}` changes nothing");
    ensure!(unready(api, namespace).is_empty(), "not ready: {:?}", unready(api, namespace));

    helm.ok(namespace, &[&["rollback", "r", "1"], &wait[..]].concat())?;
    ensure!(helm.ok(namespace, &["get", "manifest", "r"])? == first, "another manifest after the rollback");
    let history: Value = serde_json::from_str(&helm.ok(namespace, &["history", "r", "-o", "json"])?)?;
    let states: Vec<&str> =
        history.as_array().context("no list")?.iter().filter_map(|entry| entry["status"].as_str()).collect();
    ensure!(states == ["superseded", "superseded", "deployed"], "{states:?}");

    helm.ok(namespace, &[&["uninstall", "r"], &wait[..]].concat())?;
    let (_, left) = found(api, namespace, &first)?;
    let kept = first.matches("helm.sh/resource-policy").count();
    ensure!(left.len() <= kept, "left after the removal: {left:?}");
    ensure!(helm.run(namespace, &["status", "r"])?.code != Some(0), "the release is still there");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_charts_live_on_the_embedded_cluster() -> Result<()> {
    let Some(program) = realkube::helm() else { return Ok(()) };
    let Some(corpus) = corpus() else {
        skip("real charts on the embedded cluster: there is no corpus of charts (OSC_SHARED)");
        return Ok(());
    };
    let cluster = Cluster::start(Options::default()).await?;
    let helm = Helm::new(program, &cluster)?;
    for (id, change) in CHARTS {
        let chart = package(&corpus, id)?;
        tokio::task::block_in_place(|| live_a_life(&helm, &cluster.api("test"), id, &chart, change))
            .with_context(|| id.to_owned())?;
    }
    cluster.shutdown().await;
    Ok(())
}
