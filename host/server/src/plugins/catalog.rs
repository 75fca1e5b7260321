//! Which plugins there are, in which version, and whether they may be called.
//!
//! A [`Plugin`] never changes but for its standing: another file, grant or setting makes a new one in the map, and
//! calls in flight finish on the one that they hold.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use osc_plugin_api::manifest::{Grants, Role};
use serde_json::{Map, Value};
use tokio::sync::{OnceCell, Semaphore};
use wasmtime::component::Component;

use super::call::Code;
use super::component::Description;
use super::grants::{Allowed, Effective};
use super::logs::Logs;
use crate::error::{Error, Result};
use crate::store::plugins::{PluginRow, PluginState};

/// Calls of one plugin at once.
const CALLS: usize = 16;
/// Failures in a row, each about another package, that stop an installed plugin.
const FAULTS: usize = 5;

/// Where a component comes from.
#[derive(Clone)]
pub(crate) enum Source {
    BuiltIn(&'static [u8]),
    File(PathBuf, Bytes),
}

impl Source {
    fn name(&self) -> &'static str {
        match self {
            Source::BuiltIn(_) => "built-in",
            Source::File(..) => "installed",
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Source::BuiltIn(bytes) => bytes,
            Source::File(_, bytes) => bytes,
        }
    }
}

/// One version of a plugin with what it is granted.
pub(crate) struct Plugin {
    pub(crate) description: Description,
    pub(crate) source: Source,
    pub(crate) component: Arc<OnceCell<Component>>,
    pub(crate) code: OnceCell<Arc<Code>>,
    pub(crate) allowed: Allowed,
    pub(crate) grants: Effective,
    pub(crate) settings: Map<String, Value>,
    pub(crate) priority: i64,
    pub(crate) shared: Arc<Shared>,
}

/// What all versions of a plugin have in common.
pub(crate) struct Shared {
    pub(crate) logs: Logs,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) standing: Mutex<Standing>,
}

/// Whether a plugin may be called, and how it did.
#[derive(Clone)]
pub(crate) struct Standing {
    pub(crate) state: PluginState,
    pub(crate) reason: Option<String>,
    pub(crate) faults: i64,
    /// What the failures since the last success were about.
    streak: Vec<String>,
}

impl Shared {
    pub(crate) fn new(state: PluginState, reason: Option<String>, faults: i64) -> Arc<Shared> {
        let standing = Standing { state, reason, faults, streak: Vec::new() };
        Arc::new(Shared {
            logs: Logs::default(),
            permits: Arc::new(Semaphore::new(CALLS)),
            standing: Mutex::new(standing),
        })
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_state(&self, state: PluginState, reason: Option<String>) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.state = state;
        standing.reason = reason;
        standing.streak.clear();
    }

    /// Keeps the state and says why something was not done.
    pub(crate) fn set_reason(&self, reason: Option<String>) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).reason = reason;
    }

    pub(crate) fn succeeded(&self) {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner).streak.clear();
    }

    /// Counts a failure about `subject`; one hostile package alone must not stop a plugin for all others.
    pub(crate) fn failed(&self, subject: String, stoppable: bool, message: &str) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.faults += 1;
        if !standing.streak.contains(&subject) {
            standing.streak.push(subject);
        }
        if standing.streak.len() >= FAULTS && stoppable && standing.state == PluginState::Enabled {
            standing.state = PluginState::Faulted;
            standing.reason = Some(format!("{FAULTS} calls in a row failed, the last one: {message}"));
        }
        standing.streak.truncate(FAULTS);
    }
}

impl Plugin {
    pub(crate) fn new(
        description: Description,
        source: Source,
        allowed: Allowed,
        settings: Map<String, Value>,
        priority: i64,
        shared: Arc<Shared>,
    ) -> Plugin {
        let grants = Effective::new(&description.manifest.grants, &allowed);
        let (component, code) = Default::default();
        Plugin { description, source, component, code, allowed, grants, settings, priority, shared }
    }

