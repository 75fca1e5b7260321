//! Whether a plan stays within what its tenant may do in the cluster, whichever plugin made it.
//!
//! Every object and every reference of every step is looked at before step 1, and each object once more right before
//! it is applied. The kubeconfig's own rights do not protect tenants from each other: it is often an administrator's.

mod objects;
mod pods;

use std::collections::BTreeSet;

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Plan, Until};
use serde_json::Value;

pub(super) use self::pods::images;
use super::kinds::{Scopes, is_crd, objects_of};
use crate::error::{Error, Result};

/// Namespaces of the cluster itself and of the server's own parts: only a grant that names them opens them.
const SYSTEM_NAMESPACES: [&str; 5] =
    ["kube-system", "kube-public", "kube-node-lease", "osc-system", "osc-global"];

/// Behind every refusal for want of a right.
const WAY_OUT: &str = "; the cluster's owner can allow it with `osc cluster grant`";

/// What a tenant may do in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    pub namespaces: Vec<NamespaceGrant>,
    /// Namespaces that other tenants have, which `*` does not cover.
    pub taken: BTreeSet<String>,
    /// Objects outside namespaces.
    pub cluster_scoped: bool,
}

/// What a tenant may do in one namespace, or in any free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceGrant {
    /// A name, or `*`.
    pub namespace: String,
    /// Roles and bindings.
    pub rbac: bool,
    /// Pods with more rights than the Pod Security baseline allows.
    pub privileged: bool,
}

/// Rights in one namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::operations) struct Rights {
    pub(in crate::operations) rbac: bool,
    pub(in crate::operations) privileged: bool,
}

impl Grant {
    /// The grant of an administrator who works in a cluster of one tenant.
    pub fn everything() -> Grant {
        let namespaces = vec![NamespaceGrant { namespace: "*".into(), rbac: true, privileged: true }];
        Grant { namespaces, taken: BTreeSet::new(), cluster_scoped: true }
    }

    /// The rights in a namespace; `None` when the grant does not cover it. One that is named wins over `*`.
    fn rights(&self, namespace: &str) -> Option<Rights> {
        let named = self.namespaces.iter().find(|grant| grant.namespace == namespace);
        let any = || {
            let free = !self.taken.contains(namespace) && !SYSTEM_NAMESPACES.contains(&namespace);
            self.namespaces.iter().find(|grant| free && grant.namespace == "*")
        };
        named.or_else(any).map(|grant| Rights { rbac: grant.rbac, privileged: grant.privileged })
    }

    /// Whether the grant covers the namespace.
    pub fn covers(&self, namespace: &str) -> bool {
        self.rights(namespace).is_some()
    }

    /// Whether some namespace of the grant has the right: for objects outside namespaces.
    fn anywhere(&self, right: impl Fn(&NamespaceGrant) -> bool) -> bool {
        self.namespaces.iter().any(right)
    }
}

/// Refuses a plan that leaves its grant; the message names step, object and the right that is missing.
pub fn check(plan: &Plan, grant: &Grant, namespace: &str, scopes: &Scopes) -> Result<()> {
    if !grant.covers(namespace) {
        return Err(no_namespace(namespace));
    }
    let checker = Checker { grant, namespace, scopes };
    for step in plan.steps.iter().chain(&plan.on_failure) {
        checker
            .step(plan, &step.action)
            .map_err(|reason| Error::Refused(format!("step `{}`: {reason}", step.name)))?;
    }
    Ok(())
}

/// Refuses one object that leaves the grant.
pub(super) fn check_object(object: &Value, grant: &Grant, namespace: &str, scopes: &Scopes) -> Result<()> {
    Checker { grant, namespace, scopes }.object(object).map_err(Error::Refused)
}

fn no_namespace(namespace: &str) -> Error {
    Error::Refused(format!(
        "the namespace `{namespace}` is not granted to this tenant in this cluster{WAY_OUT}"
    ))
}

/// The rules, and what they judge by.
struct Checker<'a> {
    grant: &'a Grant,
    namespace: &'a str,
    scopes: &'a Scopes,
}

type Verdict = Result<(), String>;

