//! Users, by administrators of the platform.

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::names::check_user_name;
use crate::domain::principal::Principal;
use crate::domain::{sessions, tokens::MadeToken};
use crate::error::{Error, Result};
use crate::store::users::{self, PlatformRole, User};
use crate::store::{time, tokens};

pub struct NewUser {
    pub name: String,
    pub password: Option<String>,
    pub platform_role: Option<PlatformRole>,
}

/// What changes; `None` leaves as is.
#[derive(Default)]
pub struct UserChange {
    pub password: Option<String>,
    pub platform_role: Option<Option<PlatformRole>>,
    pub disabled: Option<bool>,
}

pub async fn list(app: &App, who: &Principal) -> Result<Vec<User>> {
    who.administrator()?;
    app.db.read(|conn| Ok(users::list(conn)?)).await
}

pub async fn get(app: &App, who: &Principal, name: String) -> Result<User> {
    if name != who.user {
        who.administrator()?;
    }
    app.db.read(move |conn| users::find(conn, &name)?.ok_or(Error::NotFound { kind: "user", id: name })).await
}

pub async fn create(app: &App, who: &Principal, new: NewUser) -> Result<User> {
    audited(app, who, Act::new("CreateUser", "user", &new.name), async {
        who.administrator()?;
        check_user_name(&new.name)?;
        let hash = match new.password {
            Some(password) => Some(app.passwords.hash(password).await?),
            None => None,
        };
        app.db
            .write(move |tx| {
                if users::find(tx, &new.name)?.is_some() {
                    return Err(Error::AlreadyExists { kind: "user", id: new.name });
                }
                users::insert(tx, &new.name, hash.as_deref(), new.platform_role, &time::now())?;
                users::find(tx, &new.name)?.ok_or(Error::NotFound { kind: "user", id: new.name })
            })
            .await
    })
    .await
}

/// Changes a user. A new password or a disabled account ends every session and token. Everybody may change their own
/// password, the rest is for administrators.
pub async fn update(app: &App, who: &Principal, name: String, change: UserChange) -> Result<User> {
    audited(app, who, Act::new("UpdateUser", "user", &name), async {
        let own_password = name == who.user && change.platform_role.is_none() && change.disabled.is_none();
        if !own_password {
            who.administrator()?;
        }
        let hash = match change.password {
            Some(password) => Some(app.passwords.hash(password).await?),
            None => None,
        };
        app.db
            .write(move |tx| {
                let Some(mut user) = users::find(tx, &name)? else {
                    return Err(Error::NotFound { kind: "user", id: name });
                };
                user.disabled = change.disabled.unwrap_or(user.disabled);
                user.platform_role = change.platform_role.unwrap_or(user.platform_role);
                if hash.is_some() || user.disabled {
                    tokens::delete_of_user(tx, user.id)?;
                }
                user.password_hash = hash.or(user.password_hash);
                users::update(tx, user.id, user.password_hash.as_deref(), user.platform_role, user.disabled)?;
                if users::count_administrators(tx)? == 0 {
                    return Err(Error::Refused("the last administrator must stay".into()));
                }
                Ok(user)
            })
            .await
    })
    .await
}

/// Makes a one-time sign-in link for a user.
pub async fn create_link(app: &App, who: &Principal, name: String) -> Result<MadeToken> {
    audited(app, who, Act::new("CreateSignInLink", "user", &name), async {
        who.administrator()?;
        let user = get(app, who, name.clone()).await?;
        if user.disabled {
            return Err(Error::Conflict(format!("user `{name}` is disabled: enable it first")));
        }
        sessions::make_link(app, user.id).await
    })
    .await
}
