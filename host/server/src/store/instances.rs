//! Instances: deployments of services into clusters.

use osc_plugin_api::documents::status::Endpoint;
use rusqlite::{Connection, Row, named_params};

use super::scope::{Page, Scoped, TenantId};
use super::text_enum;
use super::versions::json;

text_enum! {
    /// What the objects in the cluster say, as last computed.
    pub enum InstanceHealth {
        Running = "running",
        Progressing = "progressing",
        Degraded = "degraded",
        Failed = "failed",
        Unknown = "unknown",
    }
}

/// An instance with the names of what it refers to and its newest operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub id: i64,
    pub tenant: TenantId,
    pub name: String,
    pub description: String,
    pub service_id: i64,
    pub service: String,
    pub provider: String,
    pub provider_id: TenantId,
    pub version_id: i64,
    pub version: String,
    pub cluster_id: i64,
    pub cluster: String,
    pub region: String,
    pub cluster_state: String,
    pub namespace: String,
    pub plugin: String,
    pub plugin_digest: String,
    pub revision: i64,
    pub health: InstanceHealth,
    pub health_reason: Option<String>,
    pub endpoints: Vec<Endpoint>,
    pub checked_at: Option<String>,
    pub created_at: String,
    pub operation: Option<LastOperation>,
}

/// The newest operation of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOperation {
    pub id: i64,
    pub kind: String,
    pub state: String,
    pub reason: Option<String>,
    pub finished_at: Option<String>,
}

impl Instance {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Instance> {
        let operation = match row.get::<_, Option<i64>>("operation_id")? {
            None => None,
            Some(id) => Some(LastOperation {
                id,
                kind: row.get("operation_kind")?,
                state: row.get("operation_state")?,
                reason: row.get("operation_reason")?,
                finished_at: row.get("operation_finished_at")?,
            }),
        };
        Ok(Instance {
            id: row.get("id")?,
            tenant: row.get("tenant_id")?,
            name: row.get("name")?,
            description: row.get("description")?,
            service_id: row.get("service_id")?,
            service: row.get("service")?,
            provider: row.get("provider")?,
            provider_id: row.get("provider_id")?,
            version_id: row.get("version_id")?,
            version: row.get("version")?,
            cluster_id: row.get("cluster_id")?,
            cluster: row.get("cluster")?,
            region: row.get("region")?,
            cluster_state: row.get("cluster_state")?,
            namespace: row.get("namespace")?,
            plugin: row.get("plugin")?,
            plugin_digest: row.get("plugin_digest")?,
            revision: row.get("revision")?,
            health: row.get("health")?,
            health_reason: row.get("health_reason")?,
            endpoints: json(row, "endpoints")?,
            checked_at: row.get("checked_at")?,
            created_at: row.get("created_at")?,
            operation,
        })
    }
}

pub struct NewInstance<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub service_id: i64,
    pub version_id: i64,
    pub cluster_id: i64,
    pub namespace: &'a str,
    pub plugin: &'a str,
    pub plugin_digest: &'a str,
    pub now: &'a str,
}

pub fn insert(at: &Scoped<'_>, new: &NewInstance<'_>) -> rusqlite::Result<i64> {
    at.conn
        .prepare_cached(
            "INSERT INTO instance (tenant_id, name, description, service_id, version_id, cluster_id, namespace,
                                   plugin, plugin_digest, created_at)
             VALUES (:tenant, :name, :description, :service, :version, :cluster, :namespace,
                     :plugin, :digest, :now)",
        )?
        .execute(named_params! {
            ":tenant": at.tenant, ":name": new.name, ":description": new.description, ":service": new.service_id,
            ":version": new.version_id, ":cluster": new.cluster_id, ":namespace": new.namespace,
            ":plugin": new.plugin, ":digest": new.plugin_digest, ":now": new.now,
        })?;
    Ok(at.conn.last_insert_rowid())
}

/// The live instance with this name.
pub fn find(at: &Scoped<'_>, name: &str) -> rusqlite::Result<Option<Instance>> {
    Ok(select(at.conn, Some(at.tenant), &Filter { name: Some(name), ..Filter::default() }, Page::ALL)?.pop())
}

/// An instance by id, live only.
pub fn find_by_id(at: &Scoped<'_>, id: i64) -> rusqlite::Result<Option<Instance>> {
    Ok(select(at.conn, Some(at.tenant), &Filter { id: Some(id), ..Filter::default() }, Page::ALL)?.pop())
}

/// An instance by id, of any tenant, live only.
pub fn find_anywhere(conn: &Connection, id: i64) -> rusqlite::Result<Option<Instance>> {
    Ok(select(conn, None, &Filter { id: Some(id), ..Filter::default() }, Page::ALL)?.pop())
}

/// Name of an instance by id, deleted or not.
pub fn name_of(conn: &Connection, id: i64) -> rusqlite::Result<String> {
    conn.prepare_cached("SELECT name FROM instance WHERE id = :id")?
        .query_row(named_params! { ":id": id }, |row| row.get(0))
}

/// Whether another tenant's or this tenant's instance has the place.
pub fn place_taken_anywhere(
    conn: &Connection,
    cluster: i64,
    namespace: &str,
    name: &str,
) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM instance WHERE cluster_id = :cluster AND namespace = :namespace
             AND name = :name AND deleted_at IS NULL)",
    )?
    .query_row(named_params! { ":cluster": cluster, ":namespace": namespace, ":name": name }, |row| {
        row.get(0)
    })
}

