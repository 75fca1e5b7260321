//! `osc service`: the catalogue, and a provider's own services.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::changes::ago;
use super::client::path;
use super::failure::{CONFLICT, Failure, NOT_FOUND, USAGE};
use super::output::table::{Cell, Column, Paint, column, facts, render, scalar};
use super::output::{Format, OutputArgs, plain_block};
use super::package::{FINDING_COLUMNS, findings_count};

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// List the services that you can see
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show a service, or one of its versions
    Show(ServiceArgs),
    /// List the versions of a service
    Versions(ServiceArgs),
    /// List what was found in a version
    Findings(ServiceArgs),
    /// Print what may be set when a version is deployed
    Form(ServiceArgs),
    /// Print the documentation of a version
    Readme(ServiceArgs),
    /// Hand a version to the reviewers
    Submit(ServiceArgs),
    /// List versions that wait for a reviewer
    Reviews(OutputArgs),
    /// Approve a version that waits for a review
    Approve(ServiceArgs),
    /// Refuse a version that waits for a review
    Refuse(RefuseArgs),
    /// Show a version to other tenants; the newest when none is named
    Publish(ServiceArgs),
    /// Offer a service, or one of its versions, to nobody new for now
    Suspend(ServiceArgs),
    /// Take a service, or one of its versions, back from other tenants; what runs goes on
    Withdraw(ServiceArgs),
    /// Delete a service, or one of its versions: NAME@VERSION
    Delete(ServiceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only services with this text in name or description
    #[arg(long, short = 's', value_name = "TEXT")]
    search: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The service: `[PROVIDER/]NAME[@VERSION]`
    #[arg(value_name = "SERVICE[@VERSION]")]
    service: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RefuseArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Why, for the provider to read
    #[arg(long)]
    reason: String,
}

const REVIEWS: &[Column] = &[
    column("PROVIDER", Cell::Text("/provider")),
    column("SERVICE", Cell::Text("/version/service")),
    column("VERSION", Cell::Text("/version/version")),
    column("FINDINGS", Cell::With(|review| findings_count(review.pointer("/version/findings")))),
    column("AGE", Cell::Age("/version/created_at")),
];

const COLUMNS: &[Column] = &[
    column("NAME", Cell::Text("/name")),
    column("KIND", Cell::Text("/kind")),
    column("PROVIDER", Cell::Text("/provider")),
    column("LATEST", Cell::Text("/latest_version")),
    column("STATE", Cell::State("/state")),
    column(
        "DESCRIPTION",
        Cell::With(|service| {
            let text = scalar(service.get("description"));
            let short: String = text.chars().take(60).collect();
            if short.len() < text.len() { short.trim_end().to_owned() + "…" } else { text }
        }),
    ),
];

const VERSIONS: &[Column] = &[
    column("SERVICE", Cell::Text("/service")),
    column("VERSION", Cell::Text("/version")),
    column("STATE", Cell::State("/state")),
    column("FINDINGS", Cell::With(|version| findings_count(version.get("findings")))),
    column("AGE", Cell::Age("/created_at")),
    column("DIGEST", Cell::With(|version| scalar(version.get("digest")).chars().take(19).collect())),
];

impl ServiceArgs {
    fn split(&self) -> (&str, Option<&str>) {
        match self.service.split_once('@') {
            Some((service, version)) if !version.is_empty() => (service, Some(version)),
            Some((service, _)) => (service, None),
            None => (&self.service, None),
        }
    }

    fn path(&self) -> String {
        path(&["services", self.split().0])
    }

    /// The named version, else the service.
    fn part_path(&self) -> String {
        match self.split() {
            (service, Some(version)) => path(&["services", service, "versions", version]),
            (service, None) => path(&["services", service]),
        }
    }

    /// The named version, else the newest.
    async fn version_path(&self, session: &Session) -> Result<String, Failure> {
        let (service, version) = self.split();
        if let Some(version) = version {
            return Ok(path(&["services", service, "versions", version]));
        }
        let found = session.client.get(&self.path()).await?;
        match found.get("latest_version").and_then(Value::as_str) {
            Some(version) => Ok(path(&["services", service, "versions", version])),
            None => Err(Failure::new(USAGE, format!("service `{service}` has no ready version"))
                .hint(format!("name one of `osc service versions {service}`"))),
        }
    }
}

