//! Instances: how they are, what they hold in their cluster, and what was done to them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use osc_plugin_api::documents::form::Form;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Plan, Policy};
use osc_plugin_api::documents::plan_request::InstanceFacts;
use osc_plugin_api::documents::status::{Health, Status, StatusRequest};
use serde_json::{Value, json};

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::names::check_text;
use crate::domain::principal::Principal;
use crate::domain::values::mask;
use crate::domain::wishes::{find_instance, in_force, overrides};
use crate::domain::{clusters, services};
use crate::error::{Error, Result};
use crate::kube::api::{self, ClusterApi};
use crate::operations::document_identity;
use crate::operations::health::{self, Condition};
use crate::operations::preview::{Change, ChangeAction, Subject, preview};
use crate::plugins::Call;
use crate::store::clusters::ClusterState;
use crate::store::instances::{self, Filter, Instance, InstanceHealth};
use crate::store::inventory::{self, InventoryRow};
use crate::store::revisions::{self, Revision};
use crate::store::scope::{Page, Scoped};
use crate::store::{time, versions};

/// Objects read at once.
const PARALLEL: usize = 16;
/// How long a page waits for a cluster before it shows what was last known.
const PATIENCE: Duration = Duration::from_secs(3);
/// Seconds after which a page looks again.
const FRESH_SECONDS: i64 = 10;
const EVENTS: usize = 500;

/// An instance as lists show it.
#[derive(Clone, Debug)]
pub struct Shown {
    pub instance: Instance,
    pub state: &'static str,
    pub reason: Option<String>,
    /// The newest version beyond the one in use.
    pub upgrade: Option<String>,
}

/// What a list is about; empty fields match everything.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    pub service: Option<String>,
    pub cluster: Option<String>,
    pub region: Option<String>,
    pub namespace: Option<String>,
    /// Part of the name.
    pub search: Option<String>,
    pub state: Option<String>,
}

/// Live instances of the caller's tenant, by id.
/// The second answer is where the next part begins.
pub async fn list(
    app: &App,
    who: &Principal,
    filter: ListFilter,
    page: Page,
) -> Result<(Vec<Shown>, Option<i64>)> {
    let tenant = who.viewer()?;
    let wanted = filter.clone();
    let read = move |conn: &rusqlite::Connection| -> Result<Vec<Shown>> {
        let at = Scoped::new(conn, tenant);
        let service = wanted.service.as_deref().map(|name| services::resolve(&at, name)).transpose()?;
        let filter = Filter {
            service_id: service.map(|service| service.id),
            cluster: wanted.cluster.as_deref(),
            region: wanted.region.as_deref(),
            namespace: wanted.namespace.as_deref(),
            search: wanted.search.as_deref(),
            ..Filter::default()
        };
        let found = instances::list(&at, &filter, page)?;
        found.into_iter().map(|instance| shown(&at, instance)).collect()
    };
    let mut found = app.db.read(read.clone()).await?;
    let outdated: Vec<i64> =
        found.iter().filter(|shown| is_outdated(&shown.instance)).map(|shown| shown.instance.id).collect();
    if !outdated.is_empty() {
        let look = stream::iter(outdated).for_each_concurrent(PARALLEL, |id| refresh(app, id));
        // What does not answer in time is shown as last known.
        let _ = tokio::time::timeout(PATIENCE, look).await;
        found = app.db.read(read).await?;
    }
    let full = found.len() >= page.limit as usize;
    let next = found.last().filter(|_| full).map(|shown| shown.instance.id);
    if let Some(state) = filter.state {
        found.retain(|shown| shown.state == state);
    }
    Ok((found, next))
}

