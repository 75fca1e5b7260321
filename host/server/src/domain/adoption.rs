//! Finding the service that an existing Helm release belongs to, by the chart that its record names.

use serde_json::Value;

use crate::app::App;
use crate::domain::principal::Principal;
use crate::domain::wishes::NewWish;
use crate::domain::{clusters, services};
use crate::error::{Error, Result};
use crate::store::clusters::find as find_cluster;
use crate::store::scope::Scoped;

/// Fills in what an adoption leaves out: the instance's name and its service.
pub async fn complete(app: &App, who: &Principal, mut new: NewWish) -> Result<NewWish> {
    let Some(release) = new.release.clone().or_else(|| new.name.clone()) else {
        return Err(Error::Invalid { field: "release", reason: "it is missing".into() });
    };
    new.name.get_or_insert_with(|| release.clone());
    if new.service.is_some() {
        return Ok(new);
    }
    let (name, version) = chart_of(app, who, &new, &release).await?;
    let tenant = who.consumer()?;
    let (wanted, number) = (name.clone(), version.clone());
    let known = app
        .db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let service = services::resolve(&at, &wanted)?;
            services::resolve_version(&at, &service, Some(&number)).map(|_| ())
        })
        .await;
    match known {
        Ok(()) => {
            new.service = Some(name);
            new.version = Some(version);
            Ok(new)
        }
        Err(Error::NotFound { .. }) => Err(Error::Refused(format!(
            "release `{release}` is of chart `{name}` version `{version}`: push that package first, or name a service"
        ))),
        Err(error) => Err(error),
    }
}

/// Name and version of the chart in the record that an adoption takes over: the newest deployed one, else the newest.
async fn chart_of(app: &App, who: &Principal, new: &NewWish, release: &str) -> Result<(String, String)> {
    let tenant = who.consumer()?;
    let name = new
        .cluster
        .clone()
        .ok_or_else(|| Error::Invalid { field: "cluster", reason: "it is missing".into() })?;
    let namespace = new.namespace.clone().unwrap_or_else(|| "default".into());
    let place = namespace.clone();
    let cluster = app
        .db
        .read(move |conn| {
            let at = Scoped::new(conn, tenant);
            let found = find_cluster(&at, &name)?.ok_or(Error::NotFound { kind: "cluster", id: name })?;
            // Before anything of the namespace is read.
            clusters::grant_for(&at, &found, &place)?;
            Ok::<_, Error>(found.id)
        })
        .await?;
    let api = clusters::open(app, cluster).await?;
    crate::domain::names::check_label("release", release, 53)?;
    let selector = format!("owner=helm,name={release}");
    let records = api.list("v1", "Secret", Some(&namespace), Some(&selector)).await?;
    let number = |record: &Value| {
        let version = record.pointer("/metadata/labels/version").and_then(Value::as_str);
        version.and_then(|version| version.parse::<u32>().ok()).unwrap_or(0)
    };
    let is_deployed = |record: &Value| {
        record.pointer("/metadata/labels/status").and_then(Value::as_str) == Some("deployed")
    };
    let taken = records.iter().max_by_key(|record| (is_deployed(record), number(record)));
    let taken =
        taken.ok_or_else(|| Error::NotFound { kind: "release", id: format!("{namespace}/{release}") })?;
    let record = osc_plugin_helm::release::Record::from_secret(taken).map_err(Error::Refused)?;
    let (name, version) = record.chart();
    Ok((name.to_owned(), version.to_owned()))
}