    /// The same component with other grants.
    pub(crate) fn with_allowed(&self, allowed: Allowed) -> Plugin {
        let component = self.component.clone();
        let (description, source, settings) =
            (self.description.clone(), self.source.clone(), self.settings.clone());
        let shared = self.shared.clone();
        Plugin { component, ..Plugin::new(description, source, allowed, settings, self.priority, shared) }
    }

    /// The same component with other settings.
    pub(crate) fn with_settings(&self, settings: Map<String, Value>, priority: i64) -> Plugin {
        Plugin { settings, priority, ..self.with_allowed(self.allowed.clone()) }
    }

    pub(crate) fn id(&self) -> &str {
        &self.description.manifest.id
    }

    /// The file of an installed plugin.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.source {
            Source::File(file, _) => Some(file),
            Source::BuiltIn(_) => None,
        }
    }

    pub(crate) fn is_builtin(&self) -> bool {
        matches!(self.source, Source::BuiltIn(_))
    }

    /// Refuses a call of a plugin that is not enabled.
    pub(crate) fn check_enabled(&self, role: Role) -> Result<()> {
        let id = self.id();
        let standing = self.shared.standing();
        match standing.state {
            PluginState::Enabled => {}
            PluginState::Faulted => {
                let reason = standing.reason.unwrap_or_default();
                return Err(Error::Refused(format!(
                    "plugin `{id}` was stopped: {reason}; enable it to try again"
                )));
            }
            PluginState::Loaded | PluginState::Disabled => {
                return Err(Error::Refused(format!("plugin `{id}` is not enabled: enable it first")));
            }
        }
        if !self.description.plays(role) {
            return Err(Error::Refused(format!("plugin `{id}` is no {}", role.name())));
        }
        Ok(())
    }

    pub(crate) fn row(&self) -> PluginRow {
        let standing = self.shared.standing();
        PluginRow {
            id: self.id().to_owned(),
            version: self.description.manifest.version.clone(),
            digest: self.description.digest.clone(),
            source: self.source.name().to_owned(),
            state: standing.state,
            state_reason: standing.reason,
            granted: serde_json::to_string(&self.allowed).unwrap_or_else(|_| "{}".into()),
            settings: Value::Object(self.settings.clone()).to_string(),
            priority: self.priority,
            faults: standing.faults,
        }
    }

    pub(crate) fn info(&self) -> PluginInfo {
        let manifest = &self.description.manifest;
        let standing = self.shared.standing();
        PluginInfo {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            roles: manifest.roles.clone(),
            digest: self.description.digest.clone(),
            source: self.source.name(),
            size: self.source.bytes().len(),
            interfaces: self.description.interfaces.iter().copied().collect(),
            requested: manifest.grants.clone(),
            allowed: self.allowed.clone(),
            settings: self.settings.clone(),
            priority: self.priority,
            state: standing.state,
            reason: standing.reason,
            faults: standing.faults,
            ready: self.code.initialized(),
        }
    }
}

/// A plugin as administrators see it.
#[derive(Clone, Debug)]
pub struct PluginInfo {
    pub id: String,
    pub version: String,
    pub description: String,
    pub roles: Vec<Role>,
    /// `sha256:...` of the file.
    pub digest: String,
    /// `built-in` or `installed`.
    pub source: &'static str,
    pub size: usize,
    /// Interfaces of `osc:host` that the component imports.
    pub interfaces: Vec<&'static str>,
    /// What its manifest asks for.
    pub requested: Grants,
    /// What an administrator allows.
    pub allowed: Allowed,
    pub settings: Map<String, Value>,
    /// Higher wins when several deployers are equally sure of a package.
    pub priority: i64,
    pub state: PluginState,
    pub reason: Option<String>,
    pub faults: i64,
    /// Its code is compiled and loaded.
    pub ready: bool,
}
