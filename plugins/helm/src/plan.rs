//! Plans for the verbs of an instance: what Helm would do, as steps that somebody else carries out.
//!
//! A plan is a function of the request, the package and what the cluster holds. Nothing here changes anything.

mod deploy;
mod history;
mod revision;
mod steps;
mod stored;
mod uninstall;

use jiff::Timestamp;
use osc_plugin_api::documents::plan::Plan;
use osc_plugin_api::documents::plan_request::{PlanRequest, Verb};
use osc_plugin_api::host::Host;
use osc_plugin_api::{Error, Result};
use serde_json::Value;

use crate::release::OPERATION;
use crate::text::say_once;

/// Field manager of everything that belongs to a Helm release: real Helm uses its own name, and would conflict with
/// any other.
pub const MANAGER: &str = "helm";

/// What all verbs need.
pub(crate) struct Context<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) request: &'a PlanRequest,
    pub(crate) now: Timestamp,
}

impl Context<'_> {
    /// Name of the release: the instance's, unless another release is adopted.
    pub(crate) fn release(&self) -> &str {
        self.request.release.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.request.instance.name)
    }

    fn namespace(&self) -> &str {
        &self.request.instance.namespace
    }

    fn timeout(&self) -> u32 {
        match self.request.options.timeout_seconds {
            0 => steps::TIMEOUT,
            seconds => seconds,
        }
    }

    /// Descriptions of records name the operation, so that it is known whose pending record this is.
    fn description(&self) -> String {
        format!("{OPERATION}{}", self.request.operation)
    }

    /// Objects as the server wants them applied.
    fn transformed(&self, objects: Vec<Value>) -> Result<Vec<Value>> {
        let count = objects.len();
        if count == 0 {
            return Ok(objects);
        }
        let changed = self.host.transform(objects)?;
        if changed.len() != count {
            return Err(Error::new(
                "host",
                "the server answered another number of objects than it was given",
            ));
        }
        Ok(changed)
    }
}

/// The plan of a request, at a time.
pub fn plan(host: &dyn Host, request: &PlanRequest, now: Timestamp) -> Result<Plan> {
    check_name(&request.instance.name)?;
    let context = Context { host, request, now };
    let mut plan = match request.verb {
        Verb::Install | Verb::Update | Verb::Upgrade => deploy::deploy(&context)?,
        Verb::Rollback => stored::roll_back(&context)?,
        Verb::Uninstall => uninstall::uninstall(&context)?,
        Verb::Adopt => stored::adopt(&context)?,
        Verb::Test => stored::test(&context)?,
    };
    steps::number_duplicates(&mut plan.steps);
    say_once(&mut plan.warnings);
    Ok(plan)
}

/// Whether Helm takes a name for a release.
pub(crate) fn is_release_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        let is_inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        !bytes.is_empty() && bytes.iter().all(is_inner) && bytes[0] != b'-' && bytes[bytes.len() - 1] != b'-'
    };
    name.len() <= 53 && name.split('.').all(is_part)
}

/// Refuses names that Helm refuses.
fn check_name(name: &str) -> Result<()> {
    if is_release_name(name) {
        return Ok(());
    }
    Err(Error::new(
        "invalid-name",
        format!("`{name}` cannot name a release: use at most 53 lower case letters, digits, `-` and `.`"),
    ))
}
