//! Services: the largest managed unit, unique per provider and name.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::scope::{Page, Scoped, TenantId};
use super::text_enum;

text_enum! {
    /// Whether others see a service.
    pub enum ServiceState {
        Private = "private",
        Published = "published",
        /// Published, and no new subscription or instance.
        Suspended = "suspended",
        Withdrawn = "withdrawn",
        Deleted = "deleted",
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub id: i64,
    pub provider: TenantId,
    pub provider_name: String,
    pub name: String,
    pub kind: String,
    pub state: ServiceState,
    pub created_at: String,
}

impl Service {
    pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Service> {
        Ok(Service {
            id: row.get("id")?,
            provider: row.get("tenant_id")?,
            provider_name: row.get("provider_name")?,
            name: row.get("name")?,
            kind: row.get("kind")?,
            state: row.get("state")?,
            created_at: row.get("created_at")?,
        })
    }
}

/// The service of this name that the tenant provides, deleted or not.
pub fn find_own(at: &Scoped<'_>, name: &str) -> rusqlite::Result<Option<Service>> {
    at.conn
        .prepare_cached(
            "SELECT s.id, s.tenant_id, t.name AS provider_name, s.name, s.kind, s.state, s.created_at
             FROM service s JOIN tenant t ON t.id = s.tenant_id
             WHERE s.tenant_id = :tenant AND s.name = :name",
        )?
        .query_row(named_params! { ":tenant": at.tenant, ":name": name }, Service::from_row)
        .optional()
}

/// Services of this name that the tenant may see: its own, published ones, and those it is subscribed to.
pub fn candidates(at: &Scoped<'_>, provider: Option<&str>, name: &str) -> rusqlite::Result<Vec<Service>> {
    at.conn
        .prepare_cached(
            "SELECT s.id, s.tenant_id, t.name AS provider_name, s.name, s.kind, s.state, s.created_at
             FROM service s JOIN tenant t ON t.id = s.tenant_id
             WHERE s.name = :name AND (:provider IS NULL OR t.name = :provider) AND s.state <> 'deleted'
               AND (s.tenant_id = :tenant OR s.state = 'published'
                    OR EXISTS (SELECT 1 FROM subscription b WHERE b.service_id = s.id AND b.tenant_id = :tenant
                               AND b.state <> 'ended'))
             ORDER BY t.name",
        )?
        .query_map(
            named_params! { ":tenant": at.tenant, ":name": name, ":provider": provider },
            Service::from_row,
        )?
        .collect()
}

/// Services that the tenant may see, by id.
pub fn list(at: &Scoped<'_>, page: Page) -> rusqlite::Result<Vec<Service>> {
    at.conn
        .prepare_cached(
            "SELECT s.id, s.tenant_id, t.name AS provider_name, s.name, s.kind, s.state, s.created_at
             FROM service s JOIN tenant t ON t.id = s.tenant_id
             WHERE s.state <> 'deleted' AND (:after IS NULL OR s.id > :after)
               AND (s.tenant_id = :tenant OR s.state = 'published'
                    OR EXISTS (SELECT 1 FROM subscription b WHERE b.service_id = s.id AND b.tenant_id = :tenant
                               AND b.state <> 'ended'))
             ORDER BY s.id LIMIT :limit",
        )?
        .query_map(
            named_params! { ":tenant": at.tenant, ":after": page.after, ":limit": page.limit },
            Service::from_row,
        )?
        .collect()
}

/// A service by id, whoever provides it.
pub fn get_anywhere(conn: &Connection, id: i64) -> rusqlite::Result<Service> {
    conn.prepare_cached(
        "SELECT s.id, s.tenant_id, t.name AS provider_name, s.name, s.kind, s.state, s.created_at
         FROM service s JOIN tenant t ON t.id = s.tenant_id WHERE s.id = :id",
    )?
    .query_row(named_params! { ":id": id }, Service::from_row)
}

pub fn insert(at: &Scoped<'_>, name: &str, kind: &str, now: &str) -> rusqlite::Result<i64> {
    at.conn
        .prepare_cached(
            "INSERT INTO service (tenant_id, name, kind, state, created_at)
             VALUES (:tenant, :name, :kind, 'private', :now)",
        )?
        .execute(named_params! { ":tenant": at.tenant, ":name": name, ":kind": kind, ":now": now })?;
    Ok(at.conn.last_insert_rowid())
}

pub fn set_state(at: &Scoped<'_>, id: i64, state: ServiceState) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached("UPDATE service SET state = :state WHERE id = :id AND tenant_id = :tenant")?
        .execute(named_params! { ":id": id, ":tenant": at.tenant, ":state": state })?;
    Ok(())
}

/// A service that comes back after it was deleted may be of another kind.
pub fn set_kind(at: &Scoped<'_>, id: i64, kind: &str) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached("UPDATE service SET kind = :kind WHERE id = :id AND tenant_id = :tenant")?
        .execute(named_params! { ":id": id, ":tenant": at.tenant, ":kind": kind })?;
    Ok(())
}
