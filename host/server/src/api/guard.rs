//! What every request passes: its id, the list of allowed hosts, security headers, and the form of errors.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;

use super::error::HttpError;
use super::metrics;
use crate::app::App;
use crate::secrets::hex;

/// Names a request in logs, answers and the audit trail.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The policy of everything but the console's page, which brings its own.
const CLOSED_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The outermost layer of the router.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = hex(&rand::random::<[u8; 8]>());
    parts.extensions.insert(RequestId(id.clone()));
    let route = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "other".into());
    let span = tracing::info_span!("request", request.id = %id, method = %parts.method, route = %route);
    let method = parts.method.clone();
    let started = Instant::now();
    let answer = async {
        if !is_allowed_host(&app, &parts) {
            let detail = "this server is not known by that host name: add it with `--host`";
            return HttpError::new(StatusCode::MISDIRECTED_REQUEST, "unknown-host", detail).into_response();
        }
        next.run(Request::from_parts(parts, body)).await
    };
    let mut response = finish(answer.instrument(span.clone()).await, &id);
    let duration = started.elapsed();
    metrics::count_request(&app.metrics, &method, &route, response.status(), duration);
    span.in_scope(|| {
        let status = response.status().as_u16();
        tracing::debug!(status, duration_ms = duration.as_millis() as u64, "answered");
    });
    add_headers(&mut response, &id);
    response
}

/// Writes the body of errors, also of those that axum itself makes.
fn finish(mut response: Response, id: &str) -> Response {
    if let Some(error) = response.extensions_mut().remove::<HttpError>() {
        return error.render(id);
    }
    let (status, code, detail) = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => {
            (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "this resource has no such method")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "the body is larger than allowed")
        }
        _ => return response,
    };
    let allow = response.headers_mut().remove(header::ALLOW);
    let mut rendered = HttpError::new(status, code, detail).render(id);
    if let Some(allow) = allow {
        rendered.headers_mut().insert(header::ALLOW, allow);
    }
    rendered
}

fn add_headers(response: &mut Response, id: &str) {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(header::REFERRER_POLICY, "no-referrer");
    default(header::CONTENT_SECURITY_POLICY, CLOSED_POLICY);
    default(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    default(header::CACHE_CONTROL, "no-store");
}

/// The host and port that a request names.
pub(super) fn host_of(parts: &Parts) -> Option<&str> {
    if parts.version == Version::HTTP_2
        && let Some(authority) = parts.uri.authority()
    {
        return Some(authority.as_str());
    }
    parts.headers.get(header::HOST).and_then(|host| host.to_str().ok())
}

/// Names that others could point at this machine are refused; addresses cannot be pointed.
fn is_allowed_host(app: &App, parts: &Parts) -> bool {
    let Some(host) = host_of(parts) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    name.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || app.config.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name))
}
