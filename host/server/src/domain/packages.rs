//! Uploading packages: detect, inspect, lint, scan, and store as versions of services.
//!
//! Nothing is stored of an upload that cannot be read; a package that breaks a rule is kept as a rejected version with
//! its findings, so that its provider sees why.

use std::sync::Arc;
use std::time::Duration;

use osc_plugin_api::documents::finding::{Finding, Outcome, Severity};
use osc_plugin_api::documents::package::PackageFacts;
use osc_plugin_api::documents::plan_request::{InstanceFacts, PlanOptions, PlanRequest, Verb};
use serde_json::json;

use crate::app::App;
use crate::domain::audit::{Act, audited};
use crate::domain::names::check_service_name;
use crate::domain::principal::Principal;
use crate::error::{Error, Result};
use crate::plugins::{Call, Opened};
use crate::registry::archive::{ArchiveLimits, Package};
use crate::registry::blobs::{Digest, Stored};
use crate::store::scope::{Scoped, TenantId};
use crate::store::services::{self, ServiceState};
use crate::store::subscriptions::{self, SubscriptionState};
use crate::store::time;
use crate::store::versions::{self, NewVersion, Version, VersionState};

/// For each question to a plugin about an upload.
const DEADLINE: Duration = Duration::from_secs(60);

/// A package in the object store, not looked at yet.
#[derive(Clone, Debug)]
pub struct Upload {
    pub filename: String,
    pub stored: Stored,
}

/// What is known of an upload once it is checked.
struct Checked {
    upload: Upload,
    plugin: String,
    facts: PackageFacts,
    form: Option<String>,
    findings: Vec<Finding>,
}

impl Checked {
    fn is_rejected(&self) -> bool {
        self.findings.iter().any(|finding| finding.blocking && finding.result == Outcome::Fail)
    }
}

/// Checks all packages of an upload and stores them, or none. Answers (service, version) in order.
pub async fn push(app: &App, who: &Principal, uploads: Vec<Upload>) -> Result<Vec<(String, Version)>> {
    let names: Vec<_> = uploads.iter().map(|upload| upload.filename.clone()).collect();
    let digests: Vec<_> = uploads.iter().map(|upload| upload.stored.digest.clone()).collect();
    let act = Act::new("UploadServiceVersion", "file", names.join(", "));
    let pushed = audited(app, who, act, check_and_store(app, who, uploads)).await;
    if pushed.is_err() {
        delete_unused(app, digests).await?;
    }
    app.events.changed("services");
    pushed
}

async fn check_and_store(app: &App, who: &Principal, uploads: Vec<Upload>) -> Result<Vec<(String, Version)>> {
    let tenant = who.consumer()?;
    let mut checked = Vec::new();
    for upload in uploads {
        let file = upload.filename.clone();
        checked.push(check(app, tenant, upload).await.map_err(|error| named(error, &file))?);
    }
    let user = who.user_id;
    app.db
        .write(move |tx| {
            let at = Scoped::new(tx, tenant);
            checked.iter().map(|checked| store(&at, user, checked)).collect()
        })
        .await
}

/// Says which file of the upload an error is about.
fn named(error: Error, file: &str) -> Error {
    match error {
        Error::Invalid { field, reason } => Error::Invalid { field, reason: format!("`{file}`: {reason}") },
        Error::PluginRefused { plugin, code, message, details } => {
            Error::PluginRefused { plugin, code, message: format!("`{file}`: {message}"), details }
        }
        Error::Rejected { mut findings } => {
            for finding in &mut findings {
                finding.message = format!("`{file}`: {}", finding.message);
            }
            Error::Rejected { findings }
        }
        other => other,
    }
}

/// Opens a stored package within the bounds of this server.
pub async fn open(app: &App, digest: &str) -> Result<Arc<Package>> {
    let digest = Digest::parse(digest).ok_or_else(|| anyhow::anyhow!("`{digest}` is no digest"))?;
    let bytes = app.blobs.get_digest(&digest).await?;
    let limits = ArchiveLimits { unpacked: app.config.limits.unpacked_bytes, ..ArchiveLimits::default() };
    let opened = tokio::task::spawn_blocking(move || Package::open(bytes, &limits)).await;
    Ok(Arc::new(opened.map_err(anyhow::Error::new)??))
}

async fn check(app: &App, tenant: TenantId, upload: Upload) -> Result<Checked> {
    let package = open(app, upload.stored.digest.as_str()).await?;
    let call = Call { tenant: Some(tenant.0), package: Some(package), deadline: DEADLINE, ..Call::default() };
    let opened = app.plugins.open_package(&call).await?;
    check_facts(&opened.facts)?;
    let mut findings = app.plugins.lint(&opened.plugin, &opened.call).await?;
    let lint_fails = findings.iter().any(|finding| finding.blocking && finding.result == Outcome::Fail);
    if !lint_fails {
        findings.extend(scan(app, &opened).await?);
    }
    let mut checked =
        Checked { upload, plugin: opened.plugin.clone(), facts: opened.facts.clone(), form: None, findings };
    if !checked.is_rejected() {
        let form = app.plugins.form(&opened.plugin, &opened.call).await?;
        checked.form = Some(serde_json::to_string(&form).map_err(anyhow::Error::new)?);
    }
    Ok(checked)
}

