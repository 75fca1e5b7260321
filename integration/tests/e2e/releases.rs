//! Releases that this server and the real helm hand to each other, on the sandbox and on a real control plane.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use osc_integration::api_client::start_kubelet;
use osc_integration::charts::{chart, edit, pack};
use osc_integration::helm::Helm;
use osc_integration::realkube::RealKube;
use serde_json::json;

use crate::story::Stage;

const PAGE: &str = "/data/index.html";
/// How long something that another process does may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A hook that never ends: real helm waits for it until it is killed.
const ENDLESS: &str = "\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-endless
  annotations: {helm.sh/hook: pre-upgrade}
spec:
  suspend: true
  template:
    spec:
      restartPolicy: Never
      containers: [{name: wait, image: registry.example.org/wait}]
";

/// A release of ours: real helm lists it, reads it, upgrades it, rolls it back and uninstalls it.
fn ours_for_helm(stage: &Stage, helm: &Helm, package: &Path) -> Result<()> {
    let package = package.display();
    stage.change(&format!(
        "instance deploy greeter@0.1.0 --name shop --cluster {} --namespace web --set replicas=2",
        stage.cluster
    ))?;
    let list = helm.json("list")?;
    ensure!(list.as_array().is_some_and(|list| list.len() == 1), "{list}");
    for (field, wanted) in [
        ("name", "shop"),
        ("revision", "1"),
        ("status", "deployed"),
        ("chart", "greeter-0.1.0"),
        ("app_version", "1.4"),
    ] {
        ensure!(list[0][field] == wanted, "{field} in {list}");
    }
    let values = helm.json("get values shop")?;
    ensure!(values == json!({"replicas": 2}), "{values}");
    let manifest = helm.run("get manifest shop")?;
    ensure!(manifest.contains("# Source: greeter/templates/deployment.yaml"), "{manifest}");
    let notes = helm.run("get notes shop")?;
    ensure!(notes.contains("Hello from shop-greeter.web, revision 1."), "{notes}");
    ensure!(helm.run("get hooks shop")?.contains("shop-greeter-migration"));
    ensure!(helm.run("status shop")?.contains("STATUS: deployed"));

    helm.run(&format!("upgrade shop {package} --reuse-values --set greeting=Hey"))?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h1>Hey</h1>\n"))?;
    ensure!(helm.history("shop")? == ["1 superseded", "2 deployed"]);
    // What helm changed is drift, and the next change of ours says so and wins.
    let diff = stage.json("instance diff shop")?.to_string();
    ensure!(diff.contains("Hey") && diff.contains("ConfigMap"), "{diff}");
    let plan = stage.json("instance update shop --set greeting=Hi --dry-run")?;
    let warnings = plan["warnings"].to_string();
    ensure!(warnings.matches("to revision 2").count() == 1, "{warnings}");
    stage.change("instance update shop --set greeting=Hi")?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h1>Hi</h1>\n"))?;
    ensure!(helm.history("shop")? == ["1 superseded", "2 superseded", "3 deployed"]);

    helm.run("rollback shop 2")?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h1>Hey</h1>\n"))?;
    stage.change("instance rollback shop --to 1")?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h1>Hello</h1>\n"))?;
    let history = helm.history("shop")?;
    ensure!(history.last().is_some_and(|last| last == "5 deployed"), "{history:?}");
    helm.run("rollback shop")?;
    stage.expect("configmap", "shop-greeter", PAGE, &json!("<h1>Hey</h1>\n"))?;

    helm.run("uninstall shop --wait")?;
    for kind in ["deployment", "service", "configmap"] {
        stage.expect_absent(kind, "shop-greeter")?;
    }
    stage.change("instance delete shop")?;
    ensure!(helm.json("list")? == json!([]), "{}", helm.json("list")?);
    Ok(())
}

