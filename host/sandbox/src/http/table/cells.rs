//! The cells of built-in kinds.

use serde_json::Value;

use super::{age, cluster, containers, labels, network, or_none, pod, scaling, selector, storage, workload};
use crate::value::Get;

/// The cells of an object whose kind has columns of its own.
pub(super) fn of(storage: &str, o: &Value) -> Vec<Value> {
    let name = o["metadata"]["name"].clone();
    let old: Value = age(o.at(&["metadata", "creationTimestamp"])).into();
    let text = |path: &[&str]| -> Value { o.text(path).into() };
    let number = |path: &[&str]| -> Value { o.int(path).unwrap_or(0).into() };
    let template = || containers(o.at(&["spec", "template", "spec"]).unwrap_or(&Value::Null));
    let pods = || selector(o.at(&["spec", "selector"]));
    match storage {
        "pods" => pod::cells(o),
        "deployments.apps" => {
            let ready = format!(
                "{}/{}",
                o.int(&["status", "readyReplicas"]).unwrap_or(0),
                o.int(&["spec", "replicas"]).unwrap_or(0)
            );
            let (names, images) = template();
            vec![
                name,
                ready.into(),
                number(&["status", "updatedReplicas"]),
                number(&["status", "availableReplicas"]),
                old,
                names.into(),
                images.into(),
                pods().into(),
            ]
        }
        "replicasets.apps" | "replicationcontrollers" => {
            let (names, images) = template();
            let chosen =
                if storage == "replicasets.apps" { pods() } else { labels(o.at(&["spec", "selector"])) };
            vec![
                name,
                number(&["spec", "replicas"]),
                number(&["status", "replicas"]),
                number(&["status", "readyReplicas"]),
                old,
                names.into(),
                images.into(),
                chosen.into(),
            ]
        }
        "statefulsets.apps" => {
            let ready = format!(
                "{}/{}",
                o.int(&["status", "readyReplicas"]).unwrap_or(0),
                o.int(&["spec", "replicas"]).unwrap_or(0)
            );
            let (names, images) = template();
            vec![name, ready.into(), old, names.into(), images.into()]
        }
        "daemonsets.apps" => {
            let (names, images) = template();
            vec![
                name,
                number(&["status", "desiredNumberScheduled"]),
                number(&["status", "currentNumberScheduled"]),
                number(&["status", "numberReady"]),
                number(&["status", "updatedNumberScheduled"]),
                number(&["status", "numberAvailable"]),
                labels(o.at(&["spec", "template", "spec", "nodeSelector"])).into(),
                old,
                names.into(),
                images.into(),
                pods().into(),
            ]
        }
        "jobs.batch" => workload::job(o, name, old),
        "cronjobs.batch" => {
            let spec = o.at(&["spec", "jobTemplate", "spec"]).cloned().unwrap_or(Value::Null);
            let (names, images) = containers(spec.at(&["template", "spec"]).unwrap_or(&Value::Null));
            let last = match o.at(&["status", "lastScheduleTime"]).filter(|t| !t.is_null()) {
                Some(time) => age(Some(time)),
                None => "<none>".into(),
            };
            let suspended = o.at(&["spec", "suspend"]) == Some(&Value::Bool(true));
            vec![
                name,
                text(&["spec", "schedule"]),
                or_none(o.text(&["spec", "timeZone"])).into(),
                if suspended { "True" } else { "False" }.into(),
                o.items(&["status", "active"]).len().into(),
                last.into(),
                old,
                names.into(),
                images.into(),
                selector(spec.get("selector")).into(),
            ]
        }
        "services" => network::service(o, name, old),
        "endpoints" => vec![name, network::endpoints(o).into(), old],
        "secrets" => {
            vec![
                name,
                text(&["type"]),
                o.get("data").and_then(Value::as_object).map_or(0, |m| m.len()).into(),
                old,
            ]
        }
        "configmaps" => {
            let count = |key: &str| o.get(key).and_then(Value::as_object).map_or(0, serde_json::Map::len);
            vec![name, (count("data") + count("binaryData")).into(), old]
        }
        "serviceaccounts" => vec![name, old],
        "persistentvolumeclaims" => storage::claim(o, name, old),
        "persistentvolumes" => storage::volume(o, name, old),
        "ingresses.networking.k8s.io" => network::ingress(o, name, old),
        "horizontalpodautoscalers.autoscaling" => {
            let target = format!(
                "{}/{}",
                o.text(&["spec", "scaleTargetRef", "kind"]),
                o.text(&["spec", "scaleTargetRef", "name"])
            );
            let minimum = o.int(&["spec", "minReplicas"]).map_or("<unset>".to_string(), |n| n.to_string());
            vec![
                name,
                target.into(),
                scaling::targets(o).into(),
                minimum.into(),
                number(&["spec", "maxReplicas"]),
                number(&["status", "currentReplicas"]),
                old,
            ]
        }
        "poddisruptionbudgets.policy" => {
            let amount = |key: &str| match o.at(&["spec", key]).filter(|v| !v.is_null()) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => "N/A".into(),
            };
            let allowed = number(&["status", "disruptionsAllowed"]);
            vec![name, amount("minAvailable").into(), amount("maxUnavailable").into(), allowed, old]
        }
        "networkpolicies.networking.k8s.io" => {
            vec![name, selector(o.at(&["spec", "podSelector"])).into(), old]
        }
        "resourcequotas" => {
            let (requests, limits) = cluster::quota(o);
            vec![name, requests.into(), limits.into(), old]
        }
        "rolebindings.rbac.authorization.k8s.io" | "clusterrolebindings.rbac.authorization.k8s.io" => {
            let role = format!("{}/{}", o.text(&["roleRef", "kind"]), o.text(&["roleRef", "name"]));
            let of = |kind: &str| -> Value {
                let subjects = o.items(&["subjects"]).iter().filter(|s| s.text(&["kind"]) == kind);
                let names: Vec<String> = subjects
                    .map(|s| match kind {
                        "ServiceAccount" => format!("{}/{}", s.text(&["namespace"]), s.text(&["name"])),
                        _ => s.text(&["name"]).to_string(),
                    })
                    .collect();
                names.join(", ").into()
            };
            vec![name, role.into(), old, of("User"), of("Group"), of("ServiceAccount")]
        }
        "nodes" => cluster::node(o, name, old),
        "storageclasses.storage.k8s.io" => {
            let default =
                o.text(&["metadata", "annotations", "storageclass.kubernetes.io/is-default-class"]) == "true";
            let shown =
                if default { format!("{} (default)", o.text(&["metadata", "name"])).into() } else { name };
            let grows = o.get("allowVolumeExpansion") == Some(&Value::Bool(true));
            let policy = text(&["reclaimPolicy"]);
            vec![shown, text(&["provisioner"]), policy, text(&["volumeBindingMode"]), grows.into(), old]
        }
        "leases.coordination.k8s.io" => vec![name, text(&["spec", "holderIdentity"]), old],
        "events" => cluster::event(o, name),
        "endpointslices.discovery.k8s.io" => network::slice(o, name, old),
        "priorityclasses.scheduling.k8s.io" => {
            let global = o.get("globalDefault") == Some(&Value::Bool(true));
            vec![name, number(&["value"]), global.into(), old, text(&["preemptionPolicy"])]
        }
        "namespaces" => vec![name, text(&["status", "phase"]), old],
        "ingressclasses.networking.k8s.io" => network::ingress_class(o, name, old),
        "ipaddresses.networking.k8s.io" => network::address(o, name, old),
        "servicecidrs.networking.k8s.io" => network::ranges(o, name, old),
        "controllerrevisions.apps" => {
            let owner = o.items(&["metadata", "ownerReferences"]).iter().find(|r| r["controller"] == true);
            let owner = owner.map_or("<none>".to_string(), |r| {
                let (group, _) = crate::resources::split_api_version(r.text(&["apiVersion"]));
                let kind = r.text(&["kind"]).to_lowercase();
                let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
                format!("{kind}/{}", r.text(&["name"]))
            });
            vec![name, owner.into(), number(&["revision"]), old]
        }
        "podtemplates" => {
            let (names, images) = containers(o.at(&["template", "spec"]).unwrap_or(&Value::Null));
            vec![name, names.into(), images.into(), labels(o.at(&["template", "metadata", "labels"])).into()]
        }
        "certificatesigningrequests.certificates.k8s.io" => cluster::signing_request(o, name, old),
        "apiservices.apiregistration.k8s.io" => cluster::api_service(o, name, old),
        "flowschemas.flowcontrol.apiserver.k8s.io" => cluster::flow_schema(o, name, old),
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io" => cluster::priority_level(o, name, old),
        "validatingadmissionpolicies.admissionregistration.k8s.io" => {
            policy(o, o.items(&["spec", "validations"]).len(), name, old)
        }
        "mutatingadmissionpolicies.admissionregistration.k8s.io" => {
            policy(o, o.items(&["spec", "mutations"]).len(), name, old)
        }
        "validatingadmissionpolicybindings.admissionregistration.k8s.io"
        | "mutatingadmissionpolicybindings.admissionregistration.k8s.io" => {
            let parameters = match o.at(&["spec", "paramRef"]).filter(|p| !p.is_null()) {
                None => "<unset>".to_string(),
                Some(p) => match (p.text(&["name"]), p.text(&["namespace"])) {
                    ("", _) => selector(p.get("selector")),
                    (name, "") => format!("*/{name}"),
                    (name, namespace) => format!("{namespace}/{name}"),
                },
            };
            vec![name, text(&["spec", "policyName"]), parameters.into(), old]
        }
        "deviceclasses.resource.k8s.io" | "resourceclaimtemplates.resource.k8s.io" => vec![name, old],
        "resourceclaims.resource.k8s.io" => {
            let goes = o.at(&["metadata", "deletionTimestamp"]).is_some();
            let allocated = o.at(&["status", "allocation"]).is_some_and(|a| !a.is_null());
            let reserved = allocated && !o.items(&["status", "reservedFor"]).is_empty();
            let states = [
                ("deleted", goes),
                ("pending", !goes && !allocated),
                ("allocated", allocated),
                ("reserved", reserved),
            ];
            let states: Vec<&str> = states.into_iter().filter(|s| s.1).map(|s| s.0).collect();
            vec![name, states.join(",").into(), old]
        }
        "resourceslices.resource.k8s.io" => {
            let pool = text(&["spec", "pool", "name"]);
            vec![name, text(&["spec", "nodeName"]), text(&["spec", "driver"]), pool, old]
        }
        "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        | "validatingwebhookconfigurations.admissionregistration.k8s.io" => {
            vec![name, o.items(&["webhooks"]).len().into(), old]
        }
        "runtimeclasses.node.k8s.io" => vec![name, text(&["handler"]), old],
        "csidrivers.storage.k8s.io" => storage::driver(o, name, old),
        "volumeattachments.storage.k8s.io" => {
            let attached = o.at(&["status", "attached"]) == Some(&Value::Bool(true));
            let volume = text(&["spec", "source", "persistentVolumeName"]);
            vec![name, text(&["spec", "attacher"]), volume, text(&["spec", "nodeName"]), attached.into(), old]
        }
        "volumeattributesclasses.storage.k8s.io" => vec![name, text(&["driverName"]), old],
        "csinodes.storage.k8s.io" => vec![name, o.items(&["spec", "drivers"]).len().into(), old],
        _ => vec![name, o["metadata"]["creationTimestamp"].clone()],
    }
}

/// A policy whose rules are `count`.
fn policy(o: &Value, count: usize, name: Value, old: Value) -> Vec<Value> {
    let parameters = match o.at(&["spec", "paramKind"]).filter(|p| !p.is_null()) {
        None => "<unset>".to_string(),
        Some(p) => format!("{}/{}", p.text(&["apiVersion"]), p.text(&["kind"])),
    };
    vec![name, count.into(), parameters.into(), old]
}