/// One instance of the caller's tenant, by name or id.
pub async fn get(app: &App, who: &Principal, said: &str) -> Result<Shown> {
    let instance = find(app, who, said).await?;
    let tenant = who.viewer()?;
    let old = instance.checked_at.as_deref().is_none_or(|at| at < time::in_seconds(-FRESH_SECONDS).as_str());
    if old || is_outdated(&instance) {
        let _ = tokio::time::timeout(PATIENCE, refresh(app, instance.id)).await;
    }
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let found = instances::find_by_id(&at, instance.id)?;
            shown(&at, found.unwrap_or(instance))
        })
        .await
}

async fn find(app: &App, who: &Principal, said: &str) -> Result<Instance> {
    let tenant = who.viewer()?;
    let said = said.to_owned();
    app.db.read(move |conn| find_instance(&Scoped::new(conn, tenant), &said)).await
}

/// Nobody has looked since the newest operation ended.
fn is_outdated(instance: &Instance) -> bool {
    instance.checked_at.is_none()
        || instance.health == InstanceHealth::Progressing
        || instance.operation.as_ref().is_some_and(|operation| {
            let ended = operation.finished_at.as_deref();
            ended.is_some_and(|ended| instance.checked_at.as_deref().is_none_or(|checked| checked < ended))
        })
}

fn shown(at: &Scoped<'_>, instance: Instance) -> Result<Shown> {
    let (state, reason) = state_of(&instance);
    let names = versions::open_names(at, instance.service_id)?;
    let upgrade = services::upgrade_of(&names, &instance.version);
    Ok(Shown { state, reason, upgrade, instance })
}

/// The state is computed, never stored: from the newest operation and the objects' health.
pub fn state_of(instance: &Instance) -> (&'static str, Option<String>) {
    let operation = instance.operation.as_ref();
    let (kind, state) = operation.map_or(("", ""), |o| (o.kind.as_str(), o.state.as_str()));
    let reason = || operation.and_then(|operation| operation.reason.clone());
    match (kind, state) {
        ("test", _) => {}
        (_, "queued" | "planning" | "running") => {
            let busy = match kind {
                "adopt" => "adopting",
                "update" => "updating",
                "upgrade" => "upgrading",
                "rollback" => "rolling-back",
                "uninstall" => "deleting",
                _ => "installing",
            };
            return (busy, None);
        }
        (_, "paused") => return ("failed", reason().or(Some("an operation waits for a person".into()))),
        (_, "failed") => return ("failed", reason()),
        ("install" | "adopt", "cancelled") => {
            return ("failed", Some(format!("the {kind} was cancelled")));
        }
        _ => {}
    }
    if instance.cluster_state == ClusterState::Unreachable.as_str() {
        return ("unknown", Some(format!("cluster `{}` does not answer", instance.cluster)));
    }
    let health = match instance.health {
        InstanceHealth::Running => "running",
        InstanceHealth::Progressing if instance.revision <= 1 => "installing",
        InstanceHealth::Progressing => "updating",
        InstanceHealth::Degraded => "degraded",
        InstanceHealth::Failed => "failed",
        InstanceHealth::Unknown => "unknown",
    };
    (health, instance.health_reason.clone())
}

/// Looks at an instance's objects and notes how it is. What goes wrong is noted too.
pub async fn refresh(app: &App, id: i64) {
    if let Err(error) = look(app, id).await {
        let reason = error.to_string();
        let noted: Result<()> =
            app.db.write(move |tx| Ok(instances::set_health_unknown(tx, id, &reason, &time::now())?)).await;
        if let Err(error) = noted {
            tracing::error!("the health of an instance cannot be stored: {error:#}");
        }
    }
}

