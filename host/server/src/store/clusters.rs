//! Clusters, what tenants may do in them, and which namespaces are whose.

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::scope::{Page, Scoped, TenantId};
use super::text_enum;

text_enum! {
    /// Whether a cluster answers, as last checked.
    pub enum ClusterState {
        Unknown = "unknown",
        Available = "available",
        Unreachable = "unreachable",
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    pub id: i64,
    /// None: owned by the platform.
    pub owner: Option<TenantId>,
    pub owner_name: Option<String>,
    pub name: String,
    pub region: String,
    pub kind: String,
    pub version: Option<String>,
    pub state: ClusterState,
    pub state_reason: Option<String>,
    pub checked_at: Option<String>,
    pub created_at: String,
}

impl Cluster {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Cluster> {
        Ok(Cluster {
            id: row.get("id")?,
            owner: row.get("tenant_id")?,
            owner_name: row.get("owner_name")?,
            name: row.get("name")?,
            region: row.get("region")?,
            kind: row.get("kind")?,
            version: row.get("version")?,
            state: row.get("state")?,
            state_reason: row.get("state_reason")?,
            checked_at: row.get("checked_at")?,
            created_at: row.get("created_at")?,
        })
    }
}

pub struct NewCluster<'a> {
    pub owner: Option<TenantId>,
    pub name: &'a str,
    pub region: &'a str,
    pub kind: &'a str,
    /// Sealed.
    pub kubeconfig: &'a [u8],
    pub version: Option<&'a str>,
    pub state: ClusterState,
    pub state_reason: Option<&'a str>,
    pub now: &'a str,
}

pub fn insert(conn: &Connection, new: &NewCluster<'_>) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "INSERT INTO cluster (tenant_id, name, region, kind, kubeconfig, version, state, state_reason, checked_at,
                              created_at)
         VALUES (:owner, :name, :region, :kind, :kubeconfig, :version, :state, :reason, :now, :now)",
    )?
    .execute(named_params! {
        ":owner": new.owner, ":name": new.name, ":region": new.region, ":kind": new.kind,
        ":kubeconfig": new.kubeconfig, ":version": new.version, ":state": new.state,
        ":reason": new.state_reason, ":now": new.now,
    })?;
    Ok(conn.last_insert_rowid())
}

/// A cluster by name, whoever owns it.
pub fn find_anywhere(conn: &Connection, name: &str) -> rusqlite::Result<Option<Cluster>> {
    conn.prepare_cached(
        "SELECT c.id, c.tenant_id, t.name AS owner_name, c.name, c.region, c.kind, c.version, c.state,
                c.state_reason, c.checked_at, c.created_at
         FROM cluster c LEFT JOIN tenant t ON t.id = c.tenant_id WHERE c.name = :name AND c.deleted_at IS NULL",
    )?
    .query_row(named_params! { ":name": name }, Cluster::from_row)
    .optional()
}

pub fn get_anywhere(conn: &Connection, id: i64) -> rusqlite::Result<Cluster> {
    conn.prepare_cached(
        "SELECT c.id, c.tenant_id, t.name AS owner_name, c.name, c.region, c.kind, c.version, c.state,
                c.state_reason, c.checked_at, c.created_at
         FROM cluster c LEFT JOIN tenant t ON t.id = c.tenant_id WHERE c.id = :id",
    )?
    .query_row(named_params! { ":id": id }, Cluster::from_row)
}

pub fn list_anywhere(conn: &Connection, page: Page) -> rusqlite::Result<Vec<Cluster>> {
    conn.prepare_cached(
        "SELECT c.id, c.tenant_id, t.name AS owner_name, c.name, c.region, c.kind, c.version, c.state,
                c.state_reason, c.checked_at, c.created_at
         FROM cluster c LEFT JOIN tenant t ON t.id = c.tenant_id
         WHERE c.deleted_at IS NULL AND (:after IS NULL OR c.id > :after) ORDER BY c.id LIMIT :limit",
    )?
    .query_map(named_params! { ":after": page.after, ":limit": page.limit }, Cluster::from_row)?
    .collect()
}

