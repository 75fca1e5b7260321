//! `osc package push`: uploads packages and waits for what the server finds in them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use super::findings::{findings_count, message, place};
use crate::cli::Session;
use crate::cli::client::path;
use crate::cli::failure::Failure;
use crate::cli::output::table::{Cell, Column, column, scalar};
use crate::cli::output::{Format, OutputArgs, Ui};

#[derive(Debug, Args)]
pub(crate) struct PushArgs {
    /// The packages
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

const PUSHED: &[Column] = &[
    column("SERVICE", Cell::Text("/service")),
    column("VERSION", Cell::Text("/version")),
    column("STATE", Cell::State("/state")),
    column("FINDINGS", Cell::With(|version| findings_count(version.get("findings")))),
];

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
