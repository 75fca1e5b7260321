//! What this server is and what it takes, so that a client can say so before something is refused.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{HttpResult, Problem};
use super::extract::Json;
use crate::app::App;
use crate::domain::principal::Principal;

#[derive(Serialize, ToSchema)]
pub(super) struct About {
    /// Version of the server.
    version: String,
    limits: UploadLimits,
}

/// Bounds of what may be uploaded.
#[derive(Serialize, ToSchema)]
pub(super) struct UploadLimits {
    /// Packages in one upload.
    packages_per_upload: usize,
    /// Bytes of one package.
    package_bytes: u64,
    /// Bytes of one plugin file.
    component_bytes: u64,
}

/// Show the server's version and limits
#[utoipa::path(get, path = "/api/v1/about", tag = "about",
    responses((status = OK, body = About), (status = "4XX", body = Problem)))]
pub(super) async fn get_about(State(app): State<Arc<App>>, _: Principal) -> HttpResult<Json<About>> {
    let limits = &app.config.limits;
    Ok(Json(About {
        version: env!("CARGO_PKG_VERSION").into(),
        limits: UploadLimits {
            packages_per_upload: limits.packages_per_upload,
            package_bytes: limits.package_bytes,
            component_bytes: limits.component_bytes,
        },
    }))
}