/// The cluster of this name if the tenant owns it or has a grant in it.
pub fn find(at: &Scoped<'_>, name: &str) -> rusqlite::Result<Option<Cluster>> {
    at.conn
        .prepare_cached(
            "SELECT c.id, c.tenant_id, t.name AS owner_name, c.name, c.region, c.kind, c.version, c.state,
                    c.state_reason, c.checked_at, c.created_at
             FROM cluster c LEFT JOIN tenant t ON t.id = c.tenant_id
             WHERE c.name = :name AND c.deleted_at IS NULL AND (c.tenant_id = :tenant OR EXISTS (
                 SELECT 1 FROM cluster_grant g WHERE g.cluster_id = c.id AND g.tenant_id = :tenant))",
        )?
        .query_row(named_params! { ":tenant": at.tenant, ":name": name }, Cluster::from_row)
        .optional()
}

/// Clusters that the tenant owns or has a grant in, by id.
pub fn list(at: &Scoped<'_>, page: Page) -> rusqlite::Result<Vec<Cluster>> {
    at.conn
        .prepare_cached(
            "SELECT c.id, c.tenant_id, t.name AS owner_name, c.name, c.region, c.kind, c.version, c.state,
                    c.state_reason, c.checked_at, c.created_at
             FROM cluster c LEFT JOIN tenant t ON t.id = c.tenant_id
             WHERE c.deleted_at IS NULL AND (:after IS NULL OR c.id > :after)
               AND (c.tenant_id = :tenant OR EXISTS (
                   SELECT 1 FROM cluster_grant g WHERE g.cluster_id = c.id AND g.tenant_id = :tenant))
             ORDER BY c.id LIMIT :limit",
        )?
        .query_map(
            named_params! { ":tenant": at.tenant, ":after": page.after, ":limit": page.limit },
            Cluster::from_row,
        )?
        .collect()
}

/// Name, kind and sealed kubeconfig of a cluster that is not removed.
pub fn kubeconfig(conn: &Connection, id: i64) -> rusqlite::Result<Option<(String, String, Vec<u8>)>> {
    conn.prepare_cached("SELECT name, kind, kubeconfig FROM cluster WHERE id = :id AND deleted_at IS NULL")?
        .query_row(named_params! { ":id": id }, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
}

pub fn set_kubeconfig(conn: &Connection, id: i64, kubeconfig: &[u8]) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE cluster SET kubeconfig = :kubeconfig WHERE id = :id")?
        .execute(named_params! { ":id": id, ":kubeconfig": kubeconfig })?;
    Ok(())
}

/// Notes the result of a check. An unreachable cluster keeps its last known version.
pub fn set_checked(
    conn: &Connection,
    id: i64,
    state: ClusterState,
    reason: Option<&str>,
    version: Option<&str>,
    now: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE cluster SET state = :state, state_reason = :reason, version = coalesce(:version, version),
                checked_at = :now WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id, ":state": state, ":reason": reason, ":version": version, ":now": now,
    })?;
    Ok(())
}

/// Instances of any tenant in a cluster.
pub fn count_instances_anywhere(conn: &Connection, id: i64) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT count(*) FROM instance WHERE cluster_id = :id AND deleted_at IS NULL")?
        .query_row(named_params! { ":id": id }, |row| row.get(0))
}

/// Forgets a cluster: its kubeconfig, grants and namespaces go, the row stays for history.
pub fn remove(conn: &Connection, id: i64, now: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE cluster SET deleted_at = :now, kubeconfig = x'' WHERE id = :id")?
        .execute(named_params! { ":id": id, ":now": now })?;
    conn.prepare_cached("DELETE FROM cluster_grant WHERE cluster_id = :id")?
        .execute(named_params! { ":id": id })?;
    conn.prepare_cached("DELETE FROM cluster_namespace WHERE cluster_id = :id")?
        .execute(named_params! { ":id": id })?;
    Ok(())
}

