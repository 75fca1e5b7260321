//! From a chart to a running instance, its changes and its end, on the sandbox and on a real control plane.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use osc_integration::api_client::{offer_volumes, start_kubelet};
use osc_integration::charts::{chart, edit, pack};
use osc_integration::kubectl::Kubectl;
use osc_integration::osc::Server;
use osc_integration::realkube::RealKube;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server with a cluster, and somebody who looks at it from outside.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) cluster: &'static str,
    pub(crate) kubectl: Option<Kubectl>,
    pub(crate) folder: TempDir,
}

impl Stage {
    pub(crate) fn sandbox() -> Result<Stage> {
        let server = Server::sandbox()?;
        let kubectl = Kubectl::new(&server.data().join("sandbox/kubeconfig"));
        Ok(Stage { server, cluster: "sandbox", kubectl, folder: tempfile::tempdir()? })
    }

    pub(crate) fn real(kubeconfig: &Path) -> Result<Stage> {
        let server = Server::serve()?;
        let path = kubeconfig.to_str().context("the path is no text")?;
        let added = server
            .osc([
                "cluster",
                "add",
                "--kubeconfig",
                path,
                "--name",
                "real",
                "--region",
                "here",
                "-o",
                "json",
            ])?
            .json()?;
        ensure!(added["state"] == "available", "{added}");
        ensure!(added["version"].as_str().is_some_and(|version| version.starts_with("v1.")), "{added}");
        Ok(Stage { server, cluster: "real", kubectl: Kubectl::new(kubeconfig), folder: tempfile::tempdir()? })
    }

    pub(crate) fn json(&self, line: &str) -> Result<Value> {
        self.server.osc(line.split(' ').chain(["-o", "json"]))?.json().with_context(|| line.to_owned())
    }

    /// Runs a change to its end; answers the operation and the progress.
    pub(crate) fn change(&self, line: &str) -> Result<(Value, String)> {
        let ended = self.server.osc(line.split(' ').chain(["--wait", "-o", "json"]))?;
        let progress = ended.err.clone();
        let operation = ended.json().with_context(|| line.to_owned())?;
        ensure!(operation["state"] == "succeeded", "{operation}");
        Ok((operation, progress))
    }

    pub(crate) fn push(&self, name: &str, files: &[(String, Vec<u8>)]) -> Result<Value> {
        let package = pack(self.folder.path(), name, files)?;
        let pushed = self
            .server
            .osc(["package", "push", package.to_str().context("no text")?, "-o", "json"])?
            .json()?;
        ensure!(pushed[0]["state"] == "ready", "{pushed}");
        Ok(pushed[0].clone())
    }

    /// A value of an object, if there is a `kubectl` to look with.
    pub(crate) fn look(&self, kind: &str, name: &str, pointer: &str) -> Result<Option<Value>> {
        let Some(kubectl) = &self.kubectl else { return Ok(None) };
        let object = kubectl.get(kind, "web", name)?;
        Ok(Some(object.pointer(pointer).cloned().unwrap_or_default()))
    }

    pub(crate) fn expect(&self, kind: &str, name: &str, pointer: &str, wanted: &Value) -> Result<()> {
        let found = self.look(kind, name, pointer)?;
        ensure!(
            found.as_ref().is_none_or(|found| found == wanted),
            "{kind} {name} {pointer}: {found:?}, not {wanted}"
        );
        Ok(())
    }

    pub(crate) fn expect_absent(&self, kind: &str, name: &str) -> Result<()> {
        let absent = self.kubectl.as_ref().map(|kubectl| kubectl.is_absent(kind, "web", name));
        ensure!(absent.transpose()?.unwrap_or(true), "{kind} {name} is still there");
        Ok(())
    }
}

const PAGE: &str = "/data/index.html";

