//! Plans that wait for their go: made, shown, and carried out as they were shown.

use std::sync::Arc;
use std::time::Duration;

use osc_plugin_api::documents::plan_request::Verb;

use crate::app::App;
use crate::domain::planning::{self, Made, Occasion};
use crate::domain::principal::Principal;
use crate::domain::wishes::{self, NewWish, Wish, verb_text};
use crate::error::{Error, Result};
use crate::operations::document_identity;
use crate::operations::preview::Preview;
use crate::store::plans::{self, NewPlan, PlanContent, PlanRow, PlanState};
use crate::store::scope::{Scoped, TenantId};
use crate::store::time;

/// How long a plan can be carried out.
const LIFE_SECONDS: i64 = 3_600;
/// After this an answer says that planning goes on.
const PATIENCE: Duration = Duration::from_secs(30);

/// A plan as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    pub row: PlanRow,
    /// Name of the instance; empty while the plan is being made.
    pub instance: String,
    /// None while the plan is being made.
    pub preview: Option<Preview>,
}

/// Plans a wish and stores plan and preview for an hour. Answers a plan without preview when it takes longer than
/// half a minute; it is made all the same.
pub async fn create(app: &Arc<App>, who: &Principal, verb: Verb, new: NewWish) -> Result<Shown> {
    let tenant = who.consumer()?;
    let wish = wishes::resolve(app, who, verb, new).await?;
    let row = NewPlan {
        tenant_id: tenant.0,
        instance_id: wish.instance,
        verb: verb_text(verb).into(),
        created_by: Some(who.user_id),
        created_at: time::now(),
        expires_at: time::in_seconds(LIFE_SECONDS),
    };
    let id = app.db.write(move |tx| Ok::<_, Error>(plans::insert(tx, &row)?)).await?;
    let making = tokio::spawn(finish(app.clone(), tenant, id, wish));
    match tokio::time::timeout(PATIENCE, making).await {
        Ok(made) => made.map_err(anyhow::Error::new)??,
        Err(_) => tracing::info!("plan `{id}` takes long"),
    }
    get(app, who, id).await
}

/// Makes a plan to its end, also when nobody waits any more. One that cannot be made goes away.
async fn finish(app: Arc<App>, tenant: TenantId, id: i64, wish: Wish) -> Result<()> {
    let made = complete(&app, tenant, id, wish).await;
    if made.is_err() {
        app.db.write(move |tx| Ok::<_, Error>(plans::delete(tx, id)?)).await?;
    }
    app.events.changed_one("plans", id);
    made
}

async fn complete(app: &App, tenant: TenantId, id: i64, wish: Wish) -> Result<()> {
    let occasion = Occasion::new("plan", id);
    let made = planning::make(app, tenant, &wish, &occasion).await?;
    let preview = planning::look_ahead(&made, &wish).await?;
    let content = PlanContent {
        wish: seal(app, id, &wish, &occasion)?,
        document: app.documents.put(&document_identity(tenant.0), &made.plan).await?,
        preview: app.documents.put(&preview_identity(tenant), &preview).await?,
        hash: made.hash,
    };
    app.db.write(move |tx| Ok::<_, Error>(plans::complete(tx, id, &content)?)).await
}

/// A stored plan of the caller's tenant.
pub async fn get(app: &App, who: &Principal, id: i64) -> Result<Shown> {
    let tenant = who.viewer()?;
    let row = row(app, tenant, id).await?;
    if row.document.is_empty() {
        return Ok(Shown { row, instance: String::new(), preview: None });
    }
    let (wish, _) = unseal(app, &row)?;
    let preview = app.documents.get(&preview_identity(tenant), &row.preview).await?;
    Ok(Shown { row, instance: wish.name, preview: Some(preview) })
}

/// Verb and instance of a plan, for the audit trail.
pub async fn subject(app: &App, who: &Principal, id: i64) -> Result<(Verb, String)> {
    let shown = get(app, who, id).await?;
    Ok((wishes::parse_verb(&shown.row.verb)?, shown.instance))
}

/// A plan that may be carried out now, planned again: an error says why not. The second answer is the fresh plan,
/// which equals the stored one.
pub async fn recheck(app: &App, who: &Principal, id: i64, hash: &str) -> Result<(PlanRow, Wish, Made)> {
    let tenant = who.consumer()?;
    let row = row(app, tenant, id).await?;
    if row.document.is_empty() {
        return Err(Error::Conflict(format!("plan `{id}` is still being made")));
    }
    match row.state {
        PlanState::Open if row.expires_at > time::now() => {}
        PlanState::Open | PlanState::Expired => {
            return Err(Error::Conflict(format!("plan `{id}` has expired: plan again")));
        }
        PlanState::Used => return Err(Error::Conflict(format!("plan `{id}` was carried out already"))),
        PlanState::Stale => {
            return Err(Error::Conflict(format!("plan `{id}` is out of date: plan again")));
        }
    }
    if row.hash != hash {
        let reason = format!("it is not the hash of plan `{id}`: look at the plan again");
        return Err(Error::Invalid { field: "hash", reason });
    }
    let (wish, occasion) = unseal(app, &row)?;
    let made = planning::make(app, tenant, &wish, &occasion).await;
    let moved = match &made {
        Ok(made) if made.hash == row.hash => None,
        Ok(made) => Some(difference(app, tenant, &row, made).await?),
        Err(Error::Conflict(reason)) => Some(reason.clone()),
        Err(_) => None,
    };
    if let Some(reason) = moved {
        app.db.write(move |tx| Ok::<_, Error>(plans::close(tx, id, PlanState::Stale)?)).await?;
        app.events.changed_one("plans", id);
        return Err(Error::Conflict(format!("the cluster or the inputs moved since plan `{id}`: {reason}")));
    }
    Ok((row, wish, made?))
}

/// Which steps of a fresh plan differ from the stored one.
async fn difference(app: &App, tenant: TenantId, row: &PlanRow, made: &Made) -> Result<String> {
    let stored: osc_plugin_api::documents::plan::Plan =
        app.documents.get(&document_identity(tenant.0), &row.document).await?;
    let steps = stored.steps.iter().zip(&made.plan.steps);
    let mut names: Vec<&str> =
        steps.filter(|(old, new)| old != new).map(|(old, _)| old.name.as_str()).take(5).collect();
    if stored.steps.len() != made.plan.steps.len() {
        names.push("the number of steps");
    }
    if names.is_empty() {
        names.push("what happens on failure");
    }
    Ok(format!("{} would be different now; plan again", names.join(", ")))
}

async fn row(app: &App, tenant: TenantId, id: i64) -> Result<PlanRow> {
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            plans::find(&at, id)?.ok_or_else(|| Error::NotFound { kind: "plan", id: id.to_string() })
        })
        .await
}

fn wish_identity(id: i64) -> String {
    format!("plan/wish/{id}")
}

fn preview_identity(tenant: TenantId) -> String {
    format!("preview of tenant {}", tenant.0)
}

fn seal(app: &App, id: i64, wish: &Wish, occasion: &Occasion) -> Result<Vec<u8>> {
    let plain = serde_json::to_vec(&(wish, occasion)).map_err(anyhow::Error::new)?;
    Ok(app.sealer.seal(&wish_identity(id), &plain))
}

fn unseal(app: &App, row: &PlanRow) -> Result<(Wish, Occasion)> {
    let plain = app.sealer.unseal(&wish_identity(row.id), &row.wish)?;
    Ok(serde_json::from_slice(&plain).map_err(anyhow::Error::new)?)
}
