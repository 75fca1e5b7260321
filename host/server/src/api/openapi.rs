//! The OpenAPI document, from the handlers themselves.

use std::sync::Arc;

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{self, SecurityRequirement};

use super::auth::COOKIE;

#[derive(OpenApi)]
#[openapi(info(
    title = "OSC",
    description = "Operator Service Center: upload service packages, deploy and run them on Kubernetes clusters.",
    license(name = "Apache-2.0")
))]
struct Api;

/// The document that handlers are added to.
pub(super) fn base() -> openapi::OpenApi {
    let mut api = Api::openapi();
    let mut components = openapi::Components::new();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    api.components = Some(components);
    let requirement = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    api.security = Some(vec![requirement("bearer"), requirement("session")]);
    api
}

/// Answers the finished document.
pub(super) async fn document(api: Arc<openapi::OpenApi>) -> Json<openapi::OpenApi> {
    Json((*api).clone())
}