/// A web application: preview, deployment with a changed value, update, upgrade, rollback, deletion.
fn greeter(stage: &Stage) -> Result<()> {
    let first = chart("greeter")?;
    let pushed = stage.push("greeter-0.1.0", &first)?;
    ensure!(pushed["service"] == "greeter" && pushed["version"] == "0.1.0", "{pushed}");
    ensure!(
        pushed["findings"].is_array() && pushed["digest"].as_str().is_some_and(|d| d.starts_with("sha256:")),
        "{pushed}"
    );
    // The same package again changes nothing; another one of the same version is a conflict.
    stage.push("again", &first)?;
    let mut other = first.clone();
    edit(&mut other, "values.yaml", "Hello", "Good day")?;
    let package = pack(stage.folder.path(), "other", &other)?;
    let conflict = stage.server.osc(["package", "push", package.to_str().context("no text")?])?;
    ensure!(conflict.code == Some(5), "{conflict:?}");
    let subscriptions = stage.json("subscription list")?;
    ensure!(
        subscriptions[0]["service"] == "greeter" && subscriptions[0]["state"] == "active",
        "{subscriptions}"
    );

    let deploy = format!(
        "instance deploy greeter@0.1.0 --name shop --cluster {} --namespace web --set replicas=2",
        stage.cluster
    );
    let plan = stage.json(&format!("{deploy} --dry-run"))?;
    let created: Vec<&str> = plan["changes"]
        .as_array()
        .context("no changes")?
        .iter()
        .filter(|change| change["action"] == "create")
        .filter_map(|change| change["kind"].as_str())
        .collect();
    for kind in ["Deployment", "Service", "ConfigMap"] {
        ensure!(created.contains(&kind), "{plan}");
    }
    ensure!(
        plan["hash"].is_string() && plan["images"].to_string().contains("registry.example.org/greeter"),
        "{plan}"
    );
    stage.expect_absent("deployment", "shop-greeter")?;

    let (operation, progress) = stage.change(&deploy)?;
    ensure!(
        operation["kind"] == "install"
            && operation["steps"].as_array().is_some_and(|steps| !steps.is_empty()),
        "{operation}"
    );
    ensure!(progress.contains("done") && progress.contains("succeeded"), "{progress}");
    stage.expect("deployment", "shop-greeter", "/spec/replicas", &json!(2))?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h1>Hello</h1>\n"))?;
    stage.expect("crd", "greetings.greeter.example.org", "/spec/scope", &json!("Namespaced"))?;
    let instance = stage.json("instance show shop")?;
    for (field, wanted) in
        [("service", "greeter"), ("version", "0.1.0"), ("namespace", "web"), ("state", "running")]
    {
        ensure!(instance[field] == wanted, "{field} in {instance}");
    }
    ensure!(instance["revision"] == 1, "{instance}");
    let again = stage.server.osc(deploy.split(' '))?;
    ensure!(again.code == Some(5), "a second instance of the name: {again:?}");

    stage.change("instance update shop --set greeting=Hi")?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h1>Hi</h1>\n"))?;
    stage.expect("deployment", "shop-greeter", "/spec/replicas", &json!(2))?;
    let refused = stage.server.osc(["instance", "update", "shop", "--set", "replicas=many"])?;
    ensure!(refused.code == Some(3) && refused.err.contains("replicas"), "{refused:?}");

    let mut second = first.clone();
    edit(&mut second, "Chart.yaml", "version: 0.1.0", "version: 0.2.0")?;
    edit(
        &mut second,
        "templates/configmap.yaml",
        "<h1>{{ .Values.greeting }}</h1>",
        "<h2>{{ .Values.greeting }}</h2>",
    )?;
    second.retain(|(path, _)| !path.ends_with("templates/service.yaml"));
    stage.push("greeter-0.2.0", &second)?;
    ensure!(stage.json("instance show shop")?["upgrade_available"] == "0.2.0");
    let plan = stage.json("instance upgrade shop --to 0.2.0 --dry-run")?;
    let action = |kind: &str| {
        plan["changes"]
            .as_array()
            .and_then(|all| all.iter().find(|change| change["kind"] == kind))
            .map(|change| change["action"].clone())
    };
    ensure!(
        action("Service") == Some(json!("delete")) && action("ConfigMap") == Some(json!("update")),
        "{plan}"
    );
    let id = plan["id"].as_str().context("no id")?;
    stage.change(&format!("plan apply {id}"))?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h2>Hi</h2>\n"))?;
    stage.expect_absent("service", "shop-greeter")?;
    let used = stage.server.osc(["plan", "apply", id])?;
    ensure!(used.code == Some(5), "a plan is carried out once: {used:?}");

    stage.change("instance rollback shop --to 1")?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h1>Hello</h1>\n"))?;
    stage.expect("service", "shop-greeter", "/spec/type", &json!("ClusterIP"))?;
    let instance = stage.json("instance show shop")?;
    ensure!(instance["revision"] == 4 && instance["version"] == "0.1.0", "{instance}");
    ensure!(stage.json("instance history shop")?.as_array().is_some_and(|all| all.len() == 4));

    stage.change("instance test shop")?;
    let plan = stage.json("instance delete shop --dry-run")?;
    ensure!(
        plan["changes"].to_string().contains("delete")
            && plan["kept"].to_string().contains("greetings.greeter.example.org"),
        "{plan}"
    );
    stage.change("instance delete shop")?;
    for kind in ["deployment", "service", "configmap"] {
        stage.expect_absent(kind, "shop-greeter")?;
    }
    stage.expect("crd", "greetings.greeter.example.org", "/spec/scope", &json!("Namespaced"))?;
    let gone = stage.server.osc(["instance", "show", "shop"])?;
    ensure!(gone.code == Some(4), "{gone:?}");
    let audit = stage.json("audit list")?;
    ensure!(
        audit.to_string().contains("CreateInstance") && audit.to_string().contains("DeleteInstance"),
        "{audit}"
    );
    Ok(())
}

