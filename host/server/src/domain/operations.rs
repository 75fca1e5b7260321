//! Operations: wishes being carried out. Starting them, driving them to their end, and what their end means for
//! instances and revisions.

use std::sync::Arc;

use futures::future::BoxFuture;
use osc_plugin_api::documents::plan_request::Verb;
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::clusters::{self, ClusterSource};
use crate::domain::planning::{self, Occasion};
use crate::domain::principal::Principal;
use crate::domain::wishes::{self, NewWish, Wish, check_free, overrides_identity, verb_text};
use crate::domain::{instances, plans, subscriptions};
use crate::error::{Error, Result};
use crate::operations::document_identity;
use crate::operations::executor::{End, OperationHost, Target};
use crate::secrets::Sealer;
use crate::store::db::Db;
use crate::store::instances::NewInstance;
use crate::store::operations::{NewOperation, Operation, OperationState, Step};
use crate::store::plans::PlanState;
use crate::store::revisions::{self, NewRevision, RevisionResult};
use crate::store::scope::{Scoped, TenantId};
use crate::store::{self, time};

/// What an operation is for: sealed with its row.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Errand {
    wish: Wish,
    /// The revision that it makes; 0 until it is planned.
    revision: i64,
}

/// An operation with its journal.
#[derive(Clone, Debug)]
pub struct Shown {
    pub operation: Operation,
    /// Name of its instance.
    pub instance: Option<String>,
    pub steps: Vec<Step>,
}

/// Stores a wish as a queued operation; planning and execution follow in the background.
pub async fn start(app: &App, who: &Principal, verb: Verb, new: NewWish) -> Result<Shown> {
    let names = [&new.name, &new.instance, &new.release, &new.service];
    let name = names.into_iter().flatten().next().cloned().unwrap_or_default();
    audited(app, who, Act::new(event_name(verb), "instance", name), async {
        let wish = wishes::resolve(app, who, verb, new).await?;
        store_errand(app, who, Errand { wish, revision: 0 }, None).await
    })
    .await
}

/// Carries out a plan exactly as it was shown, if the cluster and the inputs have not moved since.
pub async fn execute(app: &App, who: &Principal, plan: i64, hash: &str) -> Result<Shown> {
    let (verb, instance) = plans::subject(app, who, plan).await?;
    let act = Act::new(event_name(verb), "instance", instance);
    audited(app, who, act, async {
        let (row, wish, made) = plans::recheck(app, who, plan, hash).await?;
        let mut errand = Errand { wish, revision: made.revision };
        errand.wish.take_found_values(&made.plan);
        store_errand(app, who, errand, Some((row.id, row.document))).await
    })
    .await
}

async fn store_errand(
    app: &App,
    who: &Principal,
    mut errand: Errand,
    plan: Option<(i64, String)>,
) -> Result<Shown> {
    let tenant = who.consumer()?;
    let digest = app.plugins.get(&errand.wish.plugin)?.digest;
    let (sealer, user) = (app.sealer.clone(), who.user_id);
    let id = app
        .db
        .write(move |tx| {
            let at = Scoped::new(tx, tenant);
            let now = time::now();
            if let Some((id, _)) = &plan
                && !store::plans::close(tx, *id, PlanState::Used)?
            {
                return Err(Error::Conflict(format!("plan `{id}` was carried out already")));
            }
            match errand.wish.instance {
                Some(id) => check_unmoved(&at, &errand.wish, id)?,
                None => errand.wish.instance = Some(insert_instance(&at, &errand.wish, &digest, &now)?),
            }
            insert_operation(&at, &sealer, user, errand, plan)
        })
        .await?;
    app.scheduler.poke();
    app.events.changed_one("operations", id);
    app.events.changed("instances");
    get(app, who, id).await
}

