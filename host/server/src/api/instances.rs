//! Instances: everything that their page shows.

use std::sync::Arc;

use axum::extract::State;
use osc_plugin_api::documents::status::Endpoint;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path, Query};
use super::page::{List, PageQuery};
use super::plans::ChangeView;
use super::services::FormView;
use crate::app::App;
use crate::domain::instances::{self, EventShown, ListFilter, ObjectShown, RevisionShown, Shown};
use crate::domain::principal::Principal;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct InstanceQuery {
    /// At most so many items.
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Part of the name.
    search: Option<String>,
    state: Option<String>,
    service: Option<String>,
    cluster: Option<String>,
    region: Option<String>,
    namespace: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub(super) struct EndpointView {
    name: String,
    url: String,
    /// `cluster`, `node-port`, `load-balancer` or `ingress`.
    #[serde(rename = "type")]
    kind: String,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> EndpointView {
        EndpointView { name: endpoint.name, url: endpoint.url, kind: endpoint.kind }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Instance)]
pub(super) struct InstanceView {
    id: String,
    name: String,
    description: String,
    service: String,
    provider: String,
    version: String,
    cluster: String,
    region: String,
    namespace: String,
    /// `installing`, `adopting`, `running`, `degraded`, `failed`, `unknown`, `updating`, `upgrading`, `rolling-back`
    /// or `deleting`.
    state: String,
    reason: Option<String>,
    /// The revision in force; 0 before the first.
    revision: i64,
    /// The newest version beyond the one in use.
    upgrade_available: Option<String>,
    endpoints: Vec<EndpointView>,
    plugin: String,
    /// Id of the newest operation.
    operation: Option<String>,
    created_at: String,
    checked_at: Option<String>,
}

impl From<Shown> for InstanceView {
    fn from(shown: Shown) -> InstanceView {
        let Shown { instance, state, reason, upgrade } = shown;
        InstanceView {
            id: instance.id.to_string(),
            name: instance.name,
            description: instance.description,
            service: instance.service,
            provider: instance.provider,
            version: instance.version,
            cluster: instance.cluster,
            region: instance.region,
            namespace: instance.namespace,
            state: state.into(),
            reason,
            revision: instance.revision,
            upgrade_available: upgrade,
            endpoints: instance.endpoints.into_iter().map(Into::into).collect(),
            plugin: instance.plugin,
            operation: instance.operation.map(|operation| operation.id.to_string()),
            created_at: instance.created_at,
            checked_at: instance.checked_at,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstanceDescribe {
    description: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstanceValues)]
pub(super) struct ValuesView {
    /// What the user set: differences from the defaults.
    #[schema(value_type = HashMap<String, Value>)]
    overrides: Value,
    /// The package's own.
    #[schema(value_type = HashMap<String, Value>)]
    defaults: Value,
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstanceObject)]
pub(super) struct ObjectView {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
    part: String,
    /// `running`, `progressing`, `failed`, `deleting` or `missing`.
    state: String,
    /// The same.
    health: String,
    reason: Option<String>,
    created_at: Option<String>,
}

impl From<ObjectShown> for ObjectView {
    fn from(shown: ObjectShown) -> ObjectView {
        ObjectView {
            api_version: shown.object.api_version,
            kind: shown.object.kind,
            namespace: shown.object.namespace,
            name: shown.object.name,
            part: shown.part,
            state: shown.state.into(),
            health: shown.state.into(),
            reason: shown.reason,
            created_at: shown.created_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = InstanceEvent)]
pub(super) struct EventView {
    time: String,
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    kind: String,
    reason: String,
    /// `Pod web-1`
    object: String,
    message: String,
    count: i64,
}

impl From<EventShown> for EventView {
    fn from(shown: EventShown) -> EventView {
        EventView {
            time: shown.time,
            kind: shown.kind,
            reason: shown.reason,
            object: shown.object,
            message: shown.message,
            count: shown.count,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Revision)]
pub(super) struct RevisionView {
    number: i64,
    version: String,
    /// `deployed`, `superseded` or `failed`.
    result: String,
    created_at: String,
    /// What the user set.
    #[schema(value_type = HashMap<String, Value>)]
    values: Value,
    notes: Option<String>,
    operation: Option<String>,
}

impl From<RevisionShown> for RevisionView {
    fn from(shown: RevisionShown) -> RevisionView {
        RevisionView {
            number: shown.revision.number,
            version: shown.version,
            result: shown.revision.result.to_string(),
            created_at: shown.revision.created_at,
            values: shown.values,
            notes: shown.revision.notes,
            operation: shown.revision.operation_id.map(|id| id.to_string()),
        }
    }
}

/// Where the cluster differs from what was applied.
#[derive(Serialize, ToSchema)]
#[schema(as = InstanceDiff)]
pub(super) struct DiffView {
    /// What applying it again would change.
    changes: Vec<ChangeView>,
}

/// List instances
#[utoipa::path(get, path = "/api/v1/instances", tag = "instances", params(InstanceQuery),
    responses((status = OK, body = List<InstanceView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_instances(
    State(app): State<Arc<App>>,
    who: Principal,
    Query(query): Query<InstanceQuery>,
) -> HttpResult<Json<List<InstanceView>>> {
    let page = PageQuery::new(query.limit, query.cursor).page()?;
    let filter = ListFilter {
        service: query.service,
        cluster: query.cluster,
        region: query.region,
        namespace: query.namespace,
        search: query.search,
        state: query.state,
    };
    let (found, next) = instances::list(&app, &who, filter, page).await?;
    Ok(Json(List {
        items: found.into_iter().map(Into::into).collect(),
        next_cursor: next.map(|id| id.to_string()),
    }))
}

/// Show an instance
#[utoipa::path(get, path = "/api/v1/instances/{id}", tag = "instances",
    params(("id" = String, Path, description = "name or id")),
    responses((status = OK, body = InstanceView), (status = "4XX", body = Problem)))]
pub(super) async fn get_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<InstanceView>> {
    Ok(Json(instances::get(&app, &who, &id).await?.into()))
}

/// Change the description of an instance
#[utoipa::path(patch, path = "/api/v1/instances/{id}", tag = "instances",
    params(("id" = String, Path, description = "name or id")), request_body = InstanceDescribe,
    responses((status = OK, body = InstanceView), (status = "4XX", body = Problem)))]
pub(super) async fn describe_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Json(body): Json<InstanceDescribe>,
) -> HttpResult<Json<InstanceView>> {
    Ok(Json(instances::describe(&app, &who, &id, body.description).await?.into()))
}

/// The values that were set
#[utoipa::path(get, path = "/api/v1/instances/{id}/values", tag = "instances",
    params(("id" = String, Path, description = "name or id")),
    responses((status = OK, body = ValuesView), (status = "4XX", body = Problem)))]