impl Checker<'_> {
    fn step(&self, plan: &Plan, action: &Action) -> Verdict {
        match action {
            Action::Apply { objects, .. } => objects.iter().try_for_each(|object| self.object(object)),
            Action::Hook { object, .. } => self.object(&with_some_name(object)),
            Action::Secret { object, .. } | Action::Certificate { secret: object, .. } => {
                self.place(object).map(|_| ())
            }
            Action::Wait { refs, selector, until, .. } => {
                refs.iter().try_for_each(|object| self.watched(plan, object, until))?;
                match selector {
                    Some(selector) => self.watched(
                        plan,
                        &ObjectRef {
                            api_version: selector.api_version.clone(),
                            kind: selector.kind.clone(),
                            namespace: selector.namespace.clone(),
                            name: "selected".into(),
                        },
                        until,
                    ),
                    None => Ok(()),
                }
            }
            Action::Delete { refs, .. } => refs.iter().try_for_each(|object| self.deleted(object)),
            Action::EnsureNamespace { namespace } => self.own_namespace(namespace),
            Action::Prune { .. } | Action::Pause { .. } => Ok(()),
        }
    }

    /// Where an object would go, if it may go there.
    fn place(&self, object: &ObjectRef) -> Result<ObjectRef, String> {
        let placed = self.scopes.place(object.clone(), self.namespace);
        if self.scopes.is_namespaced(placed.group(), &placed.kind).is_none() && !self.grant.cluster_scoped {
            return Err(format!(
                "{placed}: the cluster does not know the kind `{}` of `{}`",
                placed.kind, placed.api_version
            ));
        }
        match &placed.namespace {
            Some(namespace) if !self.grant.covers(namespace) => {
                Err(format!("{placed}: the namespace `{namespace}` is not granted{WAY_OUT}"))
            }
            None if !self.grant.cluster_scoped && !is_namespace(&placed) => {
                Err(format!("{placed}: objects outside namespaces are not granted{WAY_OUT}"))
            }
            _ => Ok(placed),
        }
    }

    fn object(&self, object: &Value) -> Verdict {
        let named = ObjectRef::of(object).ok_or("an object lacks `apiVersion`, `kind` or `metadata.name`")?;
        let placed = self.place(&named)?;
        objects::check(self, &placed, object).map_err(|reason| format!("{placed}: {reason}"))
    }

    /// Waiting tells something about an object, so it needs the right to it.
    fn watched(&self, plan: &Plan, object: &ObjectRef, until: &Until) -> Verdict {
        let placed = self.scopes.place(object.clone(), self.namespace);
        let made = plan.steps.iter().flat_map(objects_of).filter_map(ObjectRef::of);
        let own =
            made.map(|made| self.scopes.place(made, self.namespace)).any(|made| made.same_object(&placed));
        // Definitions are no secret, and plans wait for those that an operator brings.
        let harmless =
            is_crd(&placed) || (is_namespace(&placed) && matches!(until, Until::Gone | Until::Exists));
        if own || harmless { Ok(()) } else { self.place(object).map(|_| ()) }
    }

    fn deleted(&self, object: &ObjectRef) -> Verdict {
        let placed = self.place(object)?;
        if is_namespace(&placed) {
            return self.own_namespace(&placed.name);
        }
        self.rights_for(&placed).map_err(|reason| format!("{placed}: {reason}"))
    }

    /// The rights that the kind alone asks for.
    fn rights_for(&self, object: &ObjectRef) -> Verdict {
        if object.group() == "rbac.authorization.k8s.io" {
            return self.rbac(object);
        }
        Ok(())
    }

    fn rbac(&self, object: &ObjectRef) -> Verdict {
        let may = match &object.namespace {
            Some(namespace) => self.grant.rights(namespace).unwrap_or_default().rbac,
            None => self.grant.cluster_scoped && self.grant.anywhere(|grant| grant.rbac),
        };
        if may { Ok(()) } else { Err(format!("roles and bindings are not granted{WAY_OUT}")) }
    }

    fn privileged(&self, object: &ObjectRef) -> bool {
        match &object.namespace {
            Some(namespace) => self.grant.rights(namespace).unwrap_or_default().privileged,
            None => self.grant.cluster_scoped && self.grant.anywhere(|grant| grant.privileged),
        }
    }

    /// A namespace that may be made, labelled or deleted: covered by the grant, and, unless it is the instance's own,
    /// only with the right to objects outside namespaces.
    fn own_namespace(&self, namespace: &str) -> Verdict {
        if !self.grant.covers(namespace) {
            return Err(format!("the namespace `{namespace}` is not granted{WAY_OUT}"));
        }
        if namespace != self.namespace && !self.grant.cluster_scoped {
            return Err(format!("the namespace `{namespace}` is not the instance's own"));
        }
        Ok(())
    }
}

fn is_namespace(object: &ObjectRef) -> bool {
    object.kind == "Namespace" && object.group().is_empty()
}

/// A hook whose name is generated later is checked as if it had one.
pub(super) fn with_some_name(object: &Value) -> Value {
    let mut object = object.clone();
    if object["metadata"]["name"].as_str().is_none_or(str::is_empty)
        && let Some(prefix) = object["metadata"]["generateName"].as_str()
    {
        object["metadata"]["name"] = format!("{prefix}generated").into();
    }
    object
}

#[cfg(test)]
mod tests;