pub(crate) async fn run(session: &mut Session, command: ServiceCommand) -> Result<(), Failure> {
    match command {
        ServiceCommand::List(args) => {
            let query: Vec<(&str, String)> = args.search.into_iter().map(|text| ("search", text)).collect();
            let items = session.client.list("/services", &query, None).await?;
            session.ui.list(args.output.format, &items, COLUMNS)
        }
        ServiceCommand::Show(args) => {
            let (_, version) = args.split();
            let place = if version.is_some() { args.version_path(session).await? } else { args.path() };
            let found = session.client.get(&place).await?;
            session.ui.object(
                args.output.format,
                &found,
                if version.is_some() { show_version } else { show_service },
            )
        }
        ServiceCommand::Versions(args) => {
            let items = session.client.list(&format!("{}/versions", args.path()), &[], None).await?;
            session.ui.list(args.output.format, &items, VERSIONS)
        }
        ServiceCommand::Findings(args) => {
            let place = args.version_path(session).await?;
            let items = session.client.list(&format!("{place}/findings"), &[], None).await?;
            session.ui.list(args.output.format, &items, FINDING_COLUMNS)
        }
        ServiceCommand::Form(args) => {
            let place = args.version_path(session).await?;
            let form = session.client.get(&format!("{place}/form")).await?;
            let format = if args.output.format == Format::Table { Format::Yaml } else { args.output.format };
            session.ui.document(format, &form)
        }
        ServiceCommand::Readme(args) => {
            let place = args.version_path(session).await?;
            let text = session.client.text(&format!("{place}/readme"), &[]).await?;
            let text = match serde_json::from_str::<Value>(&text) {
                Ok(Value::Object(answer)) => scalar(answer.get("readme").or_else(|| answer.get("text"))),
                Ok(Value::String(text)) => text,
                _ => text,
            };
            session.ui.text(&format!("{}\n", plain_block(&text).trim_end()))
        }
        ServiceCommand::Submit(args) => {
            let place = args.version_path(session).await?;
            act(session, &args, format!("{place}/submit")).await
        }
        ServiceCommand::Reviews(args) => {
            let items = session.client.list("/reviews", &[], None).await?;
            session.ui.list(args.format, &items, REVIEWS)
        }
        ServiceCommand::Approve(args) => {
            let id = review_of(session, &args).await?;
            act(session, &args, path(&["reviews", &id, "approve"])).await
        }
        ServiceCommand::Refuse(RefuseArgs { service, reason }) => {
            let id = review_of(session, &service).await?;
            let place = path(&["reviews", &id, "refuse"]);
            let version = session.client.post(&place, &json!({ "reason": reason })).await?;
            session.ui.object(service.output.format, &version, show_version)
        }
        ServiceCommand::Publish(args) => {
            let place = format!("{}/publish", args.part_path());
            act(session, &args, place).await
        }
        ServiceCommand::Suspend(args) => {
            let place = format!("{}/suspend", args.part_path());
            act(session, &args, place).await
        }
        ServiceCommand::Withdraw(args) => {
            let place = format!("{}/withdraw", args.part_path());
            act(session, &args, place).await
        }
        ServiceCommand::Delete(args) => {
            let answer = session.client.delete(&args.part_path(), &[]).await?;
            session.ui.note(&format!("deleted `{}`", args.service));
            match (answer, args.output.format) {
                (Value::Null, _) | (_, Format::Table) => Ok(()),
                (answer, format) => session.ui.document(format, &answer),
            }
        }
    }
}

async fn act(session: &mut Session, args: &ServiceArgs, place: String) -> Result<(), Failure> {
    let answer = session.client.post(&place, &json!({})).await?;
    let show = if answer.get("version").is_some() { show_version } else { show_service };
    session.ui.object(args.output.format, &answer, show)
}

/// The review that a reviewer means: `[PROVIDER/]NAME[@VERSION]` among those that wait.
async fn review_of(session: &Session, args: &ServiceArgs) -> Result<String, Failure> {
    let (service, version) = args.split();
    let (provider, name) = match service.split_once('/') {
        Some((provider, name)) => (Some(provider), name),
        None => (None, service),
    };
    let is_meant = |review: &&Value| {
        review.pointer("/version/service") == Some(&name.into())
            && provider.is_none_or(|provider| review["provider"] == provider)
            && version.is_none_or(|version| review.pointer("/version/version") == Some(&version.into()))
    };
    let waiting = session.client.list("/reviews", &[], None).await?;
    match waiting.iter().filter(is_meant).collect::<Vec<_>>().as_slice() {
        [] => Err(Failure::new(NOT_FOUND, format!("`{}` does not wait for a review", args.service))
            .hint("see `osc service reviews`")),
        [review] => Ok(scalar(review.get("id"))),
        _ => Err(Failure::new(CONFLICT, format!("several versions of `{}` wait for a review", args.service))
            .hint("name one as in `osc service reviews`: PROVIDER/NAME@VERSION")),
    }
}

fn show_service(service: &Value, paint: Paint) -> String {
    let text = |name: &str| scalar(service.get(name));
    let mut shown = facts(
        &[
            ("name", text("name")),
            ("kind", text("kind")),
            ("provider", text("provider")),
            ("latest", text("latest_version")),
            ("state", text("state")),
            ("description", text("description")),
            ("created", ago(service, "created_at")),
        ],
        paint,
    );
    if let Some(versions) =
        service.get("versions").and_then(Value::as_array).filter(|versions| !versions.is_empty())
    {
        shown.push('\n');
        shown.push_str(&render(versions, VERSIONS, jiff::Timestamp::now(), paint));
    }
    shown
}

fn show_version(version: &Value, paint: Paint) -> String {
    let text = |name: &str| scalar(version.get(name));
    let fact = |name: &str| {
        scalar(version.get("facts").and_then(|facts| facts.get(name)).or_else(|| version.get(name)))
    };
    let mut shown = facts(
        &[
            ("service", text("service")),
            ("version", text("version")),
            ("state", text("state")),
            ("reason", text("state_reason")),
            ("digest", text("digest")),
            ("app version", fact("app_version")),
            ("description", fact("description")),
            ("images", fact("images")),
            ("created", ago(version, "created_at")),
        ],
        paint,
    );
    if let Some(findings) =
        version.get("findings").and_then(Value::as_array).filter(|findings| !findings.is_empty())
    {
        shown.push('\n');
        shown.push_str(&render(findings, FINDING_COLUMNS, jiff::Timestamp::now(), paint));
    }
    shown
}
