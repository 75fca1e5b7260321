//! Tenants and their members.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path};
use super::page::List;
use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::tenants;
use crate::error::Error;
use crate::store::tenants::{Membership, Tenant};
use crate::store::users::TenantRole;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantCreate {
    name: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(super) struct TenantView {
    name: String,
    created_at: String,
}

impl From<Tenant> for TenantView {
    fn from(tenant: Tenant) -> TenantView {
        TenantView { name: tenant.name, created_at: tenant.created_at }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberSet {
    /// `owner`, `provider`, `consumer` or `viewer`.
    role: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(super) struct MemberView {
    user: String,
    role: String,
}

impl From<Membership> for MemberView {
    fn from(member: Membership) -> MemberView {
        MemberView { user: member.user_name, role: member.role.to_string() }
    }
}

/// List tenants
#[utoipa::path(get, path = "/api/v1/tenants", tag = "tenants",
    responses((status = OK, body = List<TenantView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_tenants(
    State(app): State<Arc<App>>,
    who: Principal,
) -> HttpResult<Json<List<TenantView>>> {
    let found = tenants::list(&app, &who).await?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// Add a tenant
#[utoipa::path(post, path = "/api/v1/tenants", tag = "tenants", request_body = TenantCreate,
    responses((status = CREATED, body = TenantView), (status = "4XX", body = Problem)))]
pub(super) async fn create_tenant(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<TenantCreate>,
) -> HttpResult<(StatusCode, Json<TenantView>)> {
    Ok((StatusCode::CREATED, Json(tenants::create(&app, &who, body.name).await?.into())))
}

/// List members of a tenant
#[utoipa::path(get, path = "/api/v1/tenants/{name}/members", tag = "tenants", params(("name" = String, Path)),
    responses((status = OK, body = List<MemberView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_members(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<List<MemberView>>> {
    let found = tenants::members(&app, &who, name).await?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// Add a member, or change the role
#[utoipa::path(put, path = "/api/v1/tenants/{name}/members/{user}", tag = "tenants",
    params(("name" = String, Path), ("user" = String, Path)), request_body = MemberSet,
    responses((status = OK, body = List<MemberView>), (status = "4XX", body = Problem)))]
pub(super) async fn set_member(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, user)): Path<(String, String)>,
    Json(body): Json<MemberSet>,
) -> HttpResult<Json<List<MemberView>>> {
    let role = TenantRole::parse(&body.role).ok_or_else(|| Error::Invalid {
        field: "role",
        reason: format!("must be one of {}", TenantRole::ALL.join(", ")),
    })?;
    let found = tenants::set_member(&app, &who, name, user, role).await?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// Remove a member
#[utoipa::path(delete, path = "/api/v1/tenants/{name}/members/{user}", tag = "tenants",
    params(("name" = String, Path), ("user" = String, Path)),
    responses((status = NO_CONTENT), (status = "4XX", body = Problem)))]
pub(super) async fn delete_member(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, user)): Path<(String, String)>,
) -> HttpResult<StatusCode> {
    tenants::remove_member(&app, &who, name, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
