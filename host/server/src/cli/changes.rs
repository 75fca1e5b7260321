//! What all changing commands share: `--dry-run`, `--plan`, `--wait`, and how plans and operations look.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::Session;
use super::client::path;
use super::failure::{CONFLICT, FAILED, Failure};
use super::output::table::{Cell, Column, Paint, age, column, duration, facts, scalar};
use super::output::{Format, OutputArgs, plain, plain_block};
use super::progress;

/// A plan is not waited for longer than this.
const PLANNING: Duration = Duration::from_secs(600);

/// Flags of every command that changes a cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Change")]
pub(crate) struct ChangeArgs {
    /// Only print the plan: what would change
    #[arg(long, conflicts_with_all = ["plan", "wait"])]
    pub(crate) dry_run: bool,
    /// Carry out this plan, made before with `--dry-run`
    #[arg(long, value_name = "ID")]
    pub(crate) plan: Option<String>,
    /// Wait for the end, with progress on standard error; fails unless the operation succeeds
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// A change that the API can plan.
pub(crate) struct Change {
    pub(crate) verb: &'static str,
    /// Body of `POST /plans`, without the verb.
    pub(crate) wish: Value,
}

/// Plans, or carries out and prints the operation, as the flags say.
///
/// What is to be carried out is planned first too: what is refused is said at once, and leaves nothing behind.
pub(crate) async fn carry_out(
    session: &mut Session,
    args: &ChangeArgs,
    change: Change,
) -> Result<(), Failure> {
    let plan = match &args.plan {
        Some(id) => session.client.get(&path(&["plans", id])).await?,
        None => make_plan(session, &change).await?,
    };
    if args.dry_run {
        return session.ui.object(args.output.format, &plan, show_plan);
    }
    match start(session, &plan).await {
        // Between planning and now the cluster moved; nobody has looked at that plan.
        Err(failure) if failure.exit == CONFLICT && args.plan.is_none() => {
            let plan = make_plan(session, &change).await?;
            apply_plan(session, args.output.format, args.wait, &plan).await
        }
        started => finish(session, args.output.format, args.wait, started?).await,
    }
}

/// Asks for a plan and waits until it is made.
pub(crate) async fn make_plan(session: &mut Session, change: &Change) -> Result<Value, Failure> {
    let mut body = change.wish.clone();
    body["verb"] = json!(change.verb);
    let mut plan = session.client.post("/plans", &body).await?;
    let started = tokio::time::Instant::now();
    while plan.get("hash").and_then(Value::as_str).is_none_or(str::is_empty) {
        // Planning takes long; the server has answered 202 and goes on.
        let id = scalar(plan.get("id"));
        if id.is_empty() {
            return Err(Failure::failed("the server answered something that is no plan"));
        }
        if started.elapsed() > PLANNING {
            return Err(Failure::failed(format!("plan `{id}` is not ready"))
                .hint(format!("look again with `osc plan show {id}`")));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        plan = session.client.get(&path(&["plans", &id])).await?;
    }
    Ok(plan)
}

/// Executes exactly the plan that was shown.
pub(crate) async fn apply_plan(
    session: &mut Session,
    format: Format,
    wait: bool,
    plan: &Value,
) -> Result<(), Failure> {
    let operation = start(session, plan).await?;
    finish(session, format, wait, operation).await
}

async fn start(session: &Session, plan: &Value) -> Result<Value, Failure> {
    let body = json!({ "plan": scalar(plan.get("id")), "hash": scalar(plan.get("hash")) });
    session.client.post("/operations", &body).await
}

/// Prints an operation, at once or when it has ended; a bad end is exit code 1.
pub(crate) async fn finish(
    session: &mut Session,
    format: Format,
    wait: bool,
    operation: Value,
) -> Result<(), Failure> {
    let id = scalar(operation.get("id"));
    if !wait || id.is_empty() {
        session.ui.object(format, &operation, show_operation)?;
        if format == Format::Table && !id.is_empty() && !progress::is_final(&operation) {
            session.ui.note(&format!("watch it with `osc operation watch {id}`"));
        }
        return Ok(());
    }
    let client = session.client.clone();
    let ended = tokio::select! {
        ended = progress::watch(&client, &mut session.ui, &id) => ended?,
        _ = tokio::signal::ctrl_c() => {
            return Err(Failure::failed("stopped watching; the operation goes on")
                .hint(format!("`osc operation watch {id}` to look again, `osc operation cancel {id}` to stop it")));
        }
    };
    session.ui.object(format, &ended, show_operation)?;
    match ended.get("state").and_then(Value::as_str) {
        Some("succeeded") => Ok(()),
        _ => {
            let reason = ended.get("reason").and_then(Value::as_str).unwrap_or("see its steps");
            Err(Failure::new(FAILED, format!("operation `{id}` {}: {reason}", scalar(ended.get("state"))))
                .hint(format!("see `osc operation show {id}`; try again with `osc operation retry {id}`")))
        }
    }
}

/// Columns of a list of operations.
pub(crate) const OPERATION_COLUMNS: &[Column] = &[
    column("ID", Cell::Text("/id")),
    column("KIND", Cell::Text("/kind")),
    column("INSTANCE", Cell::With(instance_of)),
    column("STATE", Cell::State("/state")),
    column("AGE", Cell::Age("/created_at")),
    column("REASON", Cell::Text("/reason")),
];

fn instance_of(operation: &Value) -> String {
    match operation.get("instance") {
        Some(Value::Object(instance)) => scalar(instance.get("name").or_else(|| instance.get("id"))),
        other => scalar(other),
    }
}

/// An operation with its steps.
pub(crate) fn show_operation(operation: &Value, paint: Paint) -> String {
    let text = |name: &str| scalar(operation.get(name));
    let time = |name: &str| operation.get(name).and_then(Value::as_str);
    let pairs = [
        ("operation", text("id")),
        ("kind", text("kind")),
        ("instance", instance_of(operation)),
        ("state", text("state")),
        ("reason", text("reason")),
        ("took", duration(time("started_at"), time("finished_at")).unwrap_or_default()),
    ];
    let mut shown = facts(&pairs, paint);
    let steps = operation.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if !steps.is_empty() {
        shown.push('\n');
        shown.push_str(&super::output::table::render(steps, STEP_COLUMNS, jiff::Timestamp::now(), paint));
    }
    shown
}

const STEP_COLUMNS: &[Column] = &[
    column("STEP", Cell::Text("/name")),
    column("STATE", Cell::State("/state")),
    column(
        "TOOK",
        Cell::With(|step| {
            let time = |name: &str| step.get(name).and_then(Value::as_str);
            duration(time("started_at"), time("finished_at")).unwrap_or_default()
        }),
    ),
    column("MESSAGE", Cell::Text("/message")),
];

/// A plan: what would change, with differences, and what else a person should know.
pub(crate) fn show_plan(plan: &Value, paint: Paint) -> String {
    let text = |name: &str| scalar(plan.get(name));
    let list = |name: &str| plan.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut shown = facts(
        &[
            ("plan", text("id")),
            ("verb", text("verb")),
            ("instance", instance_of(plan)),
            ("state", text("state")),
            ("expires at", text("expires_at")),
        ],
        paint,
    );
    let changes = list("changes");
    let counted = |action: &str| changes.iter().filter(|change| change["action"] == action).count();
    let unchanged = counted("none");
    let _ = writeln!(shown, "\nchanges:");
    for change in changes.iter().filter(|change| change["action"] != "none") {
        show_change(&mut shown, change, paint);
    }
    if unchanged > 0 {
        let _ = writeln!(shown, "    {unchanged} unchanged");
    }
    if changes.is_empty() {
        let _ = writeln!(shown, "    none");
    }
    for (heading, name) in [
        ("kept", "kept"),
        ("definitions", "crds"),
        ("permissions", "permissions"),
        ("images", "images"),
        ("warnings", "warnings"),
    ] {
        let items = list(name);
        if items.is_empty() {
            continue;
        }
        let _ = writeln!(shown, "\n{heading}:");
        for item in items {
            let _ = writeln!(shown, "    {}", plain(&describe(&item)));
        }
    }
    let id = text("id");
    if !id.is_empty() {
        let _ = writeln!(shown, "\ncarry it out with `osc plan apply {}`", plain(&id));
    }
    shown
}

fn show_change(shown: &mut String, change: &Value, paint: Paint) {
    let text = |name: &str| scalar(change.get(name));
    let action = text("action");
    let sign = match action.as_str() {
        "create" => "+",
        "delete" => "-",
        "keep" => "=",
        _ => "~",
    };
    let label = paint.state(&format!("{sign} {action:<7}"), &action);
    let _ = write!(shown, "  {label} {}", plain(&describe(change)));
    if change.get("checked") == Some(&Value::Bool(false)) {
        let reason = text("reason");
        let reason = if reason.is_empty() { "not checked against the cluster" } else { &reason };
        let _ = write!(shown, "  ({})", plain(reason));
    }
    shown.push('\n');
    let Some(diff) = change.get("diff").and_then(Value::as_str).filter(|_| action != "create") else {
        return;
    };
    for line in plain_block(diff).lines() {
        let state = match line.as_bytes().first() {
            Some(b'+') => "create",
            Some(b'-') => "delete",
            _ => "",
        };
        let _ = writeln!(shown, "        {}", paint.state(line, state));
    }
}

/// An object reference as `Kind namespace/name`, a text as it is, anything else as compact JSON.
pub(crate) fn describe(item: &Value) -> String {
    if let Some(text) = item.as_str() {
        return text.to_owned();
    }
    let text = |name: &str| item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(kind), Some(name)) = (text("kind"), text("name")) else {
        return match text("message").or_else(|| text("name")) {
            Some(message) => message.to_owned(),
            None => item.to_string(),
        };
    };
    let mut line = match text("namespace") {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    };
    if item.get("action").is_none()
        && let Some(reason) = text("reason")
    {
        let _ = write!(line, ": {reason}");
    }
    line
}

/// Differences between a cluster and what was applied: `changes` of an answer, or a list of them.
pub(crate) fn show_differences(answer: &Value, paint: Paint) -> String {
    let found = answer.get("changes").or_else(|| answer.get("items")).unwrap_or(answer);
    let changes = found.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut shown = String::new();
    for change in changes.iter().filter(|change| change["action"] != "none") {
        show_change(&mut shown, change, paint);
    }
    if shown.is_empty() { "no differences\n".to_owned() } else { shown }
}

/// When something happened, for one line of facts.
pub(crate) fn ago(value: &Value, name: &str) -> String {
    match value.get(name).and_then(Value::as_str) {
        Some(time) => format!("{} ago", age(time, jiff::Timestamp::now())),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn a_plan_reads_like_a_difference() {
        let plan = json!({
            "id": "4", "verb": "update", "instance": "shop", "state": "open",
            "changes": [
                {"action": "create", "kind": "ConfigMap", "namespace": "web", "name": "extra", "checked": false, "reason": "namespace `web` is not there yet", "diff": "+a"},
                {"action": "update", "kind": "Deployment", "namespace": "web", "name": "shop", "checked": true, "diff": " spec:\n-  replicas: 1\n+  replicas: 2\n"},
                {"action": "delete", "kind": "Service", "namespace": "web", "name": "old", "checked": true, "diff": null},
                {"action": "none", "kind": "Secret", "namespace": "web", "name": "s", "checked": true}],
            "kept": [{"kind": "PersistentVolumeClaim", "namespace": "web", "name": "data", "reason": "volume"}],
            "images": ["registry.example/web:2"], "warnings": ["`web` has no probe"], "crds": [], "permissions": []
        });
        assert_snapshot!(show_plan(&plan, Paint::Plain), @r"
        plan:     4
        verb:     update
        instance: shop
        state:    open

        changes:
          + create  ConfigMap web/extra  (namespace `web` is not there yet)
          ~ update  Deployment web/shop
                 spec:
                -  replicas: 1
                +  replicas: 2
          - delete  Service web/old
            1 unchanged

        kept:
            PersistentVolumeClaim web/data: volume

        images:
            registry.example/web:2

        warnings:
            `web` has no probe

        carry it out with `osc plan apply 4`
        ");
    }

    #[test]
    fn an_operation_lists_its_steps() {
        let operation = json!({
            "id": "7", "kind": "install", "instance": "shop", "state": "succeeded", "reason": null,
            "started_at": "2026-05-04T12:00:00Z", "finished_at": "2026-05-04T12:00:12Z",
            "steps": [{"name": "apply 3 objects", "state": "done", "started_at": "2026-05-04T12:00:00Z", "finished_at": "2026-05-04T12:00:01Z"}]
        });
        assert_snapshot!(show_operation(&operation, Paint::Plain), @r"
        operation: 7
        kind:      install
        instance:  shop
        state:     succeeded
        took:      12s

        STEP             STATE  TOOK  MESSAGE
        apply 3 objects  done   1.0s  -
        ");
    }
}
