//! Admission: what is added to objects on their way, and what is refused by the state of the cluster.

mod limits;
mod quotas;

use serde_json::{Value, json};

use crate::api::{Api, named};
use crate::auth::{Attributes, check_escalation, rules_of};
use crate::names;
use crate::resources::Resource;
use crate::status::{Cause, Named, Result, Status};
use crate::store::Key;
use crate::value::{Get, items_mut, set};

const DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";

/// Admits a new object.
pub(crate) fn create(
    api: &Api,
    resource: &Resource,
    namespace: &str,
    value: &mut Value,
    _warnings: &mut Vec<String>,
) -> Result<()> {
    if resource.namespaced {
        namespace_is_open(api, resource, namespace, value)?;
    }
    api.core.faults.mark(&api.core, &resource.kind, namespace, value);
    if resource.is_custom() {
        return Ok(());
    }
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => {
            service_account(api, resource, namespace, value)?;
            priority(api, resource, value)?;
            runtime_class(api, resource, value)?;
            tolerations(value);
            limits::admit_pod(api, resource, namespace, value)?;
        }
        ("", "persistentvolumeclaims") => {
            default_class(api, value);
            protect(value, "kubernetes.io/pvc-protection");
            limits::admit_claim(api, resource, namespace, value)?;
        }
        ("", "persistentvolumes") => protect(value, "kubernetes.io/pv-protection"),
        ("storage.k8s.io", "volumeattributesclasses") => protect(value, "kubernetes.io/vac-protection"),
        ("", "nodes") => {
            let mut taints = value.items(&["spec", "taints"]).to_vec();
            if !taints.iter().any(|t| t.text(&["key"]) == NOT_READY) {
                taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
                set(value, &["spec", "taints"], taints);
            }
        }
        ("rbac.authorization.k8s.io", _) => roles(api, resource, namespace, value)?,
        _ => {}
    }
    if resource.namespaced {
        quotas::admit(api, resource, namespace, value)?;
    }
    Ok(())
}

/// Admits a changed object.
pub(crate) fn update(
    api: &Api,
    resource: &Resource,
    subresource: &str,
    live: &Value,
    value: &mut Value,
) -> Result<()> {
    if resource.is("", "pods") && subresource.is_empty() {
        tolerations(value);
    }
    if resource.group == "rbac.authorization.k8s.io" && subresource.is_empty() && !resource.is_custom() {
        let changed =
            ["rules", "roleRef", "subjects", "aggregationRule"].iter().any(|f| live.get(f) != value.get(f));
        if changed && live.get("roleRef") == value.get("roleRef") {
            let namespace = value.text(&["metadata", "namespace"]).to_string();
            roles(api, resource, &namespace, value)?;
        }
    }
    Ok(())
}

const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Volumes and claims in use are kept until a controller lets them go.
fn protect(value: &mut Value, finalizer: &str) {
    let mut list = value.items(&["metadata", "finalizers"]).to_vec();
    if !list.iter().any(|f| f == finalizer) {
        list.push(finalizer.into());
        set(value, &["metadata", "finalizers"], list);
    }
}

/// Nobody grants what they do not have, unless they may escalate or bind.
fn roles(api: &Api, resource: &Resource, namespace: &str, value: &Value) -> Result<()> {
    if api.user.is_master() {
        return Ok(());
    }
    let name = value.text(&["metadata", "name"]);
    let may = |verb: &str, resource: &str, name: &str| {
        let attributes = Attributes {
            verb,
            group: "rbac.authorization.k8s.io",
            resource,
            namespace,
            name,
            ..Attributes::default()
        };
        api.core.auth.allows(&api.core, &api.user, &attributes).is_some()
    };
    let rules = if resource.plural.ends_with("bindings") {
        let kind = value.text(&["roleRef", "kind"]);
        let role = value.text(&["roleRef", "name"]);
        let plural = if kind == "ClusterRole" { "clusterroles" } else { "roles" };
        if may("bind", plural, role) {
            return Ok(());
        }
        rules_of(&api.core, kind, role, namespace).ok_or_else(|| Status::not_found(named(resource, role)))?
    } else {
        if may("escalate", &resource.plural, name) {
            return Ok(());
        }
        value.items(&["rules"]).to_vec()
    };
    check_escalation(&api.core, &api.user, namespace, &rules)
        .map_err(|why| Status::forbidden(named(resource, name), &why))
}

