//! The executor's process is killed after each write of its journal, while the cluster lives on; started again, it
//! ends where an undisturbed one ends.
//!
//! The process is this test binary, called for the one test `worker` with its orders in the environment.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use osc_integration::api_client::start_kubelet;
use osc_integration::realkube::RealKube;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{
    Action, HookDelete, HookDone, OnTimeout, Plan, Policy, Propagation, Step, Until,
};
use osc_server::kube::api::ClusterApi;
use osc_server::operations::journal::CrashPoint;
use osc_server::store::operations::OperationState;
use serde_json::{Value, json};

use crate::host::{Server, cluster};

const FOLDER: &str = "OSC_TEST_WORKER";
const NAMESPACE: &str = "OSC_TEST_NAMESPACE";
const OPERATION: &str = "OSC_TEST_OPERATION";
const CRASH: &str = "OSC_TEST_CRASH_AFTER";
/// Runs side by side, each in a namespace and a folder of its own.
const PARALLEL: usize = 6;
const MAX_WRITES: u32 = 60;

/// Not a test by itself: what a crashing process does.
#[tokio::test]
async fn worker() -> Result<()> {
    let Some(folder) = std::env::var_os(FOLDER) else { return Ok(()) };
    let folder = Path::new(&folder);
    let namespace = std::env::var(NAMESPACE)?;
    let crash = match std::env::var(CRASH) {
        Ok(writes) => CrashPoint::kill_after(writes.parse()?),
        Err(_) => CrashPoint::never(),
    };
    let kubeconfig = std::fs::read_to_string(folder.join("kubeconfig"))?;
    let executor = Server::open(folder)?.executor(cluster(&kubeconfig)?, &namespace, crash);
    executor.run(std::env::var(OPERATION)?.parse()?).await?;
    Ok(())
}

/// Whether the process was killed rather than came to its end.
async fn work(folder: &Path, namespace: &str, operation: i64, crash: Option<u32>) -> Result<bool> {
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.args(["--exact", "crash::worker"]).env(FOLDER, folder).env(NAMESPACE, namespace);
    command
        .env(OPERATION, operation.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(writes) = crash {
        command.env(CRASH, writes.to_string());
    }
    let output = command.output().await?;
    match (output.status.signal(), output.status.success()) {
        (Some(9), _) => Ok(true),
        (_, true) => Ok(false),
        _ => bail!("the worker failed: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}})
}

fn pod_spec(restart: &str) -> Value {
    json!({"restartPolicy": restart, "containers": [{"name": "c", "image": "web:1"}]})
}

fn deployment(image: &str) -> Value {
    let mut spec = pod_spec("Always");
    spec["containers"][0]["image"] = image.into();
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec}}})
}

fn hook(name: &str, delete: Vec<HookDelete>) -> Step {
    let object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name.replace(' ', "-")},
        "spec": {"backoffLimit": 0, "template": {"spec": pod_spec("Never")}}});
    Step::new(
        name,
        Action::Hook { object, done: HookDone::Succeeded, timeout_seconds: 120, delete, logs: true },
    )
}

fn apply(name: &str, objects: Vec<Value>, policy: Policy) -> Step {
    Step::new(name, Action::Apply { objects, policy })
}

fn object(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    ObjectRef { api_version: api_version.into(), kind: kind.into(), namespace: None, name: name.into() }
}

fn revision(namespace: &str, image: &str, extra: &str) -> Plan {
    let refs = vec![object("apps/v1", "Deployment", "web")];
    let until = Until::Ready;
    let mut plan = Plan::new("osc");
    plan.steps = vec![
        Step::new("ensure", Action::EnsureNamespace { namespace: namespace.into() }),
        apply("record pending", vec![config_map("record", "pending")], Policy::Record),
        hook("before", vec![HookDelete::Before, HookDelete::Succeeded]),
        apply(
            "apply",
            vec![deployment(image), config_map(extra, "1"), config_map("settings", image)],
            Policy::Owned,
        ),
        Step::new("prune", Action::Prune { propagation: Propagation::Background }),
        Step::new(
            "wait",
            Action::Wait { refs, selector: None, until, timeout_seconds: 120, on_timeout: OnTimeout::Fail },
        ),
        hook("after", vec![HookDelete::Before]),
        apply("record deployed", vec![config_map("record", image)], Policy::Record),
    ];
    plan.on_failure = vec![apply("record failed", vec![config_map("record", "failed")], Policy::Record)];
    plan
}

fn delete(name: &str, refs: Vec<ObjectRef>) -> Step {
    let (propagation, on_timeout) = (Propagation::Foreground, OnTimeout::ExplainFinalizers);
    Step::new(name, Action::Delete { refs, propagation, until_gone: true, timeout_seconds: 120, on_timeout })
}

