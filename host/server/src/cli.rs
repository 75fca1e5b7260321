//! The command line: a thin client of the API, the offline package tools, and the commands that start a server.
//!
//! One file per noun. Nothing here decides what the API decides; commands read flags, send one request or few,
//! and print the answer.

mod audit;
mod changes;
mod client;
mod cluster;
mod credentials;
mod failure;
mod instance;
mod kubeconfig;
mod login;
mod offline;
mod operation;
mod oscctl;
mod output;
mod package;
mod plan;
mod plugin;
mod progress;
mod serve;
mod service;
mod subscription;
mod tenant;
mod token;
mod user;
mod values;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use client::Client;
use credentials::{Credentials, ServerArgs};
use failure::Failure;
use output::Ui;

/// Operator Service Center: packages in, running services out, on any Kubernetes cluster
#[derive(Debug, Parser)]
#[command(name = "osc", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Run everything on this machine, with a simulated cluster
    Sandbox(serve::SandboxArgs),
    /// Run the simulated cluster alone
    SandboxCluster(serve::SandboxClusterArgs),
    /// Sign in to a server and remember it
    Login(login::LoginArgs),
    /// Package files: inspect, lint, render and scan them, or push them to the server
    #[command(subcommand)]
    Package(package::PackageCommand),
    /// Services of the catalogue
    #[command(subcommand)]
    Service(service::ServiceCommand),
    /// What may be deployed
    #[command(subcommand)]
    Subscription(subscription::SubscriptionCommand),
    /// Clusters to deploy to
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Deployed services
    #[command(subcommand)]
    Instance(instance::InstanceCommand),
    /// Changes that were planned
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// Plans that are carried out
    #[command(subcommand)]
    Operation(operation::OperationCommand),
    /// Components that give the server its abilities
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Who did what
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Who may sign in
    #[command(subcommand)]
    User(user::UserCommand),
    /// Who owns things
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Tokens to sign in with
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// The server's configuration
    #[command(subcommand)]
    Config(serve::ConfigCommand),
    /// The key that protects secrets on disk
    #[command(subcommand)]
    Key(serve::KeyCommand),
    /// Print a script that completes commands in a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// What a command that talks to a server works with.
pub(crate) struct Session {
    client: Client,
    ui: Ui,
}

/// Runs the command that the arguments name.
pub fn run(args: Vec<OsString>) -> ExitCode {
    let mut ui = Ui::process();
    if called_as(&args, "oscctl") {
        return end(oscctl::run(&mut ui, args), &mut Ui::process());
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    end(dispatch(ui, cli), &mut Ui::process())
}

fn called_as(args: &[OsString], name: &str) -> bool {
    args.first().and_then(|program| Path::new(program).file_stem()).is_some_and(|stem| stem == name)
}

fn end(result: Result<(), Failure>, ui: &mut Ui) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    if !failure.silent {
        ui.block(&failure.render());
    }
    ExitCode::from(failure.exit)
}

fn dispatch(mut ui: Ui, cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "osc", &mut script);
            ui.text(&String::from_utf8_lossy(&script))
        }
        Command::Serve(args) => serve::serve(args),
        Command::Sandbox(args) => serve::sandbox(&mut ui, args),
        Command::SandboxCluster(args) => serve::sandbox_cluster(&mut ui, args),
        Command::Config(command) => serve::config(&mut ui, command),
        Command::Key(command) => serve::key(&mut ui, command),
        command => runtime()?.block_on(online(ui, &cli.server, command)),
    }
}

