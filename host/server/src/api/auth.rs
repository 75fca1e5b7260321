//! The [`Principal`] extractor: a bearer token, or a session cookie with a matching `Origin`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};

use super::error::HttpError;
use super::guard::{RequestId, host_of};
use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::sessions;
use crate::error::Error;
use crate::store::tokens::TokenKind;

/// Name of the session cookie.
pub(super) const COOKIE: &str = "osc_session";
/// Names the tenant that a call is about.
const TENANT: &str = "osc-tenant";

impl FromRequestParts<Arc<App>> for Principal {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Principal, HttpError> {
        let (kind, secret) = match bearer(&parts.headers) {
            Some(secret) => (TokenKind::Bearer, secret.to_owned()),
            None => {
                let secret = session_cookie(&parts.headers).ok_or(Error::Unauthenticated)?;
                check_origin(parts)?;
                (TokenKind::Session, secret)
            }
        };
        let tenant = parts.headers.get(TENANT).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let request_id = request_id(parts);
        Ok(sessions::authenticate(app, kind, &secret, tenant, &request_id).await?)
    }
}

pub(super) fn request_id(parts: &Parts) -> String {
    parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The secret of the session cookie.
pub(super) fn session_cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

/// Cookies ignore ports, so any page of this machine could send them: a change must come from our own pages.
pub(super) fn check_origin(parts: &Parts) -> Result<(), HttpError> {
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let origin = parts.headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    let origin = origin.and_then(|origin| origin.strip_prefix("http://").or(origin.strip_prefix("https://")));
    if origin.is_some() && origin == host_of(parts) {
        return Ok(());
    }
    Err(Error::Forbidden("the request does not come from this server's own pages".into()).into())
}
