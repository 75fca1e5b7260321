//! Facts about kinds: where objects live, what must exist before what.

use std::collections::BTreeMap;
use std::sync::Arc;

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Plan, Step};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::kube::discovery::Discovery;

/// Whether kinds are namespaced, from the cluster and from the definitions that a plan brings along.
#[derive(Clone, Default)]
pub struct Scopes {
    discovery: Arc<Discovery>,
    defined: BTreeMap<(String, String), bool>,
}

impl Scopes {
    pub fn new(discovery: Arc<Discovery>, plan: &Plan) -> Scopes {
        let mut defined = BTreeMap::new();
        for object in plan.steps.iter().chain(&plan.on_failure).flat_map(objects_of) {
            if let Some((group, kind, namespaced)) = definition(object) {
                defined.insert((group.to_owned(), kind.to_owned()), namespaced);
            }
        }
        Scopes { discovery, defined }
    }

    /// Whether objects of the kind live in namespaces; `None` when nobody knows the kind.
    pub fn is_namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        self.discovery
            .is_namespaced(group, kind)
            .or_else(|| self.defined.get(&(group.to_owned(), kind.to_owned())).copied())
            .or_else(|| built_in(group, kind))
    }

    /// Whether the cluster serves the kind in this version, or the plan defines the kind.
    fn knows(&self, object: &ObjectRef) -> bool {
        let defined = (object.group().to_owned(), object.kind.clone());
        self.discovery.find(&object.api_version, &object.kind).is_some()
            || self.defined.contains_key(&defined)
    }

    /// Where an object goes: namespaced ones without a namespace into the instance's, cluster-scoped ones into none.
    /// A kind that nobody knows stays as it is written, and has a namespace.
    pub fn place(&self, mut object: ObjectRef, namespace: &str) -> ObjectRef {
        match self.is_namespaced(object.group(), &object.kind) {
            Some(false) => object.namespace = None,
            Some(true) | None => {
                object.namespace.get_or_insert_with(|| namespace.to_owned());
            }
        }
        object
    }

    /// The object as it is sent, its namespace as [`Scopes::place`] says, and its reference.
    pub fn place_object(&self, object: &Value, namespace: &str) -> Result<(ObjectRef, Value)> {
        let placed = self.place(reference(object)?, namespace);
        let mut object = object.clone();
        if let Some(metadata) = object["metadata"].as_object_mut() {
            match &placed.namespace {
                Some(namespace) => metadata.insert("namespace".into(), namespace.as_str().into()),
                None => metadata.remove("namespace"),
            };
        }
        Ok((placed, object))
    }
}

/// Refuses a plan that applies objects of kinds that nobody defines, before it changes anything, as Helm does.
/// Definitions that the plan waits for come from somebody else in time. Hooks are looked at when their turn comes.
pub fn check_known(plan: &Plan, scopes: &Scopes) -> Result<()> {
    for step in &plan.steps {
        let Action::Apply { objects, .. } = &step.action else { continue };
        let mut named = objects.iter().filter_map(ObjectRef::of);
        if let Some(unknown) = named.find(|object| !scopes.knows(object) && !awaited(plan, object.group())) {
            return Err(Error::Refused(format!(
                "step `{}`: {unknown}: the cluster does not know the kind `{}` of `{}`; install what defines it first",
                step.name, unknown.kind, unknown.api_version
            )));
        }
    }
    Ok(())
}

/// Whether a plan waits for a definition of the group.
fn awaited(plan: &Plan, group: &str) -> bool {
    let waits = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Wait { refs, .. } => Some(refs),
        _ => None,
    });
    waits.flatten().any(|object| {
        is_crd(object) && object.name.split_once('.').is_some_and(|(_, defined)| defined == group)
    })
}

/// The reference of an object of a plan.
pub fn reference(object: &Value) -> Result<ObjectRef> {
    ObjectRef::of(object).ok_or_else(|| Error::Invalid {
        field: "plan",
        reason: "an object lacks `apiVersion`, `kind` or `metadata.name`".into(),
    })
}

/// The objects that a step makes.
pub fn objects_of(step: &Step) -> impl Iterator<Item = &Value> {
    let (many, one) = match &step.action {
        Action::Apply { objects, .. } => (objects.as_slice(), None),
        Action::Hook { object, .. } => (&[][..], Some(object)),
        _ => (&[][..], None),
    };
    many.iter().chain(one)
}

/// Group, kind and scope that a CustomResourceDefinition defines.
pub fn definition(object: &Value) -> Option<(&str, &str, bool)> {
    if object["kind"] != "CustomResourceDefinition" {
        return None;
    }
    let spec = &object["spec"];
    Some((spec["group"].as_str()?, spec["names"]["kind"].as_str()?, spec["scope"].as_str()? == "Namespaced"))
}