/// A release of real helm: it is adopted by its chart's name, changed, tested, repaired and deleted.
fn helms_for_us(stage: &Stage, helm: &Helm, package: &Path) -> Result<()> {
    helm.run(&format!("install tale {} --set greeting=Old --set replicas=2 --wait", package.display()))?;
    let adopt = format!("instance adopt --cluster {} --namespace web --release tale", stage.cluster);
    let (operation, _) = stage.change(&adopt)?;
    ensure!(operation["kind"] == "adopt", "{operation}");
    let instance = stage.json("instance show tale")?;
    ensure!(instance["service"] == "greeter" && instance["version"] == "0.1.0", "{instance}");
    ensure!(instance["state"] == "running", "{instance}");
    let values = stage.json("instance values tale")?;
    ensure!(values["greeting"] == "Old" && values["replicas"] == 2, "{values}");
    ensure!(
        stage.json("instance diff tale")?["changes"] == json!([]),
        "{}",
        stage.json("instance diff tale")?
    );

    stage.change("instance update tale --set greeting=New")?;
    stage.expect("configmap", "tale-greeter", PAGE, &json!("<h1>New</h1>\n"))?;
    stage.expect("deployment", "tale-greeter", "/spec/replicas", &json!(2))?;
    ensure!(helm.history("tale")? == ["1 superseded", "2 deployed"]);
    if let Some(kubectl) = &stage.kubectl {
        let patch = r#"{"data":{"index.html":"by hand"}}"#;
        kubectl.run(&["patch", "configmap", "tale-greeter", "-n", "web", "-p", patch])?.ok()?;
        let diff = stage.server.osc(["instance", "diff", "tale"])?.ok()?;
        ensure!(diff.contains("-  index.html: by hand") || diff.contains("by hand"), "{diff}");
        stage.change("instance update tale --set greeting=New")?;
        stage.expect("configmap", "tale-greeter", PAGE, &json!("<h1>New</h1>\n"))?;
    }
    let (tested, _) = stage.change("instance test tale")?;
    ensure!(tested["steps"].to_string().contains("tale-greeter-test"), "{tested}");
    ensure!(helm.run("status tale")?.contains("Succeeded"), "{}", helm.run("status tale")?);

    stage.change("instance rollback tale --to 1")?;
    stage.expect("configmap", "tale-greeter", PAGE, &json!("<h1>Old</h1>\n"))?;
    stage.change("instance delete tale")?;
    stage.expect_absent("deployment", "tale-greeter")?;
    ensure!(helm.json("list")? == json!([]), "{}", helm.json("list")?);
    Ok(())
}

/// A release that helm merged by itself, as Helm 3 does: what is dropped after its adoption goes, and helm goes on.
fn merged_by_helm(stage: &Stage, helm: &Helm, package: &Path) -> Result<()> {
    let package = package.display();
    helm.run(&format!("install merged {package} --server-side=false --wait"))?;
    stage.change(&format!("instance adopt --cluster {} --namespace web --release merged", stage.cluster))?;
    stage.change("instance update merged --set resources.limits=null")?;
    let resources = "/spec/template/spec/containers/0/resources";
    let requests = json!({"requests": {"cpu": "10m", "memory": "16Mi"}});
    stage.expect("deployment", "merged-greeter", resources, &requests)?;
    helm.run(&format!("upgrade merged {package} --set greeting=Helm"))?;
    stage.expect("configmap", "merged-greeter", PAGE, &json!("<h1>Helm</h1>\n"))?;
    stage.change("instance delete merged")?;
    stage.expect_absent("configmap", "merged-greeter")
}

/// A release whose upgrade real helm never finished: adopting it ends that.
fn left_pending(stage: &Stage, helm: &Helm, package: &Path, endless: &Path) -> Result<()> {
    helm.run(&format!("install stuck {} --wait", package.display()))?;
    let mut upgrade = helm.start(&format!("upgrade stuck {}", endless.display()))?;
    let pending = until(|| Ok(helm.history("stuck")?.contains(&"2 pending-upgrade".to_owned())));
    upgrade.kill()?;
    upgrade.wait()?;
    pending?;
    let refused = helm.ended(&format!("upgrade stuck {}", package.display()))?;
    ensure!(refused.code != Some(0) && refused.err.contains("in progress"), "{refused:?}");

    let adopt = format!("instance adopt --cluster {} --namespace web --release stuck", stage.cluster);
    let plan = stage.json(&format!("{adopt} --dry-run"))?;
    ensure!(plan["warnings"].to_string().contains("pending-upgrade"), "{}", plan["warnings"]);
    stage.change(&adopt)?;
    ensure!(helm.history("stuck")? == ["1 deployed", "2 failed"], "{:?}", helm.history("stuck")?);
    stage.change("instance update stuck --set greeting=Free")?;
    stage.expect("configmap", "stuck-greeter", PAGE, &json!("<h1>Free</h1>\n"))?;
    helm.run(&format!("upgrade stuck {} --set greeting=Helm", package.display()))?;
    stage.expect("configmap", "stuck-greeter", PAGE, &json!("<h1>Helm</h1>\n"))?;
    stage.change("instance delete stuck")?;
    ensure!(helm.json("list")? == json!([]), "{}", helm.json("list")?);
    Ok(())
}