async fn look(app: &App, id: i64) -> Result<()> {
    let read = app.db.read(move |conn| {
        let instance = instances::find_anywhere(conn, id)?;
        let rows = inventory::list_anywhere(conn, id, None)?;
        Ok::<_, Error>(instance.map(|instance| (instance, rows)))
    });
    let Some((instance, rows)) = read.await? else { return Ok(()) };
    let cluster = clusters::open(app, instance.cluster_id).await?;
    let live = live_objects(cluster.as_ref(), &rows).await?;
    let pairs = live.iter().map(|(row, live)| (&row.object, live.as_ref()));
    let (mut health, mut reason) = health::compute(pairs);
    let status = plugin_status(app, &instance, &live).await;
    if let Some(judged) = status.health {
        (health, reason) = (judged, status.reason);
    }
    let health = match health {
        Health::Running => InstanceHealth::Running,
        Health::Progressing => InstanceHealth::Progressing,
        Health::Degraded => InstanceHealth::Degraded,
        Health::Failed => InstanceHealth::Failed,
    };
    let endpoints = serde_json::to_string(&status.endpoints).map_err(anyhow::Error::new)?;
    let changed = health != instance.health || reason != instance.health_reason;
    app.db
        .write(move |tx| {
            let now = time::now();
            Ok::<_, Error>(instances::set_health(tx, id, health, reason.as_deref(), &endpoints, &now)?)
        })
        .await?;
    if changed {
        app.events.changed_one("instances", id);
    }
    Ok(())
}

/// Live objects of an inventory; bookkeeping is left out.
async fn live_objects(
    cluster: &dyn ClusterApi,
    rows: &[InventoryRow],
) -> Result<Vec<(InventoryRow, Option<Value>)>> {
    let shown = rows.iter().filter(|row| row.policy != Policy::Record).cloned();
    let get = |row: InventoryRow| async move {
        let live = cluster.get(&row.object).await?;
        // Another object that has the name now is not the instance's.
        let live = live.filter(|live| row.uid.is_empty() || live["metadata"]["uid"] == row.uid.as_str());
        Ok((row, live))
    };
    let gets: Vec<_> = shown.map(|row| get(row).boxed()).collect();
    stream::iter(gets).buffered(PARALLEL).try_collect().await
}

/// What the deployer makes of the live objects. One that fails judges nothing.
async fn plugin_status(app: &App, instance: &Instance, live: &[(InventoryRow, Option<Value>)]) -> Status {
    let objects = live.iter().filter_map(|(_, live)| live.clone()).map(without_secret_data).collect();
    let request = StatusRequest {
        schema: "osc.status-request/v1".into(),
        instance: InstanceFacts {
            name: instance.name.clone(),
            namespace: instance.namespace.clone(),
            service: instance.service.clone(),
            version: instance.version.clone(),
        },
        objects,
    };
    let call = Call {
        tenant: Some(instance.tenant.0),
        namespace: Some(instance.namespace.clone()),
        deadline: Duration::from_secs(10),
        ..Call::default()
    };
    match app.plugins.status(&instance.plugin, &call, request).await {
        Ok(status) => status,
        Err(error) => {
            tracing::warn!(
                plugin.id = instance.plugin,
                instance.name = instance.name,
                "plugin `{}` cannot tell the status of `{}`: {error}",
                instance.plugin,
                instance.name
            );
            Status::default()
        }
    }
}

fn without_secret_data(mut object: Value) -> Value {
    if object["kind"] == "Secret" {
        for field in ["data", "stringData"] {
            if let Some(data) = object.get_mut(field).and_then(Value::as_object_mut) {
                data.values_mut().for_each(|value| *value = json!(""));
            }
        }
    }
    object
}

/// The user's own values, and the package's defaults. Who only looks sees no secrets.
pub async fn values(app: &App, who: &Principal, said: &str) -> Result<(Value, Value)> {
    let tenant = who.viewer()?;
    let masked = who.consumer().is_err();
    let said = said.to_owned();
    let sealer = app.sealer.clone();
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let instance = find_instance(&at, &said)?;
            let mut own = match in_force(&at, &instance)? {
                Some(revision) => overrides(&sealer, &revision)?,
                None => json!({}),
            };
            let form = versions::form(conn, instance.version_id)?.unwrap_or_default();
            if masked {
                mask(&mut own, &form.secrets);
            }
            let defaults = if form.defaults.is_null() { json!({}) } else { form.defaults };
            Ok((own, defaults))
        })
        .await
}

