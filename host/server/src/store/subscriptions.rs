//! Subscriptions: a tenant's right to deploy a service.

use rusqlite::{OptionalExtension as _, Row, named_params};

use super::scope::{Page, Scoped};
use super::services::Service;
use super::text_enum;

text_enum! {
    /// Life of a subscription.
    pub enum SubscriptionState {
        Active = "active",
        /// Instances go on, no new ones.
        Frozen = "frozen",
        /// Its instances are being deleted.
        Ending = "ending",
        Ended = "ended",
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub id: i64,
    pub service: Service,
    pub state: SubscriptionState,
    pub instances: i64,
    pub created_at: String,
}

impl Subscription {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Subscription> {
        Ok(Subscription {
            id: row.get("subscription_id")?,
            service: Service::from_row(row)?,
            state: row.get("subscription_state")?,
            instances: row.get("instances")?,
            created_at: row.get("subscription_created_at")?,
        })
    }
}

pub fn find(at: &Scoped<'_>, service_id: i64) -> rusqlite::Result<Option<Subscription>> {
    at.conn
        .prepare_cached(
            "SELECT b.id AS subscription_id, b.state AS subscription_state, b.created_at AS subscription_created_at,
                    (SELECT count(*) FROM instance i WHERE i.service_id = s.id AND i.tenant_id = b.tenant_id
                     AND i.deleted_at IS NULL) AS instances,
                    s.id, s.tenant_id, t.name AS provider_name, s.name, s.kind, s.state, s.created_at
             FROM subscription b JOIN service s ON s.id = b.service_id JOIN tenant t ON t.id = s.tenant_id
             WHERE b.tenant_id = :tenant AND b.service_id = :service",
        )?
        .query_row(named_params! { ":tenant": at.tenant, ":service": service_id }, Subscription::from_row)
        .optional()
}

/// Subscriptions that have not ended, by id.
pub fn list(at: &Scoped<'_>, page: Page) -> rusqlite::Result<Vec<Subscription>> {
    at.conn
        .prepare_cached(
            "SELECT b.id AS subscription_id, b.state AS subscription_state, b.created_at AS subscription_created_at,
                    (SELECT count(*) FROM instance i WHERE i.service_id = s.id AND i.tenant_id = b.tenant_id
                     AND i.deleted_at IS NULL) AS instances,
                    s.id, s.tenant_id, t.name AS provider_name, s.name, s.kind, s.state, s.created_at
             FROM subscription b JOIN service s ON s.id = b.service_id JOIN tenant t ON t.id = s.tenant_id
             WHERE b.tenant_id = :tenant AND b.state <> 'ended' AND (:after IS NULL OR b.id > :after)
             ORDER BY b.id LIMIT :limit",
        )?
        .query_map(
            named_params! { ":tenant": at.tenant, ":after": page.after, ":limit": page.limit },
            Subscription::from_row,
        )?
        .collect()
}

/// Makes a subscription active, or brings an ended one back.
pub fn activate(at: &Scoped<'_>, service_id: i64, now: &str) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached(
            "INSERT INTO subscription (tenant_id, service_id, state, created_at)
             VALUES (:tenant, :service, 'active', :now)
             ON CONFLICT (tenant_id, service_id) DO UPDATE SET state = 'active',
                 created_at = CASE state WHEN 'ended' THEN :now ELSE created_at END",
        )?
        .execute(named_params! { ":tenant": at.tenant, ":service": service_id, ":now": now })?;
    Ok(())
}

pub fn set_state(at: &Scoped<'_>, service_id: i64, state: SubscriptionState) -> rusqlite::Result<()> {
    at.conn
        .prepare_cached(
            "UPDATE subscription SET state = :state WHERE tenant_id = :tenant AND service_id = :service",
        )?
        .execute(named_params! { ":tenant": at.tenant, ":service": service_id, ":state": state })?;
    Ok(())
}

/// Subscriptions that end once their last instance is gone: (tenant, service) of those that have none any more.
pub fn finish_ending_anywhere(conn: &rusqlite::Connection) -> rusqlite::Result<usize> {
    conn.prepare_cached(
        "UPDATE subscription SET state = 'ended' WHERE state = 'ending' AND NOT EXISTS (
             SELECT 1 FROM instance i WHERE i.service_id = subscription.service_id
                 AND i.tenant_id = subscription.tenant_id AND i.deleted_at IS NULL)",
    )?
    .execute([])
}

/// How many other tenants are subscribed to a service.
pub fn count_others(at: &Scoped<'_>, service_id: i64) -> rusqlite::Result<i64> {
    at.conn
        .prepare_cached(
            "SELECT count(*) FROM subscription
             WHERE service_id = :service AND tenant_id <> :tenant AND state <> 'ended'",
        )?
        .query_row(named_params! { ":tenant": at.tenant, ":service": service_id }, |row| row.get(0))
}