async fn online(mut ui: Ui, server: &ServerArgs, command: Command) -> Result<(), Failure> {
    match command {
        Command::Login(args) => return login::run(&mut ui, server, args).await,
        Command::Plugin(command) if command.is_offline() => return plugin::run_offline(&mut ui, command),
        Command::Package(command) if !matches!(command, package::PackageCommand::Push(_)) => {
            // A plugin that cannot even look at a package says so in the log.
            crate::telemetry::init(Some("osc_server::plugins=warn"));
            return package::run_offline(&mut ui, command).await;
        }
        _ => {}
    }
    let credentials = Credentials::resolve(server, credentials::remembered()?)?;
    let mut session = Session { client: Client::new(credentials)?, ui };
    match command {
        Command::Package(package::PackageCommand::Push(args)) => package::push(&mut session, args).await,
        Command::Service(command) => service::run(&mut session, command).await,
        Command::Subscription(command) => subscription::run(&mut session, command).await,
        Command::Cluster(command) => cluster::run(&mut session, command).await,
        Command::Instance(command) => instance::run(&mut session, command).await,
        Command::Plan(command) => plan::run(&mut session, command).await,
        Command::Operation(command) => operation::run(&mut session, command).await,
        Command::Plugin(command) => plugin::run(&mut session, command).await,
        Command::Audit(command) => audit::run(&mut session, command).await,
        Command::User(command) => user::run(&mut session, command).await,
        Command::Tenant(command) => tenant::run(&mut session, command).await,
        Command::Token(command) => token::run(&mut session, command).await,
        _ => Err(Failure::failed("this command needs no server")),
    }
}

/// A runtime for one command; a client needs no more than one thread.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Reads `90s`, `5m`, `1h` or plain seconds.
fn duration(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let factor = match unit {
        "m" => 60,
        "h" => 3600,
        _ => 1,
    };
    let seconds = number.parse::<u32>().ok().and_then(|number| number.checked_mul(factor));
    seconds
        .filter(|seconds| (1..=86_400).contains(seconds))
        .ok_or_else(|| "write a time such as 90s, 5m or 1h, at most a day".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(
            [duration("90s"), duration("5m"), duration("1h"), duration("7")],
            [Ok(90), Ok(300), Ok(3600), Ok(7)]
        );
        for text in ["", "s", "0", "-1s", "2d", "99999h", "1.5m"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("osc").chain(line.split(' ')))
    }

    #[test]
    fn commands_of_the_contract_are_there() {
        for line in [
            "package render web.tgz --values a.yaml --set k=v --name r --namespace n --kube-version v1.36.0 --api-versions a/v1 --include-crds --output json",
            "package inspect web.tgz -o json",
            "package lint web.tgz",
            "package scan web.tgz -o json",
            "package convert web.tgz --to out.zip -o json",
            "package push a.tgz b.zip",
            "service list -o yaml",
            "service show web@1.0.0 -o json",
            "service submit web@1.0.0",
            "service reviews -o json",
            "service approve acme/web@1.0.0",
            "service refuse web --reason no",
            "service publish web",
            "service suspend web",
            "service withdraw web@1.0.0",
            "subscription create web",
            "cluster add --kubeconfig f --name c --region r",
            "instance deploy web@1.0.0 --name a --cluster c --namespace n --values f --set k=v --dry-run",
            "instance deploy --plan 4 --wait",
            "instance update a --set k=v --wait -o json",
            "instance upgrade a --to 2.0.0 --wait",
            "instance rollback a --to 1",
            "instance adopt --cluster c --namespace n --release r",
            "instance delete a --purge-data --wait",
            "instance logs a -f --since 5m -o json",
            "instance metrics a -o json",
            "instance expose a --port 80 --dry-run",
            "instance expose --plan 4 --wait",
            "instance test a --wait",
            "instance events a -o json",
            "instance diff a",
            "instance history a",
            "plan show 1",
            "plan apply 1 --wait",
            "operation watch 1 -o json",
            "operation cancel 1",
            "operation retry 1 --wait",
            "plugin install a.wasm",
            "plugin logs acme.hello",
            "plugin rebuild helm -o json",
            "plugin new acme.hello --role deployer --path x",
            "plugin build x --file y.wasm",
            "plugin test x -- --nocapture",
            "audit list -o json",
            "completion bash",
            "sandbox --data-dir d --listen 127.0.0.1:0 --fresh",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).err().unwrap());
        }
        for line in [
            "instance deploy web",
            "instance update",
            "instance deploy web --cluster c --dry-run --wait",
            "cluster add --name c",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
