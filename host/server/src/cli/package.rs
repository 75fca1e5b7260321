//! `osc package`: tools for package files. All but `push` work without a server, through the same component
//! that the server uses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use osc_plugin_api::documents::finding::{Finding, Outcome, Severity};
use osc_plugin_api::documents::package::PackageFacts;
use osc_plugin_api::documents::plan_request::{ClusterFacts, InstanceFacts, PlanOptions, PlanRequest, Verb};
use reqwest::Method;
use serde_json::{Value, json};

use super::changes::describe;
use super::client::path;
use super::failure::{Failure, REFUSED};
use super::offline::Workbench;
use super::output::table::{Cell, Column, Paint, column, facts, render, scalar};
use super::output::{Format, OutputArgs, Ui, plain};
use super::values::ValuesArgs;
use super::{Session, duration};

/// A component may work so long on a package.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Show what a package is
    Inspect(FileArgs),
    /// Check a package; fails when it would be refused
    Lint(LintArgs),
    /// Print the objects of a package, as `helm template` does for charts
    Render(Box<RenderArgs>),
    /// Look for weaknesses in a package and its objects
    Scan(ScanArgs),
    /// Turn a Helm chart into an OSC package
    Convert(ConvertArgs),
    /// Upload packages to the server
    Push(PushArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The package: an archive or a folder
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// The package: an archive or a folder
    file: PathBuf,
    /// The OSC package to make: a `.zip` or `.tgz`, or a folder; `NAME-osc.zip` when left out
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// The package: an archive or a folder
    file: PathBuf,
    /// Fail for warnings too
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// The package: an archive or a folder
    file: PathBuf,
    /// Fail for findings of this severity and above
    #[arg(long, value_name = "SEVERITY", value_parser = ["critical", "high", "medium", "low", "info"])]
    fail_on: Option<String>,
    #[command(flatten)]
    values: ValuesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RenderFormat {
    Yaml,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The package: an archive or a folder
    #[arg(value_name = "CHART")]
    file: PathBuf,
    /// Name of the release
    #[arg(long, default_value = "release-name")]
    name: String,
    /// Namespace of the release
    #[arg(long, short = 'n', default_value = "default")]
    namespace: String,
    /// Version of the cluster to render for
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that the cluster has beside the usual ones (repeatable)
    #[arg(long, short = 'a', value_name = "VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Print custom resource definitions too
    #[arg(long)]
    include_crds: bool,
    /// Leave test hooks out
    #[arg(long)]
    skip_tests: bool,
    /// Leave all hooks out
    #[arg(long)]
    no_hooks: bool,
    /// Render as for an upgrade
    #[arg(long)]
    is_upgrade: bool,
    /// Print the notes behind the objects
    #[arg(long)]
    show_notes: bool,
    #[command(flatten)]
    values: ValuesArgs,
    /// How to print the objects
    #[arg(short = 'o', long = "output", value_enum, default_value = "yaml")]
    format: RenderFormat,
    /// How long rendering may take
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    timeout: u32,
}

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The packages
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Columns of a list of findings.
pub(crate) const FINDING_COLUMNS: &[Column] = &[
    column("SEVERITY", Cell::State("/severity")),
    column("CHECK", Cell::Text("/check")),
    column("PLACE", Cell::With(|finding| place(finding).unwrap_or_default())),
    column("MESSAGE", Cell::With(message)),
];

const PUSHED: &[Column] = &[
    column("SERVICE", Cell::Text("/service")),
    column("VERSION", Cell::Text("/version")),
    column("STATE", Cell::State("/state")),
    column("FINDINGS", Cell::With(|version| findings_count(version.get("findings")))),
];

/// Runs a tool that needs no server.
pub(crate) async fn run_offline(ui: &mut Ui, command: PackageCommand) -> Result<(), Failure> {
    match command {
        PackageCommand::Inspect(args) => {
            let bench = Workbench::open(ui, &args.file, DEADLINE).await?;
            let document = to_value(bench.facts())?;
            ui.object(args.output.format, &document, |_, paint| show_facts(bench.facts(), paint))
        }
        PackageCommand::Lint(args) => {
            let bench = Workbench::open_without_facts(ui, &args.file, DEADLINE).await?;
            let findings = bench.lint().await?;
            print_findings(ui, args.output.format, &findings)?;
            let bad = |finding: &&Finding| finding.blocking || args.strict && is_warning(finding);
            let count = findings.iter().filter(bad).count();
            if count > 0 {
                return Err(Failure::new(
                    REFUSED,
                    format!(
                        "`{}` would be refused: {count} of {} findings",
                        args.file.display(),
                        findings.len()
                    ),
                ));
            }
            Ok(())
        }
        PackageCommand::Scan(args) => {
            let bench = Workbench::open_without_facts(ui, &args.file, DEADLINE).await?;
            let request = request("release-name", "default", args.values.read()?);
            let found = bench.scan(request).await?;
            print_findings(ui, args.output.format, &found)?;
            let limit = args.fail_on.and_then(|name| serde_json::from_value::<Severity>(name.into()).ok());
            let bad = |finding: &&Finding| {
                finding.result == Outcome::Fail && limit.is_some_and(|limit| finding.severity <= limit)
            };
            match found.iter().filter(bad).count() {
                0 => Ok(()),
                count => Err(Failure::new(REFUSED, format!("{count} findings are too severe"))),
            }
        }
        PackageCommand::Render(args) => render_package(ui, *args).await,
        PackageCommand::Convert(args) => {
            let stem =
                args.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let ends = [".tgz", ".tar.gz", ".zip"];
            let stem = ends.iter().find_map(|end| stem.strip_suffix(end)).unwrap_or(&stem);
            let stem = if stem.is_empty() { "package" } else { stem };
            let to = args.to.unwrap_or_else(|| format!("{stem}-osc.zip").into());
            super::oscctl::convert::convert(&args.file, &to)?;
            let made = json!({ "file": to.display().to_string(), "kind": "osc" });
            ui.object(args.output.format, &made, |made, paint| {
                facts(&[("file", scalar(made.get("file")))], paint)
            })
        }
        PackageCommand::Push(_) => Err(Failure::failed("pushing needs a server")),
    }
}

async fn render_package(ui: &mut Ui, args: RenderArgs) -> Result<(), Failure> {
    let mut request = request(&args.name, &args.namespace, args.values.read()?);
    request.cluster =
        ClusterFacts { kube_version: args.kube_version.unwrap_or_default(), api_versions: args.api_versions };
    if args.is_upgrade {
        request.verb = Verb::Upgrade;
    }
    request.options = PlanOptions {
        include_crds: args.include_crds,
        skip_tests: args.skip_tests,
        no_hooks: args.no_hooks,
        ..PlanOptions::default()
    };
    let bench =
        Workbench::open_without_facts(ui, &args.file, Duration::from_secs(args.timeout.into())).await?;
    let rendering = bench.render(request).await?;
    for warning in &rendering.warnings {
        ui.note(&format!("warning: {warning}"));
    }
    match args.format {
        RenderFormat::Yaml => {
            ui.text(&rendering.text)?;
            if let Some(notes) = rendering.notes.filter(|_| args.show_notes) {
                ui.text(&format!("NOTES:\n{}\n", notes.trim_end()))?;
            }
            Ok(())
        }
        RenderFormat::Json => {
            let objects = rendering.objects.into_iter().map(|rendered| rendered.object).collect();
            ui.document(Format::Json, &Value::Array(objects))?;
            if let Some(notes) = rendering.notes.filter(|_| args.show_notes) {
                ui.note("NOTES:");
                for line in notes.trim_end().lines() {
                    ui.note(line);
                }
            }
            Ok(())
        }
    }
}

fn request(name: &str, namespace: &str, values: Value) -> PlanRequest {
    PlanRequest {
        schema: PlanRequest::SCHEMA.into(),
        verb: Verb::Install,
        instance: InstanceFacts {
            name: name.into(),
            namespace: namespace.into(),
            ..InstanceFacts::default()
        },
        operation: String::new(),
        revision: 1,
        values,
        cluster: ClusterFacts::default(),
        options: PlanOptions::default(),
        current: None,
        target: None,
        inventory: Vec::new(),
        release: None,
    }
}

/// Uploads packages and shows what was found in them; fails when one is rejected.
pub(crate) async fn push(session: &mut Session, args: PushArgs) -> Result<(), Failure> {
    let answer = match args.files.as_slice() {
        [file] => {
            let (body, name) = open(file).await?;
            let request = session.client.request(Method::POST, "/packages").query(&[("filename", name)]);
            session.client.send(request.header("Content-Type", "application/octet-stream").body(body)).await?
        }
        files => {
            let mut form = reqwest::multipart::Form::new();
            for file in files {
                let (body, name) = open(file).await?;
                form = form.part("file", reqwest::multipart::Part::stream(body).file_name(name));
            }
            session.client.send(session.client.request(Method::POST, "/packages").multipart(form)).await?
        }
    };
    let mut versions = match answer {
        Value::Array(versions) => versions,
        Value::Object(mut page) if page.contains_key("items") => match page.remove("items") {
            Some(Value::Array(versions)) => versions,
            _ => Vec::new(),
        },
        version => vec![version],
    };
    for version in &mut versions {
        *version = settled(session, version.take()).await?;
    }
    session.ui.list(args.output.format, &versions, PUSHED)?;
    if args.output.format == Format::Table {
        show_findings(&mut session.ui, &versions);
    }
    let rejected: Vec<String> = versions
        .iter()
        .filter(|version| version["state"] == "rejected")
        .map(|version| format!("`{}` {}", scalar(version.get("service")), scalar(version.get("version"))))
        .collect();
    match rejected.as_slice() {
        [] => Ok(()),
        names => Err(Failure::refused(format!("rejected: {}", names.join(", ")))
            .hint("see the findings, and push a mended package")),
    }
}

/// Waits until a version has been checked.
async fn settled(session: &Session, mut version: Value) -> Result<Value, Failure> {
    let started = tokio::time::Instant::now();
    while matches!(version["state"].as_str(), Some("uploaded" | "validating" | "scanning")) {
        if started.elapsed().as_secs() > 300 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (service, number) = (scalar(version.get("service")), scalar(version.get("version")));
        version = session.client.get(&path(&["services", &service, "versions", &number])).await?;
    }
    Ok(version)
}

fn show_findings(ui: &mut Ui, versions: &[Value]) {
    for version in versions {
        let findings =
            version.get("findings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let shown: Vec<&Value> = findings.iter().filter(|finding| finding["result"] != "pass").collect();
        if shown.is_empty() {
            continue;
        }
        ui.note(&format!(
            "\nfound in {} {}:",
            scalar(version.get("service")),
            scalar(version.get("version"))
        ));
        for finding in shown {
            let place = place(finding).map(|place| format!("{place}: ")).unwrap_or_default();
            let severity = scalar(finding.get("severity"));
            ui.note_state(&severity, &format!("{place}{}", message(finding)));
        }
    }
}

/// A file as a streamed body, and its name.
pub(crate) async fn open(file: &Path) -> Result<(reqwest::Body, String), Failure> {
    let handle = tokio::fs::File::open(file).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!("file `{}` does not exist", file.display())),
        _ => Failure::failed(format!("cannot read `{}`: {error}", file.display())),
    })?;
    let metadata = handle.metadata().await?;
    if metadata.is_dir() {
        return Err(Failure::usage(format!("`{}` is a folder", file.display()))
            .hint("pack it first, as with `helm package`"));
    }
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((handle.into(), name))
}

