//! What single objects may say: references to other namespaces, rights for others, ways around the grant.

use osc_plugin_api::documents::object::ObjectRef;
use serde_json::Value;

use super::{Checker, Verdict, WAY_OUT, is_namespace, pods};

const READ_ROLES: [&str; 3] = ["view", "edit", "admin"];

/// Judges an object that may be where it is.
pub(super) fn check(checker: &Checker<'_>, placed: &ObjectRef, object: &Value) -> Verdict {
    if object["metadata"]["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty()) {
        return Err("`metadata.ownerReferences` is refused: it would tie the object to one that the plan does not hold".into());
    }
    if is_namespace(placed) {
        return namespace(checker, placed, object);
    }
    checker.rights_for(placed)?;
    match (placed.group(), placed.kind.as_str()) {
        ("rbac.authorization.k8s.io", "Role") => role(checker, object),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            binding(checker, placed, object)
        }
        ("admissionregistration.k8s.io", _) => webhooks(checker, object),
        ("apiregistration.k8s.io", _) => target(checker, &object["spec"]["service"]),
        ("apiextensions.k8s.io", _) => {
            target(checker, &object["spec"]["conversion"]["webhook"]["clientConfig"]["service"])
        }
        ("", "Service") => service(checker, object),
        ("", "Secret") => secret(checker, placed, object),
        ("", "PersistentVolume") => volume(checker, placed, object),
        ("", "PersistentVolumeClaim") => reference(checker, &object["spec"]["dataSourceRef"]),
        ("gateway.networking.k8s.io", _) => routes(checker, object),
        _ => pods::check(checker, placed, object),
    }
}

/// A reference to something in a namespace.
fn reference(checker: &Checker<'_>, reference: &Value) -> Verdict {
    match reference["namespace"].as_str().filter(|namespace| !namespace.is_empty()) {
        Some(namespace) if !checker.grant.covers(namespace) => {
            Err(format!("it refers to the namespace `{namespace}`, which is not granted{WAY_OUT}"))
        }
        _ => Ok(()),
    }
}

/// A service that the API server would call: it must be the tenant's.
fn target(checker: &Checker<'_>, service: &Value) -> Verdict {
    reference(checker, service)
}

fn namespace(checker: &Checker<'_>, placed: &ObjectRef, object: &Value) -> Verdict {
    checker.own_namespace(&placed.name)?;
    let labels = object["metadata"]["labels"].as_object();
    let security =
        labels.into_iter().flatten().find(|(name, _)| name.starts_with("pod-security.kubernetes.io/"));
    let privileged = checker.grant.rights(&placed.name).unwrap_or_default().privileged;
    match security {
        Some((name, _)) if !privileged => {
            Err(format!("the label `{name}` needs the right to privileged pods"))
        }
        _ => Ok(()),
    }
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Verbs that hand out rights which the role itself does not have.
fn role(checker: &Checker<'_>, object: &Value) -> Verdict {
    if checker.grant.cluster_scoped {
        return Ok(());
    }
    let rules = object["rules"].as_array().into_iter().flatten();
    let verb = rules
        .flat_map(|rule| strings(&rule["verbs"]))
        .find(|verb| matches!(*verb, "escalate" | "bind" | "impersonate"));
    match verb {
        Some(verb) => Err(format!("the verb `{verb}` needs the right to objects outside namespaces")),
        None => Ok(()),
    }
}

fn binding(checker: &Checker<'_>, placed: &ObjectRef, object: &Value) -> Verdict {
    let role = &object["roleRef"];
    let name = role["name"].as_str().unwrap_or_default();
    if role["kind"] == "ClusterRole" && !checker.grant.cluster_scoped && !READ_ROLES.contains(&name) {
        return Err(format!(
            "it binds the ClusterRole `{name}`, which needs the right to objects outside namespaces"
        ));
    }
    for subject in object["subjects"].as_array().into_iter().flatten() {
        let name = subject["name"].as_str().unwrap_or_default();
        if subject["kind"] == "ServiceAccount" {
            let namespace = subject["namespace"].as_str().or(placed.namespace.as_deref()).unwrap_or_default();
            service_account(checker, namespace)?;
        } else {
            principal(checker, name)?;
        }
    }
    Ok(())
}

fn service_account(checker: &Checker<'_>, namespace: &str) -> Verdict {
    if checker.grant.covers(namespace) {
        return Ok(());
    }
    Err(format!(
        "it gives rights to a service account of the namespace `{namespace}`, which is not granted{WAY_OUT}"
    ))
}

/// Users and groups by name: service accounts in disguise, and groups that hold everybody.
fn principal(checker: &Checker<'_>, name: &str) -> Verdict {
    let account =
        name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':')).map(|(n, _)| n);
    if let Some(namespace) = account.or(name.strip_prefix("system:serviceaccounts:")) {
        return service_account(checker, namespace);
    }
    if name.starts_with("system:") && !checker.grant.cluster_scoped {
        return Err(format!(
            "it gives rights to `{name}`, which needs the right to objects outside namespaces"
        ));
    }
    Ok(())
}

