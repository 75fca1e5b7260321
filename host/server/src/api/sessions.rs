//! Signing in and out, and who the caller is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{COOKIE, check_origin, request_id, session_cookie};
use super::error::{HttpResult, Problem};
use super::extract::Json;
use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::sessions::{self, SESSION_SECONDS};
use crate::error::Error;
use crate::store::tokens::TokenKind;

/// The token of a sign-in link, or name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionCreate {
    token: Option<String>,
    name: Option<String>,
    #[schema(format = Password)]
    password: Option<String>,
}

/// The caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub(super) struct MeView {
    name: String,
    /// `administrator` or `reviewer`.
    platform_role: Option<String>,
    tenants: Vec<MembershipView>,
    /// The tenant that calls are about, unless they name another in the header `OSC-Tenant`.
    tenant: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Membership)]
pub(super) struct MembershipView {
    name: String,
    /// `owner`, `provider`, `consumer` or `viewer`.
    role: String,
}

impl From<Principal> for MeView {
    fn from(who: Principal) -> MeView {
        let view = |name: String, role: &str| MembershipView { name, role: role.into() };
        MeView {
            name: who.user,
            platform_role: who.platform_role.map(|role| role.to_string()),
            tenants: who.memberships.into_iter().map(|m| view(m.tenant_name, m.role.as_str())).collect(),
            tenant: who.tenant.map(|tenant| tenant.name),
        }
    }
}

/// Sign in
///
/// Sets the session cookie of a browser. Programs use bearer tokens instead.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", security(()),
    request_body = SessionCreate,
    responses((status = OK, body = MeView), (status = "4XX", body = Problem)))]
pub(super) async fn create_session(
    State(app): State<Arc<App>>,
    parts: Parts,
    Json(body): Json<SessionCreate>,
) -> HttpResult<Response> {
    // Another site must not sign a browser in as somebody else.
    if parts.headers.contains_key(header::ORIGIN) {
        check_origin(&parts)?;
    }
    let id = request_id(&parts);
    let session = match (body.token, body.name, body.password) {
        (Some(token), None, None) => sessions::sign_in_with_link(&app, &token, &id).await?,
        (None, Some(name), Some(password)) => {
            sessions::sign_in_with_password(&app, &name, password, &id).await?
        }
        _ => {
            let reason = "give either `token`, or `name` and `password`".into();
            return Err(Error::Invalid { field: "body", reason }.into());
        }
    };
    let who = sessions::authenticate(&app, TokenKind::Session, &session.secret, None, &id).await?;
    let secure = if app.config.tls.is_some() { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={SESSION_SECONDS}{secure}",
        session.secret
    );
    Ok(([(header::SET_COOKIE, cookie)], Json(MeView::from(who))).into_response())
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", tag = "session",
    responses((status = NO_CONTENT), (status = "4XX", body = Problem)))]
pub(super) async fn delete_session(
    State(app): State<Arc<App>>,
    who: Principal,
    headers: HeaderMap,
) -> HttpResult<Response> {
    if let Some(secret) = session_cookie(&headers) {
        sessions::sign_out(&app, &who, &secret).await?;
    }
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Who the caller is
#[utoipa::path(get, path = "/api/v1/me", tag = "session",
    responses((status = OK, body = MeView), (status = "4XX", body = Problem)))]
pub(super) async fn get_me(who: Principal) -> Json<MeView> {
    Json(who.into())
}