fn insert_operation(
    at: &Scoped<'_>,
    sealer: &Sealer,
    user: i64,
    errand: Errand,
    plan: Option<(i64, String)>,
) -> Result<i64> {
    let new = NewOperation {
        tenant_id: at.tenant().0,
        instance_id: errand.wish.instance,
        kind: verb_text(errand.wish.verb).into(),
        wish: Vec::new(),
        plan_id: plan.as_ref().map(|(id, _)| *id),
        document: plan.map(|(_, document)| document),
        created_by: Some(user),
    };
    let id = store::operations::insert(at.connection(), &new, &time::now())?;
    store::operations::set_wish(at.connection(), id, &seal(sealer, id, &errand)?)?;
    Ok(id)
}

/// Ends a subscription: deletes the tenant's instances of the service first. Answers the operations that do.
pub async fn end_subscription(app: &App, who: &Principal, service: &str) -> Result<Vec<Shown>> {
    audited(app, who, Act::new("DeleteSubscription", "subscription", service), async {
        let tenant = who.consumer()?;
        let (named, sealer, user) = (service.to_owned(), app.sealer.clone(), who.user_id);
        let ids = app
            .db
            .write(move |tx| {
                let at = Scoped::new(tx, tenant);
                let mut ids = Vec::new();
                for instance in subscriptions::begin_end(&at, &named)? {
                    let new = NewWish { instance: Some(instance), ..NewWish::default() };
                    let wish = wishes::resolve_change(&at, &sealer, Verb::Uninstall, new)?;
                    ids.push(insert_operation(&at, &sealer, user, Errand { wish, revision: 0 }, None)?);
                }
                store::subscriptions::finish_ending_anywhere(tx)?;
                Ok::<_, Error>(ids)
            })
            .await?;
        app.scheduler.poke();
        app.events.changed("subscriptions");
        app.events.changed("instances");
        app.events.changed("operations");
        let mut started = Vec::new();
        for id in ids {
            started.push(get(app, who, id).await?);
        }
        Ok(started)
    })
    .await
}

/// Whether the instance is as the wish found it, and idle.
fn check_unmoved(at: &Scoped<'_>, wish: &Wish, id: i64) -> Result<()> {
    let found = store::instances::find_by_id(at, id)?;
    let instance = found.ok_or_else(|| Error::NotFound { kind: "instance", id: wish.name.clone() })?;
    wishes::check_idle(at, &instance)?;
    if instance.revision != wish.base {
        return Err(Error::Conflict(format!("instance `{}` has changed meanwhile: try again", wish.name)));
    }
    Ok(())
}

fn insert_instance(at: &Scoped<'_>, wish: &Wish, digest: &str, now: &str) -> Result<i64> {
    let cluster = store::clusters::get_anywhere(at.connection(), wish.cluster)?;
    clusters::grant_for(at, &cluster, &wish.namespace)?;
    check_free(at, &wish.name, wish.cluster, &wish.namespace)?;
    store::clusters::claim_namespace(at, wish.cluster, &wish.namespace)?;
    Ok(store::instances::insert(
        at,
        &NewInstance {
            name: &wish.name,
            description: &wish.description,
            service_id: wish.service,
            version_id: wish.version,
            cluster_id: wish.cluster,
            namespace: &wish.namespace,
            plugin: &wish.plugin,
            plugin_digest: digest,
            now,
        },
    )?)
}

/// Brings an operation forward as far as it goes: plans it where that is still to be done, then carries it out.
/// Called again after a restart.
pub async fn drive(app: &Arc<App>, id: i64) -> Result<OperationState> {
    let operation = load(app, id).await?;
    if operation.document.is_none() {
        match plan(app, &operation).await {
            Ok(()) => {}
            Err(error @ (Error::Database(_) | Error::Internal(_))) => return Err(error),
            Err(error) => {
                fail(app, id, error.to_string()).await?;
                return Ok(OperationState::Failed);
            }
        }
    }
    let state = app.executor.run(id).await?;
    if let Some(instance) = operation.instance_id {
        instances::refresh(app, instance).await;
    }
    app.events.changed_one("operations", id);
    app.events.changed("instances");
    Ok(state)
}

