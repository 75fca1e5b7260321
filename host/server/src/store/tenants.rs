//! Tenants and who belongs to them.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::scope::TenantId;
use super::users::TenantRole;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    pub created_at: String,
}

/// A user's place in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub tenant: TenantId,
    pub tenant_name: String,
    pub user_name: String,
    pub role: TenantRole,
}

impl Tenant {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Tenant> {
        Ok(Tenant { id: row.get("id")?, name: row.get("name")?, created_at: row.get("created_at")? })
    }
}

impl Membership {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Membership> {
        Ok(Membership {
            tenant: row.get("tenant_id")?,
            tenant_name: row.get("tenant_name")?,
            user_name: row.get("user_name")?,
            role: row.get("role")?,
        })
    }
}

pub fn insert(conn: &Connection, name: &str, now: &str) -> rusqlite::Result<TenantId> {
    conn.prepare_cached("INSERT INTO tenant (name, created_at) VALUES (:name, :now)")?
        .execute(named_params! { ":name": name, ":now": now })?;
    Ok(TenantId(conn.last_insert_rowid()))
}

pub fn find(conn: &Connection, name: &str) -> rusqlite::Result<Option<Tenant>> {
    conn.prepare_cached("SELECT id, name, created_at FROM tenant WHERE name = :name")?
        .query_row(named_params! { ":name": name }, Tenant::from_row)
        .optional()
}

pub fn get(conn: &Connection, id: TenantId) -> rusqlite::Result<Tenant> {
    conn.prepare_cached("SELECT id, name, created_at FROM tenant WHERE id = :id")?
        .query_row(named_params! { ":id": id }, Tenant::from_row)
}

pub fn list_anywhere(conn: &Connection) -> rusqlite::Result<Vec<Tenant>> {
    conn.prepare_cached("SELECT id, name, created_at FROM tenant ORDER BY name")?
        .query_map([], Tenant::from_row)?
        .collect()
}

/// Adds a user to a tenant, or changes the role there.
pub fn set_member(conn: &Connection, tenant: TenantId, user: i64, role: TenantRole) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO membership (tenant_id, user_id, role) VALUES (:tenant, :user, :role)
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET role = :role",
    )?
    .execute(named_params! { ":tenant": tenant, ":user": user, ":role": role })?;
    Ok(())
}

pub fn remove_member(conn: &Connection, tenant: TenantId, user: i64) -> rusqlite::Result<bool> {
    let count = conn
        .prepare_cached("DELETE FROM membership WHERE tenant_id = :tenant AND user_id = :user")?
        .execute(named_params! { ":tenant": tenant, ":user": user })?;
    Ok(count > 0)
}

pub fn members(conn: &Connection, tenant: TenantId) -> rusqlite::Result<Vec<Membership>> {
    conn.prepare_cached(
        "SELECT m.tenant_id, t.name AS tenant_name, u.name AS user_name, m.role FROM membership m
         JOIN tenant t ON t.id = m.tenant_id JOIN user u ON u.id = m.user_id
         WHERE m.tenant_id = :tenant ORDER BY u.name",
    )?
    .query_map(named_params! { ":tenant": tenant }, Membership::from_row)?
    .collect()
}

/// Tenants of a user, the oldest first.
pub fn memberships(conn: &Connection, user: i64) -> rusqlite::Result<Vec<Membership>> {
    conn.prepare_cached(
        "SELECT m.tenant_id, t.name AS tenant_name, u.name AS user_name, m.role FROM membership m
         JOIN tenant t ON t.id = m.tenant_id JOIN user u ON u.id = m.user_id
         WHERE m.user_id = :user ORDER BY m.tenant_id",
    )?
    .query_map(named_params! { ":user": user }, Membership::from_row)?
    .collect()
}
