//! Services and versions: finding them by name, reading what is known, deleting.

use std::cmp::Ordering;

use osc_plugin_api::documents::form::Form;

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::names::ServiceRef;
use crate::domain::principal::Principal;
use crate::domain::semver::compare;
use crate::error::{Error, Result};
use crate::registry::blobs::Digest;
use crate::store::instances;
use crate::store::scope::{Page, Scoped};
use crate::store::services::{self, Service, ServiceState};
use crate::store::subscriptions::{self, SubscriptionState};
use crate::store::versions::{self, Release, Version, VersionState};

/// A service with what a list shows.
#[derive(Clone, Debug)]
pub struct ServiceSummary {
    pub service: Service,
    /// The newest ready version.
    pub latest: Option<Version>,
    pub versions: usize,
    pub subscription: Option<SubscriptionState>,
}

/// What a list is about; empty fields match everything.
#[derive(Clone, Debug, Default)]
pub struct ServiceFilter {
    pub kind: Option<String>,
    /// Part of the name, description or keywords.
    pub search: Option<String>,
    pub own: bool,
}

/// The service that a name means to a tenant: its own one wins; several others are a conflict that names them.
pub fn resolve(at: &Scoped<'_>, text: &str) -> Result<Service> {
    let wanted = ServiceRef::parse(text)?;
    let mut found = services::candidates(at, wanted.provider.as_deref(), &wanted.name)?;
    if let Some(own) = found.iter().position(|service| service.provider == at.tenant()) {
        return Ok(found.swap_remove(own));
    }
    match found.len() {
        0 => Err(Error::NotFound { kind: "service", id: text.into() }),
        1 => Ok(found.remove(0)),
        _ => {
            let names: Vec<_> =
                found.iter().map(|service| format!("`{}/{}`", service.provider_name, service.name)).collect();
            Err(Error::Conflict(format!(
                "`{text}` is offered by several: choose one of {}",
                names.join(", ")
            )))
        }
    }
}

/// The version that is meant: the one named, else the newest ready one. Only ready versions deploy.
pub fn resolve_version(at: &Scoped<'_>, service: &Service, version: Option<&str>) -> Result<Version> {
    let own = service.provider == at.tenant();
    let Some(name) = version else {
        return latest(versions::list(at.connection(), service.id)?, own).ok_or_else(|| {
            Error::Refused(format!("service `{}` has no version that is ready", service.name))
        });
    };
    let found = versions::find(at.connection(), service.id, name)?;
    let found =
        found.ok_or_else(|| Error::NotFound { kind: "version", id: format!("{}@{name}", service.name) })?;
    match (found.is_open(own), found.state) {
        (true, _) => Ok(found),
        (false, VersionState::Ready) => {
            Err(Error::Refused(format!("version `{}@{name}` is {}", service.name, found.release)))
        }
        (false, state) => Err(Error::Refused(format!("version `{}@{name}` is {state}", service.name))),
    }
}

/// The newest version that its provider, or others, may deploy; a release wins over a pre-release.
pub fn latest(versions: Vec<Version>, own: bool) -> Option<Version> {
    versions.into_iter().filter(|version| version.is_open(own)).max_by(|a, b| newer(&a.version, &b.version))
}

/// The newest of some versions.
pub fn latest_name(names: Vec<String>) -> Option<String> {
    names.into_iter().max_by(|a, b| newer(a, b))
}

/// Order in which versions are preferred.
fn newer(a: &str, b: &str) -> Ordering {
    let stable = |version: &str| !version.split('+').next().unwrap_or_default().contains('-');
    stable(a).cmp(&stable(b)).then_with(|| compare(a, b))
}

/// The newest version beyond the one in use, among releases (or all, if a pre-release is in use).
pub fn upgrade_of(names: &[String], current: &str) -> Option<String> {
    let is_early = |version: &str| version.split('+').next().unwrap_or_default().contains('-');
    names
        .iter()
        .filter(|version| {
            compare(version, current) == Ordering::Greater && (is_early(current) || !is_early(version))
        })
        .max_by(|a, b| compare(a, b))
        .cloned()
}

