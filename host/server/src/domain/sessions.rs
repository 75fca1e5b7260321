//! Signing in and out: by a one-time link or by password; who a secret belongs to.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::domain::audit::{self, Act};
use crate::domain::principal::{Principal, choose_tenant};
use crate::domain::tokens::{self, MadeToken};
use crate::error::{Error, Result};
use crate::store::tokens::TokenKind;
use crate::store::users::User;
use crate::store::{self, tenants, time, users};

/// A browser stays signed in for a week.
pub const SESSION_SECONDS: i64 = 7 * 86_400;
/// A sign-in link works for ten minutes.
const LINK_SECONDS: i64 = 600;

/// Bounds how many passwords are hashed at once: each takes 19 MiB and tens of milliseconds.
pub struct Passwords {
    permits: Arc<Semaphore>,
    /// Verified when the user is unknown, so that both answers take the same time.
    decoy: String,
}

impl Passwords {
    pub fn new() -> Result<Passwords> {
        Ok(Passwords { permits: Arc::new(Semaphore::new(2)), decoy: hash_now("decoy")? })
    }

    /// Hashes with argon2id and a random salt.
    pub async fn hash(&self, password: String) -> Result<String> {
        if password.len() < 8 || password.len() > 1_024 {
            return Err(Error::Invalid {
                field: "password",
                reason: "must have 8 to 1024 characters".into(),
            });
        }
        self.run(move || hash_now(&password)).await?
    }

    async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.decoy.clone());
        let right = self.run(move || {
            let parsed = PasswordHash::new(&hash).ok();
            parsed.is_some_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(right.await? && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let permit = self.permits.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        Ok(done.await.map_err(anyhow::Error::new)?)
    }
}

fn hash_now(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| anyhow::anyhow!("cannot hash a password: {error}"))?.to_string())
}

/// Makes a link's token for a user: works once, for ten minutes.
pub async fn make_link(app: &App, user_id: i64) -> Result<MadeToken> {
    tokens::make(app, user_id, TokenKind::Link, "sign-in link", Some(LINK_SECONDS)).await
}

/// Exchanges a link's token for a session.
pub async fn sign_in_with_link(app: &App, token: &str, request_id: &str) -> Result<MadeToken> {
    let hash = tokens::hash(token);
    let found = app
        .db
        .write(move |tx| {
            let found = store::tokens::find(tx, TokenKind::Link, &hash, &time::now())?;
            if let Some((link, user)) = &found {
                store::tokens::delete(tx, user.id, link.id)?;
            }
            Ok::<_, Error>(found)
        })
        .await?;
    finish(app, found.map(|(_, user)| user), "link", request_id).await
}

/// Checks a password and makes a session.
pub async fn sign_in_with_password(
    app: &App,
    name: &str,
    password: String,
    request_id: &str,
) -> Result<MadeToken> {
    let wanted = name.to_owned();
    let user = app.db.read(move |conn| Ok::<_, Error>(users::find(conn, &wanted)?)).await?;
    let user = user.filter(|user| !user.disabled);
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = app.passwords.verify(password, hash).await?;
    finish(app, user.filter(|_| right), name, request_id).await
}

async fn finish(app: &App, user: Option<User>, tried: &str, request_id: &str) -> Result<MadeToken> {
    let who = Principal {
        user_id: user.as_ref().map_or(0, |user| user.id),
        user: user.as_ref().map_or_else(|| tried.chars().take(64).collect(), |user| user.name.clone()),
        platform_role: None,
        memberships: Vec::new(),
        tenant: None,
        request_id: request_id.into(),
    };
    let result = match &user {
        Some(user) => tokens::make(app, user.id, TokenKind::Session, "", Some(SESSION_SECONDS)).await,
        None => Err(Error::Unauthenticated),
    };
    let act = Act::new("CreateSession", "session", who.user.clone());
    audit::record(app, &who, act, result.as_ref().map(|_| ())).await?;
    result
}

/// Ends the session that a cookie opened.
pub async fn sign_out(app: &App, who: &Principal, secret: &str) -> Result<()> {
    let hash = tokens::hash(secret);
    let user = who.user_id;
    app.db
        .write(move |tx| {
            if let Some((token, _)) = store::tokens::find(tx, TokenKind::Session, &hash, &time::now())? {
                store::tokens::delete(tx, user, token.id)?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    audit::record(app, who, Act::new("DeleteSession", "session", who.user.clone()), Ok(())).await
}

/// Who a secret belongs to, acting in the tenant asked for or their first one.
pub async fn authenticate(
    app: &App,
    kind: TokenKind,
    secret: &str,
    tenant: Option<String>,
    request_id: &str,
) -> Result<Principal> {
    let hash = tokens::hash(secret);
    let now = time::now();
    let found = app
        .db
        .read(move |conn| {
            let Some((token, user)) = store::tokens::find(conn, kind, &hash, &now)? else {
                return Err(Error::Unauthenticated);
            };
            let memberships = tenants::memberships(conn, user.id)?;
            let asked = match &tenant {
                Some(name) => tenants::find(conn, name)?.map(|tenant| (tenant.id, tenant.name)),
                None => None,
            };
            let current = choose_tenant(user.platform_role, &memberships, tenant.as_deref(), asked)?;
            Ok((token, user, memberships, current))
        })
        .await?;
    let (token, user, memberships, current) = found;
    // To the minute is enough, and spares a write for most requests.
    let now = time::now();
    if token.last_used_at.as_ref().is_none_or(|last| last[..16] != now[..16]) {
        app.db.write(move |tx| Ok::<_, Error>(store::tokens::touch(tx, token.id, &now)?)).await?;
    }
    Ok(Principal {
        user_id: user.id,
        user: user.name,
        platform_role: user.platform_role,
        memberships,
        tenant: current,
        request_id: request_id.into(),
    })
}
