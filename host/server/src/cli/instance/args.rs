//! What the commands about instances take.

use clap::Args;
use serde_json::{Map, Value};

use crate::cli::changes::ChangeArgs;
use crate::cli::duration;
use crate::cli::output::OutputArgs;
use crate::cli::values::ValuesArgs;

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// Name or id of the instance
    pub(super) instance: String,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ValuesCommandArgs {
    /// Name or id of the instance
    pub(super) instance: String,
    /// Print the package's defaults too
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// How a plan is carried out.
#[derive(Debug, Default, Args)]
pub(crate) struct RunArgs {
    /// How long each wait may take, such as `90s`, `5m` or `1h`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) timeout: Option<u32>,
    /// Leave the package's hooks out
    #[arg(long)]
    pub(super) no_hooks: bool,
}

impl RunArgs {
    pub(super) fn add_to(&self, body: &mut Map<String, Value>) {
        if let Some(seconds) = self.timeout {
            body.insert("timeout_seconds".into(), seconds.into());
        }
        if self.no_hooks {
            body.insert("no_hooks".into(), true.into());
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    /// The service: `[PROVIDER/]NAME[@VERSION]`
    #[arg(value_name = "SERVICE[@VERSION]", required_unless_present = "plan")]
    pub(super) service: Option<String>,
    /// Name of the instance; made from the service's when left out
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The cluster to deploy to
    #[arg(long, required_unless_present = "plan")]
    pub(super) cluster: Option<String>,
    /// The namespace to deploy to
    #[arg(long, short = 'n', default_value = "default")]
    pub(super) namespace: String,
    /// A note for people
    #[arg(long)]
    pub(super) description: Option<String>,
    #[command(flatten)]
    pub(super) values: ValuesArgs,
    #[command(flatten)]
    pub(super) run: RunArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those in this cluster
    #[arg(long)]
    pub(super) cluster: Option<String>,
    /// Only those in this namespace
    #[arg(long, short = 'n')]
    pub(super) namespace: Option<String>,
    /// Only those of this service
    #[arg(long)]
    pub(super) service: Option<String>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// Name or id of the instance
    #[arg(required_unless_present = "plan")]
    pub(super) instance: Option<String>,
    /// Forget all values set before
    #[arg(long)]
    pub(super) reset_values: bool,
    #[command(flatten)]
    pub(super) values: ValuesArgs,
    #[command(flatten)]
    pub(super) run: RunArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UpgradeArgs {
    /// Name or id of the instance
    #[arg(required_unless_present = "plan")]
    pub(super) instance: Option<String>,
    /// The version; the newest when left out
    #[arg(long, value_name = "VERSION")]
    pub(super) to: Option<String>,
    /// Forget all values set before
    #[arg(long)]
    pub(super) reset_values: bool,
    #[command(flatten)]
    pub(super) values: ValuesArgs,
    #[command(flatten)]
    pub(super) run: RunArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// Name or id of the instance
    #[arg(required_unless_present = "plan")]
    pub(super) instance: Option<String>,
    /// The revision; the one before when left out
    #[arg(long, value_name = "REVISION")]
    pub(super) to: Option<u32>,
    #[command(flatten)]
    pub(super) run: RunArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The cluster that holds the release
    #[arg(long, required_unless_present = "plan")]
    pub(super) cluster: Option<String>,
    /// The release's namespace
    #[arg(long, short = 'n', default_value = "default")]
    pub(super) namespace: String,
    /// The release's name
    #[arg(long, required_unless_present = "plan")]
    pub(super) release: Option<String>,
    /// Name of the instance; the release's when left out
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The service it belongs to; found by the chart's name and version when left out
    #[arg(long, value_name = "SERVICE[@VERSION]")]
    pub(super) service: Option<String>,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Name or id of the instance
    #[arg(required_unless_present = "plan")]
    pub(super) instance: Option<String>,
    #[command(flatten)]
    pub(super) run: RunArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Name or id of the instance
    #[arg(required_unless_present = "plan")]
    pub(super) instance: Option<String>,
    /// Delete its volumes too
    #[arg(long)]
    pub(super) purge_data: bool,
    /// Delete the namespace too, if it was made for the instance and is empty
    #[arg(long)]
    pub(super) delete_namespace: bool,
    /// Delete the instances that it depends on too
    #[arg(long)]
    pub(super) cascade: bool,
    /// Do not ask
    #[arg(long, short = 'y')]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) run: RunArgs,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExposeArgs {
    /// Name or id of the instance
    #[arg(required_unless_present = "plan")]
    pub(super) instance: Option<String>,
    /// How it is reached, as a plugin names it
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Port of the instance's service; all of them when left out
    #[arg(long)]
    port: Option<u16>,
    #[command(flatten)]
    change: ChangeArgs,
}
