//! What instances hold in their clusters.

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::Policy;
use osc_plugin_api::documents::plan_request::InventoryObject;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, named_params};

use super::scope::Scoped;

/// One object of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryRow {
    pub tenant_id: i64,
    pub instance_id: i64,
    pub part: String,
    pub object: ObjectRef,
    pub uid: String,
    pub policy: Policy,
}

impl InventoryRow {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<InventoryRow> {
        let namespace: String = row.get("namespace")?;
        Ok(InventoryRow {
            tenant_id: row.get("tenant_id")?,
            instance_id: row.get("instance_id")?,
            part: row.get("part")?,
            object: ObjectRef {
                api_version: row.get("api_version")?,
                kind: row.get("kind")?,
                namespace: Some(namespace).filter(|namespace| !namespace.is_empty()),
                name: row.get("name")?,
            },
            uid: row.get("uid")?,
            policy: parse_policy(&row.get::<_, String>("policy")?)?,
        })
    }

    /// As a plan request shows it to a plugin.
    pub fn to_document(&self) -> InventoryObject {
        InventoryObject { object: self.object.clone(), uid: self.uid.clone(), policy: self.policy }
    }
}

fn policy_text(policy: Policy) -> &'static str {
    match policy {
        Policy::Owned => "owned",
        Policy::Shared => "shared",
        Policy::CreateOnly => "create-only",
        Policy::Crd => "crd",
        Policy::Record => "record",
    }
}

fn parse_policy(text: &str) -> rusqlite::Result<Policy> {
    [Policy::Owned, Policy::Shared, Policy::CreateOnly, Policy::Crd, Policy::Record]
        .into_iter()
        .find(|policy| policy_text(*policy) == text)
        .ok_or_else(|| {
            let message = format!("unknown policy `{text}` in the inventory");
            rusqlite::Error::FromSqlConversionFailure(0, Type::Text, message.into())
        })
}

/// An instance's objects, of one part or all, in a stable order.
pub fn list(at: &Scoped<'_>, instance_id: i64, part: Option<&str>) -> rusqlite::Result<Vec<InventoryRow>> {
    let mut rows = list_anywhere(at.conn, instance_id, part)?;
    rows.retain(|row| row.tenant_id == at.tenant.0);
    Ok(rows)
}

/// The same for the executor and the scheduler, which work for every tenant.
pub fn list_anywhere(
    conn: &Connection,
    instance_id: i64,
    part: Option<&str>,
) -> rusqlite::Result<Vec<InventoryRow>> {
    conn.prepare_cached(
        "SELECT tenant_id, instance_id, part, api_version, kind, namespace, name, uid, policy FROM inventory
         WHERE instance_id = :instance_id AND (:part IS NULL OR part = :part)
         ORDER BY part, api_version, kind, namespace, name",
    )?
    .query_map(named_params! { ":instance_id": instance_id, ":part": part }, InventoryRow::from_row)?
    .collect()
}

/// Makes the part of an instance hold exactly these objects.
pub fn replace(
    conn: &Connection,
    tenant_id: i64,
    instance_id: i64,
    part: &str,
    objects: &[(ObjectRef, String, Policy)],
) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM inventory WHERE instance_id = :instance_id AND part = :part")?
        .execute(named_params! { ":instance_id": instance_id, ":part": part })?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO inventory (tenant_id, instance_id, part, api_version, kind, namespace, name, uid, policy)
         VALUES (:tenant_id, :instance_id, :part, :api_version, :kind, :namespace, :name, :uid, :policy)
         ON CONFLICT DO UPDATE SET uid = excluded.uid, policy = excluded.policy",
    )?;
    for (object, uid, policy) in objects {
        insert.execute(named_params! {
            ":tenant_id": tenant_id,
            ":instance_id": instance_id,
            ":part": part,
            ":api_version": object.api_version,
            ":kind": object.kind,
            ":namespace": object.namespace.as_deref().unwrap_or_default(),
            ":name": object.name,
            ":uid": uid,
            ":policy": policy_text(*policy),
        })?;
    }
    Ok(())
}

/// Objects of other instances in the same cluster that have this uid: who else holds it.
pub fn count_other_holders_anywhere(
    conn: &Connection,
    cluster_id: i64,
    instance_id: i64,
    uid: &str,
) -> rusqlite::Result<i64> {
    conn.prepare_cached(
        "SELECT count(*) FROM inventory JOIN instance ON instance.id = inventory.instance_id
         WHERE instance.cluster_id = :cluster_id AND inventory.instance_id <> :instance_id AND inventory.uid = :uid
         AND instance.deleted_at IS NULL",
    )?
    .query_row(named_params! { ":cluster_id": cluster_id, ":instance_id": instance_id, ":uid": uid }, |row| row.get(0))
}
