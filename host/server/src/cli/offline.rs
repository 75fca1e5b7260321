//! Package tools without a server: the same plugin host, with the built-in components only.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use osc_plugin_api::documents::finding::Finding;
use osc_plugin_api::documents::package::PackageFacts;
use osc_plugin_api::documents::plan_request::PlanRequest;
use osc_plugin_api::documents::rendering::Rendering;
use serde_json::Value;

use super::failure::Failure;
use super::output::Ui;
use crate::error::Error;
use crate::plugins::{Call, Opened, Plugins};
use crate::registry::archive::{ArchiveLimits, Package};

/// No package file is larger than this.
const MAX_FILE: u64 = 64 << 20;

/// A package on the bench, and the component that works on it.
pub(crate) struct Workbench {
    plugins: Arc<Plugins>,
    opened: Opened,
    name: String,
}

impl Workbench {
    /// Opens a package, an archive or a folder, and learns what it is.
    pub(crate) async fn open(ui: &mut Ui, path: &Path, deadline: Duration) -> Result<Workbench, Failure> {
        let (plugins, call, name) = start(ui, path, deadline).await?;
        let opened = plugins.open_package(&call).await.map_err(|error| named(&name, error))?;
        Ok(Workbench { plugins, opened, name })
    }

    /// As [`Workbench::open`] for tools that do not show what the package is.
    pub(crate) async fn open_without_facts(
        ui: &mut Ui,
        path: &Path,
        deadline: Duration,
    ) -> Result<Workbench, Failure> {
        let (plugins, call, name) = start(ui, path, deadline).await?;
        let opened = plugins.open_without_facts(&call).await.map_err(|error| named(&name, error))?;
        Ok(Workbench { plugins, opened, name })
    }

    /// What the package is.
    pub(crate) fn facts(&self) -> &PackageFacts {
        &self.opened.facts
    }

    /// What is wrong with it.
    pub(crate) async fn lint(&self) -> Result<Vec<Finding>, Failure> {
        let findings = self.plugins.lint(&self.opened.plugin, &self.opened.call).await;
        findings.map_err(|error| named(&self.name, error))
    }

    /// Its objects.
    pub(crate) async fn render(&self, mut request: PlanRequest) -> Result<Rendering, Failure> {
        request.instance.service.clone_from(&self.opened.facts.name);
        request.instance.version.clone_from(&self.opened.facts.version);
        for outer in &self.opened.values {
            request.values = merged(outer.clone(), request.values);
        }
        let call = Call { namespace: Some(request.instance.namespace.clone()), ..self.opened.call.clone() };
        let rendering = self.plugins.render(&self.opened.plugin, &call, request).await;
        rendering.map_err(|error| named(&self.name, error))
    }

    /// What lint and all scanners find in it.
    pub(crate) async fn scan(&self, request: PlanRequest) -> Result<Vec<Finding>, Failure> {
        let mut findings = self.lint().await?;
        let rendering = self.render(request).await?;
        for scanner in self.plugins.scanners() {
            let found = self.plugins.scan(&scanner, &self.opened.call, &rendering).await;
            findings.extend(found.map_err(|error| named(&self.name, error))?);
        }
        findings.sort_by_key(|finding| finding.severity);
        Ok(findings)
    }
}

async fn start(
    ui: &mut Ui,
    path: &Path,
    deadline: Duration,
) -> Result<(Arc<Plugins>, Call, String), Failure> {
    let owned = path.to_owned();
    let package = tokio::task::spawn_blocking(move || read(&owned))
        .await
        .map_err(|error| Failure::failed(error.to_string()))??;
    let plugins = Plugins::offline(&cache()?)?;
    if plugins.deployers().is_empty() {
        return Err(
            Failure::failed("this `osc` was built without plugins").hint("build it with `make build`")
        );
    }
    let uncompiled = plugins.uncompiled();
    if !uncompiled.is_empty() {
        ui.note(&format!("compiling {} once, later runs start at once", uncompiled.join(", ")));
    }
    let call = Call { package: Some(Arc::new(package)), deadline, ..Call::default() };
    Ok((plugins, call, path.display().to_string()))
}

/// A failure that says which package it is about.
fn named(name: &str, error: Error) -> Failure {
    let failure = Failure::from(error);
    Failure { message: format!("`{name}`: {}", failure.message), ..failure }
}

/// What the user says over what an outer package sets.
fn merged(outer: Value, user: Value) -> Value {
    match (outer, user) {
        (Value::Object(mut outer), Value::Object(user)) => {
            osc_plugin_helm::values::merge_maps(&mut outer, user);
            Value::Object(outer)
        }
        (outer, Value::Null) => outer,
        (_, user) => user,
    }
}

fn read(path: &Path) -> Result<Package, Failure> {
    let named = |error| named(&path.display().to_string(), error);
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!("`{}` does not exist", path.display())),
        _ => Failure::failed(format!("cannot read `{}`: {error}", path.display())),
    })?;
    let limits = ArchiveLimits::default();
    if metadata.is_dir() {
        return Package::from_folder(path, &limits).map_err(named);
    }
    if metadata.len() > MAX_FILE {
        return Err(Failure::refused(format!("`{}` is larger than {} MiB", path.display(), MAX_FILE >> 20)));
    }
    let data = std::fs::read(path)
        .map_err(|error| Failure::failed(format!("cannot read `{}`: {error}", path.display())))?;
    Package::open(data.into(), &limits).map_err(named)
}

/// Where compiled components are kept: `$XDG_CACHE_HOME/osc` or `~/.cache/osc`.
fn cache() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    let base = base.ok_or_else(|| {
        Failure::failed("there is no place for compiled components")
            .hint("set XDG_CACHE_HOME or HOME to a folder")
    })?;
    Ok(base.join("osc"))
}