/// A release that does not fit into a Secret: real helm sees that it is there, and it can be changed and deleted.
fn too_large(stage: &Stage, helm: &Helm) -> Result<()> {
    let mut files = chart("greeter")?;
    edit(&mut files, "Chart.yaml", "name: greeter", "name: heavy")?;
    files.iter_mut().for_each(|(path, _)| *path = path.replacen("greeter/", "heavy/", 1));
    for (_, data) in &mut files {
        *data = String::from_utf8_lossy(data).replace("greeter.", "heavy.").into_bytes();
    }
    // Numbers of a simple generator do not compress.
    let mut state = 1_u32;
    let noise = (0..1_500_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    files.push(("heavy/noise.bin".to_owned(), noise.collect()));
    stage.push("heavy", &files)?;
    let deploy = format!("instance deploy heavy --name bulk --cluster {} --namespace web", stage.cluster);
    stage.change(&deploy)?;
    let history = helm.json("history bulk")?;
    ensure!(history[0]["description"].to_string().contains("over 1 MiB"), "{history}");
    ensure!(helm.run("get manifest bulk")?.contains("kind: Deployment"));
    stage.change("instance update bulk --set greeting=Big")?;
    stage.change("instance rollback bulk --to 1")?;
    stage.expect("configmap", "bulk-heavy", PAGE, &json!("<h1>Hello</h1>\n"))?;
    stage.change("instance delete bulk")?;
    stage.expect_absent("configmap", "bulk-heavy")
}

/// Asks again and again until it is so.
fn until(mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !is_so()? {
        if started.elapsed() > LIMIT {
            bail!("it did not happen within {LIMIT:?}");
        }
    }
    Ok(())
}

fn all(stage: &Stage, kubeconfig: &Path) -> Result<()> {
    let Some(helm) = Helm::new(kubeconfig, "web")? else { return Ok(()) };
    let first = chart("greeter")?;
    stage.push("greeter-0.1.0", &first)?;
    let package = packed(stage, "greeter", &first)?;
    let mut slow = first.clone();
    slow.push(("greeter/templates/endless.yaml".to_owned(), ENDLESS.into()));
    let endless = packed(stage, "endless", &slow)?;
    ours_for_helm(stage, &helm, &package).context("a release of ours")?;
    helms_for_us(stage, &helm, &package).context("a release of helm's")?;
    merged_by_helm(stage, &helm, &package).context("a release merged by helm")?;
    left_pending(stage, &helm, &package, &endless).context("a pending release")?;
    too_large(stage, &helm).context("a large release")
}

fn packed(stage: &Stage, name: &str, files: &[(String, Vec<u8>)]) -> Result<PathBuf> {
    pack(stage.folder.path(), name, files)
}

#[test]
fn on_the_sandbox() -> Result<()> {
    let stage = Stage::sandbox()?;
    let kubeconfig = stage.server.data().join("sandbox/kubeconfig");
    all(&stage, &kubeconfig)
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_real_control_plane() -> Result<()> {
    let Some(kube) = RealKube::start().await? else { return Ok(()) };
    let _kubelet = start_kubelet(kube.client());
    let kubeconfig = kube.kubeconfig_path();
    tokio::task::spawn_blocking(move || all(&Stage::real(&kubeconfig)?, &kubeconfig)).await?
}
