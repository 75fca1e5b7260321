//! The audit trail: every changing call leaves one entry, whether it was done, refused or failed.

use crate::app::App;
use crate::domain::principal::Principal;
use crate::error::{Error, Result};
use crate::store::audit::{self, Entry, Filter, NewEntry};
use crate::store::scope::{Page, Scoped};
use crate::store::time;

/// What a call does to what: `CreateInstance` of `instance` `shop`.
#[derive(Clone, Debug)]
pub struct Act {
    pub operation: &'static str,
    pub resource: &'static str,
    pub name: String,
}

impl Act {
    pub fn new(operation: &'static str, resource: &'static str, name: impl Into<String>) -> Act {
        Act { operation, resource, name: name.into() }
    }
}

/// Does the work and notes who did what and how it ended.
pub async fn audited<T>(
    app: &App,
    who: &Principal,
    act: Act,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let result = work.await;
    let outcome = result.as_ref().map(|_| ());
    record(app, who, act, outcome).await?;
    result
}

/// Notes an act whose outcome is known.
pub async fn record(app: &App, who: &Principal, act: Act, outcome: Result<(), &Error>) -> Result<()> {
    let result = match outcome {
        Ok(()) => "ok",
        Err(error) if is_failure(error) => "failed",
        Err(_) => "refused",
    };
    let (tenant, actor, request) =
        (who.tenant.as_ref().map(|tenant| tenant.id), who.user.clone(), who.request_id.clone());
    app.db
        .write(move |tx| {
            let entry = NewEntry {
                tenant,
                time: &time::now(),
                actor: &actor,
                operation: act.operation,
                resource: act.resource,
                name: &act.name,
                result,
                request_id: &request,
            };
            Ok(audit::insert(tx, &entry)?)
        })
        .await
}

fn is_failure(error: &Error) -> bool {
    matches!(
        error,
        Error::Plugin { .. }
            | Error::Unreachable { .. }
            | Error::Cluster { .. }
            | Error::Database(_)
            | Error::Internal(_)
    )
}

/// Entries of the caller's tenant, newest first; an administrator may ask for all tenants.
pub async fn list(
    app: &App,
    who: &Principal,
    everywhere: bool,
    filter: Filter,
    page: Page,
) -> Result<Vec<Entry>> {
    if everywhere {
        who.administrator()?;
        return app.db.read(move |conn| Ok(audit::list_anywhere(conn, &filter, page)?)).await;
    }
    let tenant = who.viewer()?;
    app.db.read(move |conn| Ok(audit::list(&Scoped::new(conn, tenant), &filter, page)?)).await
}
