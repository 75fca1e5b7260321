//! `osc token`: bearer tokens of the user who is signed in.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::Session;
use super::client::path;
use super::failure::Failure;
use super::output::table::{Cell, Column, column, scalar};
use super::output::{Format, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// List your tokens
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// Create a token; it is shown once
    Create(CreateArgs),
    /// Make a token worthless
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What it is for
    name: String,
    /// Days until it ends
    #[arg(long)]
    days: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// Id of the token, from `osc token list`
    id: String,
}

const COLUMNS: &[Column] = &[
    column("ID", Cell::Text("/id")),
    column("NAME", Cell::Text("/name")),
    column("AGE", Cell::Age("/created_at")),
    column("LAST USED", Cell::Age("/last_used_at")),
    column("EXPIRES", Cell::Text("/expires_at")),
];

pub(crate) async fn run(session: &mut Session, command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::List(args) => {
            let items = session.client.list("/tokens", &[], None).await?;
            session.ui.list(args.format, &items, COLUMNS)
        }
        TokenCommand::Create(args) => {
            let mut body = Map::new();
            body.insert("name".into(), args.name.into());
            if let Some(days) = args.days {
                body.insert("days".into(), days.into());
            }
            let token = session.client.post("/tokens", &Value::Object(body)).await?;
            match args.output.format {
                Format::Table => session.ui.text(&format!("{}\n", scalar(token.get("token")))),
                format => session.ui.document(format, &token),
            }
        }
        TokenCommand::Revoke(args) => {
            session.client.delete(&path(&["tokens", &args.id]), &[]).await?;
            session.ui.note(&format!("revoked token `{}`", args.id));
            Ok(())
        }
    }
}
