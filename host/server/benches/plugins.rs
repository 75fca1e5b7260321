//! What a plugin call costs: `cargo bench -p osc-server --bench plugins`. Charts come from the recorded corpus.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use osc_plugin_api::documents::plan_request::{InstanceFacts, PlanRequest, Verb};
use osc_plugin_api::manifest::{Grants, Manifest, Role};
use osc_server::plugins::{Allowed, Builtin, Call, Compiler, Plugins, PluginsSettings, builtin};
use osc_server::registry::archive::{ArchiveLimits, Package};
use osc_server::store::db::Db;

const TRIVIAL: &str = "bench.trivial";
const CALLS: usize = 5_000;
const CHARTS: usize = 10;
const RUNS: usize = 10;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let settings = PluginsSettings {
        compiler: Compiler::InProcess,
        ..PluginsSettings::new(data.path(), Db::open(&data.path().join("osc.db"), 2)?)
    };
    let plugins = Plugins::open(settings).await?;
    plugins.prepare().await;

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    install_trivial(&plugins, &root).await?;
    let request =
        || PlanRequest::new(Verb::Install, InstanceFacts { name: "one".into(), ..InstanceFacts::default() });
    let call = Call::default();
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let started = Instant::now();
        plugins.render(TRIVIAL, &call, request()).await?;
        times.push(started.elapsed());
    }
    row("plugin call, trivial", &mut times, "p99 goal 50 µs");

    let started = Instant::now();
    futures::future::try_join_all((0..CALLS).map(|_| plugins.render(TRIVIAL, &call, request()))).await?;
    line(&format!("plugin calls at once: {:.0} per second", CALLS as f64 / started.elapsed().as_secs_f64()));

    cold_start(data.path()).await?;
    render_charts(&plugins, &root).await
}

async fn install_trivial(plugins: &Plugins, root: &Path) -> anyhow::Result<()> {
    let component = std::fs::read(root.join("integration/fixtures/released/0.1.0/plugin.wasm"))?;
    let manifest = Manifest {
        id: TRIVIAL.into(),
        version: "0.1.0".into(),
        roles: vec![Role::Deployer, Role::Scanner],
        description: String::new(),
        grants: Grants {
            package: true,
            kv: true,
            transform: true,
            cluster: vec!["*".into()],
            http: vec!["none.example".into()],
        },
    };
    plugins.install(manifest.append_to(&component)?.into()).await?;
    plugins.set_granted(TRIVIAL, Allowed::ALL).await?;
    plugins.enable(TRIVIAL).await?;
    Ok(())
}

/// What an offline tool waits for when the code is compiled already: engine, code and one call.
async fn cold_start(data: &Path) -> anyhow::Result<()> {
    let cache = data.join("cache/plugins");
    let helm: Vec<Builtin> = builtin().iter().filter(|builtin| builtin.id == "helm").copied().collect();
    let files = vec![(
        "x/Chart.yaml".to_owned(),
        bytes::Bytes::from_static(b"apiVersion: v2\nname: x\nversion: 1.0.0\n"),
    )];
    let call = Call { package: Some(Arc::new(Package::from_files(files)?)), ..Call::default() };
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        let plugins = Plugins::offline_with(&cache, helm.clone(), Compiler::InProcess)?;
        plugins.detect(&call).await;
        times.push(started.elapsed());
    }
    row("offline host, start and detect", &mut times, "");
    Ok(())
}

async fn render_charts(plugins: &Plugins, root: &Path) -> anyhow::Result<()> {
    let shared = std::env::var_os("OSC_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let Ok(folder) = std::fs::read_dir(shared.join("helm-corpus/charts")) else {
        line("rendering: skipped, no recorded corpus in `../shared` or `OSC_SHARED`");
        return Ok(());
    };
    let mut files: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    files.sort();
    // Spread over the corpus; where Helm refuses a chart, its neighbour steps in.
    let step = (files.len() / CHARTS).max(1);
    for files in files.chunks(step).take(CHARTS) {
        for file in files {
            let Ok(mut times) = render(plugins, file).await else { continue };
            let name = file.file_name().context("a file has a name")?.to_string_lossy();
            row(&format!("render {name}"), &mut times, "");
            break;
        }
    }
    Ok(())
}

async fn render(plugins: &Plugins, file: &Path) -> anyhow::Result<Vec<Duration>> {
    let package = Package::open(std::fs::read(file)?.into(), &ArchiveLimits::default())?;
    let call =
        Call { package: Some(Arc::new(package)), namespace: Some("default".into()), ..Call::default() };
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let instance =
            InstanceFacts { name: "one".into(), namespace: "default".into(), ..InstanceFacts::default() };
        let started = Instant::now();
        plugins.render("helm", &call, PlanRequest::new(Verb::Install, instance)).await?;
        times.push(started.elapsed());
    }
    Ok(times)
}

fn row(what: &str, times: &mut [Duration], note: &str) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    line(&format!("{what:<48} p50 {:>9.0} µs   p99 {:>9.0} µs   {note}", at(0.5), at(0.99)));
}

fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
