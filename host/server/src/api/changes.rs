//! The one-step forms: what is wanted is stored and answered with the operation that will plan it and carry it out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use osc_plugin_api::documents::plan_request::Verb;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path, Query};
use super::operations::OperationView;
use crate::app::App;
use crate::domain::operations;
use crate::domain::principal::Principal;
use crate::domain::wishes::NewWish;
use crate::error::Error;

type Started = HttpResult<(StatusCode, Json<OperationView>)>;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceCreate {
    /// `[PROVIDER/]NAME[@VERSION]`
    service: String,
    /// The version wanted; the newest when left out.
    version: Option<String>,
    /// A DNS label of at most 53 characters; made from the service's name when left out.
    name: Option<String>,
    description: Option<String>,
    cluster: String,
    /// `default` when left out.
    namespace: Option<String>,
    /// Differences from the package's defaults.
    #[schema(value_type = Option<HashMap<String, Value>>)]
    values: Option<Value>,
    timeout_seconds: Option<u32>,
    #[serde(default)]
    no_hooks: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceAdopt {
    cluster: String,
    /// `default` when left out.
    namespace: Option<String>,
    /// Name of the Helm release.
    release: String,
    /// The release's name when left out.
    name: Option<String>,
    description: Option<String>,
    /// `[PROVIDER/]NAME[@VERSION]`; found by the release's chart when left out.
    service: Option<String>,
    version: Option<String>,
    timeout_seconds: Option<u32>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceUpdate {
    /// Laid over the differences that are there.
    #[schema(value_type = Option<HashMap<String, Value>>)]
    values: Option<Value>,
    /// Forgets the differences that are there first.
    #[serde(default)]
    reset_values: bool,
    timeout_seconds: Option<u32>,
    #[serde(default)]
    no_hooks: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceUpgrade {
    /// The newest version when left out.
    version: Option<String>,
    /// Laid over the differences that are there.
    #[schema(value_type = Option<HashMap<String, Value>>)]
    values: Option<Value>,
    /// Forgets the differences that are there first.
    #[serde(default)]
    reset_values: bool,
    timeout_seconds: Option<u32>,
    #[serde(default)]
    no_hooks: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceRollback {
    /// The revision before when left out.
    revision: Option<i64>,
    timeout_seconds: Option<u32>,
    #[serde(default)]
    no_hooks: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceTest {
    timeout_seconds: Option<u32>,
    #[serde(default)]
    no_hooks: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// Delete volumes too.
    #[serde(default)]
    purge_data: bool,
    /// Delete the namespace too, if it was made for the instance and is empty.
    #[serde(default)]
    delete_namespace: bool,
    /// Delete the instances that it depends on too.
    #[serde(default)]
    cascade: bool,
    timeout_seconds: Option<u32>,
    #[serde(default)]
    no_hooks: bool,
}

/// No package kind of this version has dependencies between instances.
pub(super) fn no_dependencies() -> Error {
    Error::Invalid { field: "cascade", reason: "instances have no dependencies in this version".into() }
}

/// What wishes about one instance have in common.
fn about(instance: String, timeout_seconds: Option<u32>, no_hooks: bool) -> NewWish {
    NewWish {
        instance: Some(instance),
        timeout_seconds: timeout_seconds.unwrap_or(0),
        no_hooks,
        ..NewWish::default()
    }
}

async fn start(app: &App, who: &Principal, verb: Verb, wish: NewWish) -> Started {
    Ok((StatusCode::ACCEPTED, Json(operations::start(app, who, verb, wish).await?.into())))
}

/// Deploy a service
#[utoipa::path(post, path = "/api/v1/instances", tag = "instances", request_body = InstanceCreate,
    responses((status = ACCEPTED, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn create_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<InstanceCreate>,
) -> Started {
    let wish = NewWish {
        service: Some(body.service),
        version: body.version,
        name: body.name,
        description: body.description,
        cluster: Some(body.cluster),
        namespace: body.namespace,
        values: body.values,
        timeout_seconds: body.timeout_seconds.unwrap_or(0),
        no_hooks: body.no_hooks,
        ..NewWish::default()
    };
    start(&app, &who, Verb::Install, wish).await
}

/// Take over a Helm release that is in a cluster already
#[utoipa::path(post, path = "/api/v1/instances/adopt", tag = "instances", request_body = InstanceAdopt,
    responses((status = ACCEPTED, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn adopt_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<InstanceAdopt>,
) -> Started {
    let wish = NewWish {
        service: body.service,
        version: body.version,
        name: body.name,
        description: body.description,
        cluster: Some(body.cluster),
        namespace: body.namespace,
        release: Some(body.release),
        timeout_seconds: body.timeout_seconds.unwrap_or(0),
        ..NewWish::default()
    };
    start(&app, &who, Verb::Adopt, wish).await
}

/// Change values of an instance, keeping its version
#[utoipa::path(post, path = "/api/v1/instances/{id}/update", tag = "instances",
    params(("id" = String, Path, description = "name or id")), request_body = InstanceUpdate,
    responses((status = ACCEPTED, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn update_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Json(body): Json<InstanceUpdate>,
) -> Started {
    let wish = NewWish {
        values: body.values,
        reset_values: body.reset_values,
        ..about(id, body.timeout_seconds, body.no_hooks)
    };
    start(&app, &who, Verb::Update, wish).await
}

/// Move an instance to another version
#[utoipa::path(post, path = "/api/v1/instances/{id}/upgrade", tag = "instances",
    params(("id" = String, Path, description = "name or id")), request_body = InstanceUpgrade,
    responses((status = ACCEPTED, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn upgrade_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Json(body): Json<InstanceUpgrade>,
) -> Started {
    let wish = NewWish {
        version: body.version,
        values: body.values,
        reset_values: body.reset_values,
        ..about(id, body.timeout_seconds, body.no_hooks)
    };
    start(&app, &who, Verb::Upgrade, wish).await
}

/// Go back to an earlier revision
#[utoipa::path(post, path = "/api/v1/instances/{id}/rollback", tag = "instances",
    params(("id" = String, Path, description = "name or id")), request_body = InstanceRollback,
    responses((status = ACCEPTED, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn rollback_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Json(body): Json<InstanceRollback>,
) -> Started {
    let wish = NewWish { revision: body.revision, ..about(id, body.timeout_seconds, body.no_hooks) };
    start(&app, &who, Verb::Rollback, wish).await
}

/// Run the tests that the package brings along
#[utoipa::path(post, path = "/api/v1/instances/{id}/test", tag = "instances",
    params(("id" = String, Path, description = "name or id")), request_body = InstanceTest,
    responses((status = ACCEPTED, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn test_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Json(body): Json<InstanceTest>,
) -> Started {
    let wish = about(id, body.timeout_seconds, body.no_hooks);
    start(&app, &who, Verb::Test, wish).await
}

/// Delete an instance
///
/// Volumes, definitions and the namespace are kept unless asked otherwise.
#[utoipa::path(delete, path = "/api/v1/instances/{id}", tag = "instances",
    params(("id" = String, Path, description = "name or id"), DeleteQuery),
    responses((status = ACCEPTED, body = OperationView), (status = "4XX", body = Problem)))]
pub(super) async fn delete_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> Started {
    if query.cascade {
        return Err(no_dependencies().into());
    }
    let wish = NewWish {
        purge_data: query.purge_data,
        delete_namespace: query.delete_namespace,
        ..about(id, query.timeout_seconds, query.no_hooks)
    };
    start(&app, &who, Verb::Uninstall, wish).await
}
