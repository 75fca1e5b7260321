//! Whose an object is, by what it says itself.

use osc_plugin_api::documents::plan::{Action, Plan, Policy};
use serde_json::Value;

use super::INSTANCE_MARK;
use super::apply::annotate;

/// An instance, as objects name it.
#[derive(Clone, Copy)]
pub(in crate::operations) struct Ownership<'a> {
    pub(in crate::operations) namespace: &'a str,
    pub(in crate::operations) instance: &'a str,
    /// The Helm release that the plan keeps records of, when an adopted one has another name.
    pub(in crate::operations) release: Option<&'a str>,
}

/// The name of the Helm release whose records a plan writes.
pub(in crate::operations) fn release_of(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::Apply { objects, policy: Policy::Record } => {
            objects.first()?["metadata"]["labels"]["name"].as_str()
        }
        _ => None,
    })
}

impl Ownership<'_> {
    /// The value of [`INSTANCE_MARK`].
    pub(in crate::operations) fn mark(&self) -> String {
        format!("{}/{}", self.namespace, self.instance)
    }

    /// The object with the mark of this instance. Helm's releases have marks of their own.
    pub(in crate::operations) fn marked(&self, mut object: Value, manager: &str) -> Value {
        if manager != "helm" {
            annotate(&mut object, INSTANCE_MARK, &self.mark());
        }
        object
    }

    /// Whether a live object says that it is this instance's.
    pub(in crate::operations) fn owns(&self, live: &Value) -> bool {
        let annotation = |name: &str| live["metadata"]["annotations"][name].as_str();
        let release = annotation("meta.helm.sh/release-name").is_some_and(|name| self.is_release(name))
            && annotation("meta.helm.sh/release-namespace") == Some(self.namespace);
        annotation(INSTANCE_MARK) == Some(&self.mark()) || release || self.is_release_record(live)
    }

    /// Whether a live object is Helm's record of this release.
    fn is_release_record(&self, live: &Value) -> bool {
        let metadata = &live["metadata"];
        let label = |name: &str| metadata["labels"][name].as_str();
        matches!(live["kind"].as_str(), Some("Secret" | "ConfigMap"))
            && metadata["namespace"] == self.namespace
            && label("owner").is_some_and(|owner| owner.eq_ignore_ascii_case("helm"))
            && label("name").is_some_and(|name| self.is_release(name))
    }

    fn is_release(&self, name: &str) -> bool {
        name == self.instance || Some(name) == self.release
    }
}
