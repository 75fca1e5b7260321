//! Users of the platform.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::error::{HttpResult, Problem};
use super::extract::{Json, Path};
use super::page::List;
use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::users::{self, NewUser, UserChange};
use crate::error::{Error, Result};
use crate::store::users::{PlatformRole, User};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserCreate {
    name: String,
    #[schema(format = Password)]
    password: Option<String>,
    /// `administrator` or `reviewer`.
    platform_role: Option<String>,
}

/// Fields that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserUpdate {
    #[schema(format = Password)]
    password: Option<String>,
    /// `administrator`, `reviewer` or null.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    platform_role: Option<Option<String>>,
    disabled: Option<bool>,
}

/// Tells a field that is null from one that is left out.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(super) struct UserView {
    name: String,
    platform_role: Option<String>,
    disabled: bool,
    has_password: bool,
    created_at: String,
}

impl From<User> for UserView {
    fn from(user: User) -> UserView {
        UserView {
            name: user.name,
            platform_role: user.platform_role.map(|role| role.to_string()),
            disabled: user.disabled,
            has_password: user.password_hash.is_some(),
            created_at: user.created_at,
        }
    }
}

/// A link that signs in once.
#[derive(Serialize, ToSchema)]
pub(super) struct SignInLink {
    /// Goes behind `/sign-in#token=` on this server.
    token: String,
    expires_at: Option<String>,
}

fn platform_role(text: Option<String>) -> Result<Option<PlatformRole>> {
    text.map(|text| {
        PlatformRole::parse(&text).ok_or_else(|| Error::Invalid {
            field: "platform_role",
            reason: format!("must be one of {}", PlatformRole::ALL.join(", ")),
        })
    })
    .transpose()
}

/// List users
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    responses((status = OK, body = List<UserView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_users(
    State(app): State<Arc<App>>,
    who: Principal,
) -> HttpResult<Json<List<UserView>>> {
    let found = users::list(&app, &who).await?;
    Ok(Json(List::whole(found.into_iter().map(Into::into).collect())))
}

/// Add a user
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = UserCreate,
    responses((status = CREATED, body = UserView), (status = "4XX", body = Problem)))]
pub(super) async fn create_user(
    State(app): State<Arc<App>>,
    who: Principal,
    Json(body): Json<UserCreate>,
) -> HttpResult<(StatusCode, Json<UserView>)> {
    let platform_role = platform_role(body.platform_role)?;
    let new = NewUser { name: body.name, password: body.password, platform_role };
    Ok((StatusCode::CREATED, Json(users::create(&app, &who, new).await?.into())))
}

/// Show a user
#[utoipa::path(get, path = "/api/v1/users/{name}", tag = "users", params(("name" = String, Path)),
    responses((status = OK, body = UserView), (status = "4XX", body = Problem)))]
pub(super) async fn get_user(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<Json<UserView>> {
    Ok(Json(users::get(&app, &who, name).await?.into()))
}

/// Change a user
///
/// A new password ends every session and token of the user.
#[utoipa::path(patch, path = "/api/v1/users/{name}", tag = "users", params(("name" = String, Path)),
    request_body = UserUpdate,
    responses((status = OK, body = UserView), (status = "4XX", body = Problem)))]
pub(super) async fn update_user(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
    Json(body): Json<UserUpdate>,
) -> HttpResult<Json<UserView>> {
    let role = body.platform_role.map(platform_role).transpose()?;
    let change = UserChange { password: body.password, platform_role: role, disabled: body.disabled };
    Ok(Json(users::update(&app, &who, name, change).await?.into()))
}

/// Make a sign-in link
#[utoipa::path(post, path = "/api/v1/users/{name}/link", tag = "users", params(("name" = String, Path)),
    responses((status = CREATED, body = SignInLink), (status = "4XX", body = Problem)))]
pub(super) async fn create_sign_in_link(
    State(app): State<Arc<App>>,
    who: Principal,
    Path(name): Path<String>,
) -> HttpResult<(StatusCode, Json<SignInLink>)> {
    let made = users::create_link(&app, &who, name).await?;
    Ok((StatusCode::CREATED, Json(SignInLink { token: made.secret, expires_at: made.expires_at })))
}
