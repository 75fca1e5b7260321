//! Errors as RFC 9457 problems: one table from [`Error`] to status and stable code.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::error::Error;

pub(super) type HttpResult<T> = Result<T, HttpError>;

/// The body of every answer that is an error.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// `about:blank`: the code says more.
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) status: u16,
    /// For a person to read.
    pub(super) detail: String,
    /// Stable, for programs.
    pub(super) code: String,
    /// Names the request in the server's log and in the audit trail.
    pub(super) request_id: String,
    /// Single problems: findings of a refused package, fields of a refused body.
    #[schema(value_type = Vec<HashMap<String, Value>>)]
    pub(super) errors: Vec<Value>,
}

/// An error on its way out. `guard` writes the body, since only it knows the request's id.
#[derive(Clone, Debug)]
pub struct HttpError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) errors: Vec<Value>,
}

impl HttpError {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> HttpError {
        HttpError { status, code, detail: detail.into(), errors: Vec::new() }
    }

    /// The finished answer.
    pub(super) fn render(self, request_id: &str) -> Response {
        let problem = Problem {
            kind: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or("Error").into(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.into(),
            request_id: request_id.into(),
            errors: self.errors,
        };
        let mut response = (self.status, axum::Json(problem)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"osc\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<Error> for HttpError {
    fn from(error: Error) -> HttpError {
        let (status, code) = match &error {
            Error::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found"),
            Error::AlreadyExists { .. } => (StatusCode::CONFLICT, "already-exists"),
            Error::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Error::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid"),
            Error::Rejected { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "package-rejected"),
            Error::Refused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            Error::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Error::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Error::Plugin { .. } => (StatusCode::BAD_GATEWAY, "plugin-failed"),
            Error::PluginRefused { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "plugin-refused"),
            Error::Unreachable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "cluster-unreachable"),
            Error::Cluster { .. } => (StatusCode::BAD_GATEWAY, "cluster-refused"),
            Error::Database(_) | Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            // Logged here, once: the answer says nothing of the inside.
            tracing::error!("request failed: {:#}", anyhow::Error::new(error));
            return HttpError::new(
                status,
                code,
                "internal error: the server's log says more under this request's id",
            );
        }
        let errors = match &error {
            Error::Rejected { findings } => findings.iter().map(|finding| json!(finding)).collect(),
            Error::Invalid { field, reason } => vec![json!({ "field": field, "message": reason })],
            Error::PluginRefused { plugin, code, message, details } => {
                vec![json!({ "plugin": plugin, "code": code, "message": message, "details": details })]
            }
            _ => Vec::new(),
        };
        HttpError { status, code, detail: error.to_string(), errors }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
