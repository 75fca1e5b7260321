//! Uploading packages: streamed to the object store before anything is read whole.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{StatusCode, header};
use futures::{Stream, TryStreamExt as _};
use serde::Deserialize;
use utoipa::IntoParams;

use super::error::{HttpError, HttpResult, Problem};
use super::extract::{Json, Query};
use super::services::VersionView;
use crate::app::App;
use crate::domain::packages::{self, Upload};
use crate::domain::principal::Principal;
use crate::error::{Error, Result};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadQuery {
    /// Name of the file, when the body is the package itself.
    filename: Option<String>,
}

/// Upload packages
///
/// The body is one package, or `multipart/form-data` with several. All of them are stored, or none. A package that
/// breaks a rule becomes a rejected version.
#[utoipa::path(post, path = "/api/v1/packages", tag = "services", params(UploadQuery),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses((status = CREATED, body = Vec<VersionView>), (status = "4XX", body = Problem)))]
pub(super) async fn push_packages(
    State(app): State<Arc<App>>,
    who: Principal,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> HttpResult<(StatusCode, Json<Vec<VersionView>>)> {
    // Before a byte is stored.
    who.consumer()?;
    let uploads = if is_multipart(&request) {
        several(&app, request).await?
    } else {
        let name = query.filename.unwrap_or_else(|| "package".into());
        vec![store(&app, name, request.into_body().into_data_stream()).await?]
    };
    let pushed = packages::push(&app, &who, uploads).await?;
    let views = pushed.into_iter().map(|(service, version)| VersionView::new(&service, version)).collect();
    Ok((StatusCode::CREATED, Json(views)))
}

fn is_multipart(request: &Request<Body>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data"))
}

async fn several(app: &App, request: Request) -> HttpResult<Vec<Upload>> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| broken(error.body_text()))?;
    let most = app.config.limits.packages_per_upload;
    let mut uploads = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|error| broken(error.body_text()))? {
        let Some(name) = field.file_name().map(str::to_owned) else { continue };
        if uploads.len() == most {
            return Err(Error::TooLarge { what: "upload".into(), limit: format!("{most} packages") }.into());
        }
        uploads.push(store(app, name, field).await?);
    }
    if uploads.is_empty() {
        return Err(broken("the form has no files".into()));
    }
    Ok(uploads)
}

fn broken(reason: String) -> HttpError {
    Error::Invalid { field: "body", reason }.into()
}

async fn store<E: std::fmt::Display>(
    app: &App,
    name: String,
    stream: impl Stream<Item = Result<Bytes, E>> + Send,
) -> HttpResult<Upload> {
    let filename: String = name.rsplit(['/', '\\']).next().unwrap_or_default().chars().take(255).collect();
    let cut = |error: E| Error::Invalid { field: "body", reason: format!("the upload broke off: {error}") };
    let limit = app.config.limits.package_bytes;
    let stored = app.blobs.put_stream(&filename, limit, stream.map_err(cut)).await?;
    if stored.size == 0 {
        return Err(Error::Invalid { field: "body", reason: format!("`{filename}` is empty") }.into());
    }
    Ok(Upload { filename, stored })
}
