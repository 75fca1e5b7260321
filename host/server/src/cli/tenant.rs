//! `osc tenant`: who owns things, and who belongs to whom.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Session;
use super::client::path;
use super::failure::Failure;
use super::output::OutputArgs;
use super::output::table::{Cell, Column, column, scalar};

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// List tenants
    #[command(visible_alias = "ls")]
    List(OutputArgs),
    /// Create a tenant
    Create(TenantArgs),
    /// List who belongs to a tenant
    Members(TenantArgs),
    /// Add a user to a tenant, or change the role
    AddMember(AddMemberArgs),
    /// Take a user out of a tenant
    RemoveMember(RemoveMemberArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TenantArgs {
    /// Name of the tenant
    #[arg(id = "tenant_name", value_name = "TENANT")]
    name: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AddMemberArgs {
    /// Name of the tenant
    #[arg(id = "tenant_name", value_name = "TENANT")]
    name: String,
    /// Name of the user
    user: String,
    /// What the user may do: `owner`, `provider`, `consumer` or `viewer`
    #[arg(long, value_parser = ["owner", "provider", "consumer", "viewer"])]
    role: String,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveMemberArgs {
    /// Name of the tenant
    #[arg(id = "tenant_name", value_name = "TENANT")]
    name: String,
    /// Name of the user
    user: String,
}

const COLUMNS: &[Column] = &[column("NAME", Cell::Text("/name")), column("AGE", Cell::Age("/created_at"))];

const MEMBERS: &[Column] = &[
    column("USER", Cell::With(|member| scalar(member.get("user").or_else(|| member.get("name"))))),
    column("ROLE", Cell::Text("/role")),
];

pub(crate) async fn run(session: &mut Session, command: TenantCommand) -> Result<(), Failure> {
    match command {
        TenantCommand::List(args) => {
            let items = session.client.list("/tenants", &[], None).await?;
            session.ui.list(args.format, &items, COLUMNS)
        }
        TenantCommand::Create(args) => {
            let tenant = session.client.post("/tenants", &json!({ "name": args.name })).await?;
            session.ui.list_of_one(args.output.format, &tenant, COLUMNS)
        }
        TenantCommand::Members(args) => {
            let items = session.client.list(&path(&["tenants", &args.name, "members"]), &[], None).await?;
            session.ui.list(args.output.format, &items, MEMBERS)
        }
        TenantCommand::AddMember(args) => {
            let place = path(&["tenants", &args.name, "members", &args.user]);
            let member = session.client.put(&place, &json!({ "role": args.role })).await?;
            session.ui.list_of_one(args.output.format, &member, MEMBERS)
        }
        TenantCommand::RemoveMember(args) => {
            session.client.delete(&path(&["tenants", &args.name, "members", &args.user]), &[]).await?;
            session.ui.note(&format!("removed `{}` from `{}`", args.user, args.name));
            Ok(())
        }
    }
}