pub(super) async fn get_instance_values(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<ValuesView>> {
    let (overrides, defaults) = instances::values(&app, &who, &id).await?;
    Ok(Json(ValuesView { overrides, defaults }))
}

/// The form of the version in use (`osc.form/v1`)
#[utoipa::path(get, path = "/api/v1/instances/{id}/form", tag = "instances",
    params(("id" = String, Path, description = "name or id")),
    responses((status = OK, body = FormView), (status = "4XX", body = Problem)))]
pub(super) async fn get_instance_form(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<FormView>> {
    Ok(Json(instances::form(&app, &who, &id).await?.into()))
}

/// List the objects of an instance
#[utoipa::path(get, path = "/api/v1/instances/{id}/objects", tag = "instances",
    params(("id" = String, Path, description = "name or id")),
    responses((status = OK, body = Vec<ObjectView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_instance_objects(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<Vec<ObjectView>>> {
    let found = instances::objects(&app, &who, &id).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// List events about an instance's objects, newest first
#[utoipa::path(get, path = "/api/v1/instances/{id}/events", tag = "instances",
    params(("id" = String, Path, description = "name or id")),
    responses((status = OK, body = Vec<EventView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_instance_events(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<Vec<EventView>>> {
    let found = instances::events(&app, &who, &id).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// List the revisions of an instance, newest first
#[utoipa::path(get, path = "/api/v1/instances/{id}/history", tag = "instances",
    params(("id" = String, Path, description = "name or id")),
    responses((status = OK, body = List<RevisionView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_instance_history(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<List<RevisionView>>> {
    let found = instances::history(&app, &who, &id).await?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// Where the cluster differs from what was applied
#[utoipa::path(get, path = "/api/v1/instances/{id}/diff", tag = "instances",
    params(("id" = String, Path, description = "name or id")),
    responses((status = OK, body = DiffView), (status = "4XX", body = Problem)))]
pub(super) async fn diff_instance(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<Json<DiffView>> {
    let changes = instances::diff(&app, &who, &id).await?;
    Ok(Json(DiffView { changes: changes.into_iter().map(Into::into).collect() }))
}
