//! How long charts take to render, beside the real Helm inside one process: `cargo bench -p osc-server --bench charts`.
//! Every case of the recorded corpus is read from its archive and rendered; the best of a few runs counts.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use osc_plugin_api::documents::plan_request::{ClusterFacts, InstanceFacts, PlanRequest, Verb};
use osc_plugin_helm::template::{Options, Printed, template};
use osc_plugin_helm::{load, values};
use osc_server::plugins::{Builtin, Call, Compiler, Plugins, builtin};
use osc_server::registry::archive::{ArchiveLimits, Package};
use serde_json::{Value, json};

const RUNS: usize = 3;
/// Templates nest deep.
const STACK: usize = 64 << 20;

/// One rendering of the corpus.
struct Case {
    name: String,
    chart: PathBuf,
    values: Option<PathBuf>,
}

/// What all cases have in common.
struct Corpus {
    release: String,
    namespace: String,
    kube_version: String,
    cases: Vec<Case>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("OSC_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let Some(corpus) = Corpus::read(&shared.join("helm-corpus"))? else {
        return say("rendering charts: skipped, no recorded corpus in `../shared` or `OSC_SHARED`");
    };
    let corpus = Arc::new(corpus);
    say(&format!(
        "{:<34} {:>10} {:>10} {:>10}",
        format!("{} charts", corpus.cases.len()),
        "p50",
        "p99",
        "max"
    ))?;
    let component = component(&corpus).await?;
    corpus.row("ours, as a component", &component)?;
    let (shared, name) = (corpus.clone(), "osc-bench".to_owned());
    let native = std::thread::Builder::new().name(name).stack_size(STACK).spawn(move || native(&shared))?;
    let native = native.join().map_err(|_| anyhow::anyhow!("a chart made the renderer panic"))??;
    corpus.row("ours, native", &native)?;
    match RealHelm::start(&root.join("integration/helmbench"))? {
        None => say("real Helm: skipped, there is no `go` to build it with"),
        Some(mut helm) => {
            let times = corpus.cases.iter().map(|case| best(|| helm.render(&corpus, case)));
            let times = times.collect::<Result<Vec<_>>>()?;
            corpus.row("real Helm, in process", &times)?;
            say(&format!(
                "ours as a component takes {:.2} of Helm's median",
                median(&component) / median(&times)
            ))
        }
    }
}

impl Corpus {
    fn read(folder: &Path) -> Result<Option<Corpus>> {
        let index = folder.join("index.json");
        if !index.exists() {
            return Ok(None);
        }
        let index: Value = serde_json::from_slice(&std::fs::read(&index)?)?;
        let text = |value: &Value| value.as_str().map(str::to_owned).context("the index holds no text there");
        let mut cases = Vec::new();
        for chart in index["charts"].as_array().context("the index has no charts")? {
            for case in chart["cases"].as_array().context("a chart has no cases")? {
                cases.push(Case {
                    name: text(&case["case"])?,
                    chart: folder.join(text(&chart["chart"])?),
                    values: case["values"].as_str().map(|file| folder.join(file)),
                });
            }
        }
        Ok(Some(Corpus {
            release: text(&index["release_name"])?,
            namespace: text(&index["namespace"])?,
            kube_version: text(&index["kube_version"])?,
            cases,
        }))
    }

    fn row(&self, what: &str, times: &[Duration]) -> Result<()> {
        let slowest = times.iter().zip(&self.cases).max_by_key(|(time, _)| **time);
        let slowest = slowest.map_or("", |(_, case)| &case.name);
        let mut sorted = times.to_vec();
        sorted.sort();
        let at = |share: f64| {
            let index = (sorted.len().saturating_sub(1) as f64 * share) as usize;
            format!("{:.1} ms", sorted.get(index).copied().unwrap_or_default().as_secs_f64() * 1e3)
        };
        say(&format!("{what:<34} {:>10} {:>10} {:>10}   {slowest}", at(0.5), at(0.99), at(1.0)))
    }
}