async fn plan(app: &App, operation: &Operation) -> Result<()> {
    let id = operation.id;
    app.db
        .write(move |tx| {
            store::operations::set_state(tx, id, OperationState::Planning, None, &time::now())?;
            Ok::<_, Error>(())
        })
        .await?;
    app.executor.announce(id);
    let mut errand = unseal(&app.sealer, operation)?;
    let tenant = TenantId(operation.tenant_id);
    let occasion = Occasion::new("operation", id);
    let made = planning::make(app, tenant, &errand.wish, &occasion).await?;
    errand.revision = made.revision;
    errand.wish.take_found_values(&made.plan);
    let sealed = seal(&app.sealer, id, &errand)?;
    let document = app.documents.put(&document_identity(tenant.0), &made.plan).await?;
    app.db
        .write(move |tx| {
            store::operations::set_wish(tx, id, &sealed)?;
            store::operations::set_document(tx, id, None, None, &document)?;
            Ok::<_, Error>(())
        })
        .await
}

async fn fail(app: &App, id: i64, reason: String) -> Result<()> {
    app.db
        .write(move |tx| {
            store::operations::finish(tx, id, OperationState::Failed, Some(&reason), &time::now())?;
            Ok::<_, Error>(())
        })
        .await?;
    app.executor.announce(id);
    app.events.changed_one("operations", id);
    app.events.changed("instances");
    Ok(())
}

async fn load(app: &App, id: i64) -> Result<Operation> {
    let found = app.db.read(move |conn| Ok::<_, Error>(store::operations::find_anywhere(conn, id)?)).await?;
    found.ok_or_else(|| Error::NotFound { kind: "operation", id: id.to_string() })
}

/// An operation of the caller's tenant.
pub async fn get(app: &App, who: &Principal, id: i64) -> Result<Shown> {
    let tenant = who.viewer()?;
    app.db
        .read(move |conn| {
            let operation = store::operations::find(&Scoped::new(conn, tenant), id)?
                .ok_or_else(|| Error::NotFound { kind: "operation", id: id.to_string() })?;
            shown(conn, operation)
        })
        .await
}

/// Operations of the caller's tenant, newest first, of one instance or all.
pub async fn list(
    app: &App,
    who: &Principal,
    instance: Option<String>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Shown>> {
    let tenant = who.viewer()?;
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let instance = instance.map(|said| wishes::find_instance(&at, &said)).transpose()?;
            let id = instance.map(|instance| instance.id);
            let found = store::operations::list(&at, id, before, limit)?;
            found.into_iter().map(|operation| shown(conn, operation)).collect()
        })
        .await
}

fn shown(conn: &rusqlite::Connection, operation: Operation) -> Result<Shown> {
    let instance = operation.instance_id.map(|id| store::instances::name_of(conn, id)).transpose()?;
    let steps = store::operations::list_steps(conn, operation.id)?;
    Ok(Shown { operation, instance, steps })
}

/// Asks an operation to stop after what it is doing.
pub async fn cancel(app: &App, who: &Principal, id: i64) -> Result<Shown> {
    audited(app, who, Act::new("CancelOperation", "operation", id.to_string()), async {
        who.consumer()?;
        get(app, who, id).await?;
        app.executor.cancel(id).await?;
        app.scheduler.poke();
        get(app, who, id).await
    })
    .await
}

/// Runs a failed or cancelled operation again, or goes on with a paused one: the same plan, never rendered again.
pub async fn retry(app: &App, who: &Principal, id: i64) -> Result<Shown> {
    audited(app, who, Act::new("RetryOperation", "operation", id.to_string()), async {
        who.consumer()?;
        let shown = get(app, who, id).await?;
        match shown.operation.document {
            Some(_) => app.executor.retry(id).await?,
            None => {
                if !shown.operation.state.is_final() {
                    return Err(Error::Conflict(format!("operation `{id}` is {}", shown.operation.state)));
                }
                app.db.write(move |tx| Ok::<_, Error>(store::operations::begin_attempt(tx, id)?)).await?;
            }
        }
        app.scheduler.poke();
        app.events.changed_one("operations", id);
        get(app, who, id).await
    })
    .await
}

