//! `osc subscription`: what a tenant may deploy.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Session;
use super::changes::finish;
use super::client::path;
use super::failure::Failure;
use super::output::OutputArgs;
use super::output::table::{Cell, Column, column, facts, scalar};

#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionCommand {
    /// Subscribe to a service; subscribing again does nothing
    Create(SubscriptionArgs),
    /// List subscriptions
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// End a subscription; its instances are deleted
    Delete(DeleteArgs),
    /// Allow no new instances for now
    Freeze(SubscriptionArgs),
    /// Allow new instances again
    Unfreeze(SubscriptionArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SubscriptionArgs {
    /// The service: `[PROVIDER/]NAME`
    service: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The service: `[PROVIDER/]NAME`
    service: String,
    /// Do not ask
    #[arg(long, short = 'y')]
    yes: bool,
    /// Wait until its instances are deleted
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    output: OutputArgs,
}

const COLUMNS: &[Column] = &[
    column("SERVICE", Cell::Text("/service")),
    column("STATE", Cell::State("/state")),
    column("INSTANCES", Cell::Text("/instances")),
    column("AGE", Cell::Age("/created_at")),
];

pub(crate) async fn run(session: &mut Session, command: SubscriptionCommand) -> Result<(), Failure> {
    match command {
        SubscriptionCommand::Create(args) => {
            let made = session.client.post("/subscriptions", &json!({ "service": args.service })).await?;
            session.ui.object(args.output.format, &made, show)
        }
        SubscriptionCommand::List(args) => {
            let items = session.client.list("/subscriptions", &[], None).await?;
            session.ui.list(args.format, &items, COLUMNS)
        }
        SubscriptionCommand::Delete(args) => {
            if session.ui.interactive && !args.yes {
                let query = [("service", args.service.clone())];
                let instances = session.client.list("/instances", &query, None).await?;
                for instance in &instances {
                    session.ui.note(&format!("deletes instance `{}`", scalar(instance.get("name"))));
                }
                if !session.ui.confirm(&format!("end the subscription of `{}`?", args.service))? {
                    return Err(Failure::failed("nothing was changed"));
                }
            }
            let answer = session.client.delete(&path(&["subscriptions", &args.service]), &[]).await?;
            if answer.get("steps").is_some() {
                return finish(session, args.output.format, args.wait, answer).await;
            }
            let operations = answer.get("operations").and_then(Value::as_array).cloned().unwrap_or_default();
            for operation in operations.into_iter().filter(|_| args.wait) {
                let operation = if operation.is_string() { json!({ "id": operation }) } else { operation };
                let client = session.client.clone();
                super::progress::watch(&client, &mut session.ui, &scalar(operation.get("id"))).await?;
            }
            session.ui.object(args.output.format, &answer, show)
        }
        SubscriptionCommand::Freeze(args) => act(session, args, "freeze").await,
        SubscriptionCommand::Unfreeze(args) => act(session, args, "unfreeze").await,
    }
}

async fn act(session: &mut Session, args: SubscriptionArgs, action: &str) -> Result<(), Failure> {
    let answer = session.client.post(&path(&["subscriptions", &args.service, action]), &json!({})).await?;
    session.ui.object(args.output.format, &answer, show)
}

fn show(subscription: &Value, paint: super::output::table::Paint) -> String {
    let text = |name: &str| scalar(subscription.get(name));
    facts(&[("service", text("service")), ("state", text("state"))], paint)
}
