//! The audit trail.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{HttpResult, Problem};
use super::extract::{Json, Query};
use super::page::{List, PageQuery};
use crate::app::App;
use crate::domain::audit;
use crate::domain::principal::Principal;
use crate::store::audit::{Entry, Filter};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// At most so many items.
    limit: Option<u32>,
    /// `next_cursor` of the answer before.
    cursor: Option<String>,
    /// Such as `CreateInstance`.
    operation: Option<String>,
    /// Such as `instance`.
    resource: Option<String>,
    name: Option<String>,
    actor: Option<String>,
    /// `ok`, `refused` or `failed`.
    result: Option<String>,
    /// From this time on (RFC 3339, UTC).
    since: Option<String>,
    /// Before this time.
    until: Option<String>,
    /// All tenants and the platform itself; for administrators.
    #[serde(default)]
    all: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(super) struct AuditEntryView {
    id: String,
    time: String,
    actor: String,
    tenant: Option<String>,
    operation: String,
    resource: String,
    name: String,
    /// `ok`, `refused` or `failed`.
    result: String,
    request_id: String,
}

impl From<Entry> for AuditEntryView {
    fn from(entry: Entry) -> AuditEntryView {
        AuditEntryView {
            id: entry.id.to_string(),
            time: entry.time,
            actor: entry.actor,
            tenant: entry.tenant,
            operation: entry.operation,
            resource: entry.resource,
            name: entry.name,
            result: entry.result,
            request_id: entry.request_id,
        }
    }
}

/// List audit entries, newest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = OK, body = List<AuditEntryView>), (status = "4XX", body = Problem)))]
pub(super) async fn list_audit(
    State(app): State<Arc<App>>,
    who: Principal,
    Query(query): Query<AuditQuery>,
) -> HttpResult<Json<List<AuditEntryView>>> {
    let page = PageQuery::new(query.limit, query.cursor).page()?;
    let filter = Filter {
        operation: query.operation,
        resource: query.resource,
        name: query.name,
        actor: query.actor,
        result: query.result,
        since: query.since,
        until: query.until,
    };
    let found = audit::list(&app, &who, query.all, filter, page).await?;
    Ok(Json(List::part(found, page, |entry| entry.id, Into::into)))
}
