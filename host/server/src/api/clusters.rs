//! Clusters, grants in them and namespaces.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path, Query};
use super::page::{List, PageQuery};
use crate::app::App;
use crate::domain::clusters::{self, GrantWish, NewCluster};
use crate::domain::principal::Principal;
use crate::store::clusters::{Cluster, GrantRow};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClusterCreate {
    name: String,
    region: String,
    /// With inline certificates, keys or token only.
    kubeconfig: String,
    /// Owned by the platform instead of the tenant; for administrators.
    #[serde(default)]
    platform: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Cluster)]
pub(super) struct ClusterView {
    id: String,
    name: String,
    region: String,
    /// `kubeconfig` or `sandbox`.
    kind: String,
    /// Tenant that owns it; null when the platform does.
    owner: Option<String>,
    version: Option<String>,
    /// `unknown`, `available` or `unreachable`.
    state: String,
    reason: Option<String>,
    checked_at: Option<String>,
    created_at: String,
}

impl From<Cluster> for ClusterView {
    fn from(cluster: Cluster) -> ClusterView {
        ClusterView {
            id: cluster.id.to_string(),
            name: cluster.name,
            region: cluster.region,
            kind: cluster.kind,
            owner: cluster.owner_name,
            version: cluster.version,
            state: cluster.state.to_string(),
            reason: cluster.state_reason,
            checked_at: cluster.checked_at,
            created_at: cluster.created_at,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantCreate {
    tenant: String,
    /// A namespace, or `*` for any that no other tenant has.
    namespace: String,
    /// Objects outside namespaces.
    #[serde(default)]
    cluster_scoped: bool,
    /// Roles and bindings.
    #[serde(default)]
    rbac: bool,
    /// Pods beyond the baseline of Pod Security.
    #[serde(default)]
    privileged: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ClusterGrant)]
pub(super) struct GrantView {
    id: String,
    tenant: String,
    namespace: String,
    cluster_scoped: bool,
    rbac: bool,
    privileged: bool,
}

impl From<GrantRow> for GrantView {
    fn from(grant: GrantRow) -> GrantView {
        GrantView {
            id: grant.id.to_string(),
            tenant: grant.tenant_name,
            namespace: grant.namespace,
            cluster_scoped: grant.cluster_scoped,
            rbac: grant.rbac,
            privileged: grant.privileged,
        }
    }
}

/// List clusters
#[utoipa::path(get, path = "/api/v1/clusters", tag = "clusters", params(PageQuery),
    responses((status = OK, body = List<ClusterView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_clusters(
    State(app): State<Arc<App>>,
    who: Principal,
    Query(query): Query<PageQuery>,
) -> HttpResult<Json<List<ClusterView>>> {
    let page = query.page()?;
    let found = clusters::list(&app, &who, page).await?;
    Ok(Json(List::part(found, page, |cluster| cluster.id, Into::into)))
}

/// Add a cluster
///
/// It must answer. The tenant gets every right in it.
#[utoipa::path(post, path = "/api/v1/clusters", tag = "clusters", request_body = ClusterCreate,
    responses((status = CREATED, body = ClusterView), (status = "4XX", body = Problem),
        (status = SERVICE_UNAVAILABLE, body = Problem)))]
pub(super) async fn create_cluster(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<ClusterCreate>,
) -> HttpResult<(StatusCode, Json<ClusterView>)> {
    let ClusterCreate { name, region, kubeconfig, platform } = body;
    let made = clusters::create(&app, &who, NewCluster { name, region, kubeconfig, platform }).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Show a cluster
#[utoipa::path(get, path = "/api/v1/clusters/{name}", tag = "clusters", params(("name" = String, Path)),
    responses((status = OK, body = ClusterView), (status = "4XX", body = Problem)))]
pub(super) async fn get_cluster(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<ClusterView>> {
    Ok(Json(clusters::get(&app, &who, &name).await?.into()))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// Forget the instances in it too; what they made stays in the cluster. For one that is gone for good.
    #[serde(default)]
    forget_instances: bool,
}

/// Remove a cluster
#[utoipa::path(delete, path = "/api/v1/clusters/{name}", tag = "clusters",
    params(("name" = String, Path), DeleteQuery),
    responses((status = NO_CONTENT), (status = "4XX", body = Problem)))]
