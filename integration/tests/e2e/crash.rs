//! The server is killed in the middle of operations. Started again, it ends where an undisturbed one ends: for an
//! install, an update, a rollback and a delete, each with a hook. The cluster lives on (a real one, and the embedded one
//! in a process of its own) or dies with the server, as the one of `osc sandbox` does.
//!
//! Every write of the journal is a place to die; the executor's own tests take them all, this one takes some of them
//! through the whole server.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use osc_integration::api_client::start_kubelet;
use osc_integration::charts::{chart, edit, pack};
use osc_integration::osc::{SandboxCluster, Server};
use osc_integration::realkube::{self, RealKube};
use serde_json::{Value, json};

/// Journal writes after which the server dies.
const PLACES: [u32; 5] = [2, 4, 6, 9, 14];
const LIMIT: Duration = Duration::from_secs(240);

/// Where the instances go.
#[derive(Clone)]
enum Place {
    /// To the cluster of this kubeconfig, which the server's end does not touch.
    Apart(PathBuf),
    /// To the embedded cluster in the server's own process.
    Inside,
}

impl Place {
    fn cluster(&self) -> &'static str {
        match self {
            Place::Apart(_) => "apart",
            Place::Inside => "sandbox",
        }
    }

    /// A server on a data folder that may be there already.
    fn serve(&self, data: &Path, crash: Option<u32>) -> Result<Server> {
        let crash = crash.map(|writes| writes.to_string());
        let (command, mut flags) = match self {
            Place::Apart(_) => ("serve", vec!["--egress-allow", "127.0.0.0/8"]),
            Place::Inside => ("sandbox", Vec::new()),
        };
        if let Some(writes) = &crash {
            flags.extend(["--crash-after", writes]);
        }
        let server = Server::start(command, &flags, Some(data))?;
        // A later start prints no link to sign in with.
        std::fs::write(data.join("admin.token"), server.token())?;
        Ok(server)
    }

    fn kubeconfig(&self, data: &Path) -> PathBuf {
        match self {
            Place::Apart(file) => file.clone(),
            Place::Inside => data.join("sandbox/kubeconfig"),
        }
    }
}

/// Steps of a scenario; the last one is disturbed.
fn commands(scenario: &str, cluster: &str, namespace: &str) -> Vec<String> {
    let install = format!("instance deploy greeter --name shop --cluster {cluster} --namespace {namespace}");
    let update = "instance update shop --set replicas=2 --set greeting=Hi".to_owned();
    match scenario {
        "install" => vec![install],
        "update" => vec![install, update],
        "rollback" => vec![install, update, "instance rollback shop --to 1".into()],
        _ => vec![install, "instance delete shop".into()],
    }
}

fn last_operation(server: &Server) -> Result<Value> {
    let operations = server.osc(["operation", "list", "-o", "json"])?.json()?;
    Ok(operations[0].clone())
}