/// Services that the caller sees.
pub async fn list(
    app: &App,
    who: &Principal,
    filter: ServiceFilter,
    page: Page,
) -> Result<(Vec<ServiceSummary>, Option<i64>)> {
    let tenant = who.viewer()?;
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let mut found = Vec::new();
            let mut after = page.after;
            // Filters look into documents, so rows are read in batches until the page is full.
            loop {
                let batch = services::list(&at, Page { limit: page.limit.max(50), after })?;
                let Some(last) = batch.last().map(|service| service.id) else { return Ok((found, None)) };
                for service in batch {
                    let id = service.id;
                    let summary = summary(&at, service)?;
                    if matches(&summary, &filter, tenant) {
                        found.push(summary);
                    }
                    if found.len() == page.limit as usize {
                        return Ok((found, Some(id)));
                    }
                }
                after = Some(last);
            }
        })
        .await
}

fn matches(summary: &ServiceSummary, filter: &ServiceFilter, tenant: crate::store::scope::TenantId) -> bool {
    let kind = filter.kind.as_ref().is_none_or(|kind| summary.service.kind == *kind);
    let own = !filter.own || summary.service.provider == tenant;
    let search = filter.search.as_ref().is_none_or(|search| {
        let search = search.to_lowercase();
        let facts = summary.latest.as_ref().map(|version| &version.facts);
        let texts =
            [Some(summary.service.name.as_str()), facts.and_then(|facts| facts.description.as_deref())];
        let keywords = facts.into_iter().flat_map(|facts| facts.keywords.iter().map(String::as_str));
        texts.into_iter().flatten().chain(keywords).any(|text| text.to_lowercase().contains(&search))
    });
    kind && own && search
}

fn summary(at: &Scoped<'_>, service: Service) -> Result<ServiceSummary> {
    let own = service.provider == at.tenant();
    let mut versions = versions::list(at.connection(), service.id)?;
    versions.retain(|version| is_shown(version, own));
    let subscription = subscriptions::find(at, service.id)?
        .map(|subscription| subscription.state)
        .filter(|state| *state != SubscriptionState::Ended);
    Ok(ServiceSummary { versions: versions.len(), latest: latest(versions, own), service, subscription })
}

pub async fn get(app: &App, who: &Principal, name: &str) -> Result<ServiceSummary> {
    let tenant = who.viewer()?;
    let name = name.to_owned();
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let service = resolve(&at, &name)?;
            summary(&at, service)
        })
        .await
}

/// Others than the provider see what is or was published: they may have instances of it.
fn is_shown(version: &Version, own: bool) -> bool {
    own || matches!(version.release, Release::Published | Release::Suspended | Release::Withdrawn)
}

/// Versions of a service that the caller sees, the newest first.
pub async fn list_versions(app: &App, who: &Principal, name: &str) -> Result<(Service, Vec<Version>)> {
    let tenant = who.viewer()?;
    let name = name.to_owned();
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let service = resolve(&at, &name)?;
            let mut found = versions::list(conn, service.id)?;
            found.retain(|version| is_shown(version, service.provider == tenant));
            found.sort_by(|a, b| compare(&b.version, &a.version));
            Ok((service, found))
        })
        .await
}

pub async fn get_version(
    app: &App,
    who: &Principal,
    name: &str,
    version: &str,
) -> Result<(Service, Version)> {
    let (service, versions) = list_versions(app, who, name).await?;
    let found = versions.into_iter().find(|found| found.version == version);
    let id = || format!("{name}@{version}");
    Ok((service, found.ok_or_else(|| Error::NotFound { kind: "version", id: id() })?))
}

