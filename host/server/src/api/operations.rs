//! Operations: plans being carried out.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::error::{HttpResult, Problem};
use super::events::stream;
use super::extract::{Json, Path, Query};
use super::page::{List, PageQuery};
use crate::app::App;
use crate::domain::operations::{self, Shown};
use crate::domain::principal::Principal;
use crate::error::{Error, Result};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OperationCreate {
    /// Id of the plan.
    plan: String,
    /// Its hash, as it was shown.
    hash: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OperationQuery {
    /// At most so many items.
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Only those of this instance: name or id.
    instance: Option<String>,
}

/// A step of an operation.
#[derive(Serialize, ToSchema)]
#[schema(as = Step)]
pub(super) struct StepView {
    name: String,
    /// `pending`, `started`, `done`, `failed` or `skipped`.
    state: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    message: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Operation)]
pub(super) struct OperationView {
    id: String,
    /// `install`, `update`, `upgrade`, `rollback`, `uninstall`, `adopt` or `test`.
    kind: String,
    /// Name of the instance.
    instance: Option<String>,
    /// `queued`, `planning`, `running`, `paused`, `succeeded`, `failed` or `cancelled`.
    state: String,
    reason: Option<String>,
    /// Id of the plan that it carries out, if it was shown before.
    plan: Option<String>,
    attempt: i64,
    cancel_requested: bool,
    steps: Vec<StepView>,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

impl From<Shown> for OperationView {
    fn from(shown: Shown) -> OperationView {
        let Shown { operation, instance, steps } = shown;
        OperationView {
            id: operation.id.to_string(),
            kind: operation.kind,
            instance,
            state: operation.state.to_string(),
            reason: operation.reason,
            plan: operation.plan_id.map(|id| id.to_string()),
            attempt: operation.attempt,
            cancel_requested: operation.cancel_requested,
            steps: steps
                .into_iter()
                .map(|step| StepView {
                    name: step.name,
                    state: step.state.to_string(),
                    started_at: step.started_at,
                    finished_at: step.finished_at,
                    message: step.message,
                })
                .collect(),
            created_at: operation.created_at,
            started_at: operation.started_at,
            finished_at: operation.finished_at,
        }
    }
}

fn parse_id(id: String) -> Result<i64> {
    id.parse().map_err(|_| Error::NotFound { kind: "operation", id })
}

/// Carry out a plan exactly as it was shown
///
/// Refused with 409 when the cluster or the inputs moved since.
#[utoipa::path(post, path = "/api/v1/operations", tag = "operations", request_body = OperationCreate,
    responses((status = ACCEPTED, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn create_operation(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<OperationCreate>,
) -> HttpResult<(StatusCode, Json<OperationView>)> {
    let OperationCreate { plan, hash } = body;
    let number = plan.parse().map_err(|_| Error::NotFound { kind: "plan", id: plan })?;
    Ok((StatusCode::ACCEPTED, Json(operations::execute(&app, &who, number, &hash).await?.into())))
}

/// List operations, newest first
#[utoipa::path(get, path = "/api/v1/operations", tag = "operations", params(OperationQuery),
    responses((status = OK, body = List<OperationView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_operations(
    State(app): State<Arc<App>>,
    who: Principal,
    Query(query): Query<OperationQuery>,
) -> HttpResult<Json<List<OperationView>>> {
    let page = PageQuery::new(query.limit, query.cursor).page()?;
    let found = operations::list(&app, &who, query.instance, page.after, page.limit).await?;
    Ok(Json(List::part(found, page, |shown| shown.operation.id, Into::into)))
}

/// Show an operation with its steps
#[utoipa::path(get, path = "/api/v1/operations/{id}", tag = "operations", params(("id" = String, Path)),
    responses((status = OK, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn get_operation(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<OperationView>> {
    Ok(Json(operations::get(&app, &who, parse_id(id)?).await?.into()))
}

/// Follow an operation
///
/// Each event says that something changed; fetch the operation again.
#[utoipa::path(get, path = "/api/v1/operations/{id}/events", tag = "operations", params(("id" = String, Path)),
    responses((status = OK, content_type = "text/event-stream", body = String), (status = "4XX", body = Problem)))]
pub(super) async fn follow_operation(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let number = parse_id(id)?;
    operations::get(&app, &who, number).await?;
    Ok(stream(app, move |resource, id| {
        let about = resource == "operations" && id.is_none_or(|id| id == number);
        about.then(|| json!({ "resource": resource, "id": number.to_string() }))
    }))
}

/// Ask an operation to stop
#[utoipa::path(post, path = "/api/v1/operations/{id}/cancel", tag = "operations", params(("id" = String, Path)),
    responses((status = OK, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn cancel_operation(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<OperationView>> {
    Ok(Json(operations::cancel(&app, &who, parse_id(id)?).await?.into()))
}

/// Go on with an operation that failed, was cancelled or is paused
#[utoipa::path(post, path = "/api/v1/operations/{id}/retry", tag = "operations", params(("id" = String, Path)),
    responses((status = OK, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn retry_operation(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<OperationView>> {
    Ok(Json(operations::retry(&app, &who, parse_id(id)?).await?.into()))
}
