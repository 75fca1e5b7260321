//! `osc instance`: deploy, look at, change and delete instances.

mod args;
mod capability;
mod logs;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::Session;
use super::changes::{self, Change, ChangeArgs, ago, carry_out};
use super::client::path;
use super::failure::Failure;
use super::output::table::{Cell, Column, Paint, column, facts, scalar};
use super::output::{Format, plain_block};
use super::values::ValuesArgs;
use args::{
    AdoptArgs, DeleteArgs, DeployArgs, ExposeArgs, ListArgs, NameArgs, RollbackArgs, TestArgs, UpdateArgs,
    UpgradeArgs, ValuesCommandArgs,
};

#[derive(Debug, Subcommand)]
pub(crate) enum InstanceCommand {
    /// Deploy a service
    Deploy(DeployArgs),
    /// List instances
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show one instance
    Show(NameArgs),
    /// Change values of an instance, keeping its version
    Update(UpdateArgs),
    /// Move an instance to another version
    Upgrade(UpgradeArgs),
    /// Go back to an earlier revision
    Rollback(RollbackArgs),
    /// Take over a Helm release that is in a cluster already
    Adopt(AdoptArgs),
    /// Run the tests that the package brings along
    Test(TestArgs),
    /// Delete an instance; volumes and definitions are kept unless asked otherwise
    Delete(DeleteArgs),
    /// Print the log of an instance's pods
    Logs(logs::LogsArgs),
    /// Show how an instance does, by the measurements of a monitoring plugin
    Metrics(NameArgs),
    /// Make an instance reachable from outside of its cluster, by a plugin that can
    Expose(ExposeArgs),
    /// List events of an instance's objects
    Events(NameArgs),
    /// List the objects of an instance
    Objects(NameArgs),
    /// List the revisions of an instance
    History(NameArgs),
    /// Print the values that were set
    Values(ValuesCommandArgs),
    /// Show where the cluster differs from what was applied
    Diff(NameArgs),
}

const COLUMNS: &[Column] = &[
    column("NAME", Cell::Text("/name")),
    column("SERVICE", Cell::Text("/service")),
    column("VERSION", Cell::Text("/version")),
    column("CLUSTER", Cell::Text("/cluster")),
    column("NAMESPACE", Cell::Text("/namespace")),
    column("STATE", Cell::State("/state")),
    column("REV", Cell::Text("/revision")),
    column("UPGRADE", Cell::Text("/upgrade_available")),
    column("AGE", Cell::Age("/created_at")),
];

const EVENTS: &[Column] = &[
    column(
        "AGE",
        Cell::With(|event| {
            ["last_seen", "time", "last_timestamp", "lastTimestamp"]
                .iter()
                .find_map(|name| event.get(*name)?.as_str())
                .map_or_else(String::new, |time| super::output::table::age(time, jiff::Timestamp::now()))
        }),
    ),
    column("TYPE", Cell::Text("/type")),
    column("REASON", Cell::Text("/reason")),
    column("OBJECT", Cell::With(|event| event.get("object").map(changes::describe).unwrap_or_default())),
    column("MESSAGE", Cell::Text("/message")),
];

const OBJECTS: &[Column] = &[
    column("KIND", Cell::Text("/kind")),
    column("NAME", Cell::Text("/name")),
    column("NAMESPACE", Cell::Text("/namespace")),
    column("HEALTH", Cell::State("/health")),
    column("REASON", Cell::Text("/reason")),
];

const HISTORY: &[Column] = &[
    column(
        "REVISION",
        Cell::With(|revision| scalar(revision.get("revision").or_else(|| revision.get("number")))),
    ),
    column("VERSION", Cell::Text("/version")),
    column("RESULT", Cell::State("/result")),
    column("OPERATION", Cell::Text("/operation")),
    column("AGE", Cell::Age("/created_at")),
];