fn to_value(value: &impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::failed(error.to_string()))
}

fn print_findings(ui: &mut Ui, format: Format, findings: &[Finding]) -> Result<(), Failure> {
    let document = to_value(&findings)?;
    let items = document.as_array().map(Vec::as_slice).unwrap_or_default();
    match format {
        Format::Table if items.is_empty() => ui.text("nothing found\n"),
        format => ui.list(format, items, FINDING_COLUMNS),
    }
}

fn is_warning(finding: &Finding) -> bool {
    finding.result == Outcome::Fail && finding.severity != Severity::Info
}

/// Where a finding is: `file:line`, `file`, or the object.
pub(crate) fn place(finding: &Value) -> Option<String> {
    let path = finding.get("path").and_then(Value::as_str);
    match (path, finding.get("line").and_then(Value::as_u64)) {
        (Some(path), Some(line)) => Some(format!("{path}:{line}")),
        (Some(path), None) => Some(path.to_owned()),
        _ => finding.get("object").and_then(Value::as_str).map(str::to_owned),
    }
}

fn message(finding: &Value) -> String {
    let text = scalar(finding.get("message"));
    match finding.get("remediation").and_then(Value::as_str) {
        Some(way_out) if !way_out.is_empty() => format!("{text} ({way_out})"),
        _ => text,
    }
}

