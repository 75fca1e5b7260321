//! Users.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::text_enum;

text_enum! {
    /// What a user may do on the platform.
    pub enum PlatformRole {
        Administrator = "administrator",
        Reviewer = "reviewer",
    }
}

text_enum! {
    /// What a user may do in a tenant.
    pub enum TenantRole {
        /// Everything, members included.
        Owner = "owner",
        /// Publishes services, and all that a consumer may.
        Provider = "provider",
        /// Subscribes, uploads private services, runs instances.
        Consumer = "consumer",
        /// Only looks.
        Viewer = "viewer",
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub password_hash: Option<String>,
    pub platform_role: Option<PlatformRole>,
    pub disabled: bool,
    pub created_at: String,
}

impl User {
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<User> {
        Ok(User {
            id: row.get("id")?,
            name: row.get("name")?,
            password_hash: row.get("password_hash")?,
            platform_role: row.get("platform_role")?,
            disabled: row.get("disabled")?,
            created_at: row.get("created_at")?,
        })
    }
}

pub fn insert(
    conn: &Connection,
    name: &str,
    password_hash: Option<&str>,
    role: Option<PlatformRole>,
    now: &str,
) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "INSERT INTO user (name, password_hash, platform_role, created_at) VALUES (:name, :hash, :role, :now)",
    )?
    .execute(named_params! { ":name": name, ":hash": password_hash, ":role": role, ":now": now })?;
    Ok(conn.last_insert_rowid())
}

pub fn find(conn: &Connection, name: &str) -> rusqlite::Result<Option<User>> {
    conn.prepare_cached(
        "SELECT id, name, password_hash, platform_role, disabled, created_at FROM user WHERE name = :name",
    )?
    .query_row(named_params! { ":name": name }, User::from_row)
    .optional()
}

pub fn list(conn: &Connection) -> rusqlite::Result<Vec<User>> {
    conn.prepare_cached(
        "SELECT id, name, password_hash, platform_role, disabled, created_at FROM user ORDER BY name",
    )?
    .query_map([], User::from_row)?
    .collect()
}

pub fn count(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row("SELECT count(*) FROM user", [], |row| row.get(0))
}

/// Replaces what an administrator may change.
pub fn update(
    conn: &Connection,
    id: i64,
    password_hash: Option<&str>,
    role: Option<PlatformRole>,
    disabled: bool,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE user SET password_hash = :hash, platform_role = :role, disabled = :disabled WHERE id = :id",
    )?
    .execute(named_params! { ":id": id, ":hash": password_hash, ":role": role, ":disabled": disabled })?;
    Ok(())
}

/// Administrators that can sign in.
pub fn count_administrators(conn: &Connection) -> rusqlite::Result<i64> {
    conn.query_row(
        "SELECT count(*) FROM user WHERE platform_role = 'administrator' AND disabled = 0",
        [],
        |row| row.get(0),
    )
}