/// What a list is about; empty fields match everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    pub id: Option<i64>,
    pub name: Option<&'a str>,
    pub service_id: Option<i64>,
    pub cluster: Option<&'a str>,
    pub region: Option<&'a str>,
    pub namespace: Option<&'a str>,
    /// A part of the name.
    pub search: Option<&'a str>,
}

/// Live instances by id.
pub fn list(at: &Scoped<'_>, filter: &Filter<'_>, page: Page) -> rusqlite::Result<Vec<Instance>> {
    select(at.conn, Some(at.tenant), filter, page)
}

/// Live instances of all tenants by id.
pub fn list_anywhere(conn: &Connection, filter: &Filter<'_>, page: Page) -> rusqlite::Result<Vec<Instance>> {
    select(conn, None, filter, page)
}

fn select(
    conn: &Connection,
    tenant: Option<TenantId>,
    filter: &Filter<'_>,
    page: Page,
) -> rusqlite::Result<Vec<Instance>> {
    conn.prepare_cached(
        "SELECT i.id, i.tenant_id, i.name, i.description, i.service_id, s.name AS service, p.name AS provider,
                p.id AS provider_id, i.version_id, v.version, i.cluster_id, c.name AS cluster, c.region,
                c.state AS cluster_state, i.namespace, i.plugin, i.plugin_digest, i.revision, i.health,
                i.health_reason, i.endpoints, i.checked_at, i.created_at,
                o.id AS operation_id, o.kind AS operation_kind, o.state AS operation_state,
                o.reason AS operation_reason, o.finished_at AS operation_finished_at
         FROM instance i
         JOIN service s ON s.id = i.service_id JOIN tenant p ON p.id = s.tenant_id
         JOIN version v ON v.id = i.version_id JOIN cluster c ON c.id = i.cluster_id
         LEFT JOIN operation o ON o.id = (SELECT max(n.id) FROM operation n WHERE n.instance_id = i.id)
         WHERE i.deleted_at IS NULL
           AND (:tenant IS NULL OR i.tenant_id = :tenant)
           AND (:id IS NULL OR i.id = :id)
           AND (:name IS NULL OR i.name = :name)
           AND (:service IS NULL OR i.service_id = :service)
           AND (:cluster IS NULL OR c.name = :cluster)
           AND (:region IS NULL OR c.region = :region)
           AND (:namespace IS NULL OR i.namespace = :namespace)
           AND (:search IS NULL OR instr(i.name, :search) > 0)
           AND (:after IS NULL OR i.id > :after)
         ORDER BY i.id LIMIT :limit",
    )?
    .query_map(
        named_params! {
            ":tenant": tenant, ":id": filter.id, ":name": filter.name, ":service": filter.service_id,
            ":cluster": filter.cluster, ":region": filter.region, ":namespace": filter.namespace,
            ":search": filter.search, ":after": page.after, ":limit": page.limit,
        },
        Instance::from_row,
    )?
    .collect()
}

/// Live instances of a service, of all tenants, in all versions or one.
pub fn count_of_service_anywhere(
    conn: &Connection,
    service_id: i64,
    version_id: Option<i64>,
) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "SELECT count(*) FROM instance WHERE service_id = :service AND deleted_at IS NULL
             AND (:version IS NULL OR version_id = :version)",
    )?
    .query_row(named_params! { ":service": service_id, ":version": version_id }, |row| row.get(0))
}

/// Notes what the objects in the cluster say.
pub fn set_health(
    conn: &Connection,
    id: i64,
    health: InstanceHealth,
    reason: Option<&str>,
    endpoints: &str,
    now: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE instance SET health = :health, health_reason = :reason, endpoints = :endpoints, checked_at = :now
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id, ":health": health, ":reason": reason, ":endpoints": endpoints, ":now": now,
    })?;
    Ok(())
}

/// Notes that health could not be looked at; endpoints stay as last seen.
pub fn set_health_unknown(conn: &Connection, id: i64, reason: &str, now: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE instance SET health = 'unknown', health_reason = :reason, checked_at = :now WHERE id = :id",
    )?
    .execute(named_params! { ":id": id, ":reason": reason, ":now": now })?;
    Ok(())
}

/// A revision is in force now.
pub fn set_revision(conn: &Connection, id: i64, revision: i64, version_id: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE instance SET revision = :revision, version_id = :version WHERE id = :id")?
        .execute(named_params! { ":id": id, ":revision": revision, ":version": version_id })?;
    Ok(())
}

pub fn set_description(at: &Scoped<'_>, id: i64, description: &str) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached("UPDATE instance SET description = :text WHERE id = :id AND tenant_id = :tenant")?
        .execute(named_params! { ":id": id, ":tenant": at.tenant, ":text": description })?;
    Ok(())
}

/// The instance is gone; its history stays.
/// Ends the instances of a cluster that is gone, whoever has them.
pub fn forget_anywhere(conn: &Connection, cluster_id: i64, now: &str) -> rusqlite::Result<usize> {
    conn.prepare_cached(
        "UPDATE instance SET deleted_at = :now WHERE cluster_id = :cluster AND deleted_at IS NULL",
    )?
    .execute(named_params! { ":now": now, ":cluster": cluster_id })
}

pub fn set_deleted(at: &Scoped<'_>, id: i64, now: &str) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached("UPDATE instance SET deleted_at = :now WHERE id = :id AND tenant_id = :tenant")?
        .execute(named_params! { ":id": id, ":tenant": at.tenant, ":now": now })?;
    Ok(())
}