/// The form of a version.
pub async fn form(app: &App, who: &Principal, name: &str, version: &str) -> Result<Form> {
    let (_, found) = get_version(app, who, name, version).await?;
    let id = format!("{name}@{version}");
    app.db.read(move |conn| versions::form(conn, found.id)?.ok_or(Error::NotFound { kind: "form", id })).await
}

/// Deletes a version of an own service; refused while instances use it.
pub async fn delete_version(app: &App, who: &Principal, name: &str, version: &str) -> Result<()> {
    let act = Act::new("DeleteServiceVersion", "service-version", format!("{name}@{version}"));
    audited(app, who, act, async {
        let tenant = who.consumer()?;
        let (name, version) = (name.to_owned(), version.to_owned());
        let garbage = app
            .db
            .write(move |tx| {
                let at = Scoped::new(tx, tenant);
                let service = own(&at, &name)?;
                let found = versions::find(tx, service.id, &version)?;
                let found = found
                    .ok_or_else(|| Error::NotFound { kind: "version", id: format!("{name}@{version}") })?;
                refuse_in_use(&at, &service, Some(&found))?;
                remove_version(&at, &found)
            })
            .await?;
        collect(app, garbage).await;
        app.events.changed("services");
        Ok(())
    })
    .await
}

/// Deletes an own service with all its versions; refused while instances or subscribers remain.
pub async fn delete(app: &App, who: &Principal, name: &str) -> Result<()> {
    audited(app, who, Act::new("DeleteService", "service", name), async {
        let tenant = who.consumer()?;
        let name = name.to_owned();
        let garbage = app
            .db
            .write(move |tx| {
                let at = Scoped::new(tx, tenant);
                let service = own(&at, &name)?;
                refuse_in_use(&at, &service, None)?;
                let others = subscriptions::count_others(&at, service.id)?;
                if others > 0 {
                    return Err(Error::Conflict(format!(
                        "{others} other tenants are subscribed to `{name}`: withdraw it and let them end first"
                    )));
                }
                let mut garbage = Vec::new();
                for version in versions::list(tx, service.id)? {
                    garbage.extend(remove_version(&at, &version)?);
                }
                services::set_state(&at, service.id, ServiceState::Deleted)?;
                subscriptions::set_state(&at, service.id, SubscriptionState::Ended)?;
                Ok(garbage)
            })
            .await?;
        collect(app, garbage).await;
        app.events.changed("services");
        Ok(())
    })
    .await
}

/// A service that the tenant itself provides.
pub(super) fn own(at: &Scoped<'_>, name: &str) -> Result<Service> {
    let service = resolve(at, name)?;
    if service.provider != at.tenant() {
        return Err(Error::Forbidden(format!("service `{name}` belongs to `{}`", service.provider_name)));
    }
    Ok(service)
}

fn refuse_in_use(at: &Scoped<'_>, service: &Service, version: Option<&Version>) -> Result<()> {
    let count =
        instances::count_of_service_anywhere(at.connection(), service.id, version.map(|version| version.id))?;
    if count > 0 {
        let what =
            version.map_or(service.name.clone(), |found| format!("{}@{}", service.name, found.version));
        return Err(Error::Conflict(format!("`{what}` has {count} instances: delete them first")));
    }
    Ok(())
}

/// Marks a version deleted; answers its blob when nothing needs it any more.
fn remove_version(at: &Scoped<'_>, version: &Version) -> Result<Vec<Digest>> {
    versions::set_state(at, version.id, VersionState::Deleted)?;
    let needed = versions::digest_in_use_anywhere(at.connection(), &version.digest)?;
    Ok(Digest::parse(&version.digest).filter(|_| !needed).into_iter().collect())
}

/// Deletes blobs that nothing names. A failure leaves garbage, nothing worse.
async fn collect(app: &App, garbage: Vec<Digest>) {
    for digest in garbage {
        if let Err(error) = app.blobs.delete_digest(&digest).await {
            tracing::warn!("cannot delete the package `{digest}`: {error:#}");
        }
    }
}
