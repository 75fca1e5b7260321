//! `osc operation`: what is being carried out, and how it went.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::changes::{OPERATION_COLUMNS, finish, show_operation};
use super::client::path;
use super::failure::Failure;
use super::output::OutputArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum OperationCommand {
    /// List operations, newest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show one operation with its steps
    Show(OperationArgs),
    /// Follow an operation to its end; fails unless it succeeds
    Watch(OperationArgs),
    /// Stop an operation after the step it is in
    Cancel(ChangeArgs),
    /// Carry a failed or cancelled operation out again from where it stopped
    Retry(ChangeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those of this instance
    #[arg(long)]
    instance: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OperationArgs {
    /// Id of the operation
    operation: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Id of the operation
    operation: String,
    /// Wait for the end, with progress on standard error; fails unless the operation succeeds
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(session: &mut Session, command: OperationCommand) -> Result<(), Failure> {
    match command {
        OperationCommand::List(args) => {
            let query: Vec<(&str, String)> =
                args.instance.into_iter().map(|name| ("instance", name)).collect();
            let items = session.client.list("/operations", &query, Some(args.limit)).await?;
            session.ui.list(args.output.format, &items, OPERATION_COLUMNS)
        }
        OperationCommand::Show(args) => {
            let operation = session.client.get(&path(&["operations", &args.operation])).await?;
            session.ui.object(args.output.format, &operation, show_operation)
        }
        OperationCommand::Watch(args) => {
            let known = json!({ "id": args.operation });
            finish(session, args.output.format, true, known).await
        }
        OperationCommand::Cancel(args) => act(session, args, "cancel").await,
        OperationCommand::Retry(args) => act(session, args, "retry").await,
    }
}

async fn act(session: &mut Session, args: ChangeArgs, action: &str) -> Result<(), Failure> {
    let answer = session.client.post(&path(&["operations", &args.operation, action]), &json!({})).await?;
    let operation = if answer.get("id").is_some_and(Value::is_string) {
        answer
    } else {
        session.client.get(&path(&["operations", &args.operation])).await?
    };
    finish(session, args.output.format, args.wait, operation).await
}