/// What a tenant may do in one namespace of a cluster, or in any free one (`*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    pub id: i64,
    pub tenant: TenantId,
    pub tenant_name: String,
    pub namespace: String,
    pub cluster_scoped: bool,
    pub rbac: bool,
    pub privileged: bool,
}

impl GrantRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<GrantRow> {
        Ok(GrantRow {
            id: row.get("id")?,
            tenant: row.get("tenant_id")?,
            tenant_name: row.get("tenant_name")?,
            namespace: row.get("namespace")?,
            cluster_scoped: row.get("cluster_scoped")?,
            rbac: row.get("rbac")?,
            privileged: row.get("privileged")?,
        })
    }
}

pub struct NewGrant<'a> {
    pub namespace: &'a str,
    pub cluster_scoped: bool,
    pub rbac: bool,
    pub privileged: bool,
}

/// Gives a tenant rights in a cluster, or changes them.
pub fn set_grant(at: &Scoped<'_>, cluster: i64, new: &NewGrant<'_>) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached(
            "INSERT INTO cluster_grant (cluster_id, tenant_id, namespace, cluster_scoped, rbac, privileged)
             VALUES (:cluster, :tenant, :namespace, :cluster_scoped, :rbac, :privileged)
             ON CONFLICT (cluster_id, tenant_id, namespace) DO UPDATE
                 SET cluster_scoped = :cluster_scoped, rbac = :rbac, privileged = :privileged",
        )?
        .execute(named_params! {
            ":cluster": cluster, ":tenant": at.tenant, ":namespace": new.namespace,
            ":cluster_scoped": new.cluster_scoped, ":rbac": new.rbac, ":privileged": new.privileged,
        })?;
    Ok(())
}

/// Deletes a grant in a cluster, whoever has it.
pub fn delete_grant_anywhere(conn: &Connection, cluster: i64, id: i64) -> rusqlite::Result<bool> {
    let count = conn
        .prepare_cached("DELETE FROM cluster_grant WHERE cluster_id = :cluster AND id = :id")?
        .execute(named_params! { ":cluster": cluster, ":id": id })?;
    Ok(count > 0)
}

/// Grants of the tenant in a cluster.
pub fn grants(at: &Scoped<'_>, cluster: i64) -> rusqlite::Result<Vec<GrantRow>> {
    at.conn
        .prepare_cached(
            "SELECT g.id, g.tenant_id, t.name AS tenant_name, g.namespace, g.cluster_scoped, g.rbac, g.privileged
             FROM cluster_grant g JOIN tenant t ON t.id = g.tenant_id
             WHERE g.cluster_id = :cluster AND g.tenant_id = :tenant ORDER BY g.namespace",
        )?
        .query_map(named_params! { ":cluster": cluster, ":tenant": at.tenant }, GrantRow::from_row)?
        .collect()
}

/// Grants of all tenants in a cluster.
pub fn grants_anywhere(conn: &Connection, cluster: i64) -> rusqlite::Result<Vec<GrantRow>> {
    conn.prepare_cached(
        "SELECT g.id, g.tenant_id, t.name AS tenant_name, g.namespace, g.cluster_scoped, g.rbac, g.privileged
         FROM cluster_grant g JOIN tenant t ON t.id = g.tenant_id
         WHERE g.cluster_id = :cluster ORDER BY t.name, g.namespace",
    )?
    .query_map(named_params! { ":cluster": cluster }, GrantRow::from_row)?
    .collect()
}

impl Scoped<'_> {
    /// Whose a namespace is, also when it is another tenant's.
    pub fn namespace_owner(&self, cluster: i64, namespace: &str) -> rusqlite::Result<Option<TenantId>> {
        namespace_owner_anywhere(self.conn, cluster, namespace)
    }
}