/// What the audit trail calls a verb.
fn event_name(verb: Verb) -> &'static str {
    match verb {
        Verb::Install => "CreateInstance",
        Verb::Uninstall => "DeleteInstance",
        Verb::Update => "UpdateInstance",
        Verb::Upgrade => "UpgradeInstance",
        Verb::Rollback => "RollbackInstance",
        Verb::Adopt => "AdoptInstance",
        Verb::Test => "TestInstance",
    }
}

fn identity(id: i64) -> String {
    format!("operation/wish/{id}")
}

fn seal(sealer: &Sealer, id: i64, errand: &Errand) -> Result<Vec<u8>> {
    Ok(sealer.seal(&identity(id), &serde_json::to_vec(errand).map_err(anyhow::Error::new)?))
}

fn unseal(sealer: &Sealer, operation: &Operation) -> Result<Errand> {
    let plain = sealer.unseal(&identity(operation.id), &operation.wish)?;
    Ok(serde_json::from_slice(&plain).map_err(anyhow::Error::new)?)
}

/// What the executor asks of the server: where an operation runs, and what its end means.
pub struct Host {
    pub db: Db,
    pub sealer: Arc<Sealer>,
    pub clusters: Arc<dyn ClusterSource>,
}

impl OperationHost for Host {
    fn target<'a>(&'a self, operation: &'a Operation) -> BoxFuture<'a, Result<Target>> {
        Box::pin(async move {
            let wish = unseal(&self.sealer, operation)?.wish;
            let tenant = TenantId(operation.tenant_id);
            let id = wish.cluster;
            let read = self.db.read(move |conn| planning::grant(&Scoped::new(conn, tenant), id));
            Ok(Target {
                grant: read.await?,
                cluster: clusters::open_in(&self.db, &self.sealer, self.clusters.as_ref(), id).await?,
                cluster_id: id,
                namespace: wish.namespace,
                instance: wish.name,
            })
        })
    }

    fn end(&self, tx: &Transaction<'_>, operation: &Operation, end: &End) -> Result<()> {
        let Errand { wish, revision } = unseal(&self.sealer, operation)?;
        let Some(instance) = operation.instance_id else { return Ok(()) };
        let at = Scoped::new(tx, TenantId(operation.tenant_id));
        let now = time::now();
        let succeeded = end.state == OperationState::Succeeded;
        match wish.verb {
            Verb::Test => {}
            Verb::Uninstall if succeeded => {
                store::instances::set_deleted(&at, instance, &now)?;
                store::clusters::release_namespace(&at, wish.cluster, &wish.namespace)?;
                store::subscriptions::finish_ending_anywhere(tx)?;
            }
            Verb::Uninstall => {}
            Verb::Install | Verb::Update | Verb::Upgrade | Verb::Rollback | Verb::Adopt => {
                let plain = serde_json::to_vec(&wish.values).map_err(anyhow::Error::new)?;
                let document = operation.document.clone();
                revisions::record(
                    tx,
                    &NewRevision {
                        tenant_id: operation.tenant_id,
                        instance_id: instance,
                        number: revision,
                        version_id: wish.version,
                        operation_id: Some(operation.id),
                        overrides: self.sealer.seal(&overrides_identity(instance, revision), &plain),
                        document: document.ok_or_else(|| anyhow::anyhow!("it ended without a plan"))?,
                        notes: end.notes.clone(),
                        result: if succeeded { RevisionResult::Deployed } else { RevisionResult::Failed },
                    },
                    &now,
                )?;
                if succeeded {
                    store::instances::set_revision(tx, instance, revision, wish.version)?;
                }
            }
        }
        Ok(())
    }
}
