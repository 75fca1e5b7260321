//! The exported functions, with documents instead of text.

use std::sync::Arc;

use osc_plugin_api::documents::finding::Finding;
use osc_plugin_api::documents::form::Form;
use osc_plugin_api::documents::package::{Detection, PackageFacts};
use osc_plugin_api::documents::plan::Plan;
use osc_plugin_api::documents::plan_request::PlanRequest;
use osc_plugin_api::documents::rendering::Rendering;
use osc_plugin_api::documents::status::{Status, StatusRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::{Call, Function, Outcome, Read};
use super::catalog::Plugin;
use super::{Plugins, Role};
use crate::error::{Error, Result};

/// Packages inside packages.
const DELEGATIONS: usize = 3;

/// A plan, and what it rests on.
#[derive(Clone, Debug)]
pub struct Planned {
    pub plan: Plan,
    /// What was read from outside while planning.
    pub reads: Vec<Read>,
    /// What the host has to say besides the plan's own warnings, which hold them too.
    pub warnings: Vec<String>,
}

/// A package with the deployer that answers for it, once delegations are followed.
#[derive(Clone)]
pub struct Opened {
    /// Id of the plugin.
    pub plugin: String,
    /// The call with the package re-rooted to what the plugin understands.
    pub call: Call,
    /// Facts of the outermost package, with those of the inner ones where it says nothing.
    pub facts: PackageFacts,
    /// Values that outer packages set, innermost first.
    pub values: Vec<serde_json::Value>,
}

impl Plugins {
    /// What every enabled deployer says of a package, the surest first; ties go to the higher priority. A deployer
    /// that fails claims nothing.
    pub async fn detect(&self, call: &Call) -> Vec<(String, Detection)> {
        self.detect_all(call).await.0
    }

    async fn detect_all(&self, call: &Call) -> (Vec<(String, Detection)>, Option<Error>) {
        let (mut detections, mut failure) = (Vec::new(), None);
        for plugin in self.enabled(Role::Deployer) {
            match self.ask::<Detection>(&plugin, call, Function::Detect).await {
                Ok(detection) => detections.push((plugin.id().to_owned(), detection)),
                Err(error) => {
                    let id = plugin.id();
                    tracing::warn!(plugin.id = id, "plugin `{id}` cannot look at a package: {error}");
                    failure = Some(error);
                }
            }
        }
        detections.retain(|(_, detection)| detection.certainty > 0);
        detections.sort_by_key(|(_, detection)| std::cmp::Reverse(detection.certainty));
        (detections, failure)
    }

    /// Facts of a package.
    pub async fn inspect(&self, id: &str, call: &Call) -> Result<PackageFacts> {
        self.ask(&self.find(id)?, call, Function::Inspect).await
    }

    /// The surest deployer of a package.
    async fn claim(&self, call: &Call) -> Result<(String, Detection)> {
        let package = call.package.as_ref().ok_or_else(|| missing("no package is at hand".into()))?;
        let (detections, failure) = self.detect_all(call).await;
        if let Some(claim) = detections.into_iter().next() {
            return Ok(claim);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        if self.enabled(Role::Deployer).is_empty() {
            return Err(Error::Refused("no deployer is enabled: enable a plugin first".into()));
        }
        let first = package.files().first().map_or("", |file| &file.path);
        Err(missing(format!("no plugin knows this kind of package (its first file is `{first}`)")))
    }

    /// Finds the deployer of a package and its facts; follows delegations to packages inside.
    pub async fn open_package(&self, call: &Call) -> Result<Opened> {
        let (plugin, _) = self.claim(call).await?;
        self.follow(plugin, call).await
    }

    /// As [`Plugins::open_package`] for those who need no facts: they stay empty where delegations need not be followed.
    pub async fn open_without_facts(&self, call: &Call) -> Result<Opened> {
        match self.claim(call).await? {
            (plugin, Detection { whole: true, .. }) => {
                Ok(Opened { plugin, call: call.clone(), facts: PackageFacts::default(), values: Vec::new() })
            }
            (plugin, _) => self.follow(plugin, call).await,
        }
    }

    async fn follow(&self, mut plugin: String, call: &Call) -> Result<Opened> {
        let mut facts = self.inspect(&plugin, call).await?;
        let (mut call, mut values) = (call.clone(), Vec::new());
        for _ in 0..DELEGATIONS {
            let Some(delegate) = facts.delegate.take() else {
                return Ok(Opened { plugin, call, facts, values });
            };
            let inner = call.package.as_ref().and_then(|package| package.rerooted(&delegate.root));
            let inner =
                inner.ok_or_else(|| missing(format!("the package has no folder `{}`", delegate.root)))?;
            call.package = Some(Arc::new(inner));
            plugin = delegate.deployer;
            values.insert(0, delegate.values);
            let inside = self.inspect(&plugin, &call).await?;
            facts = joined(facts, inside);
        }
        Err(missing(format!("packages are nested more than {DELEGATIONS} deep")))
    }

    /// What is wrong with a package.
    pub async fn lint(&self, id: &str, call: &Call) -> Result<Vec<Finding>> {
        self.ask(&self.find(id)?, call, Function::Lint).await
    }

    /// What a person may set.
    pub async fn form(&self, id: &str, call: &Call) -> Result<Form> {
        self.ask(&self.find(id)?, call, Function::Form).await
    }

    /// The objects as text.
    pub async fn render(&self, id: &str, call: &Call, request: PlanRequest) -> Result<Rendering> {
        let plugin = self.find(id)?;
        let request = Function::Render(text(&request)?);
        let outcome = self.invoke(&plugin, call, request).await?;
        let mut rendering: Rendering = self.read(&plugin, call, "render", &outcome)?;
        rendering.warnings.extend(outcome.warnings);
        Ok(rendering)
    }

    /// A plan for the request, checked for its form.
    pub async fn plan(&self, id: &str, call: &Call, request: PlanRequest) -> Result<Planned> {
        let plugin = self.find(id)?;
        let outcome = self.invoke(&plugin, call, Function::Plan(text(&request)?)).await?;
        let mut plan: Plan = self.read(&plugin, call, "plan", &outcome)?;
        if let Err(error) = plan.check() {
            return Err(self.malformed(&plugin, call, "plan", &error.message));
        }
        plan.warnings.extend(outcome.warnings.iter().cloned());
        Ok(Planned { plan, reads: outcome.reads, warnings: outcome.warnings })
    }

    /// State and endpoints of an instance, from its live objects.
    pub async fn status(&self, id: &str, call: &Call, request: StatusRequest) -> Result<Status> {
        self.ask(&self.find(id)?, call, Function::Status(text(&request)?)).await
    }

    /// What a scanner finds in a package and its rendering.
    pub async fn scan(&self, id: &str, call: &Call, rendering: &Rendering) -> Result<Vec<Finding>> {
        self.ask(&self.find(id)?, call, Function::Scan(text(rendering)?)).await
    }

    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        plugin: &Arc<Plugin>,
        call: &Call,
        function: Function,
    ) -> Result<T> {
        let name = function.name();
        let outcome = self.invoke(plugin, call, function).await?;
        self.read(plugin, call, name, &outcome)
    }

    fn read<T: DeserializeOwned>(
        &self,
        plugin: &Arc<Plugin>,
        call: &Call,
        function: &str,
        outcome: &Outcome<String>,
    ) -> Result<T> {
        let document = serde_json::from_str(&outcome.answer)
            .map_err(|error| self.malformed(plugin, call, function, &error.to_string()))?;
        plugin.shared.succeeded();
        Ok(document)
    }

    /// An answer that cannot be used is a fault like a trap.
    fn malformed(&self, plugin: &Arc<Plugin>, call: &Call, function: &str, reason: &str) -> Error {
        let message = format!("`{function}`: its answer is malformed: {reason}");
        self.note_fault(plugin, call, &message);
        Error::Plugin { plugin: plugin.id().to_owned(), message }
    }
}

fn text(document: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(document).map_err(anyhow::Error::from)?)
}

fn missing(reason: String) -> Error {
    Error::Invalid { field: "package", reason }
}

/// The outer package's facts, completed by the inner one's.
fn joined(outer: PackageFacts, inner: PackageFacts) -> PackageFacts {
    let list = |outer: Vec<String>, inner: Vec<String>| if outer.is_empty() { inner } else { outer };
    PackageFacts {
        images: list(outer.images, inner.images),
        crds: list(outer.crds, inner.crds),
        permissions: if outer.permissions.is_empty() { inner.permissions } else { outer.permissions },
        dependencies: if outer.dependencies.is_empty() { inner.dependencies } else { outer.dependencies },
        kube_version: outer.kube_version.or(inner.kube_version),
        app_version: outer.app_version.or(inner.app_version),
        readme: outer.readme.or(inner.readme),
        icon: outer.icon.or(inner.icon),
        delegate: inner.delegate,
        ..outer
    }
}