/// A database: a random password that stays, and volumes that outlive the instance.
fn ledger(stage: &Stage) -> Result<()> {
    stage.push("ledger", &chart("ledger")?)?;
    stage.change(&format!(
        "instance deploy ledger --name books --cluster {} --namespace web",
        stage.cluster
    ))?;
    let password = stage.look("secret", "books-auth", "/data/password")?;
    stage.change("instance update books --set replicas=2")?;
    ensure!(stage.look("secret", "books-auth", "/data/password")? == password, "the password changed");
    stage.expect("statefulset", "books", "/status/readyReplicas", &json!(2))?;
    let values = stage.json("instance values books")?;
    ensure!(!values.to_string().contains("storage"), "only what was set is kept: {values}");
    stage.change("instance delete books")?;
    stage.expect_absent("statefulset", "books")?;
    stage.expect("pvc", "data-books-0", "/spec/resources/requests/storage", &json!("1Gi"))?;
    Ok(())
}

#[test]
fn on_the_sandbox() -> Result<()> {
    let stage = Stage::sandbox()?;
    greeter(&stage)?;
    ledger(&stage)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_control_plane() -> Result<()> {
    let Some(kube) = RealKube::start().await? else { return Ok(()) };
    let _kubelet = start_kubelet(kube.client());
    offer_volumes(kube.client(), 2).await?;
    let kubeconfig = kube.kubeconfig_path();
    tokio::task::spawn_blocking(move || {
        let stage = Stage::real(&kubeconfig)?;
        greeter(&stage)?;
        ledger(&stage)
    })
    .await?
}

/// A second terminal works without any setting, and nothing is taken from the folder it is in.
#[test]
fn a_second_terminal_just_works() -> Result<()> {
    let server = Server::sandbox()?;
    let clusters = server.home().osc(["cluster", "list", "-o", "json"])?.json()?;
    ensure!(clusters[0]["name"] == "sandbox" && clusters[0]["region"] == "local", "{clusters}");
    let table = server.home().osc(["cluster", "list"])?.ok()?;
    ensure!(table.contains("NAME") && table.contains("simulated"), "{table}");
    ensure!(server.log().contains("simulated"), "{}", server.log());
    let mode = |path: &Path| -> Result<u32> {
        use std::os::unix::fs::PermissionsExt;
        Ok(std::fs::metadata(path)?.permissions().mode() & 0o777)
    };
    for file in [server.data().join("admin.token"), server.home().path().join(".config/osc/config.json")] {
        ensure!(mode(&file)? == 0o600, "`{}` is open to others", file.display());
    }
    let mut wrong = server.home().command(["cluster", "list"])?;
    wrong.env("OSC_TOKEN", "wrong");
    let refused = osc_integration::osc::run(wrong)?;
    ensure!(refused.code == Some(3) && refused.err.contains("osc login"), "{refused:?}");
    Ok(())
}

/// One data folder: the cluster keeps its port and certificate, objects and instances come back.
#[test]
fn a_restart_forgets_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut server = Server::start("sandbox", &[], Some(&data))?;
    let before = std::fs::read_to_string(data.join("sandbox/kubeconfig"))?;
    let package = pack(folder.path(), "ledger", &chart("ledger")?)?;
    server.osc(["package", "push", package.to_str().context("no text")?])?.ok()?;
    server
        .osc("instance deploy ledger --name books --cluster sandbox --namespace web --wait".split(' '))?
        .ok()?;
    ensure!(server.stop()? == Some(0), "{}", server.log());

    let mut server = Server::start("sandbox", &[], Some(&data))?;
    ensure!(std::fs::read_to_string(data.join("sandbox/kubeconfig"))? == before, "the kubeconfig changed");
    let instance = server.osc(["instance", "show", "books", "-o", "json"])?.json()?;
    ensure!(instance["state"] == "running", "{instance}");
    server.osc("instance update books --set replicas=2 --wait".split(' '))?.ok()?;
    let second = server.home().osc([
        "sandbox",
        "--data-dir",
        data.to_str().context("no text")?,
        "--listen",
        "127.0.0.1:0",
    ])?;
    ensure!(second.code == Some(1) && second.err.contains("another server"), "{second:?}");
    server.kill()?;

    let server = Server::start("sandbox", &["--fresh"], Some(&data))?;
    ensure!(server.osc(["instance", "list", "-o", "json"])?.json()? == json!([]));
    ensure!(std::fs::read_to_string(data.join("sandbox/kubeconfig"))?.contains("server:"));
    Ok(())
}