/// One object of an instance and how it is.
#[derive(Clone, Debug)]
pub struct ObjectShown {
    pub object: ObjectRef,
    pub part: String,
    pub policy: Policy,
    /// `running`, `progressing`, `failed`, `deleting` or `missing`.
    pub state: &'static str,
    pub reason: Option<String>,
    pub created_at: Option<String>,
}

pub async fn objects(app: &App, who: &Principal, said: &str) -> Result<Vec<ObjectShown>> {
    let (_, cluster, rows) = opened(app, who, said).await?;
    let live = live_objects(cluster.as_ref(), &rows).await?;
    Ok(live
        .into_iter()
        .map(|(row, live)| {
            let (state, reason) = match live.as_ref().map(health::of) {
                None => ("missing", Some("it is not in the cluster".to_owned())),
                Some(Condition::Current) => ("running", None),
                Some(Condition::InProgress(reason)) => ("progressing", Some(reason)),
                Some(Condition::Failed(reason)) => ("failed", Some(reason)),
                Some(Condition::Terminating(reason)) => ("deleting", Some(reason)),
            };
            let created = live.as_ref().and_then(|live| live["metadata"]["creationTimestamp"].as_str());
            let created_at = created.map(str::to_owned);
            ObjectShown { object: row.object, part: row.part, policy: row.policy, state, reason, created_at }
        })
        .collect())
}

/// The instance, its cluster and what it holds there.
pub(super) async fn opened(
    app: &App,
    who: &Principal,
    said: &str,
) -> Result<(Instance, Arc<dyn ClusterApi>, Vec<InventoryRow>)> {
    let instance = find(app, who, said).await?;
    let id = instance.id;
    let tenant = who.viewer()?;
    let rows = app
        .db
        .read(move |conn| Ok::<_, Error>(inventory::list(&Scoped::new(conn, tenant), id, None)?))
        .await?;
    let cluster = clusters::open(app, instance.cluster_id).await?;
    Ok((instance, cluster, rows))
}

/// An event about one of the instance's objects, or one that those made.
#[derive(Clone, Debug)]
pub struct EventShown {
    pub time: String,
    pub kind: String,
    pub reason: String,
    /// `Pod web-1`.
    pub object: String,
    pub message: String,
    pub count: i64,
}

/// Events of the instance's objects and of what they own, newest first.
pub async fn events(app: &App, who: &Principal, said: &str) -> Result<Vec<EventShown>> {
    let (instance, cluster, rows) = opened(app, who, said).await?;
    let family = family(cluster.as_ref(), &instance, &rows).await?;
    let mut found = api::events(cluster.as_ref(), &instance.namespace, None).await?;
    found.retain(|event| {
        let about = |field: &str| event["involvedObject"][field].as_str().unwrap_or_default();
        family.contains_key(&(about("kind").to_owned(), about("name").to_owned()))
    });
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let shown = found.iter().rev().take(EVENTS).map(|event| EventShown {
        time: api::event_time(event).unwrap_or_default().to_owned(),
        kind: text(event, "type"),
        reason: text(event, "reason"),
        object: format!(
            "{} {}",
            text(&event["involvedObject"], "kind"),
            text(&event["involvedObject"], "name")
        ),
        message: text(event, "message"),
        count: event["count"].as_i64().or(event["series"]["count"].as_i64()).unwrap_or(1),
    });
    Ok(shown.collect())
}