/// What scanners find in the package and in what it renders by default.
async fn scan(app: &App, opened: &Opened) -> Result<Vec<Finding>> {
    let scanners = app.plugins.scanners();
    if scanners.is_empty() {
        return Ok(Vec::new());
    }
    let request = PlanRequest {
        schema: PlanRequest::SCHEMA.into(),
        verb: Verb::Install,
        instance: InstanceFacts {
            name: "release-name".into(),
            namespace: "default".into(),
            service: opened.facts.name.clone(),
            version: opened.facts.version.clone(),
        },
        operation: String::new(),
        revision: 1,
        values: super::values::merge_all(&opened.values),
        cluster: Default::default(),
        options: PlanOptions { include_crds: true, ..PlanOptions::default() },
        current: None,
        target: None,
        inventory: Vec::new(),
        release: None,
    };
    let rendering = match app.plugins.render(&opened.plugin, &opened.call, request).await {
        Ok(rendering) => rendering,
        // Values that a person must give are missing: nothing to scan, and no fault of the package.
        Err(Error::PluginRefused { message, .. }) => {
            let message = format!("not scanned, since it does not render with its defaults: {message}");
            return Ok(vec![Finding::new("scan/not-rendered", Severity::Info, message)]);
        }
        Err(error) => return Err(error),
    };
    let mut findings = Vec::new();
    for scanner in scanners {
        findings.extend(app.plugins.scan(&scanner, &opened.call, &rendering).await?);
    }
    Ok(findings)
}

fn check_facts(facts: &PackageFacts) -> Result<()> {
    check_service_name(&facts.name)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-+_".contains(c);
    if facts.version.is_empty() || facts.version.len() > 128 || !facts.version.chars().all(plain) {
        let reason = format!("`{}` is no version", facts.version.chars().take(128).collect::<String>());
        return Err(Error::Invalid { field: "version", reason });
    }
    Ok(())
}

/// Stores one version: the same archive again is a no-op, another one under the same version a conflict, unless the
/// earlier one was rejected.
fn store(at: &Scoped<'_>, user: i64, checked: &Checked) -> Result<(String, Version)> {
    let facts = &checked.facts;
    let now = time::now();
    let service = match services::find_own(at, &facts.name)? {
        None => services::insert(at, &facts.name, &facts.kind, &now)?,
        Some(service) if service.state == ServiceState::Deleted => {
            services::set_state(at, service.id, ServiceState::Private)?;
            services::set_kind(at, service.id, &facts.kind)?;
            service.id
        }
        Some(service) if service.kind != facts.kind => {
            return Err(Error::Conflict(format!(
                "service `{}` is of kind `{}`, the package is of kind `{}`: delete the service first",
                facts.name, service.kind, facts.kind
            )));
        }
        Some(service) => service.id,
    };
    let digest = checked.upload.stored.digest.as_str();
    if let Some(present) = versions::find(at.connection(), service, &facts.version)? {
        if present.digest == digest && present.state == VersionState::Ready {
            return Ok((facts.name.clone(), present));
        }
        if present.state != VersionState::Rejected {
            return Err(Error::Conflict(format!(
                "version `{}` of service `{}` exists with another content: versions never change, push a new one",
                facts.version, facts.name
            )));
        }
        versions::set_state(at, present.id, VersionState::Deleted)?;
    }
    let rejected = checked.is_rejected();
    let reason = rejected.then(|| {
        let blocking = checked.findings.iter().find(|finding| finding.blocking);
        blocking.map(|finding| finding.message.clone()).unwrap_or_default()
    });
    let new = NewVersion {
        service_id: service,
        version: &facts.version,
        state: if rejected { VersionState::Rejected } else { VersionState::Ready },
        state_reason: reason.as_deref(),
        digest,
        size: i64::try_from(checked.upload.stored.size).unwrap_or(i64::MAX),
        plugin: &checked.plugin,
        facts: &json!(facts).to_string(),
        form: checked.form.as_deref(),
        findings: &json!(checked.findings).to_string(),
        created_by: user,
        now: &now,
    };
    let id = versions::insert(at, &new)?;
    if !rejected {
        subscribe_provider(at, service, &now)?;
    }
    Ok((facts.name.clone(), versions::get(at.connection(), id)?))
}

/// A ready private version subscribes its own tenant.
fn subscribe_provider(at: &Scoped<'_>, service: i64, now: &str) -> Result<()> {
    let present = subscriptions::find(at, service)?.map(|subscription| subscription.state);
    if matches!(present, None | Some(SubscriptionState::Ended)) {
        subscriptions::activate(at, service, now)?;
    }
    Ok(())
}

/// Deletes archives of a refused upload that no version is made of.
async fn delete_unused(app: &App, digests: Vec<Digest>) -> Result<()> {
    for digest in digests {
        let text = digest.to_string();
        let used =
            app.db.read(move |conn| Ok::<_, Error>(versions::digest_in_use_anywhere(conn, &text)?)).await?;
        if !used {
            app.blobs.delete_digest(&digest).await?;
        }
    }
    Ok(())
}