pub(crate) async fn run(session: &mut Session, command: InstanceCommand) -> Result<(), Failure> {
    match command {
        InstanceCommand::Deploy(args) => deploy(session, args).await,
        InstanceCommand::List(args) => list(session, args).await,
        InstanceCommand::Show(args) => {
            let place = path(&["instances", &args.instance]);
            let instance = session.client.get(&place).await?;
            let notes = match args.output.format {
                Format::Table => notes(session, &place, &instance).await,
                _ => None,
            };
            session.ui.object(args.output.format, &instance, |instance, paint| show(instance, notes, paint))
        }
        InstanceCommand::Update(args) => {
            let mut body = values_body(&args.values, args.reset_values)?;
            args.run.add_to(&mut body);
            change(session, &args.change, "update", args.instance, body).await
        }
        InstanceCommand::Upgrade(args) => {
            let mut body = values_body(&args.values, args.reset_values)?;
            args.run.add_to(&mut body);
            if let Some(version) = args.to {
                body.insert("version".into(), version.into());
            }
            change(session, &args.change, "upgrade", args.instance, body).await
        }
        InstanceCommand::Rollback(args) => {
            let mut body = Map::new();
            args.run.add_to(&mut body);
            if let Some(revision) = args.to {
                body.insert("revision".into(), revision.into());
            }
            change(session, &args.change, "rollback", args.instance, body).await
        }
        InstanceCommand::Adopt(args) => adopt(session, args).await,
        InstanceCommand::Test(args) => {
            let mut body = Map::new();
            args.run.add_to(&mut body);
            change(session, &args.change, "test", args.instance, body).await
        }
        InstanceCommand::Delete(args) => delete(session, args).await,
        InstanceCommand::Logs(args) => logs::run(session, args).await,
        InstanceCommand::Metrics(args) => capability::metrics(session, args).await,
        InstanceCommand::Expose(args) => capability::expose(session, args).await,
        InstanceCommand::Events(args) => part(session, args, "events", EVENTS).await,
        InstanceCommand::Objects(args) => part(session, args, "objects", OBJECTS).await,
        InstanceCommand::History(args) => part(session, args, "history", HISTORY).await,
        InstanceCommand::Values(args) => {
            let values = session.client.get(&path(&["instances", &args.instance, "values"])).await?;
            let shown = if args.all { &values } else { values.get("overrides").unwrap_or(&values) };
            let format = if args.output.format == Format::Table { Format::Yaml } else { args.output.format };
            session.ui.document(format, shown)
        }
        InstanceCommand::Diff(args) => {
            let diff = session.client.get(&path(&["instances", &args.instance, "diff"])).await?;
            session.ui.object(args.output.format, &diff, changes::show_differences)
        }
    }
}

async fn deploy(session: &mut Session, args: DeployArgs) -> Result<(), Failure> {
    let mut body = Map::new();
    if args.change.plan.is_none() {
        let service = args.service.unwrap_or_default();
        if let Some(name) = args.name {
            body.insert("name".into(), name.into());
        }
        body.insert("service".into(), service.into());
        body.insert("cluster".into(), args.cluster.into());
        body.insert("namespace".into(), args.namespace.into());
        body.insert("values".into(), args.values.read()?);
        if let Some(description) = args.description {
            body.insert("description".into(), description.into());
        }
        args.run.add_to(&mut body);
    }
    carry_out(session, &args.change, Change { verb: "install", wish: body.into() }).await
}

async fn list(session: &mut Session, args: ListArgs) -> Result<(), Failure> {
    let filters = [("cluster", args.cluster), ("namespace", args.namespace), ("service", args.service)];
    let query: Vec<(&str, String)> =
        filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let items = session.client.list("/instances", &query, None).await?;
    session.ui.list(args.output.format, &items, COLUMNS)
}

fn values_body(values: &ValuesArgs, reset: bool) -> Result<Map<String, Value>, Failure> {
    let mut body = Map::new();
    body.insert("values".into(), values.read()?);
    if reset {
        body.insert("reset_values".into(), true.into());
    }
    Ok(body)
}

async fn change(
    session: &mut Session,
    args: &ChangeArgs,
    verb: &'static str,
    instance: Option<String>,
    body: Map<String, Value>,
) -> Result<(), Failure> {
    let mut wish = Value::Object(body);
    wish["instance"] = json!(instance);
    carry_out(session, args, Change { verb, wish }).await
}