pub(super) async fn delete_cluster(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
    Query(query): Query<DeleteQuery>,
) -> HttpResult<StatusCode> {
    clusters::delete(&app, &who, &name, query.forget_instances).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Check a cluster now
#[utoipa::path(post, path = "/api/v1/clusters/{name}/check", tag = "clusters", params(("name" = String, Path)),
    responses((status = OK, body = ClusterView), (status = "4XX", body = Problem)))]
pub(super) async fn check_cluster(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<ClusterView>> {
    Ok(Json(clusters::check(&app, &who, &name).await?.into()))
}

/// List namespaces that the tenant uses in a cluster
#[utoipa::path(get, path = "/api/v1/clusters/{name}/namespaces", tag = "clusters",
    params(("name" = String, Path)),
    responses((status = OK, body = Vec<String>), (status = "4XX", body = Problem)))]
pub(super) async fn list_namespaces(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<Vec<String>>> {
    let found = clusters::namespaces(&app, &who, &name).await?;
    Ok(Json(found.into_iter().map(|namespace| namespace.name).collect()))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChoicesQuery {
    /// Where the Secrets are; none are named without it.
    namespace: Option<String>,
}

/// Names that a form can offer.
#[derive(Serialize, ToSchema)]
#[schema(as = ClusterChoices)]
pub(super) struct ChoicesView {
    /// The cluster's default first.
    storage_classes: Vec<String>,
    /// Of the namespace.
    secrets: Vec<String>,
}

/// List names in a cluster that a form can offer
#[utoipa::path(get, path = "/api/v1/clusters/{name}/choices", tag = "clusters",
    params(("name" = String, Path), ChoicesQuery),
    responses((status = OK, body = ChoicesView), (status = "4XX", body = Problem), (status = "5XX", body = Problem)))]
pub(super) async fn list_choices(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
    Query(query): Query<ChoicesQuery>,
) -> HttpResult<Json<ChoicesView>> {
    let found = clusters::choices(&app, &who, &name, query.namespace).await?;
    Ok(Json(ChoicesView { storage_classes: found.storage_classes, secrets: found.secrets }))
}

/// List grants in a cluster
#[utoipa::path(get, path = "/api/v1/clusters/{name}/grants", tag = "clusters", params(("name" = String, Path)),
    responses((status = OK, body = List<GrantView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_grants(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<List<GrantView>>> {
    let found = clusters::grants(&app, &who, &name).await?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// Grant a tenant rights in a cluster
#[utoipa::path(post, path = "/api/v1/clusters/{name}/grants", tag = "clusters", params(("name" = String, Path)),
    request_body = GrantCreate,
    responses((status = CREATED, body = GrantView), (status = "4XX", body = Problem)))]
pub(super) async fn create_grant(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
    Json(body): Json<GrantCreate>,
) -> HttpResult<(StatusCode, Json<GrantView>)> {
    let wish = GrantWish {
        tenant: body.tenant,
        namespace: body.namespace,
        cluster_scoped: body.cluster_scoped,
        rbac: body.rbac,
        privileged: body.privileged,
    };
    Ok((StatusCode::CREATED, Json(clusters::set_grant(&app, &who, &name, wish).await?.into())))
}

/// Revoke a grant
#[utoipa::path(delete, path = "/api/v1/clusters/{name}/grants/{id}", tag = "clusters",
    params(("name" = String, Path), ("id" = String, Path)),
    responses((status = NO_CONTENT), (status = "4XX", body = Problem)))]
pub(super) async fn delete_grant(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, id)): Path<(String, String)>,
) -> HttpResult<StatusCode> {
    clusters::delete_grant(&app, &who, &name, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
