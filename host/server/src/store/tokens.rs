//! Sessions, bearer tokens and sign-in links. Only a hash of the secret is kept.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::text_enum;
use super::users::User;

text_enum! {
    /// What a secret opens.
    pub enum TokenKind {
        /// The cookie of a browser.
        Session = "session",
        /// `Authorization: Bearer`.
        Bearer = "bearer",
        /// Signs in once.
        Link = "link",
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub id: i64,
    pub user_id: i64,
    pub kind: TokenKind,
    pub name: String,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub last_used_at: Option<String>,
}

impl Token {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Token> {
        Ok(Token {
            id: row.get("token_id")?,
            user_id: row.get("user_id")?,
            kind: row.get("kind")?,
            name: row.get("token_name")?,
            created_at: row.get("token_created_at")?,
            expires_at: row.get("expires_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    }
}

pub struct NewToken<'a> {
    pub user_id: i64,
    pub kind: TokenKind,
    pub name: &'a str,
    pub hash: &'a [u8],
    pub now: &'a str,
    pub expires_at: Option<&'a str>,
}

pub fn insert(conn: &Connection, new: &NewToken<'_>) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "INSERT INTO token (user_id, kind, name, hash, created_at, expires_at)
         VALUES (:user, :kind, :name, :hash, :now, :expires)",
    )?
    .execute(named_params! {
        ":user": new.user_id, ":kind": new.kind, ":name": new.name, ":hash": new.hash,
        ":now": new.now, ":expires": new.expires_at,
    })?;
    Ok(conn.last_insert_rowid())
}

/// The live token with this hash, and its user if not disabled.
pub fn find(
    conn: &Connection,
    kind: TokenKind,
    hash: &[u8],
    now: &str,
) -> rusqlite::Result<Option<(Token, User)>> {
    conn.prepare_cached(
        "SELECT t.id AS token_id, t.user_id, t.kind, t.name AS token_name, t.created_at AS token_created_at,
                t.expires_at, t.last_used_at,
                u.id, u.name, u.password_hash, u.platform_role, u.disabled, u.created_at
         FROM token t JOIN user u ON u.id = t.user_id
         WHERE t.hash = :hash AND t.kind = :kind AND u.disabled = 0
           AND (t.expires_at IS NULL OR t.expires_at > :now)",
    )?
    .query_row(named_params! { ":hash": hash, ":kind": kind, ":now": now }, |row| {
        Ok((Token::from_row(row)?, User::from_row(row)?))
    })
    .optional()
}

/// Bearer tokens of a user.
pub fn list(conn: &Connection, user: i64) -> rusqlite::Result<Vec<Token>> {
    conn.prepare_cached(
        "SELECT id AS token_id, user_id, kind, name AS token_name, created_at AS token_created_at, expires_at,
                last_used_at
         FROM token WHERE user_id = :user AND kind = 'bearer' ORDER BY id",
    )?
    .query_map(named_params! { ":user": user }, Token::from_row)?
    .collect()
}

pub fn touch(conn: &Connection, id: i64, now: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE token SET last_used_at = :now WHERE id = :id")?
        .execute(named_params! { ":id": id, ":now": now })?;
    Ok(())
}

/// Deletes one token of a user.
pub fn delete(conn: &Connection, user: i64, id: i64) -> rusqlite::Result<bool> {
    let count = conn
        .prepare_cached("DELETE FROM token WHERE id = :id AND user_id = :user")?
        .execute(named_params! { ":id": id, ":user": user })?;
    Ok(count > 0)
}

/// Deletes every token of a user: sessions, bearer tokens and links.
pub fn delete_of_user(conn: &Connection, user: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM token WHERE user_id = :user")?
        .execute(named_params! { ":user": user })?;
    Ok(())
}

pub fn delete_expired(conn: &Connection, now: &str) -> rusqlite::Result<usize> {
    conn.prepare_cached("DELETE FROM token WHERE expires_at IS NOT NULL AND expires_at <= :now")?
        .execute(named_params! { ":now": now })
}
