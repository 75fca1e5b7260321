//! A version's way to other tenants: submitted, reviewed, published, suspended, withdrawn.
//!
//! Which step is possible is decided by [`next`], from the state alone; everything else here is who may take it.

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::names::check_text;
use crate::domain::principal::Principal;
use crate::domain::services::{latest, own};
use crate::error::{Error, Result};
use crate::store::scope::{Page, Scoped};
use crate::store::services::{self, Service, ServiceState};
use crate::store::versions::{self, Release, Version, VersionState};

/// What is done to a version on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Submit,
    Approve,
    Refuse,
    Publish,
    Suspend,
    Withdraw,
}

impl Step {
    /// Name in the audit log.
    fn act(self) -> &'static str {
        match self {
            Step::Submit => "PreRelease",
            Step::Approve => "ApproveService",
            Step::Refuse => "RefuseService",
            Step::Publish => "PublishService",
            Step::Suspend => "SuspendService",
            Step::Withdraw => "WithdrawService",
        }
    }
}

/// Where a step leads; none when it cannot be taken from there. `reviewed`: no review is needed (any more).
fn next(from: Release, step: Step, reviewed: bool) -> Option<Release> {
    use Release::{Approved, Private, Published, Refused, Submitted, Suspended, Withdrawn};
    Some(match (step, from) {
        (Step::Submit, Private | Refused | Withdrawn | Submitted) => Submitted,
        (Step::Approve, Submitted | Approved) => Approved,
        (Step::Refuse, Submitted | Refused) => Refused,
        (Step::Publish, Approved | Published | Suspended) => Published,
        (Step::Publish, Private | Submitted | Refused | Withdrawn) if reviewed => Published,
        (Step::Suspend, Published | Suspended) => Suspended,
        // What nobody else ever saw goes back to where it came from.
        (Step::Withdraw, Private | Submitted | Approved | Refused) => Private,
        (Step::Withdraw, Published | Suspended | Withdrawn) => Withdrawn,
        _ => return None,
    })
}

/// Whether rules were added: a published service's later version is reviewed only then.
fn permissions_grew(before: &Version, after: &Version) -> bool {
    after.facts.permissions.iter().any(|rule| !before.facts.permissions.contains(rule))
}

/// Versions that wait for a reviewer, oldest first, with their services.
pub async fn reviews(app: &App, who: &Principal, page: Page) -> Result<Vec<(Service, Version)>> {
    who.reviewer()?;
    app.db
        .read(move |conn| {
            let waiting = versions::list_submitted_anywhere(conn, page)?.into_iter();
            let with_service =
                waiting.map(|version| Ok((services::get_anywhere(conn, version.service_id)?, version)));
            with_service.collect()
        })
        .await
}

/// A reviewer's answer; a refusal says why.
pub async fn review(
    app: &App,
    who: &Principal,
    id: i64,
    refused: Option<String>,
) -> Result<(Service, Version)> {
    let step = if refused.is_some() { Step::Refuse } else { Step::Approve };
    let name = name_of(app, who, id).await?;
    audited(app, who, Act::new(step.act(), "service-version", name), async {
        who.reviewer()?;
        if let Some(reason) = &refused {
            check_text("reason", reason, 500)?;
        }
        let done = app.db.write(move |tx| {
            let (service, version) = waiting(tx, id)?;
            let release = step_from(&service, &version, step, false)?;
            versions::set_release_anywhere(tx, id, release, refused.as_deref())?;
            Ok::<_, Error>((service, versions::get(tx, id)?))
        });
        let done = done.await?;
        app.events.changed("services");
        Ok(done)
    })
    .await
}

/// What the audit log calls a version under review; its number for those who may not know more.
async fn name_of(app: &App, who: &Principal, id: i64) -> Result<String> {
    if !who.is_reviewer() {
        return Ok(id.to_string());
    }
    let (service, version) = app.db.read(move |conn| waiting(conn, id)).await?;
    Ok(format!("{}/{}@{}", service.provider_name, service.name, version.version))
}

/// A version that was handed to the reviewers.
fn waiting(conn: &rusqlite::Connection, id: i64) -> Result<(Service, Version)> {
    let found = versions::find_by_id(conn, id)?.filter(|version| version.release != Release::Private);
    let version = found.ok_or_else(|| Error::NotFound { kind: "review", id: id.to_string() })?;
    Ok((services::get_anywhere(conn, version.service_id)?, version))
}

