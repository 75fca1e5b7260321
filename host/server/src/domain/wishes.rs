//! What somebody wants of an instance, made whole: everything that planning needs, now and again.
//!
//! A [`NewWish`] is what a person says. [`resolve`] applies the rules of the product and answers the [`Wish`] that is
//! sealed into plans and operations.

use osc_plugin_api::documents::plan::Plan;
use osc_plugin_api::documents::plan_request::{PlanOptions, Verb};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::app::App;
use crate::domain::names::{check_label, check_text, suggest_instance_name};
use crate::domain::principal::Principal;
use crate::domain::values::merge;
use crate::domain::{adoption, clusters, services, subscriptions};
use crate::error::{Error, Result};
use crate::secrets::Sealer;
use crate::store::clusters::{ClusterState, find as find_cluster};
use crate::store::instances::{self, Instance};
use crate::store::operations;
use crate::store::revisions::{self, Revision};
use crate::store::scope::Scoped;
use crate::store::services::ServiceState;
use crate::store::versions::{self, Version, VersionState};

/// Bytes of values as JSON.
const VALUES_LIMIT: usize = 1 << 20;

/// What a person says. Which fields count depends on the verb.
#[derive(Clone, Debug, Default)]
pub struct NewWish {
    /// For all verbs but install and adopt: name or id.
    pub instance: Option<String>,
    /// For install and adopt: `[PROVIDER/]NAME[@VERSION]`.
    pub service: Option<String>,
    /// The version wanted; the newest ready one when none is said.
    pub version: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub cluster: Option<String>,
    pub namespace: Option<String>,
    /// Laid over the overrides that are there.
    pub values: Option<Value>,
    /// Forgets the overrides that are there first.
    pub reset_values: bool,
    /// For rollback: the revision to go back to; the one before when none is said.
    pub revision: Option<i64>,
    /// For adopt: the release that is there already; the instance's name when none is said.
    pub release: Option<String>,
    pub no_hooks: bool,
    pub purge_data: bool,
    pub delete_namespace: bool,
    pub timeout_seconds: u32,
}

/// What is wanted, whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wish {
    pub verb: Verb,
    /// None before the first operation of an install or adoption has begun.
    pub instance: Option<i64>,
    pub name: String,
    pub description: String,
    pub cluster: i64,
    pub namespace: String,
    pub service: i64,
    /// The version that will be in force.
    pub version: i64,
    pub plugin: String,
    /// The overrides that will be in force, complete.
    pub values: Value,
    /// The revision that the wish was made against; 0 for none.
    pub base: i64,
    /// For rollback.
    pub target: Option<i64>,
    pub release: Option<String>,
    pub options: PlanOptions,
    pub delete_namespace: bool,
}

impl Wish {
    /// Reads what [`Wish::seal`] made.
    pub fn unseal(sealer: &Sealer, identity: &str, sealed: &[u8]) -> Result<Wish> {
        let plain = sealer.unseal(identity, sealed)?;
        Ok(serde_json::from_slice(&plain).map_err(anyhow::Error::new)?)
    }

    /// Takes over the overrides that an adopted release had; what the wish says itself wins.
    pub fn take_found_values(&mut self, plan: &Plan) {
        if let Some(found) = &plan.values {
            self.values = merge(found.clone(), std::mem::take(&mut self.values));
        }
    }

    /// Encrypts the wish for the row that the identity names.
    pub fn seal(&self, sealer: &Sealer, identity: &str) -> Result<Vec<u8>> {
        Ok(sealer.seal(identity, &serde_json::to_vec(self).map_err(anyhow::Error::new)?))
    }
}

/// The word of a verb, as operations are named.
pub fn verb_text(verb: Verb) -> &'static str {
    match verb {
        Verb::Install => "install",
        Verb::Update => "update",
        Verb::Upgrade => "upgrade",
        Verb::Rollback => "rollback",
        Verb::Uninstall => "uninstall",
        Verb::Adopt => "adopt",
        Verb::Test => "test",
    }
}

/// Reads a verb; the error lists them all.
pub fn parse_verb(text: &str) -> Result<Verb> {
    let all = [
        Verb::Install,
        Verb::Update,
        Verb::Upgrade,
        Verb::Rollback,
        Verb::Uninstall,
        Verb::Adopt,
        Verb::Test,
    ];
    all.into_iter().find(|verb| verb_text(*verb) == text).ok_or_else(|| Error::Invalid {
        field: "verb",
        reason: format!("`{text}` is none of {}", all.map(verb_text).join(", ")),
    })
}

