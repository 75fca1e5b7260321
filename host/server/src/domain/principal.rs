//! Who calls, and what they may do.

use crate::error::{Error, Result};
use crate::store::scope::TenantId;
use crate::store::tenants::Membership;
use crate::store::users::{PlatformRole, TenantRole};

/// A caller that is signed in, acting in at most one tenant.
#[derive(Clone, Debug)]
pub struct Principal {
    pub user_id: i64,
    pub user: String,
    pub platform_role: Option<PlatformRole>,
    pub memberships: Vec<Membership>,
    /// The tenant that the call is about.
    pub tenant: Option<CurrentTenant>,
    /// Names the call in logs and in the audit trail.
    pub request_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentTenant {
    pub id: TenantId,
    pub name: String,
    pub role: TenantRole,
}

impl Principal {
    pub fn is_administrator(&self) -> bool {
        self.platform_role == Some(PlatformRole::Administrator)
    }

    /// Refuses everybody but administrators of the platform.
    pub fn administrator(&self) -> Result<()> {
        if self.is_administrator() {
            return Ok(());
        }
        Err(Error::Forbidden("only an administrator of the platform may do this".into()))
    }

    /// Whether the caller may judge what others want to publish.
    pub fn is_reviewer(&self) -> bool {
        self.platform_role.is_some()
    }

    /// Refuses everybody but reviewers and administrators of the platform.
    pub fn reviewer(&self) -> Result<()> {
        if self.is_reviewer() {
            return Ok(());
        }
        Err(Error::Forbidden("only a reviewer of the platform may do this".into()))
    }

    /// The tenant of the call, if the caller has at least this role there.
    pub fn at_least(&self, role: TenantRole) -> Result<TenantId> {
        let Some(tenant) = &self.tenant else {
            return Err(Error::Forbidden(format!(
                "`{}` belongs to no tenant: ask an owner of one",
                self.user
            )));
        };
        if rank(tenant.role) < rank(role) {
            return Err(Error::Forbidden(format!(
                "`{}` is {} of tenant `{}`, this needs {role}",
                self.user, tenant.role, tenant.name
            )));
        }
        Ok(tenant.id)
    }

    /// The tenant of a call that only looks.
    pub fn viewer(&self) -> Result<TenantId> {
        self.at_least(TenantRole::Viewer)
    }

    /// The tenant of a call that deploys, subscribes or uploads.
    pub fn consumer(&self) -> Result<TenantId> {
        self.at_least(TenantRole::Consumer)
    }

    /// The tenant of a call that publishes.
    pub fn provider(&self) -> Result<TenantId> {
        self.at_least(TenantRole::Provider)
    }

    /// The tenant of a call that changes the tenant itself.
    pub fn owner(&self) -> Result<TenantId> {
        self.at_least(TenantRole::Owner)
    }
}

fn rank(role: TenantRole) -> u8 {
    match role {
        TenantRole::Viewer => 0,
        TenantRole::Consumer => 1,
        TenantRole::Provider => 2,
        TenantRole::Owner => 3,
    }
}

/// Chooses the tenant of a call: the one asked for, else the first that the user belongs to. `found` is the tenant
/// asked for if it exists; an administrator may act in any.
pub fn choose_tenant(
    platform_role: Option<PlatformRole>,
    memberships: &[Membership],
    asked: Option<&str>,
    found: Option<(TenantId, String)>,
) -> Result<Option<CurrentTenant>> {
    let current = |m: &Membership| CurrentTenant { id: m.tenant, name: m.tenant_name.clone(), role: m.role };
    let Some(asked) = asked else {
        return Ok(memberships.first().map(current));
    };
    if let Some(membership) = memberships.iter().find(|membership| membership.tenant_name == asked) {
        return Ok(Some(current(membership)));
    }
    match found {
        Some((id, name)) if platform_role == Some(PlatformRole::Administrator) => {
            Ok(Some(CurrentTenant { id, name, role: TenantRole::Owner }))
        }
        _ => Err(Error::NotFound { kind: "tenant", id: asked.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(tenant: i64, name: &str, role: TenantRole) -> Membership {
        Membership { tenant: TenantId(tenant), tenant_name: name.into(), user_name: "u".into(), role }
    }

    #[test]
    fn tenants_are_chosen_and_foreign_ones_are_not_known() {
        let memberships = [member(1, "a", TenantRole::Viewer), member(2, "b", TenantRole::Owner)];
        let choose = |role, asked, found: Option<&str>| {
            choose_tenant(role, &memberships, asked, found.map(|name| (TenantId(9), name.to_owned())))
                .map(|tenant| tenant.map(|tenant| tenant.name))
        };
        assert_eq!(choose(None, None, None).unwrap().as_deref(), Some("a"));
        assert_eq!(choose(None, Some("b"), None).unwrap().as_deref(), Some("b"));
        assert!(choose(None, Some("c"), Some("c")).is_err());
        let administrator = Some(PlatformRole::Administrator);
        assert_eq!(choose(administrator, Some("c"), Some("c")).unwrap().as_deref(), Some("c"));
        assert!(choose(administrator, Some("d"), None).is_err());
    }

    #[test]
    fn roles_contain_lower_ones() {
        let who = |role| Principal {
            user_id: 1,
            user: "u".into(),
            platform_role: None,
            memberships: Vec::new(),
            tenant: Some(CurrentTenant { id: TenantId(1), name: "a".into(), role }),
            request_id: String::new(),
        };
        assert!(who(TenantRole::Owner).provider().is_ok());
        assert!(who(TenantRole::Consumer).consumer().is_ok());
        assert!(who(TenantRole::Viewer).consumer().is_err());
        assert!(who(TenantRole::Provider).owner().is_err());
    }
}
