//! `osc audit`: who did what.

use clap::{Args, Subcommand};

use super::Session;
use super::failure::Failure;
use super::output::OutputArgs;
use super::output::table::{Cell, Column, column};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List what was done, newest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only by this user
    #[arg(long)]
    actor: Option<String>,
    /// Only this kind of operation, such as `CreateInstance`
    #[arg(long)]
    operation: Option<String>,
    /// Only on this kind of thing, such as `instance`
    #[arg(long)]
    resource: Option<String>,
    /// Only with this result: `ok`, `refused` or `failed`
    #[arg(long)]
    result: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
}

const COLUMNS: &[Column] = &[
    column("TIME", Cell::Text("/time")),
    column("ACTOR", Cell::Text("/actor")),
    column("TENANT", Cell::Text("/tenant")),
    column("OPERATION", Cell::Text("/operation")),
    column("RESOURCE", Cell::Text("/resource")),
    column("NAME", Cell::Text("/name")),
    column("RESULT", Cell::State("/result")),
    column("REQUEST", Cell::Text("/request_id")),
];

pub(crate) async fn run(session: &mut Session, command: AuditCommand) -> Result<(), Failure> {
    let AuditCommand::List(args) = command;
    let filters = [
        ("actor", args.actor),
        ("operation", args.operation),
        ("resource", args.resource),
        ("result", args.result),
    ];
    let query: Vec<(&str, String)> =
        filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let items = session.client.list("/audit", &query, Some(args.limit)).await?;
    session.ui.list(args.output.format, &items, COLUMNS)
}
