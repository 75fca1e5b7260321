//! The commands that start something: the server, the sandbox, the simulated cluster alone; and what belongs to them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use osc_sandbox::{Cluster, Options};
use serde_json::json;

use super::credentials::{self, Remembered};
use super::failure::Failure;
use super::output::{OutputArgs, Ui};
use crate::config::{Config, ConfigArgs};
use crate::serve::{self, Server};
use crate::telemetry;

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// What to log, such as `info` or `osc_server=debug`
    #[arg(long, env = "OSC_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Start empty: delete what the data folder holds first
    #[arg(long)]
    fresh: bool,
    /// What to log, such as `info` or `osc_server=debug`
    #[arg(long, env = "OSC_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SandboxClusterArgs {
    /// Folder for everything the cluster keeps
    #[arg(long, default_value = "./osc-data", value_name = "DIR")]
    data_dir: PathBuf,
    /// Address to listen on; kept for the next start
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Start empty
    #[arg(long)]
    fresh: bool,
    /// What to log, such as `info` or `osc_server=debug`
    #[arg(long, env = "OSC_LOG", value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the settings as the server would, and print them
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Seal secrets with a new key from now on; the server must not run
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// `osc serve`.
pub(crate) fn serve(args: ServeArgs) -> Result<(), Failure> {
    let config = load(args.config)?;
    telemetry::init(Some(args.log.as_deref().unwrap_or("info")));
    runtime()?.block_on(serve::serve(config, &mut std::io::stdout()))?;
    Ok(())
}

/// `osc sandbox`: the cluster and the server in one process, ready to use from a second terminal.
pub(crate) fn sandbox(ui: &mut Ui, args: SandboxArgs) -> Result<(), Failure> {
    let config = load(args.config)?;
    telemetry::init(Some(args.log.as_deref().unwrap_or("warn")));
    runtime()?.block_on(run_sandbox(ui, config, args.fresh))
}

async fn run_sandbox(ui: &mut Ui, config: Config, fresh: bool) -> Result<(), Failure> {
    let data = config.data_dir.clone();
    if fresh {
        serve::wipe(&data)?;
    }
    let server = Server::open(config).await?;
    let cluster = start_cluster(&data, "127.0.0.1:0".to_owned(), fresh).await?;
    server.register_sandbox(cluster.kubeconfig()).await?;
    let token = server.admin_token(&data.join("admin.token")).await?;
    let kubeconfig = std::path::absolute(data.join("sandbox/kubeconfig"))?;
    let remembered =
        Remembered { server: server.url(), token, tenant: None, kubeconfig: Some(kubeconfig.clone()) };
    match credentials::remember(&remembered) {
        Ok(path) => {
            ui.note(&format!("remembered in `{}`: other terminals can use `osc` at once", path.display()))
        }
        // A machine without a home folder can still use the server.
        Err(error) => ui.note(&format!("other terminals need OSC_SERVER and OSC_TOKEN: {error:#}")),
    }
    ui.note(&format!(
        "simulated cluster: nothing runs; use it with `kubectl --kubeconfig {}`",
        kubeconfig.display()
    ));
    let ended = server.run(true, &mut std::io::stdout()).await;
    cluster.shutdown().await;
    Ok(ended?)
}

/// `osc sandbox-cluster`.
pub(crate) fn sandbox_cluster(ui: &mut Ui, args: SandboxClusterArgs) -> Result<(), Failure> {
    telemetry::init(Some(args.log.as_deref().unwrap_or("warn")));
    runtime()?.block_on(async {
        let listen = args.listen.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let cluster = start_cluster(&args.data_dir, listen, args.fresh).await?;
        let kubeconfig = std::path::absolute(args.data_dir.join("sandbox/kubeconfig"))?;
        ui.note(&format!(
            "simulated cluster: nothing runs; use it with `kubectl --kubeconfig {}`",
            kubeconfig.display()
        ));
        ui.text(&format!("cluster ready on https://{}\n", cluster.addr()))?;
        serve::told_to_end().await?;
        cluster.shutdown().await;
        Ok(())
    })
}

/// Starts the embedded cluster; its port and certificate stay the same for one data folder.
async fn start_cluster(data_dir: &Path, listen: String, fresh: bool) -> Result<Cluster, Failure> {
    let options = Options { data_dir: Some(data_dir.join("sandbox")), listen, fresh, ..Options::default() };
    Cluster::start(options)
        .await
        .map_err(|error| Failure::failed(format!("cannot start the simulated cluster: {error}")))
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Prints the settings in force.
pub(crate) fn config(ui: &mut Ui, command: ConfigCommand) -> Result<(), Failure> {
    let ConfigCommand::Check(args) = command;
    let config = load(args.config)?;
    let limits = &config.limits;
    let document = json!({
        "data_dir": config.data_dir,
        "listen": config.listen.to_string(),
        "tls": config.tls.as_ref().map(|tls| json!({ "cert": tls.cert, "key": tls.key })),
        "hosts": config.hosts,
        "key_file": config.key_file,
        "egress": { "allow": config.egress_allow },
        "limits": {
            "packages_per_upload": limits.packages_per_upload,
            "package_bytes": limits.package_bytes,
            "unpacked_bytes": limits.unpacked_bytes,
            "component_bytes": limits.component_bytes,
            "operations": limits.operations,
            "connections": limits.connections,
        },
    });
    ui.object(args.output.format, &document, |document, _| {
        super::output::to_yaml(document).unwrap_or_default()
    })
}

/// Makes a new key; the old ones stay to open what they sealed.
pub(crate) fn key(ui: &mut Ui, command: KeyCommand) -> Result<(), Failure> {
    let KeyCommand::Rotate(args) = command;
    let path = serve::rotate_key(load(args.config)?)?;
    ui.note(&format!(
        "the server seals with a new key from now on; earlier ones stay in `{}`",
        path.display()
    ));
    ui.note("plans that were shown before must be made again");
    Ok(())
}

fn load(args: ConfigArgs) -> Result<Config, Failure> {
    Config::load(args).map_err(|error| Failure::usage(format!("{error:#}")))
}
