//! Measures the built binary as its users meet it, and prints a table. `make bench` builds for release first.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use osc_integration::charts::{chart, fixtures, one_template, pack};
use osc_integration::kubectl::Kubectl;
use osc_integration::osc::{Home, Server, program, run};
use osc_integration::realkube;

/// Objects of the package whose deployment is timed.
const OBJECTS: usize = 200;
/// How often quick things are repeated; the table shows the median.
const RUNS: usize = 11;

/// One line of the table.
struct Row {
    what: String,
    value: String,
}

fn row(what: impl Into<String>, value: impl Into<String>) -> Row {
    Row { what: what.into(), value: value.into() }
}

fn main() -> Result<()> {
    let mut rows = vec![row("size of the binary", mib(std::fs::metadata(program()?)?.len()))];
    // Compiles the components, so that what follows starts as it does every day.
    let first = Server::serve()?;
    rows.push(row("first start to ready, components compiled", time(first.started_in())));
    drop(first);
    for (name, start) in
        [("osc serve", Server::serve as fn() -> Result<Server>), ("osc sandbox", Server::sandbox)]
    {
        let mut times = Vec::new();
        let mut memory = 0;
        for _ in 0..5 {
            let server = start()?;
            times.push(server.started_in());
            server.osc(["cluster", "list"])?.ok()?;
            memory = server.memory()?.0;
        }
        rows.push(row(format!("{name}, start to ready"), time(median(times))));
        rows.push(row(format!("{name}, memory when idle"), mib(memory)));
    }
    rows.extend(render()?);
    rows.extend(deploy()?);
    let wide = rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
    let mut table = String::new();
    for row in rows {
        writeln!(table, "{:wide$}  {:>12}", row.what, row.value)?;
    }
    std::io::stdout().write_all(table.as_bytes())?;
    Ok(())
}

/// A small chart as a process, beside the real helm if it is there.
fn render() -> Result<Vec<Row>> {
    let home = Home::new()?;
    let chart = fixtures().join("charts/greeter");
    let repeated = |mut once: Box<dyn FnMut() -> Result<()> + '_>| -> Result<Duration> {
        once()?;
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let started = Instant::now();
            once()?;
            times.push(started.elapsed());
        }
        Ok(median(times))
    };
    let path = chart.as_os_str();
    let ours = repeated(Box::new(|| {
        home.osc([std::ffi::OsStr::new("package"), "render".as_ref(), path])?.ok()?;
        Ok(())
    }))?;
    let mut rows = vec![row("osc package render, small chart", time(ours))];
    if let Some(helm) = realkube::helm() {
        let theirs = repeated(Box::new(|| {
            let mut command = Command::new(&helm);
            command.args(["template", "x"]).arg(path);
            run(command)?.ok()?;
            Ok(())
        }))?;
        rows.push(row("helm template, the same chart", time(theirs)));
    }
    Ok(rows)
}

/// Many objects at once, beside `kubectl apply` of the same.
fn deploy() -> Result<Vec<Row>> {
    let server = Server::sandbox()?;
    let folder = tempfile::tempdir()?;
    push(&server, &pack(folder.path(), "greeter", &chart("greeter")?)?)?;
    let small = deployed(&server, "greeter", "small")?;
    let template = format!(
        "{{{{- range until {OBJECTS} }}}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ $.Release.Name }}}}-{{{{ . }}}}\ndata:\n  text: \"{{{{ . }}}}\"\n{{{{- end }}}}\n"
    );
    let many = pack(folder.path(), "many", &one_template("many", &template))?;
    push(&server, &many)?;
    let ours = deployed(&server, "many", "many")?;
    let mut rows = vec![
        row("deploy a small chart with a hook, to running", time(small)),
        row(format!("deploy {OBJECTS} objects, objects per second"), rate(ours)),
    ];
    let manifest = folder.path().join("many.yaml");
    let path = many.to_str().context("the path is no text")?;
    std::fs::write(&manifest, server.osc(["package", "render", path, "--name", "beside"])?.ok()?)?;
    if let Some(kubectl) = Kubectl::new(&server.data().join("sandbox/kubeconfig")) {
        let started = Instant::now();
        let file = manifest.to_str().context("the path is no text")?;
        kubectl.run(&["apply", "--server-side", "-n", "default", "-f", file])?.ok()?;
        rows.push(row("kubectl apply --server-side, objects per second", rate(started.elapsed())));
    }
    rows.push(row("memory after that, at its highest", mib(server.memory()?.1)));
    Ok(rows)
}

fn push(server: &Server, package: &Path) -> Result<()> {
    server.osc([std::ffi::OsStr::new("package"), "push".as_ref(), package.as_os_str()])?.ok()?;
    Ok(())
}

fn deployed(server: &Server, service: &str, name: &str) -> Result<Duration> {
    let line = format!("instance deploy {service} --name {name} --cluster sandbox --namespace web --wait");
    let started = Instant::now();
    server.osc(line.split(' '))?.ok()?;
    Ok(started.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn time(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..10_000 => format!("{millis} ms"),
        millis => format!("{:.1} s", millis as f64 / 1000.0),
    }
}

fn rate(duration: Duration) -> String {
    format!("{:.0} /s", OBJECTS as f64 / duration.as_secs_f64())
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
