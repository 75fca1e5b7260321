//! A version's way to other tenants, and the reviewers in between.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path, Query};
use super::page::{List, PageQuery};
use super::services::{ServiceView, VersionView};
use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::publishing::{self, Step};
use crate::domain::services;
use crate::error::Error;
use crate::store::services::{Service, ServiceState};
use crate::store::versions::Version;

/// A version that waits for a reviewer.
#[derive(Serialize, ToSchema)]
#[schema(as = Review)]
pub(super) struct ReviewView {
    id: String,
    provider: String,
    version: VersionView,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewRefusal {
    /// For the provider to read.
    reason: String,
}

type Moved = HttpResult<Json<VersionView>>;

fn moved((service, version): (Service, Version)) -> Json<VersionView> {
    Json(VersionView::new(&service.name, version))
}

async fn step(app: &App, who: &Principal, name: &str, version: Option<&str>, step: Step) -> Moved {
    Ok(moved(publishing::step(app, who, name, version, step).await?))
}

/// Hand a version to the reviewers
#[utoipa::path(post, path = "/api/v1/services/{name}/versions/{version}/submit", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = OK, body = VersionView), (status = "4XX", body = Problem)))]
pub(super) async fn submit_version(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> Moved {
    step(&app, &who, &name, Some(&version), Step::Submit).await
}

/// Show a version to other tenants
///
/// It must be approved, unless the caller is a reviewer, or the service is published and the version asks for no new
/// permissions.
#[utoipa::path(post, path = "/api/v1/services/{name}/versions/{version}/publish", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = OK, body = VersionView), (status = "4XX", body = Problem)))]
pub(super) async fn publish_version(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> Moved {
    step(&app, &who, &name, Some(&version), Step::Publish).await
}

/// Offer a version to nobody new for now
#[utoipa::path(post, path = "/api/v1/services/{name}/versions/{version}/suspend", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = OK, body = VersionView), (status = "4XX", body = Problem)))]
pub(super) async fn suspend_version(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> Moved {
    step(&app, &who, &name, Some(&version), Step::Suspend).await
}

/// Take a version back from other tenants
#[utoipa::path(post, path = "/api/v1/services/{name}/versions/{version}/withdraw", tag = "services",
    params(("name" = String, Path), ("version" = String, Path)),
    responses((status = OK, body = VersionView), (status = "4XX", body = Problem)))]
pub(super) async fn withdraw_version(
    State(app): State<Arc<App>>,
    who: Principal,
    Path((name, version)): Path<(String, String)>,
) -> Moved {
    step(&app, &who, &name, Some(&version), Step::Withdraw).await
}

/// Show the newest version of a service to other tenants
#[utoipa::path(post, path = "/api/v1/services/{name}/publish", tag = "services", params(("name" = String, Path)),
    responses((status = OK, body = VersionView), (status = "4XX", body = Problem)))]
pub(super) async fn publish_service(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> Moved {
    step(&app, &who, &name, None, Step::Publish).await
}

/// Take no new subscriptions and make no new instances for now
#[utoipa::path(post, path = "/api/v1/services/{name}/suspend", tag = "services", params(("name" = String, Path)),
    responses((status = OK, body = ServiceView), (status = "4XX", body = Problem)))]
pub(super) async fn suspend_service(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<ServiceView>> {
    publishing::close(&app, &who, &name, ServiceState::Suspended).await?;
    Ok(Json(services::get(&app, &who, &name).await?.into()))
}

/// Take a service out of the catalogue; what runs goes on
#[utoipa::path(post, path = "/api/v1/services/{name}/withdraw", tag = "services", params(("name" = String, Path)),
    responses((status = OK, body = ServiceView), (status = "4XX", body = Problem)))]
pub(super) async fn withdraw_service(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<ServiceView>> {
    publishing::close(&app, &who, &name, ServiceState::Withdrawn).await?;
    Ok(Json(services::get(&app, &who, &name).await?.into()))
}

/// List versions that wait for a reviewer
#[utoipa::path(get, path = "/api/v1/reviews", tag = "reviews", params(PageQuery),
    responses((status = OK, body = List<ReviewView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_reviews(
    State(app): State<Arc<App>>,
    who: Principal,
    Query(query): Query<PageQuery>,
) -> HttpResult<Json<List<ReviewView>>> {
    let page = query.page()?;
    let found = publishing::reviews(&app, &who, page).await?;
    let view = |(service, version): (Service, Version)| ReviewView {
        id: version.id.to_string(),
        version: VersionView::new(&service.name, version),
        provider: service.provider_name,
    };
    Ok(Json(List::part(found, page, |(_, version)| version.id, view)))
}

async fn review(app: &App, who: &Principal, id: &str, refused: Option<String>) -> Moved {
    let number = id.parse().map_err(|_| Error::NotFound { kind: "review", id: id.into() })?;
    Ok(moved(publishing::review(app, who, number, refused).await?))
}

/// Approve a version; its provider can publish it then
#[utoipa::path(post, path = "/api/v1/reviews/{id}/approve", tag = "reviews", params(("id" = String, Path)),
    responses((status = OK, body = VersionView), (status = "4XX", body = Problem)))]
pub(super) async fn approve_review(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> Moved {
    review(&app, &who, &id, None).await
}

/// Refuse a version, with the reason
#[utoipa::path(post, path = "/api/v1/reviews/{id}/refuse", tag = "reviews", params(("id" = String, Path)),
    request_body = ReviewRefusal,
    responses((status = OK, body = VersionView), (status = "4XX", body = Problem)))]
pub(super) async fn refuse_review(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
    Json(body): Json<ReviewRefusal>,
) -> Moved {
    review(&app, &who, &id, Some(body.reason)).await
}
