//! Tenants and their members.

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::names::check_label;
use crate::domain::principal::Principal;
use crate::error::{Error, Result};
use crate::store::scope::TenantId;
use crate::store::tenants::{self, Membership, Tenant};
use crate::store::users::TenantRole;
use crate::store::{time, users};

/// The caller's tenants; all of them for an administrator.
pub async fn list(app: &App, who: &Principal) -> Result<Vec<Tenant>> {
    let everything = who.is_administrator();
    let user = who.user_id;
    app.db
        .read(move |conn| {
            if everything {
                return Ok(tenants::list_anywhere(conn)?);
            }
            let memberships = tenants::memberships(conn, user)?;
            Ok(memberships
                .into_iter()
                .map(|membership| tenants::get(conn, membership.tenant))
                .collect::<Result<_, _>>()?)
        })
        .await
}

pub async fn create(app: &App, who: &Principal, name: String) -> Result<Tenant> {
    audited(app, who, Act::new("CreateTenant", "tenant", &name), async {
        who.administrator()?;
        check_label("name", &name, 63)?;
        app.db
            .write(move |tx| {
                if tenants::find(tx, &name)?.is_some() {
                    return Err(Error::AlreadyExists { kind: "tenant", id: name });
                }
                let id = tenants::insert(tx, &name, &time::now())?;
                Ok(tenants::get(tx, id)?)
            })
            .await
    })
    .await
}

pub async fn members(app: &App, who: &Principal, name: String) -> Result<Vec<Membership>> {
    let tenant = known(app, who, name).await?;
    app.db.read(move |conn| Ok(tenants::members(conn, tenant)?)).await
}

/// Adds a user to a tenant or changes the role there; for its owners and administrators.
pub async fn set_member(
    app: &App,
    who: &Principal,
    name: String,
    user: String,
    role: TenantRole,
) -> Result<Vec<Membership>> {
    audited(app, who, Act::new("UpdateMember", "tenant", format!("{name}/{user}")), async {
        let tenant = owned(app, who, name).await?;
        app.db
            .write(move |tx| {
                let found = users::find(tx, &user)?.ok_or(Error::NotFound { kind: "user", id: user })?;
                tenants::set_member(tx, tenant, found.id, role)?;
                Ok(tenants::members(tx, tenant)?)
            })
            .await
    })
    .await
}

pub async fn remove_member(app: &App, who: &Principal, name: String, user: String) -> Result<()> {
    audited(app, who, Act::new("DeleteMember", "tenant", format!("{name}/{user}")), async {
        let tenant = owned(app, who, name).await?;
        app.db
            .write(move |tx| {
                let found = users::find(tx, &user)?;
                let removed = match found {
                    Some(found) => tenants::remove_member(tx, tenant, found.id)?,
                    None => false,
                };
                if removed { Ok(()) } else { Err(Error::NotFound { kind: "member", id: user }) }
            })
            .await
    })
    .await
}

/// A tenant that the caller may know of.
async fn known(app: &App, who: &Principal, name: String) -> Result<TenantId> {
    let member = who.memberships.iter().any(|membership| membership.tenant_name == name);
    let allowed = member || who.is_administrator();
    app.db
        .read(move |conn| match tenants::find(conn, &name)? {
            Some(tenant) if allowed => Ok(tenant.id),
            _ => Err(Error::NotFound { kind: "tenant", id: name }),
        })
        .await
}

async fn owned(app: &App, who: &Principal, name: String) -> Result<TenantId> {
    let owner = who
        .memberships
        .iter()
        .any(|membership| membership.tenant_name == name && membership.role == TenantRole::Owner);
    let tenant = known(app, who, name.clone()).await?;
    if !owner {
        let message = format!("only owners of tenant `{name}` may change its members");
        who.administrator().map_err(|_| Error::Forbidden(message))?;
    }
    Ok(tenant)
}
