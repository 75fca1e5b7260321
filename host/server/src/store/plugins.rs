//! Plugins as the administrator left them, and the small stores of their own.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::text_enum;
use super::time;

text_enum! {
    /// What an administrator or repeated faults made of a plugin.
    pub enum PluginState {
        Loaded = "loaded",
        Enabled = "enabled",
        Disabled = "disabled",
        Faulted = "faulted",
    }
}

/// A row of the table `plugin`.
#[derive(Clone, Debug, PartialEq)]
pub struct PluginRow {
    pub id: String,
    pub version: String,
    pub digest: String,
    /// `built-in` or `installed`.
    pub source: String,
    pub state: PluginState,
    pub state_reason: Option<String>,
    /// JSON: what the administrator allows.
    pub granted: String,
    /// JSON object.
    pub settings: String,
    pub priority: i64,
    pub faults: i64,
}

impl PluginRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<PluginRow> {
        Ok(PluginRow {
            id: row.get("id")?,
            version: row.get("version")?,
            digest: row.get("digest")?,
            source: row.get("source")?,
            state: row.get("state")?,
            state_reason: row.get("state_reason")?,
            granted: row.get("granted")?,
            settings: row.get("settings")?,
            priority: row.get("priority")?,
            faults: row.get("faults")?,
        })
    }
}

/// All plugins, by id.
pub fn list(conn: &Connection) -> rusqlite::Result<Vec<PluginRow>> {
    conn.prepare_cached(
        "SELECT id, version, digest, source, state, state_reason, granted, settings, priority, faults
         FROM plugin ORDER BY id",
    )?
    .query_map([], PluginRow::from_row)?
    .collect()
}

/// Writes a plugin, new or changed.
pub fn save(conn: &Connection, plugin: &PluginRow) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO plugin
             (id, version, digest, source, state, state_reason, granted, settings, priority, faults, installed_at)
         VALUES
             (:id, :version, :digest, :source, :state, :state_reason, :granted, :settings, :priority, :faults, :now)
         ON CONFLICT (id) DO UPDATE SET
             version = :version, digest = :digest, source = :source, state = :state, state_reason = :state_reason,
             granted = :granted, settings = :settings, priority = :priority, faults = :faults",
    )?
    .execute(named_params! {
        ":id": plugin.id,
        ":version": plugin.version,
        ":digest": plugin.digest,
        ":source": plugin.source,
        ":state": plugin.state,
        ":state_reason": plugin.state_reason,
        ":granted": plugin.granted,
        ":settings": plugin.settings,
        ":priority": plugin.priority,
        ":faults": plugin.faults,
        ":now": time::now(),
    })?;
    Ok(())
}

/// Forgets a plugin and its store.
pub fn delete(conn: &Connection, id: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM plugin WHERE id = :id")?.execute(named_params! { ":id": id })?;
    conn.prepare_cached("DELETE FROM plugin_kv WHERE plugin_id = :id")?
        .execute(named_params! { ":id": id })?;
    Ok(())
}

/// How many instances a plugin answers for.
pub fn instances(conn: &Connection, id: &str) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT count(*) FROM instance WHERE plugin = :id AND deleted_at IS NULL")?
        .query_row(named_params! { ":id": id }, |row| row.get(0))
}

/// A value of a plugin's store; tenant 0 for calls that belong to no tenant.
/// Packages that a plugin's instances were made from: (service, version, digest).
pub fn packages_in_use(conn: &Connection, id: &str) -> rusqlite::Result<Vec<(String, String, String)>> {
    conn.prepare_cached(
        "SELECT DISTINCT service.name, version.version, version.digest FROM instance
         JOIN version ON version.id = instance.version_id JOIN service ON service.id = instance.service_id
         WHERE instance.plugin = :id AND instance.deleted_at IS NULL ORDER BY 1, 2",
    )?
    .query_map(named_params! { ":id": id }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
    .collect()
}

pub fn kv_get(conn: &Connection, plugin: &str, tenant: i64, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    conn.prepare_cached(
        "SELECT value FROM plugin_kv WHERE plugin_id = :plugin AND tenant_id = :tenant AND key = :key",
    )?
    .query_row(named_params! { ":plugin": plugin, ":tenant": tenant, ":key": key }, |row| row.get(0))
    .optional()
}

/// Entries and bytes of a plugin's store for a tenant, apart from one key.
pub fn kv_size(conn: &Connection, plugin: &str, tenant: i64, but: &str) -> rusqlite::Result<(i64, i64)> {
    conn.prepare_cached(
        "SELECT count(*), coalesce(sum(length(key) + length(value)), 0) FROM plugin_kv
         WHERE plugin_id = :plugin AND tenant_id = :tenant AND key <> :but",
    )?
    .query_row(named_params! { ":plugin": plugin, ":tenant": tenant, ":but": but }, |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Writes a value.
pub fn kv_set(conn: &Connection, plugin: &str, tenant: i64, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO plugin_kv (plugin_id, tenant_id, key, value) VALUES (:plugin, :tenant, :key, :value)
         ON CONFLICT (plugin_id, tenant_id, key) DO UPDATE SET value = :value",
    )?
    .execute(named_params! { ":plugin": plugin, ":tenant": tenant, ":key": key, ":value": value })?;
    Ok(())
}

/// Removes a value, if it is there.
pub fn kv_delete(conn: &Connection, plugin: &str, tenant: i64, key: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "DELETE FROM plugin_kv WHERE plugin_id = :plugin AND tenant_id = :tenant AND key = :key",
    )?
    .execute(named_params! { ":plugin": plugin, ":tenant": tenant, ":key": key })?;
    Ok(())
}

/// Keys that begin with a prefix, in order.
pub fn kv_keys(conn: &Connection, plugin: &str, tenant: i64, prefix: &str) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached(
        "SELECT key FROM plugin_kv
         WHERE plugin_id = :plugin AND tenant_id = :tenant AND substr(key, 1, length(:prefix)) = :prefix
         ORDER BY key LIMIT 1000",
    )?
    .query_map(named_params! { ":plugin": plugin, ":tenant": tenant, ":prefix": prefix }, |row| row.get(0))?
    .collect()
}