/// How many findings of which severity: `1 high, 3 low`.
pub(crate) fn findings_count(findings: Option<&Value>) -> String {
    let findings = match findings {
        Some(Value::Array(findings)) => findings,
        other => return scalar(other),
    };
    let count = |severity: &str| {
        findings
            .iter()
            .filter(|finding| finding["severity"] == severity && finding["result"] != "pass")
            .count()
    };
    let counted: Vec<String> = ["critical", "high", "medium", "low", "info"]
        .into_iter()
        .map(|severity| (severity, count(severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    if counted.is_empty() { "none".to_owned() } else { counted.join(", ") }
}

fn show_facts(package: &PackageFacts, paint: Paint) -> String {
    let option = |text: &Option<String>| text.clone().unwrap_or_default();
    let maintainers = package.maintainers.iter().map(|person| match &person.email {
        Some(email) => format!("{} <{email}>", person.name),
        None => person.name.clone(),
    });
    let mut shown = facts(
        &[
            ("name", package.name.clone()),
            ("kind", package.kind.clone()),
            ("version", package.version.clone()),
            ("app version", option(&package.app_version)),
            ("description", option(&package.description)),
            ("home", option(&package.home)),
            ("license", option(&package.license)),
            ("needs cluster", option(&package.kube_version)),
            ("keywords", package.keywords.join(", ")),
            ("maintainers", maintainers.collect::<Vec<_>>().join(", ")),
            ("deprecated", if package.deprecated { "yes".into() } else { String::new() }),
        ],
        paint,
    );
    let dependencies: Vec<Value> = package
        .dependencies
        .iter()
        .map(|one| json!({ "name": one.name, "version": one.version, "repository": one.repository }))
        .collect();
    if !dependencies.is_empty() {
        shown.push('\n');
        shown.push_str(&render(&dependencies, DEPENDENCIES, jiff::Timestamp::now(), paint));
    }
    let permissions: Vec<String> = package.permissions.iter().map(describe).collect();
    for (heading, lines) in
        [("images", &package.images), ("definitions", &package.crds), ("permissions", &permissions)]
    {
        if lines.is_empty() {
            continue;
        }
        shown.push_str(&format!("\n{heading}:\n"));
        for line in lines {
            shown.push_str(&format!("    {}\n", plain(line)));
        }
    }
    shown
}

const DEPENDENCIES: &[Column] = &[
    column("DEPENDENCY", Cell::Text("/name")),
    column("VERSION", Cell::Text("/version")),
    column("REPOSITORY", Cell::Text("/repository")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn findings_are_counted_by_severity() {
        let findings = json!([{"severity": "high", "result": "fail"}, {"severity": "low"}, {"severity": "low"}, {"severity": "info", "result": "pass"}]);
        assert_eq!(findings_count(Some(&findings)), "1 high, 2 low");
        assert_eq!(findings_count(Some(&json!([]))), "none");
    }

    #[test]
    fn facts_of_a_package_read_well() {
        let facts: PackageFacts = serde_json::from_value(json!({
            "kind": "helm", "name": "web", "version": "1.2.0", "maintainers": [{"name": "Ann", "email": "ann@example.org"}],
            "images": ["registry.example/web:1"], "dependencies": [{"name": "db", "version": "^1"}]
        }))
        .unwrap();
        assert_snapshot!(show_facts(&facts, Paint::Plain), @r"
        name:        web
        kind:        helm
        version:     1.2.0
        maintainers: Ann <ann@example.org>

        DEPENDENCY  VERSION  REPOSITORY
        db          ^1       -

        images:
            registry.example/web:1
        ");
    }
}