/// Through the host, as the server and the offline tools do.
async fn component(corpus: &Corpus) -> Result<Vec<Duration>> {
    let cache = tempfile::tempdir()?;
    let helm: Vec<Builtin> = builtin().iter().filter(|builtin| builtin.id == "helm").copied().collect();
    let plugins = Plugins::offline_with(cache.path(), helm, Compiler::InProcess)?;
    plugins.prepare().await;
    let mut times = Vec::new();
    for case in &corpus.cases {
        let mut quickest = Duration::MAX;
        for _ in 0..RUNS {
            let started = Instant::now();
            let package = Package::open(std::fs::read(&case.chart)?.into(), &ArchiveLimits::default())?;
            let (package, namespace) = (Some(Arc::new(package)), Some(corpus.namespace.clone()));
            let call = Call { package, namespace, deadline: Duration::from_secs(60), ..Call::default() };
            let instance = InstanceFacts {
                name: corpus.release.clone(),
                namespace: corpus.namespace.clone(),
                ..InstanceFacts::default()
            };
            let mut request = PlanRequest::new(Verb::Install, instance);
            request.values = case.values()?;
            request.cluster =
                ClusterFacts { kube_version: corpus.kube_version.clone(), ..ClusterFacts::default() };
            plugins.render("helm", &call, request).await.with_context(|| case.name.clone())?;
            quickest = quickest.min(started.elapsed());
        }
        times.push(quickest);
    }
    Ok(times)
}

fn native(corpus: &Corpus) -> Result<Vec<Duration>> {
    let render = |case: &Case| {
        let started = Instant::now();
        let failed = |reason: String| anyhow::anyhow!("{}: {reason}", case.name);
        let chart =
            load::load_archive(&std::fs::read(&case.chart)?).map_err(|error| failed(error.to_string()))?;
        let options = Options {
            name: corpus.release.clone(),
            namespace: corpus.namespace.clone(),
            kube_version: corpus.kube_version.clone(),
            ..Options::default()
        };
        let output = template(chart, &case.values()?, &options).map_err(|error| failed(error.message))?;
        std::hint::black_box(output.text(Printed::default()));
        Ok(started.elapsed())
    };
    corpus.cases.iter().map(|case| best(|| render(case))).collect()
}

impl Case {
    fn values(&self) -> Result<Value> {
        let Some(file) = &self.values else { return Ok(json!({})) };
        values::load_values(&std::fs::read_to_string(file)?).map_err(|reason| anyhow::anyhow!("{reason}"))
    }
}

/// The program of `integration/helmbench`; it ends when its standard input does.
struct RealHelm {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    _folder: tempfile::TempDir,
}

impl RealHelm {
    /// Builds and starts it; `None` without a Go toolchain.
    fn start(source: &Path) -> Result<Option<RealHelm>> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("helmbench");
        let mut build = Command::new("go");
        build
            .args(["build", "-trimpath", "-buildvcs=false", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(source);
        let built = match build.env("CGO_ENABLED", "0").status() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            built => built?,
        };
        if !built.success() {
            bail!("`{}` does not build", source.display());
        }
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let answers = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Some(RealHelm { requests: child.stdin.take(), child, answers, _folder: folder }))
    }

    fn render(&mut self, corpus: &Corpus, case: &Case) -> Result<Duration> {
        let request = json!({
            "chart": case.chart,
            "values": case.values.iter().collect::<Vec<_>>(),
            "name": corpus.release,
            "namespace": corpus.namespace,
            "kube_version": corpus.kube_version,
        });
        writeln!(self.requests.as_mut().context("it has ended")?, "{request}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).with_context(|| case.name.clone())?;
        if let Some(error) = answer["error"].as_str() {
            bail!("real Helm refuses {}: {error}", case.name);
        }
        Ok(Duration::from_nanos(answer["nanoseconds"].as_u64().context("no time in the answer")?))
    }
}

impl Drop for RealHelm {
    fn drop(&mut self) {
        self.requests = None;
        let _ = self.child.wait();
    }
}

fn best(mut once: impl FnMut() -> Result<Duration>) -> Result<Duration> {
    let mut quickest = once()?;
    for _ in 1..RUNS {
        quickest = quickest.min(once()?);
    }
    Ok(quickest)
}

fn median(times: &[Duration]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default().as_secs_f64()
}

fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