fn namespace_is_open(api: &Api, resource: &Resource, namespace: &str, value: &Value) -> Result<()> {
    let key = Key::new(&"namespaces".into(), "", namespace);
    let Some(found) = api.core.store.get(&key) else {
        return Err(Status::not_found(Named { kind: "namespaces", group: "", name: namespace }));
    };
    if found.value.text(&["status", "phase"]) != "Terminating"
        && found.value["metadata"]["deletionTimestamp"].is_null()
    {
        return Ok(());
    }
    let name = value.text(&["metadata", "name"]);
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let text = format!("namespace {namespace} is being terminated");
    let cause = Cause::other("metadata.namespace", "NamespaceTerminating", text);
    Err(Status::forbidden(named(resource, name), &why).with_causes(&[cause]))
}

fn service_account(api: &Api, resource: &Resource, namespace: &str, pod: &mut Value) -> Result<()> {
    if pod.at(&["metadata", "annotations", "kubernetes.io/config.mirror"]).is_some() {
        return Ok(());
    }
    let mut account = pod.text(&["spec", "serviceAccountName"]).to_string();
    if account.is_empty() {
        account = "default".into();
        set(pod, &["spec", "serviceAccountName"], "default");
    }
    if pod.text(&["spec", "serviceAccount"]).is_empty() {
        set(pod, &["spec", "serviceAccount"], account.clone());
    }
    let Some(found) = api.core.store.get(&Key::new(&"serviceaccounts".into(), namespace, &account)) else {
        let why = format!(
            "error looking up service account {namespace}/{account}: serviceaccount {account:?} not found"
        );
        return Err(Status::forbidden(named(resource, pod.text(&["metadata", "name"])), &why));
    };
    let off = |v: Option<&Value>| v.and_then(Value::as_bool);
    let mounts = off(pod.at(&["spec", "automountServiceAccountToken"]))
        .or(off(found.value.get("automountServiceAccountToken")))
        .unwrap_or(true);
    if mounts {
        mount_token(pod);
    }
    let secrets = found.value.items(&["imagePullSecrets"]).to_vec();
    if pod.items(&["spec", "imagePullSecrets"]).is_empty() && !secrets.is_empty() {
        set(pod, &["spec", "imagePullSecrets"], secrets);
    }
    Ok(())
}

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

fn mount_token(pod: &mut Value) {
    let existing = pod.items(&["spec", "volumes"]).iter().find_map(|v| {
        let name = v.text(&["name"]);
        (name.starts_with("kube-api-access-") && v.get("projected").is_some()).then(|| name.to_string())
    });
    let name = existing.clone().unwrap_or_else(|| format!("kube-api-access-{}", names::random_suffix(5)));
    let mut used = false;
    for list in ["initContainers", "containers"] {
        for container in items_mut(pod, &["spec", list]).into_iter().flatten() {
            if container.items(&["volumeMounts"]).iter().any(|m| m.text(&["mountPath"]) == TOKEN_PATH) {
                continue;
            }
            used = true;
            let mut mounts = container.items(&["volumeMounts"]).to_vec();
            mounts.push(json!({"name": name, "readOnly": true, "mountPath": TOKEN_PATH}));
            set(container, &["volumeMounts"], mounts);
        }
    }
    if !used || existing.is_some() {
        return;
    }
    let mut volumes = pod.items(&["spec", "volumes"]).to_vec();
    volumes.push(json!({"name": name, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace",
            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}}));
    set(pod, &["spec", "volumes"], volumes);
}

