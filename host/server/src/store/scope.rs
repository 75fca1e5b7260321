//! The one place through which rows that belong to a tenant are reached.
//!
//! Store functions of such rows take a [`Scoped`], never a bare connection, and bind its tenant in every statement.
//! Functions that look across tenants say so in their name (`..._anywhere`) and are for the scheduler and platform
//! administrators.

use rusqlite::Connection;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

/// Id of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub i64);

impl FromSql for TenantId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<TenantId> {
        i64::column_result(value).map(TenantId)
    }
}

impl rusqlite::ToSql for TenantId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

/// A connection that sees the rows of one tenant.
#[derive(Clone, Copy)]
pub struct Scoped<'a> {
    pub(super) conn: &'a Connection,
    pub(super) tenant: TenantId,
}

impl<'a> Scoped<'a> {
    pub fn new(conn: &'a Connection, tenant: TenantId) -> Scoped<'a> {
        Scoped { conn, tenant }
    }

    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The bare connection, for rows that hang on a row already found in this scope.
    pub fn connection(&self) -> &'a Connection {
        self.conn
    }
}

/// A page of a list: at most `limit` rows with ids beyond `after` in the list's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: u32,
    pub after: Option<i64>,
}

impl Page {
    pub const ALL: Page = Page { limit: 10_000, after: None };
}