/// Waits until the newest operation is over.
fn ended(server: &Server) -> Result<Value> {
    let started = Instant::now();
    loop {
        let operation = last_operation(server)?;
        if matches!(operation["state"].as_str(), Some("succeeded" | "failed" | "cancelled" | "paused")) {
            return Ok(operation);
        }
        ensure!(started.elapsed() < LIMIT, "it does not end: {operation}\n{}", server.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Waits until the server died, or the operation after `before` is over in spite of it.
fn dies(server: &Server, before: &Value) -> Result<bool> {
    let started = Instant::now();
    while started.elapsed() < LIMIT {
        if server.memory().is_err() {
            return Ok(true);
        }
        if let Ok(operation) = last_operation(server)
            && operation["id"] != *before
            && operation["finished_at"].is_string()
        {
            return Ok(server.memory().is_err());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("the server neither died nor finished: {}", server.log())
}

/// What is left of a scenario, without what differs between namespaces and moments.
fn run(place: &Place, scenario: &str, crash: Option<u32>) -> Result<Option<(Value, Vec<Value>)>> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let namespace = format!("{scenario}-{}", crash.unwrap_or_default());
    let mut files = chart("greeter")?;
    edit(
        &mut files,
        "templates/migration.yaml",
        "pre-install,pre-upgrade",
        "pre-install,pre-upgrade,pre-rollback,pre-delete",
    )?;
    let package = pack(folder.path(), "greeter", &files)?;
    let mut server = place.serve(&data, None)?;
    let path = |path: &Path| path.to_str().map(str::to_owned).context("the path is no text");
    let (cluster, kubeconfig) = (place.cluster(), path(&place.kubeconfig(&data))?);
    if let Place::Apart(_) = place {
        let add = ["cluster", "add", "--kubeconfig", &kubeconfig, "--name", cluster, "--region", "here"];
        server.osc(add)?.ok()?;
    }
    server.osc(["package", "push", &path(&package)?])?.ok()?;
    let mut lines = commands(scenario, cluster, &namespace);
    let disturbed = lines.pop().context("a scenario has commands")?;
    for line in lines {
        server.osc(line.split(' ').chain(["--wait"]))?.ok()?;
    }
    let before = last_operation(&server)?["id"].clone();
    if crash.is_some() {
        server.stop()?;
        server = place.serve(&data, crash)?;
        // The answer may be lost with the server.
        server.osc(disturbed.split(' '))?;
        if !dies(&server, &before)? {
            return Ok(None);
        }
        drop(server);
        server = place.serve(&data, None)?;
        if last_operation(&server)?["id"] == before {
            bail!("the operation was not stored");
        }
    } else {
        server.osc(disturbed.split(' '))?.ok()?;
    }
    let operation = ended(&server)?;
    let steps = operation["steps"].as_array().into_iter().flatten();
    let steps: Vec<String> = steps.map(|step| format!("{}: {}", step["name"], step["state"])).collect();
    let ended = json!({"state": operation["state"], "reason": operation["reason"], "steps": steps});
    let kubeconfig = std::fs::read_to_string(kubeconfig)?;
    let objects = tokio::runtime::Handle::current().block_on(objects(&kubeconfig, &namespace))?;
    Ok(Some((ended, objects)))
}

/// The objects of a namespace as far as the chart decides them.
async fn objects(kubeconfig: &str, namespace: &str) -> Result<Vec<Value>> {
    let client = realkube::client(kubeconfig).await?;
    let mut found = Vec::new();
    for (root, plural) in [
        ("api/v1", "configmaps"),
        ("api/v1", "services"),
        ("api/v1", "secrets"),
        ("apis/apps/v1", "deployments"),
        ("apis/batch/v1", "jobs"),
    ] {
        let path = format!("/{root}/namespaces/{namespace}/{plural}");
        let list: Value = client.request(http::Request::get(path).body(Vec::new())?).await?;
        for item in list["items"].as_array().into_iter().flatten() {
            if item["metadata"]["name"] == "kube-root-ca.crt" {
                continue;
            }
            let labels = &item["metadata"]["labels"];
            found.push(json!({"kind": plural, "name": item["metadata"]["name"], "status": labels["status"],
                "version": labels["version"], "replicas": item["spec"]["replicas"], "type": item["type"],
                "data": if plural == "configmaps" { item["data"].clone() } else { Value::Null },
                "template": item["spec"]["template"]["spec"]["containers"], "ports": item["spec"]["ports"][0]["port"]}));
        }
    }
    Ok(found)
}

/// Kills the server at each of the places, or at the first that come while the scenario lasts.
async fn survives(place: &Place, scenario: &'static str, places: &[u32]) -> Result<()> {
    let once = async |crash: Option<u32>| {
        let place = place.clone();
        tokio::task::spawn_blocking(move || run(&place, scenario, crash)).await?
    };
    let expected = once(None).await?.context("the undisturbed run")?;
    ensure!(expected.0["state"] == "succeeded", "{scenario}: {}", expected.0);
    let mut killed = 0;
    for &writes in places {
        let Some(found) =
            once(Some(writes)).await.with_context(|| format!("{scenario}, killed at {writes}"))?
        else {
            break;
        };
        assert_eq!(found, expected, "{scenario}, killed at {writes}");
        killed += 1;
    }
    ensure!(killed >= places.len().min(3), "{scenario} was killed only {killed} times");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_ends_where_an_undisturbed_one_does() -> Result<()> {
    let Some(kube) = RealKube::start().await? else { return Ok(()) };
    let _kubelet = start_kubelet(kube.client());
    let place = Place::Apart(kube.kubeconfig_path());
    for scenario in ["install", "update", "rollback", "delete"] {
        survives(&place, scenario, &PLACES).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_does_beside_the_embedded_cluster() -> Result<()> {
    let cluster = SandboxCluster::start()?;
    let place = Place::Apart(cluster.kubeconfig());
    for scenario in ["install", "update", "rollback", "delete"] {
        survives(&place, scenario, &[3, 6, 11]).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_does_when_the_cluster_dies_with_it() -> Result<()> {
    for scenario in ["install", "update", "rollback", "delete"] {
        survives(&Place::Inside, scenario, &[6]).await?;
    }
    Ok(())
}
