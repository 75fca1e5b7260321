//! The first start: administrator `admin` in tenant `default`.

use crate::app::App;
use crate::domain::sessions;
use crate::error::{Error, Result};
use crate::store::users::{PlatformRole, TenantRole};
use crate::store::{tenants, time, users};

/// Name of the first administrator.
pub const ADMIN: &str = "admin";
/// Name of the first tenant.
pub const DEFAULT_TENANT: &str = "default";

/// Makes the first administrator and tenant unless there are users. Says whether it did.
pub async fn first_start(app: &App) -> Result<bool> {
    app.db
        .write(|tx| {
            if users::count(tx)? > 0 {
                return Ok::<_, Error>(false);
            }
            let now = time::now();
            let tenant = tenants::insert(tx, DEFAULT_TENANT, &now)?;
            let user = users::insert(tx, ADMIN, None, Some(PlatformRole::Administrator), &now)?;
            tenants::set_member(tx, tenant, user, TenantRole::Owner)?;
            Ok(true)
        })
        .await
}

/// The token of a one-time sign-in link for the first administrator.
pub async fn admin_link(app: &App) -> Result<String> {
    let admin = app
        .db
        .read(|conn| users::find(conn, ADMIN)?.ok_or(Error::NotFound { kind: "user", id: ADMIN.into() }));
    Ok(sessions::make_link(app, admin.await?.id).await?.secret)
}