/// Whose a namespace is: by use, or by a grant that names it.
pub fn namespace_owner_anywhere(
    conn: &Connection,
    cluster: i64,
    namespace: &str,
) -> rusqlite::Result<Option<TenantId>> {
    conn.prepare_cached(
        "SELECT tenant_id FROM cluster_namespace WHERE cluster_id = :cluster AND namespace = :namespace
         UNION SELECT tenant_id FROM cluster_grant WHERE cluster_id = :cluster AND namespace = :namespace LIMIT 1",
    )?
    .query_row(named_params! { ":cluster": cluster, ":namespace": namespace }, |row| row.get(0))
    .optional()
}

/// Namespaces of a cluster that other tenants have, by use or by a grant that names them.
pub fn namespaces_of_others(at: &Scoped<'_>, cluster: i64) -> rusqlite::Result<Vec<String>> {
    at.conn
        .prepare_cached(
            "SELECT namespace FROM cluster_namespace WHERE cluster_id = :cluster AND tenant_id <> :tenant
             UNION SELECT namespace FROM cluster_grant
             WHERE cluster_id = :cluster AND tenant_id <> :tenant AND namespace <> '*'",
        )?
        .query_map(named_params! { ":cluster": cluster, ":tenant": at.tenant }, |row| row.get(0))?
        .collect()
}

/// Takes a namespace into use for the tenant; a second time is fine. The caller checked whose it is.
pub fn claim_namespace(at: &Scoped<'_>, cluster: i64, namespace: &str) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached(
            "INSERT INTO cluster_namespace (cluster_id, namespace, tenant_id)
             VALUES (:cluster, :namespace, :tenant) ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! { ":cluster": cluster, ":namespace": namespace, ":tenant": at.tenant })?;
    Ok(())
}

/// Notes that we made a namespace.
pub fn set_made_by_us(at: &Scoped<'_>, cluster: i64, namespace: &str) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached(
            "UPDATE cluster_namespace SET made_by_us = 1
             WHERE cluster_id = :cluster AND namespace = :namespace AND tenant_id = :tenant",
        )?
        .execute(named_params! { ":cluster": cluster, ":namespace": namespace, ":tenant": at.tenant })?;
    Ok(())
}

/// Gives a namespace back when none of the tenant's instances is in it any more.
pub fn release_namespace(at: &Scoped<'_>, cluster: i64, namespace: &str) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached(
            "DELETE FROM cluster_namespace
             WHERE cluster_id = :cluster AND namespace = :namespace AND tenant_id = :tenant AND NOT EXISTS (
                 SELECT 1 FROM instance i WHERE i.cluster_id = :cluster AND i.namespace = :namespace
                     AND i.deleted_at IS NULL)",
        )?
        .execute(named_params! { ":cluster": cluster, ":namespace": namespace, ":tenant": at.tenant })?;
    Ok(())
}

/// A namespace that a tenant uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    pub name: String,
    pub made_by_us: bool,
    pub instances: i64,
}

pub fn namespaces(at: &Scoped<'_>, cluster: i64) -> rusqlite::Result<Vec<Namespace>> {
    at.conn
        .prepare_cached(
            "SELECT n.namespace, n.made_by_us, (SELECT count(*) FROM instance i
                 WHERE i.cluster_id = n.cluster_id AND i.namespace = n.namespace AND i.deleted_at IS NULL)
             FROM cluster_namespace n WHERE n.cluster_id = :cluster AND n.tenant_id = :tenant ORDER BY n.namespace",
        )?
        .query_map(named_params! { ":cluster": cluster, ":tenant": at.tenant }, |row| {
            Ok(Namespace { name: row.get(0)?, made_by_us: row.get(1)?, instances: row.get(2)? })
        })?
        .collect()
}