/// The instance's objects and, down to pods, those that they own: (kind, name) to the object's uid.
pub(super) async fn family(
    cluster: &dyn ClusterApi,
    instance: &Instance,
    rows: &[InventoryRow],
) -> Result<BTreeMap<(String, String), String>> {
    let mut family: BTreeMap<(String, String), String> = rows
        .iter()
        .map(|row| ((row.object.kind.clone(), row.object.name.clone()), row.uid.clone()))
        .collect();
    for (api_version, kind) in [("apps/v1", "ReplicaSet"), ("batch/v1", "Job"), ("v1", "Pod")] {
        for object in cluster.list(api_version, kind, Some(&instance.namespace), None).await? {
            let metadata = &object["metadata"];
            let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
            let ours = owners
                .filter_map(|owner| owner["uid"].as_str())
                .any(|owner| family.values().any(|uid| uid == owner));
            if ours && let Some(name) = metadata["name"].as_str() {
                let uid = metadata["uid"].as_str().unwrap_or_default().to_owned();
                family.insert((kind.to_owned(), name.to_owned()), uid);
            }
        }
    }
    Ok(family)
}

/// Where the cluster differs from what was applied: what applying it again would change.
pub async fn diff(app: &App, who: &Principal, said: &str) -> Result<Vec<Change>> {
    let tenant = who.viewer()?;
    let (instance, cluster, rows) = opened(app, who, said).await?;
    let (id, number) = (instance.id, instance.revision);
    let revision = app
        .db
        .read(move |conn| Ok::<_, Error>(revisions::find(&Scoped::new(conn, tenant), id, number)?))
        .await?;
    let Some(revision) = revision else { return Ok(Vec::new()) };
    let mut plan: Plan = app.documents.get(&document_identity(tenant.0), &revision.document).await?;
    plan.steps.retain(|step| {
        matches!(&step.action, Action::Apply { policy, .. } if !matches!(policy, Policy::Record | Policy::Crd))
    });
    let rows: Vec<_> = rows.into_iter().filter(|row| row.part == plan.part).collect();
    let subject = Subject { namespace: &instance.namespace, instance: &instance.name, inventory: &rows };
    let found = preview(&plan, cluster.as_ref(), subject).await?.changes;
    let moved = |change: &Change| !matches!(change.action, ChangeAction::None | ChangeAction::Keep);
    Ok(found.into_iter().filter(moved).collect())
}

/// Changes the note for people.
pub async fn describe(app: &App, who: &Principal, said: &str, description: String) -> Result<Shown> {
    audited(app, who, Act::new("UpdateInstance", "instance", said), async {
        let tenant = who.consumer()?;
        check_text("description", &description, 500)?;
        let id = find(app, who, said).await?.id;
        let write = app.db.write(move |tx| {
            Ok::<_, Error>(instances::set_description(&Scoped::new(tx, tenant), id, &description)?)
        });
        write.await?;
        app.events.changed_one("instances", id);
        get(app, who, said).await
    })
    .await
}

/// The form of the version in use.
pub async fn form(app: &App, who: &Principal, said: &str) -> Result<Form> {
    let instance = find(app, who, said).await?;
    let id = format!("{}@{}", instance.service, instance.version);
    let read = app.db.read(move |conn| {
        versions::form(conn, instance.version_id)?.ok_or(Error::NotFound { kind: "form", id })
    });
    read.await
}

/// A revision with what the history shows.
#[derive(Clone, Debug)]
pub struct RevisionShown {
    pub revision: Revision,
    pub version: String,
    pub values: Value,
}

/// Revisions, newest first. Who only looks sees no secrets.
pub async fn history(app: &App, who: &Principal, said: &str) -> Result<Vec<RevisionShown>> {
    let tenant = who.viewer()?;
    let masked = who.consumer().is_err();
    let (said, sealer) = (said.to_owned(), app.sealer.clone());
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let instance = find_instance(&at, &said)?;
            let found = revisions::list(&at, instance.id)?;
            let shown = found.into_iter().map(|revision| {
                let version = versions::get(conn, revision.version_id)?;
                let mut values = overrides(&sealer, &revision)?;
                if masked {
                    mask(&mut values, &versions::form(conn, version.id)?.unwrap_or_default().secrets);
                }
                Ok(RevisionShown { revision, version: version.version, values })
            });
            shown.collect()
        })
        .await
}