fn webhooks(checker: &Checker<'_>, object: &Value) -> Verdict {
    let mut hooks = object["webhooks"].as_array().into_iter().flatten();
    hooks.try_for_each(|hook| target(checker, &hook["clientConfig"]["service"]))
}

fn service(checker: &Checker<'_>, object: &Value) -> Verdict {
    let spec = &object["spec"];
    if strings(&spec["externalIPs"]).next().is_some() && !checker.grant.cluster_scoped {
        return Err("`spec.externalIPs` takes over addresses of others; it needs the right to objects outside namespaces".into());
    }
    if spec["type"] == "ExternalName" {
        let name = spec["externalName"].as_str().unwrap_or_default().trim_end_matches('.');
        let mut labels = name
            .strip_suffix(".svc.cluster.local")
            .or(name.strip_suffix(".svc"))
            .unwrap_or_default()
            .rsplit('.');
        if let Some(namespace) = labels.next().filter(|namespace| !namespace.is_empty())
            && !checker.grant.covers(namespace)
        {
            return Err(format!(
                "it stands for a service of the namespace `{namespace}`, which is not granted{WAY_OUT}"
            ));
        }
    }
    Ok(())
}

/// A token of a service account is that account.
fn secret(checker: &Checker<'_>, placed: &ObjectRef, object: &Value) -> Verdict {
    if object["type"] == "kubernetes.io/service-account-token" {
        return checker
            .rbac(placed)
            .map_err(|_| "tokens of service accounts need the right to roles and bindings".into());
    }
    Ok(())
}

fn volume(checker: &Checker<'_>, placed: &ObjectRef, object: &Value) -> Verdict {
    let spec = &object["spec"];
    for key in ["hostPath", "local"] {
        if !spec[key].is_null() && !checker.privileged(placed) {
            return Err(format!("`spec.{key}` needs the right to privileged pods"));
        }
    }
    reference(checker, &spec["claimRef"])?;
    let sources = spec.as_object().into_iter().flatten().map(|(_, source)| source);
    for source in sources.filter(|source| source.is_object()) {
        let secrets = source.as_object().into_iter().flatten().filter(|(key, _)| key.ends_with("ecretRef"));
        secrets.map(|(_, secret)| secret).try_for_each(|secret| reference(checker, secret))?;
        if let Some(namespace) =
            source["secretNamespace"].as_str().filter(|namespace| !checker.grant.covers(namespace))
        {
            return Err(format!("it refers to the namespace `{namespace}`, which is not granted{WAY_OUT}"));
        }
    }
    Ok(())
}

/// Routes send traffic to back ends; parents (gateways) decide themselves whom they serve.
fn routes(checker: &Checker<'_>, object: &Value) -> Verdict {
    let rules = object["spec"]["rules"].as_array().into_iter().flatten();
    for rule in rules {
        let backends = rule["backendRefs"].as_array().into_iter().flatten();
        let filters = rule["filters"].as_array().into_iter().flatten();
        backends
            .chain(filters.map(|filter| &filter["requestMirror"]["backendRef"]))
            .try_for_each(|r| reference(checker, r))?;
    }
    let listeners = object["spec"]["listeners"].as_array().into_iter().flatten();
    let certificates =
        listeners.flat_map(|listener| listener["tls"]["certificateRefs"].as_array().into_iter().flatten());
    certificates.into_iter().try_for_each(|certificate| reference(checker, certificate))
}
