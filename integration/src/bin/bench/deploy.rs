//! Deploying beside `kubectl apply --server-side`, on the embedded cluster and on a real control plane.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use osc_integration::api_client::start_kubelet;
use osc_integration::charts::{chart, one_template, pack};
use osc_integration::kubectl::Kubectl;
use osc_integration::osc::Server;
use osc_integration::realkube::RealKube;

use crate::{Row, mib, row, time};

/// Objects of the package whose deployment is timed.
const OBJECTS: usize = 200;

pub(crate) async fn rows() -> Result<Vec<Row>> {
    let sandbox = tokio::task::spawn_blocking(|| {
        let server = Server::sandbox()?;
        let kubeconfig = server.data().join("sandbox/kubeconfig");
        on("sandbox", &server, &kubeconfig)
    });
    let mut rows = sandbox.await??;
    let Some(kube) = RealKube::start().await? else { return Ok(rows) };
    let _kubelet = start_kubelet(kube.client());
    let kubeconfig = kube.kubeconfig_path();
    let real = tokio::task::spawn_blocking(move || {
        let server = Server::serve()?;
        let path = kubeconfig.to_str().context("the path is no text")?;
        server.osc(["cluster", "add", "--kubeconfig", path, "--name", "real", "--region", "here"])?.ok()?;
        on("real", &server, &kubeconfig)
    });
    rows.extend(real.await??);
    Ok(rows)
}

/// Many objects at once, beside `kubectl apply` of the same, in one cluster.
fn on(cluster: &str, server: &Server, kubeconfig: &Path) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir()?;
    push(server, &pack(folder.path(), "greeter", &chart("greeter")?)?)?;
    let small = deployed(server, cluster, "greeter", "small")?;
    let template = format!(
        "{{{{- range until {OBJECTS} }}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ $.Release.Name }}}}-{{{{ . }}}}\ndata:\n  text: \"{{{{ . }}}}\"\n{{{{- end }}}}\n"
    );
    let many = pack(folder.path(), "many", &one_template("many", &template))?;
    push(server, &many)?;
    let ours = deployed(server, cluster, "many", "many")?;
    let mut rows = vec![
        row(format!("{cluster}: deploy a small chart with a hook, to running"), time(small)),
        row(format!("{cluster}: deploy {OBJECTS} objects, objects per second"), rate(ours)),
    ];
    let manifest = folder.path().join("many.yaml");
    let path = many.to_str().context("the path is no text")?;
    std::fs::write(&manifest, server.osc(["package", "render", path, "--name", "beside"])?.ok()?)?;
    if let Some(kubectl) = Kubectl::new(kubeconfig) {
        let started = Instant::now();
        let file = manifest.to_str().context("the path is no text")?;
        kubectl.run(&["apply", "--server-side", "-n", "default", "-f", file])?.ok()?;
        let name = format!("{cluster}: kubectl apply --server-side, objects per second");
        rows.push(row(name, rate(started.elapsed())));
    }
    rows.push(row(
        format!("{cluster}: memory of the server after that, at its highest"),
        mib(server.memory()?.1),
    ));
    Ok(rows)
}

fn push(server: &Server, package: &Path) -> Result<()> {
    server.osc([std::ffi::OsStr::new("package"), "push".as_ref(), package.as_os_str()])?.ok()?;
    Ok(())
}

fn deployed(server: &Server, cluster: &str, service: &str, name: &str) -> Result<Duration> {
    let line = format!("instance deploy {service} --name {name} --cluster {cluster} --namespace web --wait");
    let started = Instant::now();
    server.osc(line.split(' '))?.ok()?;
    Ok(started.elapsed())
}

fn rate(duration: Duration) -> String {
    format!("{:.0} /s", OBJECTS as f64 / duration.as_secs_f64())
}