/// A pod of a runtime class has its overhead, and goes where that runs.
fn runtime_class(api: &Api, resource: &Resource, pod: &mut Value) -> Result<()> {
    let class = pod.text(&["spec", "runtimeClassName"]);
    if class.is_empty() {
        return Ok(());
    }
    let refuse = |pod: &Value, why: String| {
        Err(Status::forbidden(named(resource, pod.text(&["metadata", "name"])), &why))
    };
    let key = Key::new(&"runtimeclasses.node.k8s.io".into(), "", class);
    let Some(found) = api.core.store.get(&key) else {
        return refuse(pod, format!("pod rejected: RuntimeClass {class:?} not found"));
    };
    let wanted = found.value.at(&["overhead", "podFixed"]).filter(|o| o.is_object()).cloned();
    let given = pod.at(&["spec", "overhead"]).filter(|o| o.is_object()).cloned();
    match (wanted, given) {
        (wanted, Some(given)) if wanted.as_ref() != Some(&given) => {
            let why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
            return refuse(pod, why.into());
        }
        (Some(wanted), None) => set(pod, &["spec", "overhead"], wanted),
        _ => {}
    }
    for (label, wanted) in found.value["scheduling"]["nodeSelector"].as_object().into_iter().flatten() {
        match pod.at(&["spec", "nodeSelector", label]).filter(|given| *given != wanted) {
            Some(given) => {
                let (given, wanted) =
                    (given.as_str().unwrap_or_default(), wanted.as_str().unwrap_or_default());
                let why = format!(
                    "conflict: runtimeClass.scheduling.nodeSelector[{label}] = {wanted}; \
                     pod.spec.nodeSelector[{label}] = {given}"
                );
                return refuse(pod, why);
            }
            None => set(pod, &["spec", "nodeSelector", label], wanted.clone()),
        }
    }
    let more = found.value.items(&["scheduling", "tolerations"]);
    if !more.is_empty() {
        let mut list = pod.items(&["spec", "tolerations"]).to_vec();
        list.extend(more.iter().filter(|t| !list.contains(t)).cloned().collect::<Vec<_>>());
        set(pod, &["spec", "tolerations"], list);
    }
    Ok(())
}

fn priority(api: &Api, resource: &Resource, pod: &mut Value) -> Result<()> {
    let name = pod.text(&["spec", "priorityClassName"]).to_string();
    let classes = api.core.store.list("priorityclasses.scheduling.k8s.io", None).0;
    let class = if name.is_empty() {
        let global = classes.iter().filter(|c| c.value["globalDefault"] == true);
        global.min_by_key(|c| c.value["value"].as_i64()).cloned()
    } else {
        let found = classes.iter().find(|c| *c.key.name == *name).cloned();
        if found.is_none() {
            let why = format!("no PriorityClass with name {name} was found");
            return Err(Status::forbidden(named(resource, pod.text(&["metadata", "name"])), &why));
        }
        found
    };
    let (value, policy) = match &class {
        Some(class) => {
            if name.is_empty() {
                set(pod, &["spec", "priorityClassName"], class.key.name.to_string());
            }
            let policy = class.value.text(&["preemptionPolicy"]);
            (
                class.value["value"].as_i64().unwrap_or(0),
                if policy.is_empty() { "PreemptLowerPriority" } else { policy },
            )
        }
        None => (0, "PreemptLowerPriority"),
    };
    let given = pod.int(&["spec", "priority"]);
    let forbidden =
        |why: String| Err(Status::forbidden(named(resource, pod.text(&["metadata", "name"])), &why));
    if let Some(given) = given.filter(|g| *g != value) {
        return forbidden(format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller \
             computed {value} from the given PriorityClass name"
        ));
    }
    let own = pod.text(&["spec", "preemptionPolicy"]);
    if !own.is_empty() && own != policy {
        return forbidden(format!(
            "the string value of PreemptionPolicy ({own}) must not be provided in pod spec; priority admission \
             controller computed {policy} from the given PriorityClass name"
        ));
    }
    set(pod, &["spec", "priority"], value);
    if pod.text(&["spec", "preemptionPolicy"]).is_empty() {
        set(pod, &["spec", "preemptionPolicy"], policy);
    }
    Ok(())
}

fn tolerations(pod: &mut Value) {
    let mut list = pod.items(&["spec", "tolerations"]).to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let known = list.iter().any(|t| {
            let tolerated = t.text(&["key"]);
            (tolerated == key || (tolerated.is_empty() && t.text(&["operator"]) == "Exists"))
                && matches!(t.text(&["effect"]), "" | "NoExecute")
        });
        if !known {
            list.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            );
        }
    }
    set(pod, &["spec", "tolerations"], list);
}

fn default_class(api: &Api, claim: &mut Value) {
    if claim.at(&["spec", "storageClassName"]).is_some_and(|v| !v.is_null()) {
        return;
    }
    let classes = api.core.store.list("storageclasses.storage.k8s.io", None).0;
    let defaults =
        classes.iter().filter(|c| c.value.text(&["metadata", "annotations", DEFAULT_CLASS]) == "true");
    if let Some(class) = defaults.max_by_key(|c| c.value.text(&["metadata", "creationTimestamp"]).to_string())
    {
        set(claim, &["spec", "storageClassName"], class.key.name.to_string());
    }
}
