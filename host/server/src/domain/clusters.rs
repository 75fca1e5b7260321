//! Clusters: adding, checking, grants of tenants and whose a namespace is.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::names::{check_label, check_text};
use crate::domain::principal::Principal;
use crate::error::{Error, Result};
use crate::kube::api::ClusterApi;
use crate::kube::clusters::{ClusterEntry, Clusters};
use crate::kube::kubeconfig;
use crate::secrets::Sealer;
use crate::store::clusters::{self, Cluster, ClusterState, GrantRow, Namespace, NewGrant};
use crate::store::db::Db;
use crate::store::scope::{Page, Scoped, TenantId};
use crate::store::users::TenantRole;
use crate::store::{instances, subscriptions, tenants, time};

/// The oldest minor version of Kubernetes 1 that is accepted.
const OLDEST_MINOR: u64 = 15;
const KUBECONFIG_LIMIT: usize = 1 << 20;
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);
/// Kind of the cluster that this program runs itself.
const SANDBOX: &str = "sandbox";

/// Where clients of clusters come from; tests put a fake cluster here.
pub trait ClusterSource: Send + Sync {
    /// The client of a registered cluster.
    fn get(&self, entry: ClusterEntry<'_>) -> Result<Arc<dyn ClusterApi>>;
    /// A client that is not kept.
    fn probe(&self, entry: ClusterEntry<'_>) -> Result<Arc<dyn ClusterApi>>;
    /// Drops what is kept of a cluster.
    fn forget(&self, id: i64);
}

impl ClusterSource for Clusters {
    fn get(&self, entry: ClusterEntry<'_>) -> Result<Arc<dyn ClusterApi>> {
        Clusters::get(self, entry)
    }

    fn probe(&self, entry: ClusterEntry<'_>) -> Result<Arc<dyn ClusterApi>> {
        Clusters::probe(self, entry)
    }

    fn forget(&self, id: i64) {
        Clusters::forget(self, id);
    }
}

pub struct NewCluster {
    pub name: String,
    pub region: String,
    pub kubeconfig: String,
    /// Owned by the platform, not by the caller's tenant.
    pub platform: bool,
}

pub struct GrantWish {
    pub tenant: String,
    pub namespace: String,
    pub cluster_scoped: bool,
    pub rbac: bool,
    pub privileged: bool,
}

/// Clusters that the caller's tenant owns or has a grant in; all of them for an administrator.
pub async fn list(app: &App, who: &Principal, page: Page) -> Result<Vec<Cluster>> {
    let tenant = who.viewer()?;
    let everything = who.is_administrator();
    app.db
        .read(move |conn| {
            if everything {
                return Ok(clusters::list_anywhere(conn, page)?);
            }
            Ok(clusters::list(&Scoped::new(conn, tenant), page)?)
        })
        .await
}

/// A cluster that the caller may know of.
pub async fn get(app: &App, who: &Principal, name: &str) -> Result<Cluster> {
    let tenant = who.viewer()?;
    let everything = who.is_administrator();
    let name = name.to_owned();
    app.db
        .read(move |conn| {
            let found = if everything {
                clusters::find_anywhere(conn, &name)?
            } else {
                clusters::find(&Scoped::new(conn, tenant), &name)?
            };
            found.ok_or(Error::NotFound { kind: "cluster", id: name })
        })
        .await
}

/// Registers a cluster that answers, and grants its owner everything in it.
pub async fn create(app: &App, who: &Principal, new: NewCluster) -> Result<Cluster> {
    audited(app, who, Act::new("CreateCluster", "cluster", &new.name), async {
        let tenant = who.owner()?;
        if new.platform {
            who.administrator()?;
        }
        check_label("name", &new.name, 63)?;
        check_text("region", &new.region, 64)?;
        if new.region.trim().is_empty() {
            return Err(Error::Invalid { field: "region", reason: "must not be empty".into() });
        }
        let version = probe(app, &new.name, &new.kubeconfig).await?;
        let owner = (!new.platform).then_some(tenant);
        let sealed = app.sealer.seal(&identity(&new.name), new.kubeconfig.as_bytes());
        let cluster = app
            .db
            .write(move |tx| {
                if clusters::find_anywhere(tx, &new.name)?.is_some() {
                    return Err(Error::AlreadyExists { kind: "cluster", id: new.name });
                }
                let row = clusters::NewCluster {
                    owner,
                    name: &new.name,
                    region: new.region.trim(),
                    kind: "kubeconfig",
                    kubeconfig: &sealed,
                    version: Some(&version),
                    state: ClusterState::Available,
                    state_reason: None,
                    now: &time::now(),
                };
                let id = clusters::insert(tx, &row)?;
                clusters::set_grant(&Scoped::new(tx, tenant), id, &EVERYTHING)?;
                Ok(clusters::get_anywhere(tx, id)?)
            })
            .await?;
        app.events.changed("clusters");
        Ok(cluster)
    })
    .await
}

const EVERYTHING: NewGrant<'_> =
    NewGrant { namespace: "*", cluster_scoped: true, rbac: true, privileged: true };

/// Connects once and answers the version.
async fn probe(app: &App, name: &str, kubeconfig: &str) -> Result<String> {
    if kubeconfig.len() > KUBECONFIG_LIMIT {
        return Err(Error::TooLarge { what: "kubeconfig".into(), limit: "1 MB".into() });
    }
    kubeconfig::parse(kubeconfig)?;
    let api = app.clusters.probe(ClusterEntry { id: 0, name, kubeconfig, own: false })?;
    let version = version_of(name, api.as_ref()).await?;
    check_version(&version)?;
    Ok(version)
}

async fn version_of(name: &str, api: &dyn ClusterApi) -> Result<String> {
    tokio::time::timeout(CHECK_TIMEOUT, api.version()).await.unwrap_or_else(|_| {
        let reason = format!("no answer within {} seconds", CHECK_TIMEOUT.as_secs());
        Err(Error::Unreachable { cluster: name.into(), reason })
    })
}

fn check_version(version: &str) -> Result<()> {
    let mut parts = version.trim_start_matches('v').split('.');
    let number = |part: Option<&str>| {
        let digits: String = part.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    match (number(parts.next()), number(parts.next())) {
        (Some(1), Some(minor)) if minor >= OLDEST_MINOR => Ok(()),
        (Some(major), Some(_)) if major > 1 => Ok(()),
        _ => Err(Error::Refused(format!(
            "the cluster has version `{version}`, Kubernetes 1.{OLDEST_MINOR} or newer is needed"
        ))),
    }
}

/// Forgets a cluster. Refused while instances are in it, unless they are to be forgotten too: for a cluster that is
/// gone for good, where nothing can be deleted any more. An operation under way ends at its next look at the cluster.
pub async fn delete(app: &App, who: &Principal, name: &str, forget_instances: bool) -> Result<()> {
    audited(app, who, Act::new("DeleteCluster", "cluster", name), async {
        let cluster = managed(app, who, name).await?;
        let id = cluster.id;
        app.db
            .write(move |tx| {
                let count = clusters::count_instances_anywhere(tx, id)?;
                if count > 0 && !forget_instances {
                    return Err(Error::Conflict(format!(
                        "cluster `{}` has {count} instances: delete them first, or forget them with it if it is gone \
                         for good",
                        cluster.name
                    )));
                }
                let now = time::now();
                instances::forget_anywhere(tx, id, &now)?;
                subscriptions::finish_ending_anywhere(tx)?;
                Ok(clusters::remove(tx, id, &now)?)
            })
            .await?;
        app.clusters.forget(id);
        app.events.changed("clusters");
        app.events.changed("instances");
        Ok(())
    })
    .await
}

/// Looks at a cluster now and notes whether it answers.
pub async fn check(app: &App, who: &Principal, name: &str) -> Result<Cluster> {
    let cluster = get(app, who, name).await?;
    who.consumer()?;
    refresh(app, &cluster).await?;
    get(app, who, name).await
}

/// Asks a cluster for its version and stores whether it is there.
pub async fn refresh(app: &App, cluster: &Cluster) -> Result<()> {
    let answer = match open(app, cluster.id).await {
        Ok(api) => version_of(&cluster.name, api.as_ref()).await,
        Err(error) => Err(error),
    };
    let (state, reason, version) = match answer {
        Ok(version) => (ClusterState::Available, None, Some(version)),
        Err(Error::Unreachable { reason, .. }) => (ClusterState::Unreachable, Some(reason), None),
        Err(error) => (ClusterState::Unreachable, Some(error.to_string()), None),
    };
    let id = cluster.id;
    let moved = state != cluster.state || reason != cluster.state_reason;
    app.db
        .write(move |tx| {
            let (reason, version) = (reason.as_deref(), version.as_deref());
            Ok::<_, Error>(clusters::set_checked(tx, id, state, reason, version, &time::now())?)
        })
        .await?;
    if moved {
        app.events.changed("clusters");
    }
    Ok(())
}

/// The client of a registered cluster.
pub async fn open(app: &App, id: i64) -> Result<Arc<dyn ClusterApi>> {
    open_in(&app.db, &app.sealer, app.clusters.as_ref(), id).await
}

/// As [`open`], for who has only these parts of the server.
pub async fn open_in(
    db: &Db,
    sealer: &Sealer,
    source: &dyn ClusterSource,
    id: i64,
) -> Result<Arc<dyn ClusterApi>> {
    let found = db.read(move |conn| Ok::<_, Error>(clusters::kubeconfig(conn, id)?)).await?;
    let Some((name, kind, sealed)) = found else {
        return Err(Error::NotFound { kind: "cluster", id: id.to_string() });
    };
    let plain = sealer.unseal(&identity(&name), &sealed)?;
    let kubeconfig = String::from_utf8(plain).map_err(anyhow::Error::new)?;
    source.get(ClusterEntry { id, name: &name, kubeconfig: &kubeconfig, own: kind == SANDBOX })
}

fn identity(name: &str) -> String {
    format!("cluster/kubeconfig/{name}")
}

/// Makes or updates the cluster that this program runs itself, granted to a tenant. Its kubeconfig is trusted.
pub async fn register_sandbox(app: &App, name: &str, kubeconfig: &str, tenant: &str) -> Result<()> {
    let sealed = app.sealer.seal(&identity(name), kubeconfig.as_bytes());
    let (name, tenant) = (name.to_owned(), tenant.to_owned());
    let id = app
        .db
        .write(move |tx| {
            let tenant = tenants::find(tx, &tenant)?.ok_or(Error::NotFound { kind: "tenant", id: tenant })?;
            let id = match clusters::find_anywhere(tx, &name)? {
                Some(cluster) if cluster.kind == SANDBOX => {
                    clusters::set_kubeconfig(tx, cluster.id, &sealed)?;
                    cluster.id
                }
                Some(_) => return Err(Error::AlreadyExists { kind: "cluster", id: name }),
                None => clusters::insert(
                    tx,
                    &clusters::NewCluster {
                        owner: None,
                        name: &name,
                        region: "local",
                        kind: SANDBOX,
                        kubeconfig: &sealed,
                        version: None,
                        state: ClusterState::Unknown,
                        state_reason: None,
                        now: &time::now(),
                    },
                )?,
            };
            let at = Scoped::new(tx, tenant.id);
            clusters::set_grant(&at, id, &EVERYTHING)?;
            // Charts of the cluster's own parts put roles there; `*` does not cover it.
            clusters::set_grant(&at, id, &NewGrant { namespace: "kube-system", ..EVERYTHING })?;
            Ok(id)
        })
        .await?;
    let cluster = app.db.read(move |conn| Ok::<_, Error>(clusters::get_anywhere(conn, id)?)).await?;
    refresh(app, &cluster).await
}

/// A cluster whose grants and registration the caller may change.
async fn managed(app: &App, who: &Principal, name: &str) -> Result<Cluster> {
    let cluster = get(app, who, name).await?;
    let owner = cluster.owner.is_some_and(|owner| {
        who.memberships.iter().any(|m| m.tenant == owner && m.role == TenantRole::Owner)
    });
    if !owner && !who.is_administrator() {
        return Err(Error::Forbidden(format!("only the owner of cluster `{name}` may do this")));
    }
    Ok(cluster)
}

/// Grants in a cluster: all for who manages it, else the caller's own.
pub async fn grants(app: &App, who: &Principal, name: &str) -> Result<Vec<GrantRow>> {
    let all = managed(app, who, name).await;
    let cluster = get(app, who, name).await?;
    let tenant = who.viewer()?;
    app.db
        .read(move |conn| match all {
            Ok(_) => Ok(clusters::grants_anywhere(conn, cluster.id)?),
            Err(_) => Ok(clusters::grants(&Scoped::new(conn, tenant), cluster.id)?),
        })
        .await
}

/// Gives a tenant rights in a namespace of a cluster, or in any free one (`*`).
pub async fn set_grant(app: &App, who: &Principal, name: &str, wish: GrantWish) -> Result<GrantRow> {
    let act = Act::new("UpdateClusterGrant", "cluster", format!("{name}/{}/{}", wish.tenant, wish.namespace));
    audited(app, who, act, async {
        let cluster = managed(app, who, name).await?;
        if wish.namespace != "*" {
            check_label("namespace", &wish.namespace, 63)?;
        }
        app.db
            .write(move |tx| {
                let tenant = tenants::find(tx, &wish.tenant)?
                    .ok_or(Error::NotFound { kind: "tenant", id: wish.tenant })?;
                let owner = clusters::namespace_owner_anywhere(tx, cluster.id, &wish.namespace)?;
                if wish.namespace != "*" && owner.is_some_and(|owner| owner != tenant.id) {
                    return Err(Error::Conflict(format!(
                        "namespace `{}` of cluster `{}` belongs to another tenant",
                        wish.namespace, cluster.name
                    )));
                }
                let grant = NewGrant {
                    namespace: &wish.namespace,
                    cluster_scoped: wish.cluster_scoped,
                    rbac: wish.rbac,
                    privileged: wish.privileged,
                };
                let at = Scoped::new(tx, tenant.id);
                clusters::set_grant(&at, cluster.id, &grant)?;
                let made = clusters::grants(&at, cluster.id)?;
                let made = made.into_iter().find(|made| made.namespace == wish.namespace);
                made.ok_or(Error::NotFound { kind: "grant", id: wish.namespace })
            })
            .await
    })
    .await
}

/// Revokes a grant.
pub async fn delete_grant(app: &App, who: &Principal, name: &str, id: &str) -> Result<()> {
    audited(app, who, Act::new("DeleteClusterGrant", "cluster", format!("{name}/{id}")), async {
        let cluster = managed(app, who, name).await?;
        let missing = Error::NotFound { kind: "grant", id: id.into() };
        let Ok(id) = id.parse::<i64>() else { return Err(missing) };
        let deleted = app
            .db
            .write(move |tx| Ok::<_, Error>(clusters::delete_grant_anywhere(tx, cluster.id, id)?))
            .await?;
        if deleted { Ok(()) } else { Err(missing) }
    })
    .await
}

/// Namespaces that the caller's tenant uses in a cluster.
pub async fn namespaces(app: &App, who: &Principal, name: &str) -> Result<Vec<Namespace>> {
    let cluster = get(app, who, name).await?;
    let tenant = who.viewer()?;
    app.db.read(move |conn| Ok(clusters::namespaces(&Scoped::new(conn, tenant), cluster.id)?)).await
}

/// Names in a cluster that a form can offer.
pub struct Choices {
    pub storage_classes: Vec<String>,
    pub secrets: Vec<String>,
}

/// Most names that are offered of one kind.
const MOST_CHOICES: usize = 500;

/// StorageClasses, the default first, and the Secrets of a namespace that the tenant may use.
pub async fn choices(app: &App, who: &Principal, name: &str, namespace: Option<String>) -> Result<Choices> {
    let cluster = get(app, who, name).await?;
    let tenant = who.viewer()?;
    let id = cluster.id;
    if let Some(namespace) = namespace.clone() {
        app.db.read(move |conn| grant_for(&Scoped::new(conn, tenant), &cluster, &namespace)).await?;
    }
    let api = open(app, id).await?;
    let mut classes = api.list("storage.k8s.io/v1", "StorageClass", None, None).await?;
    let by_default = |class: &Value| {
        class["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    };
    classes.sort_by_key(|class| (!by_default(class), class["metadata"]["name"].to_string()));
    let mut secrets = match &namespace {
        Some(namespace) => api.list("v1", "Secret", Some(namespace), None).await?,
        None => Vec::new(),
    };
    // Kept by programs for themselves.
    secrets.retain(|secret| {
        !matches!(
            secret["type"].as_str(),
            Some(
                "helm.sh/release.v1"
                    | "kubernetes.io/service-account-token"
                    | "bootstrap.kubernetes.io/token"
            )
        )
    });
    let names = |objects: Vec<Value>| -> Vec<String> {
        let name = |object: &Value| object["metadata"]["name"].as_str().map(str::to_owned);
        objects.iter().filter_map(name).take(MOST_CHOICES).collect()
    };
    Ok(Choices { storage_classes: names(classes), secrets: names(secrets) })
}

/// The grant that covers a namespace for a tenant, after checking whose the namespace is.
pub fn grant_for(at: &Scoped<'_>, cluster: &Cluster, namespace: &str) -> Result<GrantRow> {
    let refused =
        |why: &str| Error::Refused(format!("namespace `{namespace}` of cluster `{}` {why}", cluster.name));
    let tenant: TenantId = at.tenant();
    if at.namespace_owner(cluster.id, namespace)?.is_some_and(|owner| owner != tenant) {
        return Err(refused("belongs to another tenant"));
    }
    let grants = clusters::grants(at, cluster.id)?;
    let exact = grants.iter().find(|grant| grant.namespace == namespace);
    let any = grants.iter().find(|grant| grant.namespace == "*");
    exact.or(any).cloned().ok_or_else(|| refused("is not granted to this tenant: ask the cluster's owner"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_clusters_are_refused() {
        for version in ["v1.15.0", "v1.36.3+sandbox", "v1.29.1-eks-abc", "v2.0.0", "1.22"] {
            assert!(check_version(version).is_ok(), "{version}");
        }
        for version in ["v1.14.9", "v0.9", "", "x"] {
            assert!(check_version(version).is_err(), "{version}");
        }
    }
}
