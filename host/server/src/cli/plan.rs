//! `osc plan`: look at a plan made before, and carry it out.

use clap::{Args, Subcommand};

use super::Session;
use super::changes::{apply_plan, show_plan};
use super::client::path;
use super::failure::Failure;
use super::output::OutputArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Show a plan
    Show(ShowArgs),
    /// Carry a plan out, exactly as it was shown
    Apply(ApplyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Id of the plan
    plan: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Id of the plan
    plan: String,
    /// Wait for the end, with progress on standard error; fails unless the operation succeeds
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(session: &mut Session, command: PlanCommand) -> Result<(), Failure> {
    match command {
        PlanCommand::Show(args) => {
            let plan = session.client.get(&path(&["plans", &args.plan])).await?;
            session.ui.object(args.output.format, &plan, show_plan)
        }
        PlanCommand::Apply(args) => {
            let plan = session.client.get(&path(&["plans", &args.plan])).await?;
            apply_plan(session, args.output.format, args.wait, &plan).await
        }
    }
}
