//! Bearer tokens of the caller.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path};
use super::page::List;
use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::tokens;
use crate::error::Error;
use crate::store::tokens::Token;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenCreate {
    /// What it is for.
    name: String,
    /// How long it works; for good when left out.
    days: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenView {
    id: String,
    name: String,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}

impl From<Token> for TokenView {
    fn from(token: Token) -> TokenView {
        TokenView {
            id: token.id.to_string(),
            name: token.name,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A token just made.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenMade {
    id: String,
    name: String,
    /// Shown this once.
    token: String,
    expires_at: Option<String>,
}

/// List the caller's tokens
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens",
    responses((status = OK, body = List<TokenView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_tokens(
    State(app): State<Arc<App>>,
    who: Principal,
) -> HttpResult<Json<List<TokenView>>> {
    let found = tokens::list(&app, &who).await?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// Make a token
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = TokenCreate,
    responses((status = CREATED, body = TokenMade), (status = "4XX", body = Problem)))]
pub(super) async fn create_token(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<TokenCreate>,
) -> HttpResult<(StatusCode, Json<TokenMade>)> {
    let made = tokens::create(&app, &who, &body.name, body.days).await?;
    let view = TokenMade {
        id: made.id.to_string(),
        name: made.name,
        token: made.secret,
        expires_at: made.expires_at,
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Revoke a token
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = NO_CONTENT), (status = "4XX", body = Problem)))]
pub(super) async fn delete_token(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(id): Path<String>,
) -> HttpResult<StatusCode> {
    let number = id.parse().map_err(|_| Error::NotFound { kind: "token", id })?;
    tokens::delete(&app, &who, number).await?;
    Ok(StatusCode::NO_CONTENT)
}
