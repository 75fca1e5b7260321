//! Plans: asked for, looked at, and carried out by `POST /operations`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path};
use crate::app::App;
use crate::domain::plans::{self, Shown};
use crate::domain::principal::Principal;
use crate::domain::wishes::{NewWish, parse_verb};
use crate::error::Error;
use crate::operations::preview::{Change, Preview};

/// What to plan. Which fields count depends on the verb.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanCreate {
    /// `install`, `update`, `upgrade`, `rollback`, `uninstall`, `adopt` or `test`.
    verb: String,
    /// Name or id, for all verbs but install and adopt.
    instance: Option<String>,
    /// `[PROVIDER/]NAME[@VERSION]`, for install and adopt.
    service: Option<String>,
    /// The version wanted; the newest when left out.
    version: Option<String>,
    /// Name of the new instance; made from the service's when left out.
    name: Option<String>,
    description: Option<String>,
    cluster: Option<String>,
    /// `default` when left out.
    namespace: Option<String>,
    /// Differences from the defaults; laid over the ones that are there.
    #[schema(value_type = Option<HashMap<String, Value>>)]
    values: Option<Value>,
    /// Forgets the differences that are there first.
    #[serde(default)]
    reset_values: bool,
    /// For rollback: the revision to go back to; the one before when left out.
    revision: Option<i64>,
    /// For adopt: the Helm release that is there.
    release: Option<String>,
    #[serde(default)]
    no_hooks: bool,
    /// Delete volumes too.
    #[serde(default)]
    purge_data: bool,
    /// Delete the namespace too, if it was made for the instance and is empty.
    #[serde(default)]
    delete_namespace: bool,
    /// Delete the instances that it depends on too.
    #[serde(default)]
    cascade: bool,
    /// How long each wait may take.
    timeout_seconds: Option<u32>,
}

impl PlanCreate {
    fn wish(self) -> NewWish {
        NewWish {
            instance: self.instance,
            service: self.service,
            version: self.version,
            name: self.name,
            description: self.description,
            cluster: self.cluster,
            namespace: self.namespace,
            values: self.values,
            reset_values: self.reset_values,
            revision: self.revision,
            release: self.release,
            no_hooks: self.no_hooks,
            purge_data: self.purge_data,
            delete_namespace: self.delete_namespace,
            timeout_seconds: self.timeout_seconds.unwrap_or(0),
        }
    }
}

/// What happens to one object.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
pub(super) struct ChangeView {
    /// `create`, `update`, `replace`, `delete`, `keep` or `none`.
    action: String,
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
    /// Unified diff of YAML; values of Secrets are masked.
    diff: String,
    /// Whether the API server was asked.
    checked: bool,
    /// Why it was not, or what else there is to say.
    reason: Option<String>,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> ChangeView {
        ChangeView {
            action: json!(change.action).as_str().unwrap_or_default().into(),
            api_version: change.api_version,
            kind: change.kind,
            namespace: change.namespace,
            name: change.name,
            diff: change.diff,
            checked: change.checked,
            reason: change.reason,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Plan)]
pub(super) struct PlanView {
    id: String,
    verb: String,
    /// Name of the instance.
    instance: String,
    /// `planning`, `open`, `used`, `stale` or `expired`.
    state: String,
    /// Empty until the plan is made.
    hash: String,
    created_at: String,
    expires_at: String,
    changes: Vec<ChangeView>,
    /// Objects that stay on purpose, with the reason.
    #[schema(value_type = Vec<HashMap<String, Value>>)]
    kept: Vec<Value>,
    /// Rules of the roles that it makes.
    #[schema(value_type = Vec<HashMap<String, Value>>)]
    permissions: Vec<Value>,
    /// Definitions that it brings, and what happens to them.
    #[schema(value_type = Vec<HashMap<String, Value>>)]
    crds: Vec<Value>,
    images: Vec<String>,
    warnings: Vec<String>,
}

impl From<Shown> for PlanView {
    fn from(shown: Shown) -> PlanView {
        let planned = shown.preview.is_some();
        let Preview { changes, kept, permissions, crds, images, warnings } =
            shown.preview.unwrap_or_default();
        PlanView {
            id: shown.row.id.to_string(),
            verb: shown.row.verb,
            instance: shown.instance,
            state: if planned { shown.row.state.to_string() } else { "planning".into() },
            hash: shown.row.hash,
            created_at: shown.row.created_at,
            expires_at: shown.row.expires_at,
            changes: changes.into_iter().map(Into::into).collect(),
            kept: kept.into_iter().map(|kept| json!(kept)).collect(),
            permissions: permissions.into_iter().map(|permission| json!(permission)).collect(),
            crds: crds.into_iter().map(|crd| json!(crd)).collect(),
            images,
            warnings,
        }
    }
}

/// Make a plan
///
/// Shows what would change, by a dry run in the cluster; nothing changes. Answers 202 when that takes longer than half
/// a minute; fetch the plan until it has a hash.
#[utoipa::path(post, path = "/api/v1/plans", tag = "plans", request_body = PlanCreate,
    responses((status = OK, body = PlanView), (status = ACCEPTED, body = PlanView),
        (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn create_plan(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<PlanCreate>,
) -> HttpResult<(StatusCode, Json<PlanView>)> {
    if body.cascade {
        return Err(super::changes::no_dependencies().into());
    }
    let verb = parse_verb(&body.verb)?;
    let shown = plans::create(&app, &who, verb, body.wish()).await?;
    let status = if shown.preview.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(shown.into())))
}

/// Show a plan
#[utoipa::path(get, path = "/api/v1/plans/{id}", tag = "plans", params(("id" = String, Path)),
    responses((status = OK, body = PlanView), (status = "4XX", body = Problem)))]
pub(super) async fn get_plan(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<PlanView>> {
    let number = id.parse().map_err(|_| Error::NotFound { kind: "plan", id })?;
    Ok(Json(plans::get(&app, &who, number).await?.into()))
}