/// Makes a wish whole, by the rules of the product.
pub async fn resolve(app: &App, who: &Principal, verb: Verb, new: NewWish) -> Result<Wish> {
    let tenant = who.consumer()?;
    let new = if verb == Verb::Adopt { adoption::complete(app, who, new).await? } else { new };
    if let Some(values) = &new.values {
        check_values(values)?;
    }
    let sealer = app.sealer.clone();
    app.db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            match verb {
                Verb::Install | Verb::Adopt => resolve_new(&at, verb, new),
                _ => resolve_change(&at, &sealer, verb, new),
            }
        })
        .await
}

fn check_values(values: &Value) -> Result<()> {
    if !values.is_object() {
        return Err(Error::Invalid { field: "values", reason: "they must be a map".into() });
    }
    if values.to_string().len() > VALUES_LIMIT {
        return Err(Error::TooLarge { what: "values".into(), limit: "1 MiB".into() });
    }
    Ok(())
}

fn resolve_new(at: &Scoped<'_>, verb: Verb, new: NewWish) -> Result<Wish> {
    let said = required(new.service, "service")?;
    let (said, named) = match said.rsplit_once('@') {
        Some((service, version)) => (service.to_owned(), Some(version.to_owned())),
        None => (said, None),
    };
    let service = services::resolve(at, &said)?;
    let version = services::resolve_version(at, &service, new.version.or(named).as_deref())?;
    subscriptions::require_active(at, service.id, &service.name)?;
    if service.provider != at.tenant() && service.state != ServiceState::Published {
        return Err(Error::Refused(format!(
            "service `{}` is {}: its instances go on, new ones are not made",
            service.name, service.state
        )));
    }
    let cluster = required(new.cluster, "cluster")?;
    let cluster = find_cluster(at, &cluster)?.ok_or(Error::NotFound { kind: "cluster", id: cluster })?;
    if cluster.state == ClusterState::Unreachable {
        return Err(Error::Refused(format!(
            "cluster `{}` does not answer ({}): no new instances until it does",
            cluster.name,
            cluster.state_reason.as_deref().unwrap_or("no reason known")
        )));
    }
    let namespace = new.namespace.unwrap_or_else(|| "default".into());
    check_label("namespace", &namespace, 63)?;
    clusters::grant_for(at, &cluster, &namespace)?;
    let name =
        new.name.or_else(|| new.release.clone()).unwrap_or_else(|| suggest_instance_name(&service.name));
    check_label("name", &name, 53)?;
    check_free(at, &name, cluster.id, &namespace)?;
    let description = new.description.unwrap_or_default();
    check_text("description", &description, 500)?;
    Ok(Wish {
        verb,
        instance: None,
        name,
        description,
        cluster: cluster.id,
        namespace,
        service: service.id,
        version: version.id,
        plugin: version.plugin,
        values: new.values.unwrap_or_else(|| Value::Object(Map::new())),
        base: 0,
        target: None,
        release: new.release,
        options: PlanOptions {
            timeout_seconds: new.timeout_seconds,
            no_hooks: new.no_hooks,
            ..PlanOptions::default()
        },
        delete_namespace: false,
    })
}

/// Whether the name is free in the tenant and in the place.
pub fn check_free(at: &Scoped<'_>, name: &str, cluster: i64, namespace: &str) -> Result<()> {
    let taken = instances::find(at, name)?.is_some()
        || instances::place_taken_anywhere(at.connection(), cluster, namespace, name)?;
    if taken {
        return Err(Error::AlreadyExists { kind: "instance", id: name.into() });
    }
    Ok(())
}

