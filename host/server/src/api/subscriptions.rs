//! Subscriptions of the caller's tenant.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path, Query};
use super::operations::OperationView;
use super::page::{List, PageQuery};
use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::{operations, subscriptions};
use crate::store::subscriptions::Subscription;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionCreate {
    /// `[PROVIDER/]NAME`
    service: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Subscription)]
pub(super) struct SubscriptionView {
    id: String,
    service: String,
    provider: String,
    /// `active`, `frozen`, `ending` or `ended`.
    state: String,
    instances: i64,
    /// The newest version of the service that is ready; only in lists.
    latest_version: Option<String>,
    created_at: String,
}

impl From<Subscription> for SubscriptionView {
    fn from(subscription: Subscription) -> SubscriptionView {
        SubscriptionView {
            id: subscription.id.to_string(),
            service: subscription.service.name,
            provider: subscription.service.provider_name,
            state: subscription.state.to_string(),
            instances: subscription.instances,
            latest_version: None,
            created_at: subscription.created_at,
        }
    }
}

/// List subscriptions
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "subscriptions", params(PageQuery),
    responses((status = OK, body = List<SubscriptionView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_subscriptions(
    State(app): State<Arc<App>>,
    who: Principal,
    Query(query): Query<PageQuery>,
) -> HttpResult<Json<List<SubscriptionView>>> {
    let page = query.page()?;
    let found = subscriptions::list(&app, &who, page).await?;
    let view = |(subscription, latest): (Subscription, Option<String>)| SubscriptionView {
        latest_version: latest,
        ..subscription.into()
    };
    Ok(Json(List::part(found, page, |(subscription, _)| subscription.id, view)))
}

/// Subscribe to a service; again is fine
#[utoipa::path(post, path = "/api/v1/subscriptions", tag = "subscriptions", request_body = SubscriptionCreate,
    responses((status = OK, body = SubscriptionView), (status = "4XX", body = Problem)))]
pub(super) async fn create_subscription(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<SubscriptionCreate>,
) -> HttpResult<Json<SubscriptionView>> {
    Ok(Json(subscriptions::subscribe(&app, &who, &body.service).await?.into()))
}

/// Show a subscription
#[utoipa::path(get, path = "/api/v1/subscriptions/{service}", tag = "subscriptions",
    params(("service" = String, Path)),
    responses((status = OK, body = SubscriptionView), (status = "4XX", body = Problem)))]
pub(super) async fn get_subscription(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(service): Path<String>,
) -> HttpResult<Json<SubscriptionView>> {
    Ok(Json(subscriptions::get(&app, &who, &service).await?.into()))
}

/// Freeze a subscription: instances go on, no new ones
#[utoipa::path(post, path = "/api/v1/subscriptions/{service}/freeze", tag = "subscriptions",
    params(("service" = String, Path)),
    responses((status = OK, body = SubscriptionView), (status = "4XX", body = Problem)))]
pub(super) async fn freeze_subscription(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(service): Path<String>,
) -> HttpResult<Json<SubscriptionView>> {
    Ok(Json(subscriptions::set_frozen(&app, &who, &service, true).await?.into()))
}

/// Thaw a frozen subscription
#[utoipa::path(post, path = "/api/v1/subscriptions/{service}/unfreeze", tag = "subscriptions",
    params(("service" = String, Path)),
    responses((status = OK, body = SubscriptionView), (status = "4XX", body = Problem)))]
pub(super) async fn unfreeze_subscription(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(service): Path<String>,
) -> HttpResult<Json<SubscriptionView>> {
    Ok(Json(subscriptions::set_frozen(&app, &who, &service, false).await?.into()))
}

/// What ending a subscription started.
#[derive(Serialize, ToSchema)]
pub(super) struct SubscriptionEnd {
    service: String,
    /// `ending` while instances are being deleted, else `ended`.
    state: String,
    /// The operations that delete the instances.
    operations: Vec<OperationView>,
}

/// End a subscription
///
/// Deletes the tenant's instances of the service first.
#[utoipa::path(delete, path = "/api/v1/subscriptions/{service}", tag = "subscriptions",
    params(("service" = String, Path)),
    responses((status = ACCEPTED, body = SubscriptionEnd), (status = "4XX", body = Problem)))]
pub(super) async fn delete_subscription(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(service): Path<String>,
) -> HttpResult<(StatusCode, Json<SubscriptionEnd>)> {
    let started = operations::end_subscription(&app, &who, &service).await?;
    let state = if started.is_empty() { "ended" } else { "ending" };
    let operations = started.into_iter().map(Into::into).collect();
    Ok((StatusCode::ACCEPTED, Json(SubscriptionEnd { service, state: state.into(), operations })))
}