/// Whether an object is a CustomResourceDefinition.
pub fn is_crd(object: &ObjectRef) -> bool {
    object.kind == "CustomResourceDefinition" && object.group() == "apiextensions.k8s.io"
}

/// Objects that hold data or much else, which nothing but an explicit delete removes.
pub fn holds_data(object: &ObjectRef) -> bool {
    matches!(
        (object.group(), object.kind.as_str()),
        ("", "PersistentVolumeClaim" | "PersistentVolume" | "Namespace")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
    )
}

/// Order inside one step: lower ranks are applied, and established, before higher ones.
pub fn rank(object: &ObjectRef) -> u8 {
    match (object.group(), object.kind.as_str()) {
        ("", "Namespace") => 0,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => 1,
        ("scheduling.k8s.io" | "storage.k8s.io" | "rbac.authorization.k8s.io" | "node.k8s.io", _)
        | (
            "",
            "ServiceAccount"
            | "Secret"
            | "ConfigMap"
            | "LimitRange"
            | "ResourceQuota"
            | "PersistentVolume"
            | "PersistentVolumeClaim",
        )
        | ("networking.k8s.io", "NetworkPolicy" | "IngressClass") => 2,
        // A webhook that is not served yet would refuse what comes with it.
        ("admissionregistration.k8s.io" | "apiregistration.k8s.io", _) => 4,
        _ => 3,
    }
}

/// Scope of the kinds that every cluster has, for plans that are checked without one.
fn built_in(group: &str, kind: &str) -> Option<bool> {
    let cluster_scoped = match group {
        "" => matches!(kind, "Namespace" | "Node" | "PersistentVolume" | "ComponentStatus"),
        "rbac.authorization.k8s.io" => matches!(kind, "ClusterRole" | "ClusterRoleBinding"),
        "storage.k8s.io" => kind != "CSIStorageCapacity",
        "apiextensions.k8s.io"
        | "admissionregistration.k8s.io"
        | "apiregistration.k8s.io"
        | "scheduling.k8s.io"
        | "node.k8s.io"
        | "certificates.k8s.io"
        | "flowcontrol.apiserver.k8s.io" => true,
        "networking.k8s.io" => matches!(kind, "IngressClass" | "IPAddress" | "ServiceCIDR"),
        "apps"
        | "batch"
        | "autoscaling"
        | "policy"
        | "coordination.k8s.io"
        | "discovery.k8s.io"
        | "events.k8s.io" => false,
        _ => return None,
    };
    Some(!cluster_scoped)
}

#[cfg(test)]
mod tests {
    use osc_plugin_api::documents::plan::{OnTimeout, Policy, Until};
    use serde_json::json;

    use super::*;
    use crate::kube::discovery::ApiKind;

    /// The verdict on a plan that applies a `Toad` of `pond.io/v1`, behind other steps.
    fn verdict(before: Vec<Action>) -> String {
        let mut discovery = Discovery::default();
        for (api_version, kind, plural, namespaced) in [
            ("pond.io/v2", "Toad", "toads", true),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
        ] {
            let (api_version, kind, plural) = (api_version.into(), kind.into(), plural.into());
            discovery.add(ApiKind { api_version, kind, plural, namespaced, verbs: Vec::new() });
        }
        let toad = json!({"apiVersion": "pond.io/v1", "kind": "Toad", "metadata": {"name": "t"}});
        let mut plan = Plan::new("osc");
        plan.steps.extend(before.into_iter().map(|action| Step::new("before", action)));
        plan.steps.push(Step::new("toads", Action::Apply { objects: vec![toad], policy: Policy::Owned }));
        match check_known(&plan, &Scopes::new(Arc::new(discovery), &plan)) {
            Ok(()) => "fine".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn kinds_are_known_before_anything_is_applied() {
        assert_eq!(
            verdict(Vec::new()),
            "step `toads`: Toad t: the cluster does not know the kind `Toad` of `pond.io/v1`; install what defines it first"
        );
        let crd = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "toads.pond.io"},
            "spec": {"group": "pond.io", "names": {"kind": "Toad"}, "scope": "Namespaced"},
        });
        let defined = ObjectRef::of(&crd).unwrap();
        assert_eq!(verdict(vec![Action::Apply { objects: vec![crd], policy: Policy::Crd }]), "fine");
        let wait = Action::Wait {
            refs: vec![defined],
            selector: None,
            until: Until::Exists,
            timeout_seconds: 0,
            on_timeout: OnTimeout::Fail,
        };
        assert_eq!(verdict(vec![wait]), "fine");
    }
}
