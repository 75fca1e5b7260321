//! Secrets that sign in: made here, shown once, kept as a hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::names::check_text;
use crate::domain::principal::Principal;
use crate::error::{Error, Result};
use crate::store::tokens::{self, NewToken, Token, TokenKind};
use crate::store::{time, users};

/// A token just made; the secret is shown once.
#[derive(Clone, Debug)]
pub struct MadeToken {
    pub id: i64,
    pub name: String,
    pub secret: String,
    pub expires_at: Option<String>,
}

/// A fresh secret: 256 bits, with a prefix that leak scanners can find.
pub(super) fn secret() -> String {
    format!("osc_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// What is kept of a secret.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Makes a secret of any kind for a user.
pub(super) async fn make(
    app: &App,
    user_id: i64,
    kind: TokenKind,
    name: &str,
    seconds: Option<i64>,
) -> Result<MadeToken> {
    let secret = secret();
    let hash = hash(&secret);
    let expires_at = seconds.map(time::in_seconds);
    let (name, expires) = (name.to_owned(), expires_at.clone());
    let stored = name.clone();
    let id = app
        .db
        .write(move |tx| {
            let new = NewToken {
                user_id,
                kind,
                name: &stored,
                hash: &hash,
                now: &time::now(),
                expires_at: expires.as_deref(),
            };
            Ok::<_, Error>(tokens::insert(tx, &new)?)
        })
        .await?;
    Ok(MadeToken { id, name, secret, expires_at })
}

/// The caller's bearer tokens.
pub async fn list(app: &App, who: &Principal) -> Result<Vec<Token>> {
    let user = who.user_id;
    app.db.read(move |conn| Ok(tokens::list(conn, user)?)).await
}

/// Makes a bearer token for the caller, for some days or for good.
pub async fn create(app: &App, who: &Principal, name: &str, days: Option<u32>) -> Result<MadeToken> {
    audited(app, who, Act::new("CreateToken", "token", name), async {
        check_text("name", name, 64)?;
        let seconds = match days {
            Some(0) | Some(3651..) => {
                return Err(Error::Invalid { field: "days", reason: "must be between 1 and 3650".into() });
            }
            days => days.map(|days| i64::from(days) * 86_400),
        };
        make(app, who.user_id, TokenKind::Bearer, name, seconds).await
    })
    .await
}

/// Revokes one of the caller's tokens.
pub async fn delete(app: &App, who: &Principal, id: i64) -> Result<()> {
    audited(app, who, Act::new("DeleteToken", "token", id.to_string()), async {
        let user = who.user_id;
        let deleted = app.db.write(move |tx| Ok::<_, Error>(tokens::delete(tx, user, id)?)).await?;
        if deleted { Ok(()) } else { Err(Error::NotFound { kind: "token", id: id.to_string() }) }
    })
    .await
}

/// Makes a bearer token for a user by name, for programs on this machine that hold the data folder.
pub async fn mint_bearer(app: &App, user: &str, name: &str) -> Result<String> {
    let user = user.to_owned();
    let found =
        app.db.read(move |conn| users::find(conn, &user)?.ok_or(Error::NotFound { kind: "user", id: user }));
    let user = found.await?;
    Ok(make(app, user.id, TokenKind::Bearer, name, None).await?.secret)
}

/// Whether a bearer token still opens the server.
pub async fn is_valid(app: &App, secret: &str) -> Result<bool> {
    let hash = hash(secret);
    app.db.read(move |conn| Ok(tokens::find(conn, TokenKind::Bearer, &hash, &time::now())?.is_some())).await
}
