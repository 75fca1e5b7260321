//! `osc user`: who may sign in.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Session;
use super::client::path;
use super::failure::Failure;
use super::output::table::{Cell, Column, column, scalar};
use super::output::{Format, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// List users
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// Create a user
    Create(CreateArgs),
    /// Keep a user from signing in
    Disable(UserArgs),
    /// Let a user sign in again
    Enable(UserArgs),
    /// Set a user's password, read from standard input
    Password(UserArgs),
    /// Make a link that signs a user in once
    Link(UserArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name of the user
    name: String,
    /// Read a password from standard input; without one the user signs in by token only
    #[arg(long)]
    password_stdin: bool,
    /// Role on the platform: `administrator` or `reviewer`
    #[arg(long, value_parser = ["administrator", "reviewer"])]
    platform_role: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    /// Name of the user
    user: String,
    #[command(flatten)]
    output: OutputArgs,
}

const COLUMNS: &[Column] = &[
    column("NAME", Cell::Text("/name")),
    column("PLATFORM ROLE", Cell::Text("/platform_role")),
    column("DISABLED", Cell::Text("/disabled")),
    column("AGE", Cell::Age("/created_at")),
];

pub(crate) async fn run(session: &mut Session, command: UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::List(args) => {
            let items = session.client.list("/users", &[], None).await?;
            session.ui.list(args.format, &items, COLUMNS)
        }
        UserCommand::Create(args) => {
            let mut body = Map::new();
            body.insert("name".into(), args.name.into());
            if args.password_stdin {
                body.insert("password".into(), session.ui.secret("password")?.into());
            }
            if let Some(role) = args.platform_role {
                body.insert("platform_role".into(), role.into());
            }
            let user = session.client.post("/users", &Value::Object(body)).await?;
            session.ui.list_of_one(args.output.format, &user, COLUMNS)
        }
        UserCommand::Disable(args) => update(session, args, json!({ "disabled": true })).await,
        UserCommand::Enable(args) => update(session, args, json!({ "disabled": false })).await,
        UserCommand::Password(args) => {
            let password = session.ui.secret("password")?;
            update(session, args, json!({ "password": password })).await
        }
        UserCommand::Link(args) => {
            let link = session.client.post(&path(&["users", &args.user, "link"]), &json!({})).await?;
            match args.output.format {
                Format::Table => {
                    let url =
                        format!("{}/sign-in#token={}", session.client.server(), scalar(link.get("token")));
                    session.ui.text(&format!("{url}\n"))
                }
                format => session.ui.document(format, &link),
            }
        }
    }
}

async fn update(session: &mut Session, args: UserArgs, body: Value) -> Result<(), Failure> {
    let user = session.client.patch(&path(&["users", &args.user]), &body).await?;
    session.ui.list_of_one(args.output.format, &user, COLUMNS)
}
