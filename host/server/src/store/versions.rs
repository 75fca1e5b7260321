//! Versions of services: immutable packages with what is known about them.

use osc_plugin_api::documents::finding::Finding;
use osc_plugin_api::documents::form::Form;
use osc_plugin_api::documents::package::PackageFacts;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::scope::{Page, Scoped};
use super::text_enum;

text_enum! {
    /// Life of a version. The first three are passed within one upload.
    pub enum VersionState {
        Uploaded = "uploaded",
        Validating = "validating",
        Scanning = "scanning",
        Ready = "ready",
        Rejected = "rejected",
        Deleted = "deleted",
    }
}

text_enum! {
    /// How far a version is on its way to other tenants.
    pub enum Release {
        /// For its provider alone.
        Private = "private",
        /// Waits for a reviewer.
        Submitted = "submitted",
        Approved = "approved",
        Refused = "refused",
        Published = "published",
        /// Published, and not offered for now.
        Suspended = "suspended",
        Withdrawn = "withdrawn",
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub id: i64,
    pub service_id: i64,
    pub version: String,
    pub state: VersionState,
    pub state_reason: Option<String>,
    pub release: Release,
    pub release_reason: Option<String>,
    pub digest: String,
    pub size: i64,
    pub plugin: String,
    pub facts: PackageFacts,
    pub findings: Vec<Finding>,
    pub created_at: String,
}

impl Version {
    /// Whether it may be deployed, by its provider or by others.
    pub fn is_open(&self, own: bool) -> bool {
        self.state == VersionState::Ready && (own || self.release == Release::Published)
    }

    fn from_row(row: &Row<'_>) -> rusqlite::Result<Version> {
        Ok(Version {
            id: row.get("id")?,
            service_id: row.get("service_id")?,
            version: row.get("version")?,
            state: row.get("state")?,
            state_reason: row.get("state_reason")?,
            release: row.get("release")?,
            release_reason: row.get("release_reason")?,
            digest: row.get("digest")?,
            size: row.get("size")?,
            plugin: row.get("plugin")?,
            facts: json(row, "facts")?,
            findings: json(row, "findings")?,
            created_at: row.get("created_at")?,
        })
    }
}

/// Reads a column of JSON text.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let index = row.as_ref().column_index(column)?;
    let text = row.get_ref(index)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error)))
}

pub struct NewVersion<'a> {
    pub service_id: i64,
    pub version: &'a str,
    pub state: VersionState,
    pub state_reason: Option<&'a str>,
    pub digest: &'a str,
    pub size: i64,
    pub plugin: &'a str,
    pub facts: &'a str,
    pub form: Option<&'a str>,
    pub findings: &'a str,
    pub created_by: i64,
    pub now: &'a str,
}

/// Adds a version to a service that the tenant provides.
pub fn insert(at: &Scoped<'_>, new: &NewVersion<'_>) -> rusqlite::Result<i64> {
    at.conn
        .prepare_cached(
            "INSERT INTO version (tenant_id, service_id, version, state, state_reason, digest, size, plugin, facts,
                                  form, findings, created_by, created_at)
             VALUES (:tenant, :service, :version, :state, :reason, :digest, :size, :plugin, :facts,
                     :form, :findings, :by, :now)",
        )?
        .execute(named_params! {
            ":tenant": at.tenant, ":service": new.service_id, ":version": new.version, ":state": new.state,
            ":reason": new.state_reason, ":digest": new.digest, ":size": new.size, ":plugin": new.plugin,
            ":facts": new.facts, ":form": new.form, ":findings": new.findings, ":by": new.created_by,
            ":now": new.now,
        })?;
    Ok(at.conn.last_insert_rowid())
}

/// The live version of a service with this name.
pub fn find(conn: &Connection, service_id: i64, version: &str) -> rusqlite::Result<Option<Version>> {
    conn.prepare_cached(
        "SELECT id, service_id, version, state, state_reason, release, release_reason, digest, size, plugin, facts,
                findings, created_at
         FROM version WHERE service_id = :service AND version = :version AND state <> 'deleted'",
    )?
    .query_row(named_params! { ":service": service_id, ":version": version }, Version::from_row)
    .optional()
}