async fn adopt(session: &mut Session, args: AdoptArgs) -> Result<(), Failure> {
    let mut body = json!({ "cluster": args.cluster, "namespace": args.namespace, "release": args.release });
    if let Some(name) = args.name {
        body["name"] = name.into();
    }
    if let Some(service) = args.service {
        body["service"] = service.into();
    }
    carry_out(session, &args.change, Change { verb: "adopt", wish: body }).await
}

async fn delete(session: &mut Session, args: DeleteArgs) -> Result<(), Failure> {
    let instance = args.instance.unwrap_or_default();
    let mut wish = Map::new();
    wish.insert("instance".into(), json!(instance));
    args.run.add_to(&mut wish);
    for (name, wanted) in [
        ("purge_data", args.purge_data),
        ("delete_namespace", args.delete_namespace),
        ("cascade", args.cascade),
    ] {
        if wanted {
            wish.insert(name.into(), true.into());
        }
    }
    let change = Change { verb: "uninstall", wish: Value::Object(wish) };
    let asks = session.ui.interactive && !args.yes && !args.change.dry_run && args.change.plan.is_none();
    if !asks {
        return carry_out(session, &args.change, change).await;
    }
    let plan = changes::make_plan(session, &change).await?;
    let shown = changes::show_plan(&plan, Paint::Plain);
    for line in shown.lines().filter(|line| !line.starts_with("carry it out")) {
        session.ui.note(line);
    }
    if !session.ui.confirm(&format!("delete instance `{instance}`?"))? {
        return Err(Failure::failed("nothing was deleted"));
    }
    changes::apply_plan(session, args.change.output.format, args.change.wait, &plan).await
}

async fn part(session: &mut Session, args: NameArgs, part: &str, columns: &[Column]) -> Result<(), Failure> {
    let items = session.client.list(&path(&["instances", &args.instance, part]), &[], None).await?;
    session.ui.list(args.output.format, &items, columns)
}

/// What the package says to its user, from the revision in force.
async fn notes(session: &Session, place: &str, instance: &Value) -> Option<String> {
    let history = session.client.list(&format!("{place}/history"), &[], None).await.ok()?;
    let revision = history.iter().find(|revision| revision.get("number") == instance.get("revision"))?;
    revision.get("notes")?.as_str().map(str::to_owned)
}

fn show(instance: &Value, notes: Option<String>, paint: Paint) -> String {
    let text = |name: &str| scalar(instance.get(name));
    let mut shown = facts(
        &[
            ("name", text("name")),
            ("id", text("id")),
            ("service", format!("{} {}", text("service"), text("version"))),
            ("cluster", text("cluster")),
            ("namespace", text("namespace")),
            ("state", text("state")),
            ("reason", text("reason")),
            ("revision", text("revision")),
            ("upgrade", text("upgrade_available")),
            ("description", text("description")),
            ("operation", text("operation")),
            ("created", ago(instance, "created_at")),
        ],
        paint,
    );
    let list = |name: &str| instance.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let endpoints = list("endpoints");
    if !endpoints.is_empty() {
        shown.push('\n');
        shown.push_str(&super::output::table::render(&endpoints, ENDPOINTS, jiff::Timestamp::now(), paint));
    }
    if let Some(notes) = notes.filter(|notes| !notes.trim().is_empty()) {
        shown.push_str(&format!("\n{}\n", plain_block(&notes).trim_end()));
    }
    shown
}

const ENDPOINTS: &[Column] = &[
    column("ENDPOINT", Cell::Text("/name")),
    column("TYPE", Cell::Text("/type")),
    column("URL", Cell::Text("/url")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn an_instance_shows_where_it_is_reached() {
        let instance = json!({
            "id": "3", "name": "shop", "service": "web", "version": "1.2.0", "cluster": "sandbox", "namespace": "web",
            "state": "running", "reason": null, "revision": 2, "upgrade_available": "1.3.0",
            "endpoints": [{"name": "http", "url": "http://shop.web:80", "type": "cluster"}]
        });
        assert_snapshot!(show(&instance, Some("visit\u{1b}[2J it\n".into()), Paint::Plain), @r"
        name:      shop
        id:        3
        service:   web 1.2.0
        cluster:   sandbox
        namespace: web
        state:     running
        revision:  2
        upgrade:   1.3.0

        ENDPOINT  TYPE     URL
        http      cluster  http://shop.web:80

        visit [2J it
        ");
    }
}
