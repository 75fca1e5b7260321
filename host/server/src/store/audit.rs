//! The audit trail: one row for every changing call.

use rusqlite::{Connection, Row, named_params};

use super::scope::{Page, Scoped, TenantId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: i64,
    pub tenant: Option<String>,
    pub time: String,
    pub actor: String,
    pub operation: String,
    pub resource: String,
    pub name: String,
    pub result: String,
    pub request_id: String,
}

impl Entry {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Entry> {
        Ok(Entry {
            id: row.get("id")?,
            tenant: row.get("tenant_name")?,
            time: row.get("time")?,
            actor: row.get("actor")?,
            operation: row.get("operation")?,
            resource: row.get("resource")?,
            name: row.get("name")?,
            result: row.get("result")?,
            request_id: row.get("request_id")?,
        })
    }
}

pub struct NewEntry<'a> {
    pub tenant: Option<TenantId>,
    pub time: &'a str,
    pub actor: &'a str,
    pub operation: &'a str,
    pub resource: &'a str,
    pub name: &'a str,
    pub result: &'a str,
    pub request_id: &'a str,
}

pub fn insert(conn: &Connection, new: &NewEntry<'_>) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO audit (tenant_id, time, actor, operation, resource, name, result, request_id)
         VALUES (:tenant, :time, :actor, :operation, :resource, :name, :result, :request)",
    )?
    .execute(named_params! {
        ":tenant": new.tenant, ":time": new.time, ":actor": new.actor, ":operation": new.operation,
        ":resource": new.resource, ":name": new.name, ":result": new.result, ":request": new.request_id,
    })?;
    Ok(())
}

/// What a search is about; empty fields match everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub operation: Option<String>,
    pub resource: Option<String>,
    pub name: Option<String>,
    pub actor: Option<String>,
    pub result: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
}

/// Entries of a tenant, newest first.
pub fn list(at: &Scoped<'_>, filter: &Filter, page: Page) -> rusqlite::Result<Vec<Entry>> {
    select(at.conn, Some(at.tenant), filter, page)
}

/// Entries of all tenants and of the platform, newest first.
pub fn list_anywhere(conn: &Connection, filter: &Filter, page: Page) -> rusqlite::Result<Vec<Entry>> {
    select(conn, None, filter, page)
}

fn select(
    conn: &Connection,
    tenant: Option<TenantId>,
    filter: &Filter,
    page: Page,
) -> rusqlite::Result<Vec<Entry>> {
    conn.prepare_cached(
        "SELECT a.id, t.name AS tenant_name, a.time, a.actor, a.operation, a.resource, a.name, a.result, a.request_id
         FROM audit a LEFT JOIN tenant t ON t.id = a.tenant_id
         WHERE (:tenant IS NULL OR a.tenant_id = :tenant)
           AND (:after IS NULL OR a.id < :after)
           AND (:operation IS NULL OR a.operation = :operation)
           AND (:resource IS NULL OR a.resource = :resource)
           AND (:name IS NULL OR a.name = :name)
           AND (:actor IS NULL OR a.actor = :actor)
           AND (:result IS NULL OR a.result = :result)
           AND (:since IS NULL OR a.time >= :since)
           AND (:until IS NULL OR a.time < :until)
         ORDER BY a.id DESC LIMIT :limit",
    )?
    .query_map(
        named_params! {
            ":tenant": tenant, ":after": page.after, ":operation": filter.operation,
            ":resource": filter.resource, ":name": filter.name, ":actor": filter.actor,
            ":result": filter.result, ":since": filter.since, ":until": filter.until, ":limit": page.limit,
        },
        Entry::from_row,
    )?
    .collect()
}
