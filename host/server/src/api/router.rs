//! All routes, and the layers around them.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use axum::{Router, middleware};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{
    about, assets, audit, changes, clusters, drain, events, guard, health, instances, logs, metrics, openapi,
    operations, packages, plans, plugins, publishing, services, sessions, subscriptions, tenants, tokens,
    users,
};
use crate::app::App;

/// Bound of JSON bodies: a kubeconfig or values fit.
const BODY_LIMIT: usize = 4 << 20;

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(sessions::create_session, sessions::delete_session))
        .routes(routes!(sessions::get_me))
        .routes(routes!(about::get_about))
        .routes(routes!(users::list_users, users::create_user))
        .routes(routes!(users::get_user, users::update_user))
        .routes(routes!(users::create_sign_in_link))
        .routes(routes!(tenants::list_tenants, tenants::create_tenant))
        .routes(routes!(tenants::list_members))
        .routes(routes!(tenants::set_member, tenants::delete_member))
        .routes(routes!(tokens::list_tokens, tokens::create_token))
        .routes(routes!(tokens::delete_token))
        .routes(routes!(services::list_services))
        .routes(routes!(services::get_service, services::delete_service))
        .routes(routes!(services::list_versions))
        .routes(routes!(services::get_version, services::delete_version))
        .routes(routes!(services::get_version_form))
        .routes(routes!(services::get_version_readme))
        .routes(routes!(services::list_findings))
        .routes(routes!(publishing::submit_version))
        .routes(routes!(publishing::publish_version))
        .routes(routes!(publishing::suspend_version))
        .routes(routes!(publishing::withdraw_version))
        .routes(routes!(publishing::publish_service))
        .routes(routes!(publishing::suspend_service))
        .routes(routes!(publishing::withdraw_service))
        .routes(routes!(publishing::list_reviews))
        .routes(routes!(publishing::approve_review))
        .routes(routes!(publishing::refuse_review))
        .routes(routes!(subscriptions::list_subscriptions, subscriptions::create_subscription))
        .routes(routes!(subscriptions::get_subscription, subscriptions::delete_subscription))
        .routes(routes!(subscriptions::freeze_subscription))
        .routes(routes!(subscriptions::unfreeze_subscription))
        .routes(routes!(clusters::list_clusters, clusters::create_cluster))
        .routes(routes!(clusters::get_cluster, clusters::delete_cluster))
        .routes(routes!(clusters::check_cluster))
        .routes(routes!(clusters::list_namespaces))
        .routes(routes!(clusters::list_choices))
        .routes(routes!(clusters::list_grants, clusters::create_grant))
        .routes(routes!(clusters::delete_grant))
        .routes(routes!(plans::create_plan))
        .routes(routes!(plans::get_plan))
        .routes(routes!(operations::list_operations, operations::create_operation))
        .routes(routes!(operations::get_operation))
        .routes(routes!(operations::follow_operation))
        .routes(routes!(operations::cancel_operation))
        .routes(routes!(operations::retry_operation))
        .routes(routes!(instances::list_instances, changes::create_instance))
        .routes(routes!(changes::adopt_instance))
        .routes(routes!(instances::get_instance, instances::describe_instance, changes::delete_instance))
        .routes(routes!(changes::update_instance))
        .routes(routes!(changes::upgrade_instance))
        .routes(routes!(changes::rollback_instance))
        .routes(routes!(changes::test_instance))
        .routes(routes!(instances::get_instance_values))
        .routes(routes!(instances::get_instance_form))
        .routes(routes!(instances::list_instance_objects))
        .routes(routes!(instances::list_instance_events))
        .routes(routes!(logs::get_instance_logs))
        .routes(routes!(logs::follow_instance_logs))
        .routes(routes!(instances::list_instance_history))
        .routes(routes!(instances::diff_instance))
        .routes(routes!(plugins::list_plugins))
        .routes(routes!(plugins::get_plugin, plugins::delete_plugin))
        .routes(routes!(plugins::enable_plugin))
        .routes(routes!(plugins::disable_plugin))
        .routes(routes!(plugins::rebuild_plugin))
        .routes(routes!(plugins::get_plugin_logs))
        .routes(routes!(plugins::get_plugin_grants, plugins::set_plugin_grants))
        .routes(routes!(plugins::set_plugin_settings))
        .routes(routes!(audit::list_audit))
        .routes(routes!(events::follow_events))
}

/// Uploads: bounded by their handlers while they stream, not by the size of a body in memory.
fn uploads() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(packages::push_packages))
        .routes(routes!(plugins::install_plugin))
        .layer(middleware::map_request(drain::drained))
        .layer(DefaultBodyLimit::disable())
}

/// The OpenAPI document.
pub fn document() -> OpenApi {
    api().merge(uploads()).split_for_parts().1
}

/// The finished router.
pub fn router(app: Arc<App>) -> Router {
    let (router, document) = api().merge(uploads()).split_for_parts();
    let document = Arc::new(document);
    router
        .route("/api/openapi.json", get(move || openapi::document(document.clone())))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback(assets::assets)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}