/// Takes a version of an own service a step further; the newest ready one when none is named.
pub async fn step(
    app: &App,
    who: &Principal,
    name: &str,
    version: Option<&str>,
    step: Step,
) -> Result<(Service, Version)> {
    let named = version.map_or_else(|| name.to_owned(), |version| format!("{name}@{version}"));
    audited(app, who, Act::new(step.act(), "service-version", named), async {
        let tenant = who.provider()?;
        let (name, said, trusted) = (name.to_owned(), version.map(str::to_owned), who.is_reviewer());
        let done = app.db.write(move |tx| {
            let at = Scoped::new(tx, tenant);
            let service = own(&at, &name)?;
            let all = versions::list(tx, service.id)?;
            let version = chosen(&service, &all, said.as_deref())?;
            if matches!(step, Step::Submit | Step::Publish) {
                check_publishable(&service, &version)?;
            }
            let reviewed = trusted || service.state == ServiceState::Published && is_known(&all, &version);
            let release = step_from(&service, &version, step, reviewed)?;
            versions::set_release_anywhere(tx, version.id, release, None)?;
            if release == Release::Published {
                services::set_state(&at, service.id, ServiceState::Published)?;
            }
            Ok::<_, Error>((services::get_anywhere(tx, service.id)?, versions::get(tx, version.id)?))
        });
        let done = done.await?;
        app.events.changed("services");
        Ok(done)
    })
    .await
}

/// Suspends or withdraws a whole service: who is subscribed keeps what runs, nobody gets anything new.
pub async fn close(app: &App, who: &Principal, name: &str, to: ServiceState) -> Result<()> {
    let step = if to == ServiceState::Suspended { Step::Suspend } else { Step::Withdraw };
    audited(app, who, Act::new(step.act(), "service", name), async {
        let tenant = who.provider()?;
        let name = name.to_owned();
        let done = app.db.write(move |tx| {
            let at = Scoped::new(tx, tenant);
            let service = own(&at, &name)?;
            if !matches!(service.state, ServiceState::Published | ServiceState::Suspended)
                && service.state != to
            {
                return Err(Error::Conflict(format!("service `{name}` is {}, not published", service.state)));
            }
            Ok(services::set_state(&at, service.id, to)?)
        });
        done.await?;
        app.events.changed("services");
        Ok(())
    })
    .await
}

fn step_from(service: &Service, version: &Version, step: Step, reviewed: bool) -> Result<Release> {
    next(version.release, step, reviewed).ok_or_else(|| {
        let what = format!("`{}@{}` is {}", service.name, version.version, version.release);
        Error::Conflict(match step {
            Step::Publish => format!("{what}: it needs a review first, submit it"),
            Step::Approve | Step::Refuse => format!("{what}: it does not wait for a review"),
            Step::Submit => format!("{what}: it was reviewed already"),
            Step::Suspend | Step::Withdraw => format!("{what}, not published"),
        })
    })
}

fn chosen(service: &Service, all: &[Version], said: Option<&str>) -> Result<Version> {
    let found = match said {
        Some(said) => all.iter().find(|version| version.version == said).cloned(),
        None => latest(all.to_vec(), true),
    };
    let id = said.map_or_else(|| service.name.clone(), |said| format!("{}@{said}", service.name));
    found.ok_or(Error::NotFound { kind: "version", id })
}

/// What other tenants may expect of a version.
fn check_publishable(service: &Service, version: &Version) -> Result<()> {
    let named = format!("`{}@{}`", service.name, version.version);
    if version.state != VersionState::Ready {
        return Err(Error::Refused(format!(
            "{named} is {}: mend the package and push it again",
            version.state
        )));
    }
    if version.version.contains('+') {
        return Err(Error::Refused(format!(
            "{named}: a version with `+` is not published, since tags cannot have it"
        )));
    }
    if version.facts.maintainers.is_empty() {
        return Err(Error::Refused(format!(
            "{named} names nobody to turn to: add `maintainers` with name and address, and push it again"
        )));
    }
    Ok(())
}

/// Whether a published version of the same service may do at least as much.
fn is_known(all: &[Version], version: &Version) -> bool {
    let published = all.iter().filter(|other| other.release == Release::Published && other.id != version.id);
    latest(published.cloned().collect(), true).is_some_and(|before| !permissions_grew(&before, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn the_way_of_a_version() {
        let releases = [
            Release::Private,
            Release::Submitted,
            Release::Approved,
            Release::Refused,
            Release::Published,
            Release::Suspended,
            Release::Withdrawn,
        ];
        let steps = [Step::Submit, Step::Approve, Step::Refuse, Step::Publish, Step::Suspend, Step::Withdraw];
        let mut table = String::new();
        for from in releases {
            let row = steps
                .map(|step| next(from, step, false).map_or("-".to_owned(), |release| release.to_string()));
            table.push_str(&format!("{from}: {}\n", row.join(" ")));
        }
        assert_snapshot!(table.trim_end(), @r"
        private: submitted - - - - private
        submitted: submitted approved refused - - private
        approved: - approved - published - private
        refused: submitted - refused - - private
        published: - - - published suspended withdrawn
        suspended: - - - published suspended withdrawn
        withdrawn: submitted - - - - withdrawn
        ");
        // Where no review is needed, everything can be published.
        assert!(releases.iter().all(|from| next(*from, Step::Publish, true) == Some(Release::Published)));
    }
}