/// For an instance that is there.
pub(super) fn resolve_change(at: &Scoped<'_>, sealer: &Sealer, verb: Verb, new: NewWish) -> Result<Wish> {
    let instance = find_instance(at, &required(new.instance, "instance")?)?;
    check_idle(at, &instance)?;
    let conn = at.connection();
    let present = versions::get(conn, instance.version_id)?;
    let deleted = present.state == VersionState::Deleted;
    if deleted && verb != Verb::Uninstall {
        return Err(Error::Refused(format!(
            "the package `{}@{}` was deleted: the instance can only be deleted",
            instance.service, instance.version
        )));
    }
    let base = in_force(at, &instance)?;
    let mut values = match &base {
        Some(revision) => overrides(sealer, revision)?,
        None => Value::Object(Map::new()),
    };
    let mut version = present;
    let mut target = None;
    match verb {
        Verb::Update | Verb::Upgrade => {
            if new.reset_values {
                values = Value::Object(Map::new());
            }
            if let Some(over) = new.values {
                values = merge(values, over);
            }
            if verb == Verb::Upgrade {
                version = upgraded(at, &instance, new.version)?;
            } else if let Some(said) = new.version.filter(|said| *said != version.version) {
                let reason = format!("an update stays at `{}`: upgrade to get `{said}`", version.version);
                return Err(Error::Invalid { field: "version", reason });
            }
        }
        Verb::Rollback => {
            let revision = rollback_target(at, &instance, new.revision)?;
            values = overrides(sealer, &revision)?;
            version = versions::get(conn, revision.version_id)?;
            target = Some(revision.number);
        }
        Verb::Uninstall | Verb::Test | Verb::Install | Verb::Adopt => {}
    }
    Ok(Wish {
        verb,
        instance: Some(instance.id),
        name: instance.name,
        description: new.description.unwrap_or(instance.description),
        cluster: instance.cluster_id,
        namespace: instance.namespace,
        service: instance.service_id,
        version: version.id,
        plugin: version.plugin,
        values,
        base: instance.revision,
        target,
        release: None,
        options: PlanOptions {
            timeout_seconds: new.timeout_seconds,
            no_hooks: new.no_hooks,
            purge_data: new.purge_data,
            ..PlanOptions::default()
        },
        delete_namespace: new.delete_namespace,
    })
}

/// An instance of the tenant by name, else by id.
pub fn find_instance(at: &Scoped<'_>, said: &str) -> Result<Instance> {
    if let Some(found) = instances::find(at, said)? {
        return Ok(found);
    }
    let by_id = match said.parse() {
        Ok(id) => instances::find_by_id(at, id)?,
        Err(_) => None,
    };
    by_id.ok_or_else(|| Error::NotFound { kind: "instance", id: said.into() })
}

/// Refuses while another operation of the instance is under way.
pub fn check_idle(at: &Scoped<'_>, instance: &Instance) -> Result<()> {
    match operations::find_open(at, instance.id)? {
        None => Ok(()),
        Some(open) => Err(Error::Conflict(format!(
            "operation `{}` ({}) of instance `{}` is {}: wait for it or cancel it",
            open.id, open.kind, instance.name, open.state
        ))),
    }
}

/// The revision in force; after a failed first install, that one.
pub fn in_force(at: &Scoped<'_>, instance: &Instance) -> Result<Option<Revision>> {
    if let Some(found) = revisions::find(at, instance.id, instance.revision)? {
        return Ok(Some(found));
    }
    Ok(revisions::find(at, instance.id, revisions::last_number(at, instance.id)?)?)
}

fn upgraded(at: &Scoped<'_>, instance: &Instance, said: Option<String>) -> Result<Version> {
    let service = crate::store::services::get_anywhere(at.connection(), instance.service_id)?;
    let newest = services::upgrade_of(&versions::open_names(at, service.id)?, &instance.version);
    let Some(wanted) = said.or(newest) else {
        let message = format!("`{}` is at the newest version `{}` already", instance.name, instance.version);
        return Err(Error::Conflict(message));
    };
    services::resolve_version(at, &service, Some(&wanted))
}

fn rollback_target(at: &Scoped<'_>, instance: &Instance, said: Option<i64>) -> Result<Revision> {
    let found = match said {
        Some(number) => revisions::find(at, instance.id, number)?,
        None => revisions::find_previous(at, instance.id, instance.revision)?,
    };
    let Some(revision) = found else {
        return Err(match said {
            Some(number) => Error::NotFound { kind: "revision", id: format!("{}/{number}", instance.name) },
            None => Error::Conflict(format!("instance `{}` has no earlier revision", instance.name)),
        });
    };
    if revision.result == revisions::RevisionResult::Failed {
        let message = format!("revision {} of `{}` failed: choose another", revision.number, instance.name);
        return Err(Error::Conflict(message));
    }
    Ok(revision)
}

/// What the overrides of a revision are sealed for.
pub fn overrides_identity(instance: i64, number: i64) -> String {
    format!("revision/overrides/{instance}/{number}")
}

/// The user's own values of a revision.
pub fn overrides(sealer: &Sealer, revision: &Revision) -> Result<Value> {
    let identity = overrides_identity(revision.instance_id, revision.number);
    let plain = sealer.unseal(&identity, &revision.overrides)?;
    Ok(serde_json::from_slice(&plain).map_err(anyhow::Error::new)?)
}

fn required(value: Option<String>, field: &'static str) -> Result<String> {
    value
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Error::Invalid { field, reason: "it is missing".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_words() {
        assert_eq!(parse_verb("rollback").unwrap(), Verb::Rollback);
        assert!(parse_verb("explode").unwrap_err().to_string().contains("uninstall"));
    }
}
