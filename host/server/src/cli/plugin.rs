//! `osc plugin`: the components that give the server its abilities.

mod author;
mod sdk;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::Session;
use super::changes::ago;
use super::client::path;
use super::failure::Failure;
use super::output::table::{Cell, Column, Paint, column, facts, scalar};
use super::output::{Format, OutputArgs, Ui, plain_block, to_yaml};
use super::values::read_text;

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// List plugins
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// Show one plugin with what it may use
    Show(PluginArgs),
    /// Install a plugin from a `.wasm` file, or swap an installed one
    Install(InstallArgs),
    /// Remove an installed plugin
    Remove(PluginArgs),
    /// Let a plugin work
    Enable(PluginArgs),
    /// Keep a plugin from working
    Disable(PluginArgs),
    /// Print what a plugin logged
    Logs(PluginArgs),
    /// Print what a plugin may use, or set it from a file
    Grants(GrantsArgs),
    /// Compile a plugin again and load it anew, when it does not heal
    Rebuild(PluginArgs),
    /// Start a plugin of your own
    New(author::NewArgs),
    /// Build a plugin of your own
    Build(author::BuildArgs),
    /// Run the tests of a plugin of your own
    Test(author::TestArgs),
}

impl PluginCommand {
    /// Whether it works in a folder, with no server.
    pub(crate) fn is_offline(&self) -> bool {
        matches!(self, PluginCommand::New(_) | PluginCommand::Build(_) | PluginCommand::Test(_))
    }
}

/// Runs a tool that needs no server.
pub(crate) fn run_offline(ui: &mut Ui, command: PluginCommand) -> Result<(), Failure> {
    match command {
        PluginCommand::New(args) => author::new(ui, args),
        PluginCommand::Build(args) => author::build(ui, args),
        PluginCommand::Test(args) => author::test(args),
        _ => Err(Failure::failed("this command needs a server")),
    }
}

#[derive(Debug, Args)]
pub(crate) struct PluginArgs {
    /// Id of the plugin
    plugin: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// The component
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GrantsArgs {
    /// Id of the plugin
    plugin: String,
    /// YAML or JSON file with what to allow
    #[arg(long, value_name = "FILE")]
    set: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

const COLUMNS: &[Column] = &[
    column("ID", Cell::Text("/id")),
    column("VERSION", Cell::Text("/version")),
    column("ROLES", Cell::Text("/roles")),
    column("STATE", Cell::State("/state")),
    column("SOURCE", Cell::Text("/source")),
    column("FAULTS", Cell::Text("/faults")),
    column("DIGEST", Cell::With(|plugin| scalar(plugin.get("digest")).chars().take(19).collect())),
];

pub(crate) async fn run(session: &mut Session, command: PluginCommand) -> Result<(), Failure> {
    match command {
        PluginCommand::List(args) => {
            let items = session.client.list("/plugins", &[], None).await?;
            session.ui.list(args.format, &items, COLUMNS)
        }
        PluginCommand::Show(args) => {
            let plugin = session.client.get(&path(&["plugins", &args.plugin])).await?;
            session.ui.object(args.output.format, &plugin, show)
        }
        PluginCommand::Install(args) => {
            let (body, name) = super::package::open(&args.file).await?;
            let request = session.client.request(Method::POST, "/plugins");
            let request =
                request.query(&[("filename", name)]).header("Content-Type", "application/wasm").body(body);
            let plugin = session.client.send(request).await?;
            session.ui.object(args.output.format, &plugin, show)
        }
        PluginCommand::Remove(args) => {
            session.client.delete(&path(&["plugins", &args.plugin]), &[]).await?;
            session.ui.note(&format!("removed `{}`", args.plugin));
            Ok(())
        }
        PluginCommand::Enable(args) => act(session, args, "enable").await,
        PluginCommand::Disable(args) => act(session, args, "disable").await,
        PluginCommand::Rebuild(args) => act(session, args, "rebuild").await,
        PluginCommand::Logs(args) => {
            let lines = session.client.list(&path(&["plugins", &args.plugin, "logs"]), &[], None).await?;
            match args.output.format {
                Format::Table => {
                    let text: String = lines.iter().map(|line| log_line(line) + "\n").collect();
                    session.ui.text(&text)
                }
                format => session.ui.document(format, &Value::Array(lines)),
            }
        }
        PluginCommand::Grants(args) => {
            let place = path(&["plugins", &args.plugin, "grants"]);
            let answer = match args.set {
                Some(file) => {
                    let text = read_text(&file)?;
                    let grants = osc_plugin_helm::yaml::parse_object(&text).map_err(|error| {
                        Failure::refused(format!("cannot read `{}`: {error}", file.display()))
                    })?;
                    session.client.put(&place, &grants).await?
                }
                None => session.client.get(&place).await?,
            };
            let format = if args.output.format == Format::Table { Format::Yaml } else { args.output.format };
            session.ui.document(format, &answer)
        }
        command => run_offline(&mut session.ui, command),
    }
}

async fn act(session: &mut Session, args: PluginArgs, action: &str) -> Result<(), Failure> {
    let answer = session.client.post(&path(&["plugins", &args.plugin, action]), &json!({})).await?;
    let plugin = match answer.get("id") {
        Some(_) => answer,
        None => session.client.get(&path(&["plugins", &args.plugin])).await?,
    };
    session.ui.object(args.output.format, &plugin, show)
}

fn log_line(line: &Value) -> String {
    if let Some(text) = line.as_str() {
        return super::output::plain(text);
    }
    let text = |name: &str| scalar(line.get(name));
    super::output::plain(&format!("{} {:5} {}", text("time"), text("level"), text("message")))
}

fn show(plugin: &Value, paint: Paint) -> String {
    let text = |name: &str| scalar(plugin.get(name));
    let mut shown = facts(
        &[
            ("id", text("id")),
            ("version", text("version")),
            ("roles", text("roles")),
            ("state", text("state")),
            ("reason", text("reason")),
            ("source", text("source")),
            ("digest", text("digest")),
            ("faults", text("faults")),
            ("installed", ago(plugin, "installed_at")),
        ],
        paint,
    );
    if let Some(grants) = plugin.get("grants").filter(|grants| !grants.is_null())
        && let Ok(yaml) = to_yaml(grants)
    {
        shown.push_str("\ngrants:\n");
        for line in plain_block(&yaml).lines() {
            shown.push_str(&format!("    {line}\n"));
        }
    }
    shown
}
