//! `osc cluster`: the clusters that services are deployed to, and who may use them.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::changes::ago;
use super::client::path;
use super::failure::Failure;
use super::output::OutputArgs;
use super::output::table::{Cell, Column, Paint, column, facts, scalar};
use super::values::read_text;
use super::{Session, kubeconfig};

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Add a cluster
    Add(AddArgs),
    /// List clusters
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// Show one cluster
    Show(ClusterArgs),
    /// Ask a cluster for its version now
    Check(ClusterArgs),
    /// Forget a cluster; nothing in it is touched
    Remove(RemoveArgs),
    /// List namespaces that can be deployed to
    Namespaces(ClusterArgs),
    /// List who may use a cluster
    Grants(ClusterArgs),
    /// Let a tenant use a cluster
    Grant(GrantArgs),
    /// Take a grant back
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Name of the cluster
    cluster: String,
    /// Forget the instances in it too, for a cluster that is gone for good; nothing in it is deleted
    #[arg(long)]
    forget_instances: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The kubeconfig; files that it names are put into what is sent
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
    /// Context of the kubeconfig; its current one when left out
    #[arg(long)]
    context: Option<String>,
    /// Name of the cluster
    #[arg(long)]
    name: String,
    /// Where it stands
    #[arg(long, default_value = "default")]
    region: String,
    /// Owned by the platform instead of your tenant; for administrators
    #[arg(long)]
    platform: bool,
    /// Put certificate, key and token files into what is sent; this is the default
    #[arg(long, overrides_with = "no_inline")]
    inline: bool,
    /// Refuse a kubeconfig that names files
    #[arg(long)]
    no_inline: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Name of the cluster
    cluster: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// Name of the cluster
    cluster: String,
    /// The tenant
    #[arg(long)]
    to: String,
    /// A namespace, or `*` for any that no other tenant has
    #[arg(long, short = 'n', default_value = "*")]
    namespace: String,
    /// Allow objects outside of namespaces
    #[arg(long)]
    cluster_scoped: bool,
    /// Allow roles and role bindings
    #[arg(long)]
    rbac: bool,
    /// Allow privileged pods
    #[arg(long)]
    privileged: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// Name of the cluster
    cluster: String,
    /// Id of the grant, from `osc cluster grants`
    grant: String,
}

const COLUMNS: &[Column] = &[
    column("NAME", Cell::Text("/name")),
    column("REGION", Cell::Text("/region")),
    column("VERSION", Cell::Text("/version")),
    column("STATE", Cell::State("/state")),
    column("REASON", Cell::With(reason)),
    column("AGE", Cell::Age("/created_at")),
];

const GRANTS: &[Column] = &[
    column("ID", Cell::Text("/id")),
    column("TENANT", Cell::Text("/tenant")),
    column(
        "NAMESPACE",
        Cell::With(|grant| scalar(grant.get("namespace").or_else(|| grant.get("namespaces")))),
    ),
    column("CLUSTER-SCOPED", Cell::Text("/cluster_scoped")),
    column("RBAC", Cell::Text("/rbac")),
    column("PRIVILEGED", Cell::Text("/privileged")),
];

const NAMESPACES: &[Column] = &[
    column(
        "NAMESPACE",
        Cell::With(|item| match item.as_str() {
            Some(name) => name.to_owned(),
            None => scalar(item.get("name").or_else(|| item.get("namespace"))),
        }),
    ),
    column("TENANT", Cell::Text("/tenant")),
];

fn reason(cluster: &Value) -> String {
    let text = scalar(cluster.get("reason"));
    match cluster.get("kind").and_then(Value::as_str) {
        Some("sandbox") if text.is_empty() => "simulated: nothing runs".to_owned(),
        _ => text,
    }
}

pub(crate) async fn run(session: &mut Session, command: ClusterCommand) -> Result<(), Failure> {
    match command {
        ClusterCommand::Add(args) => {
            let text = read_text(&args.kubeconfig)?;
            let base = args.kubeconfig.parent().unwrap_or(std::path::Path::new(""));
            let wish =
                kubeconfig::Wish { context: args.context.as_deref(), inline: !args.no_inline || args.inline };
            let inlined = kubeconfig::inline(&text, base, &wish).map_err(|problem| {
                Failure::refused(format!("kubeconfig `{}`: {problem}", args.kubeconfig.display()))
            })?;
            for note in &inlined.notes {
                session.ui.note(note);
            }
            let body = json!({ "name": args.name, "region": args.region, "kubeconfig": inlined.text, "platform": args.platform });
            let cluster = session.client.post("/clusters", &body).await?;
            session.ui.object(args.output.format, &cluster, show)
        }
        ClusterCommand::List(args) => {
            let items = session.client.list("/clusters", &[], None).await?;
            session.ui.list(args.format, &items, COLUMNS)
        }
        ClusterCommand::Show(args) => {
            let cluster = session.client.get(&path(&["clusters", &args.cluster])).await?;
            session.ui.object(args.output.format, &cluster, show)
        }
        ClusterCommand::Check(args) => {
            let cluster =
                session.client.post(&path(&["clusters", &args.cluster, "check"]), &json!({})).await?;
            session.ui.object(args.output.format, &cluster, show)
        }
        ClusterCommand::Remove(args) => {
            let query = [("forget_instances", args.forget_instances.to_string())];
            session.client.delete(&path(&["clusters", &args.cluster]), &query).await?;
            session.ui.note(&format!("removed `{}`", args.cluster));
            Ok(())
        }
        ClusterCommand::Namespaces(args) => {
            let items =
                session.client.list(&path(&["clusters", &args.cluster, "namespaces"]), &[], None).await?;
            session.ui.list(args.output.format, &items, NAMESPACES)
        }
        ClusterCommand::Grants(args) => {
            let items = session.client.list(&path(&["clusters", &args.cluster, "grants"]), &[], None).await?;
            session.ui.list(args.output.format, &items, GRANTS)
        }
        ClusterCommand::Grant(args) => {
            let body = json!({
                "tenant": args.to, "namespace": args.namespace, "cluster_scoped": args.cluster_scoped,
                "rbac": args.rbac, "privileged": args.privileged,
            });
            let grant = session.client.post(&path(&["clusters", &args.cluster, "grants"]), &body).await?;
            session.ui.list_of_one(args.output.format, &grant, GRANTS)
        }
        ClusterCommand::Revoke(args) => {
            session.client.delete(&path(&["clusters", &args.cluster, "grants", &args.grant]), &[]).await?;
            session.ui.note(&format!("revoked grant `{}`", args.grant));
            Ok(())
        }
    }
}

fn show(cluster: &Value, paint: Paint) -> String {
    let text = |name: &str| scalar(cluster.get(name));
    facts(
        &[
            ("name", text("name")),
            ("region", text("region")),
            ("version", text("version")),
            ("state", text("state")),
            ("reason", reason(cluster)),
            ("created", ago(cluster, "created_at")),
        ],
        paint,
    )
}