/// A live version by id, whoever provides it.
pub fn find_by_id(conn: &Connection, id: i64) -> rusqlite::Result<Option<Version>> {
    conn.prepare_cached(
        "SELECT id, service_id, version, state, state_reason, release, release_reason, digest, size, plugin, facts,
                findings, created_at
         FROM version WHERE id = :id AND state <> 'deleted'",
    )?
    .query_row(named_params! { ":id": id }, Version::from_row)
    .optional()
}

/// A version by id, deleted or not.
pub fn get(conn: &Connection, id: i64) -> rusqlite::Result<Version> {
    conn.prepare_cached(
        "SELECT id, service_id, version, state, state_reason, release, release_reason, digest, size, plugin, facts,
                findings, created_at
         FROM version WHERE id = :id",
    )?
    .query_row(named_params! { ":id": id }, Version::from_row)
}

/// Live versions of a service, in the order they came.
pub fn list(conn: &Connection, service_id: i64) -> rusqlite::Result<Vec<Version>> {
    conn.prepare_cached(
        "SELECT id, service_id, version, state, state_reason, release, release_reason, digest, size, plugin, facts,
                findings, created_at
         FROM version WHERE service_id = :service AND state <> 'deleted' ORDER BY id",
    )?
    .query_map(named_params! { ":service": service_id }, Version::from_row)?
    .collect()
}

/// Names of the versions that the tenant may deploy: its own that are ready, others' that are published.
pub fn open_names(at: &Scoped<'_>, service_id: i64) -> rusqlite::Result<Vec<String>> {
    at.conn
        .prepare_cached(
            "SELECT version FROM version WHERE service_id = :service AND state = 'ready'
                 AND (tenant_id = :tenant OR release = 'published') ORDER BY id",
        )?
        .query_map(named_params! { ":service": service_id, ":tenant": at.tenant }, |row| row.get(0))?
        .collect()
}

/// Versions that wait for a reviewer, with their services, whoever provides them.
pub fn list_submitted_anywhere(conn: &Connection, page: Page) -> rusqlite::Result<Vec<Version>> {
    conn.prepare_cached(
        "SELECT id, service_id, version, state, state_reason, release, release_reason, digest, size, plugin, facts,
                findings, created_at
         FROM version WHERE release = 'submitted' AND state = 'ready' AND (:after IS NULL OR id > :after)
         ORDER BY id LIMIT :limit",
    )?
    .query_map(named_params! { ":after": page.after, ":limit": page.limit }, Version::from_row)?
    .collect()
}

/// Moves a version on its way, whoever provides it; a reviewer's tenant is another.
pub fn set_release_anywhere(
    conn: &Connection,
    id: i64,
    release: Release,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE version SET release = :release, release_reason = :reason WHERE id = :id")?
        .execute(named_params! { ":id": id, ":release": release, ":reason": reason })?;
    Ok(())
}

/// The form of a version, none when its package was refused.
pub fn form(conn: &Connection, id: i64) -> rusqlite::Result<Option<Form>> {
    conn.prepare_cached("SELECT form FROM version WHERE id = :id AND form IS NOT NULL")?
        .query_row(named_params! { ":id": id }, |row| json(row, "form"))
        .optional()
}

pub fn set_state(at: &Scoped<'_>, id: i64, state: VersionState) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached("UPDATE version SET state = :state WHERE id = :id AND tenant_id = :tenant")?
        .execute(named_params! { ":id": id, ":tenant": at.tenant, ":state": state })?;
    Ok(())
}

/// Whether another live version, of any tenant, is the same archive.
pub fn digest_in_use_anywhere(conn: &Connection, digest: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM version WHERE digest = :digest AND state <> 'deleted')",
    )?
    .query_row(named_params! { ":digest": digest }, |row| row.get(0))
}