fn removal() -> Plan {
    let mut plan = Plan::new("osc");
    let refs =
        [("v1", "ConfigMap", "settings"), ("v1", "ConfigMap", "second"), ("apps/v1", "Deployment", "web")];
    plan.steps = vec![
        hook("before delete", vec![HookDelete::Before, HookDelete::Succeeded]),
        delete("delete", refs.map(|(version, kind, name)| object(version, kind, name)).to_vec()),
        hook("after delete", vec![HookDelete::Before, HookDelete::Succeeded]),
        delete("delete the record", vec![object("v1", "ConfigMap", "record")]),
    ];
    plan
}

/// The operations of a scenario; the last one is disturbed.
fn scenario(name: &str, namespace: &str) -> Vec<(&'static str, Plan)> {
    let first = ("install", revision(namespace, "web:1", "first"));
    let second = ("update", revision(namespace, "web:2", "second"));
    match name {
        "install" => vec![first],
        "update" => vec![first, second],
        "rollback" => vec![first.clone(), second, ("rollback", first.1)],
        _ => vec![first, second, ("uninstall", removal())],
    }
}

/// Everything that must be the same in the end.
#[derive(Debug, PartialEq)]
struct Outcome {
    state: (OperationState, String),
    objects: Vec<Value>,
    inventory: Vec<String>,
    journal: Vec<String>,
}

/// Runs a scenario in a namespace of its own. `None` when the process came to its end before it was to be killed.
async fn run(kube: &RealKube, name: &str, crash: Option<u32>) -> Result<Option<Outcome>> {
    let namespace = format!("{name}-{}", crash.unwrap_or_default());
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("kubeconfig"), kube.kubeconfig())?;
    let server = Server::open(folder.path())?;
    server.prepare(&namespace).await?;
    let client = cluster(kube.kubeconfig())?;
    let mut operations = scenario(name, &namespace);
    let (kind, plan) = operations.pop().context("a scenario has operations")?;
    for (kind, mut plan) in operations {
        // What leads up to the operation needs no hooks, but its waits: a controller that skips a revision counts them
        // differently.
        plan.steps.retain(|step| !matches!(step.action, Action::Hook { .. }));
        let id = server.operation(kind, &plan).await?;
        let state = server.executor(client.clone(), &namespace, CrashPoint::never()).run(id).await?;
        ensure!(state == OperationState::Succeeded, "{name}: {kind} {:?}", server.state(id).await?);
    }
    let id = server.operation(kind, &plan).await?;
    if let Some(writes) = crash
        && !work(folder.path(), &namespace, id, Some(writes)).await?
    {
        return Ok(None);
    }
    work(folder.path(), &namespace, id, None).await?;
    Ok(Some(Outcome {
        state: server.state(id).await?,
        objects: snapshot(&*client, &namespace).await?,
        inventory: server.inventory().await?.into_iter().map(|line| line.replace(&namespace, "NS")).collect(),
        journal: server.journal(id).await?,
    }))
}

/// What the plans made, without what differs from namespace to namespace and from second to second.
async fn snapshot(client: &dyn ClusterApi, namespace: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for (api_version, kind) in [("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("batch/v1", "Job")] {
        for object in client.list(api_version, kind, Some(namespace), None).await? {
            if object["metadata"]["name"] == "kube-root-ca.crt" {
                continue;
            }
            let mut annotations = object["metadata"]["annotations"].clone();
            annotations["osc.io/instance"] = Value::Null;
            found.push(json!({"kind": kind, "name": object["metadata"]["name"], "annotations": annotations,
                "data": object["data"], "image": object["spec"]["template"]["spec"]["containers"][0]["image"],
                "conditions": conditions(&object), "deleted": object["metadata"]["deletionTimestamp"]}));
        }
    }
    Ok(found)
}

fn conditions(object: &Value) -> Vec<String> {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let mut told: Vec<String> =
        conditions.map(|condition| format!("{} {}", condition["type"], condition["status"])).collect();
    told.sort();
    told
}

async fn survives(kube: &RealKube, name: &str) -> Result<()> {
    let expected = run(kube, name, None).await?.context("the undisturbed run")?;
    ensure!(expected.state.0 == OperationState::Succeeded, "{name}: {:?}", expected.state);
    let outcomes: Vec<(u32, Option<Outcome>)> = stream::iter(1..=MAX_WRITES)
        .map(|writes| async move { anyhow::Ok((writes, run(kube, name, Some(writes)).await?)) })
        .buffered(PARALLEL)
        .try_take_while(|(_, outcome)| std::future::ready(Ok(outcome.is_some())))
        .try_collect()
        .await?;
    ensure!(outcomes.len() > 8, "{name} wrote its journal only {} times", outcomes.len());
    for (writes, outcome) in outcomes {
        assert_eq!(outcome.as_ref(), Some(&expected), "{name}, killed after {writes} writes");
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_executor_ends_where_an_undisturbed_one_does() -> Result<()> {
    let Some(kube) = RealKube::start().await? else { return Ok(()) };
    let _kubelet = start_kubelet(kube.client());
    futures::try_join!(
        survives(&kube, "install"),
        survives(&kube, "update"),
        survives(&kube, "rollback"),
        survives(&kube, "delete"),
    )?;
    Ok(())
}
