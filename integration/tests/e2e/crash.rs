//! The server is killed in the middle of operations while the cluster lives on. Started again, it ends where an
//! undisturbed one ends: for an install, an update, a rollback and a delete, each with a hook.
//!
//! Every write of the journal is a place to die; the executor's own tests take them all, this one takes some of them
//! through the whole server.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use osc_integration::api_client::start_kubelet;
use osc_integration::charts::{chart, edit, pack};
use osc_integration::osc::Server;
use osc_integration::realkube::RealKube;
use serde_json::{Value, json};

/// Journal writes after which the server dies.
const PLACES: [u32; 5] = [2, 4, 6, 9, 14];
const LIMIT: Duration = Duration::from_secs(240);

/// Steps of a scenario; the last one is disturbed.
fn commands(scenario: &str, namespace: &str) -> Vec<String> {
    let install = format!("instance deploy greeter --name shop --cluster real --namespace {namespace}");
    let update = "instance update shop --set replicas=2 --set greeting=Hi".to_owned();
    match scenario {
        "install" => vec![install],
        "update" => vec![install, update],
        "rollback" => vec![install, update, "instance rollback shop --to 1".into()],
        _ => vec![install, "instance delete shop".into()],
    }
}

/// A server on a data folder that may be there already.
fn serve(data: &Path, crash: Option<u32>) -> Result<Server> {
    let crash = crash.map(|writes| writes.to_string());
    let mut flags = vec!["--egress-allow", "127.0.0.0/8"];
    if let Some(writes) = &crash {
        flags.extend(["--crash-after", writes]);
    }
    let server = Server::start("serve", &flags, Some(data))?;
    // A later start prints no link to sign in with.
    std::fs::write(data.join("admin.token"), server.token())?;
    Ok(server)
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
fn run(kubeconfig: &Path, scenario: &str, crash: Option<u32>) -> Result<Option<(Value, String)>> {
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
    let mut server = serve(&data, None)?;
    let path = |path: &Path| path.to_str().map(str::to_owned).context("the path is no text");
    let add = ["cluster", "add", "--kubeconfig", &path(kubeconfig)?, "--name", "real", "--region", "here"];
    server.osc(add)?.ok()?;
    server.osc(["package", "push", &path(&package)?])?.ok()?;
    let mut lines = commands(scenario, &namespace);
    let disturbed = lines.pop().context("a scenario has commands")?;
    for line in lines {
        server.osc(line.split(' ').chain(["--wait"]))?.ok()?;
    }
    let before = last_operation(&server)?["id"].clone();
    if crash.is_some() {
        server.stop()?;
        server = serve(&data, crash)?;
        // The answer may be lost with the server.
        server.osc(disturbed.split(' '))?;
        if !dies(&server, &before)? {
            return Ok(None);
        }
        drop(server);
        server = serve(&data, None)?;
        if last_operation(&server)?["id"] == before {
            bail!("the operation was not stored");
        }
    } else {
        server.osc(disturbed.split(' '))?.ok()?;
    }
    let operation = ended(&server)?;
    let steps = operation["steps"].as_array().into_iter().flatten();
    let steps: Vec<String> = steps.map(|step| format!("{}: {}", step["name"], step["state"])).collect();
    Ok(Some((json!({"state": operation["state"], "reason": operation["reason"], "steps": steps}), namespace)))
}

/// The objects of a namespace as far as the chart decides them.
async fn objects(kube: &RealKube, namespace: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for (root, plural) in [
        ("api/v1", "configmaps"),
        ("api/v1", "services"),
        ("api/v1", "secrets"),
        ("apis/apps/v1", "deployments"),
        ("apis/batch/v1", "jobs"),
    ] {
        let path = format!("/{root}/namespaces/{namespace}/{plural}");
        let list: Value = kube.client().request(http::Request::get(path).body(Vec::new())?).await?;
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

async fn survives(kube: &RealKube, scenario: &'static str) -> Result<()> {
    let kubeconfig = kube.kubeconfig_path();
    let once = async |crash: Option<u32>| -> Result<Option<(Value, Vec<Value>)>> {
        let kubeconfig = kubeconfig.clone();
        let ran = tokio::task::spawn_blocking(move || run(&kubeconfig, scenario, crash)).await??;
        match ran {
            Some((operation, namespace)) => Ok(Some((operation, objects(kube, &namespace).await?))),
            None => Ok(None),
        }
    };
    let expected = once(None).await?.context("the undisturbed run")?;
    ensure!(expected.0["state"] == "succeeded", "{scenario}: {}", expected.0);
    let mut killed = 0;
    for place in PLACES {
        let Some(found) =
            once(Some(place)).await.with_context(|| format!("{scenario}, killed at {place}"))?
        else {
            break;
        };
        assert_eq!(found, expected, "{scenario}, killed at {place}");
        killed += 1;
    }
    ensure!(killed >= 3, "{scenario} was killed only {killed} times");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_ends_where_an_undisturbed_one_does() -> Result<()> {
    let Some(kube) = RealKube::start().await? else { return Ok(()) };
    let _kubelet = start_kubelet(kube.client());
    for scenario in ["install", "update", "rollback", "delete"] {
        survives(&kube, scenario).await?;
    }
    Ok(())
}
