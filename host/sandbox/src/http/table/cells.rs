//! The cells of built-in kinds.

use serde_json::Value;

use super::{age, containers, duration, labels, or_none, pod, selector};
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
        "jobs.batch" => job(o, name, old),
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
        "services" => service(o, name, old),
        "endpoints" => vec![name, endpoints(o).into(), old],
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
        "persistentvolumeclaims" => claim(o, name, old),
        "persistentvolumes" => volume(o, name, old),
        "ingresses.networking.k8s.io" => ingress(o, name, old),
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
                targets(o).into(),
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
            let (requests, limits) = quota(o);
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
        "nodes" => node(o, name, old),
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
        "events" => event(o, name),
        "endpointslices.discovery.k8s.io" => slice(o, name, old),
        "priorityclasses.scheduling.k8s.io" => {
            let global = o.get("globalDefault") == Some(&Value::Bool(true));
            vec![name, number(&["value"]), global.into(), old, text(&["preemptionPolicy"])]
        }
        "namespaces" => vec![name, text(&["status", "phase"]), old],
        "ingressclasses.networking.k8s.io" => {
            let parameters = match o.at(&["spec", "parameters"]).filter(|p| !p.is_null()) {
                None => "<none>".to_string(),
                Some(p) => match p.text(&["apiGroup"]) {
                    "" => format!("{}/{}", p.text(&["kind"]), p.text(&["name"])),
                    group => format!("{}.{group}/{}", p.text(&["kind"]), p.text(&["name"])),
                },
            };
            vec![name, text(&["spec", "controller"]), parameters.into(), old]
        }
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
        "certificatesigningrequests.certificates.k8s.io" => {
            let conditions: Vec<&str> =
                o.items(&["status", "conditions"]).iter().map(|c| c.text(&["type"])).collect();
            let mut state = if conditions.contains(&"Denied") {
                "Denied".to_string()
            } else if conditions.contains(&"Approved") {
                "Approved".into()
            } else {
                "Pending".into()
            };
            if conditions.contains(&"Failed") {
                state.push_str(",Failed");
            }
            if !o.text(&["status", "certificate"]).is_empty() {
                state.push_str(",Issued");
            }
            let length = o.int(&["spec", "expirationSeconds"]).map_or("<none>".to_string(), duration);
            vec![
                name,
                old,
                text(&["spec", "signerName"]),
                text(&["spec", "username"]),
                length.into(),
                state.into(),
            ]
        }
        "mutatingwebhookconfigurations.admissionregistration.k8s.io"
        | "validatingwebhookconfigurations.admissionregistration.k8s.io" => {
            vec![name, o.items(&["webhooks"]).len().into(), old]
        }
        "runtimeclasses.node.k8s.io" => vec![name, text(&["handler"]), old],
        "csidrivers.storage.k8s.io" => {
            let flag = |key: &str, default: bool| -> Value {
                o.at(&["spec", key]).and_then(Value::as_bool).unwrap_or(default).into()
            };
            let tokens: Vec<&str> =
                o.items(&["spec", "tokenRequests"]).iter().map(|t| t.text(&["audience"])).collect();
            let modes: Vec<&str> =
                o.items(&["spec", "volumeLifecycleModes"]).iter().filter_map(Value::as_str).collect();
            let tokens = if tokens.is_empty() { "<unset>".to_string() } else { tokens.join(",") };
            vec![
                name,
                flag("attachRequired", true),
                flag("podInfoOnMount", false),
                flag("storageCapacity", false),
                tokens.into(),
                flag("requiresRepublish", false),
                or_none(&modes.join(",")).into(),
                old,
            ]
        }
        "csinodes.storage.k8s.io" => vec![name, o.items(&["spec", "drivers"]).len().into(), old],
        _ => vec![name, o["metadata"]["creationTimestamp"].clone()],
    }
}

fn job(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let done = o.int(&["status", "succeeded"]).unwrap_or(0);
    let completions = match (o.int(&["spec", "completions"]), o.int(&["spec", "parallelism"]).unwrap_or(0)) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel @ 2..) => format!("{done}/1 of {parallel}"),
        (None, _) => format!("{done}/1"),
    };
    let has = |kind: &str| {
        o.items(&["status", "conditions"])
            .iter()
            .any(|c| c.text(&["type"]) == kind && c.text(&["status"]) == "True")
    };
    let state = if has("Complete") {
        "Complete"
    } else if has("Failed") {
        "Failed"
    } else if o.at(&["metadata", "deletionTimestamp"]).is_some() {
        "Terminating"
    } else if has("Suspended") {
        "Suspended"
    } else if has("FailureTarget") {
        "FailureTarget"
    } else if has("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let time = |key: &str| o.text(&["status", key]).parse::<jiff::Timestamp>().ok();
    let length = match (time("startTime"), time("completionTime")) {
        (None, _) => String::new(),
        (Some(from), Some(to)) => duration(to.as_second() - from.as_second()),
        (Some(from), None) => duration(jiff::Timestamp::now().as_second() - from.as_second()),
    };
    let (names, images) = containers(o.at(&["spec", "template", "spec"]).unwrap_or(&Value::Null));
    let chosen = selector(o.at(&["spec", "selector"]));
    vec![
        name,
        state.into(),
        completions.into(),
        length.into(),
        old,
        names.into(),
        images.into(),
        chosen.into(),
    ]
}

fn service(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let kind = o.text(&["spec", "type"]);
    let own: Vec<&str> = o.items(&["spec", "externalIPs"]).iter().filter_map(Value::as_str).collect();
    let outside = match kind {
        "LoadBalancer" => {
            let given = o
                .items(&["status", "loadBalancer", "ingress"])
                .iter()
                .map(|i| if i.text(&["ip"]).is_empty() { i.text(&["hostname"]) } else { i.text(&["ip"]) });
            let all: Vec<&str> = given.chain(own.iter().copied()).filter(|t| !t.is_empty()).collect();
            if all.is_empty() { "<pending>".to_string() } else { all.join(",") }
        }
        "ExternalName" => o.text(&["spec", "externalName"]).to_string(),
        _ => or_none(&own.join(",")),
    };
    let ports: Vec<String> = o
        .items(&["spec", "ports"])
        .iter()
        .map(|p| match p.int(&["nodePort"]).unwrap_or(0) {
            0 => format!("{}/{}", p["port"], p.text(&["protocol"])),
            node => format!("{}:{node}/{}", p["port"], p.text(&["protocol"])),
        })
        .collect();
    vec![
        name,
        kind.into(),
        or_none(o.text(&["spec", "clusterIP"])).into(),
        outside.into(),
        or_none(&ports.join(",")).into(),
        old,
        labels(o.at(&["spec", "selector"])).into(),
    ]
}

/// The first three of a list, and how many more there are.
fn first_three(all: &[String]) -> String {
    match all.len() {
        0 => "<none>".into(),
        1..=3 => all.join(","),
        n => format!("{} + {} more...", all[..3].join(","), n - 3),
    }
}

fn endpoints(o: &Value) -> String {
    let mut all = Vec::new();
    for subset in o.items(&["subsets"]) {
        let addresses = subset.items(&["addresses"]);
        if subset.items(&["ports"]).is_empty() {
            all.extend(addresses.iter().map(|a| a.text(&["ip"]).to_string()));
        }
        for port in subset.items(&["ports"]) {
            all.extend(addresses.iter().map(|a| format!("{}:{}", a.text(&["ip"]), port["port"])));
        }
    }
    first_three(&all)
}

fn slice(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let ports: Vec<String> = o
        .items(&["ports"])
        .iter()
        .map(|p| p.int(&["port"]).map_or("*".to_string(), |n| n.to_string()))
        .collect();
    let ports = if ports.is_empty() { "<unset>".to_string() } else { first_three(&ports) };
    let addresses: Vec<String> = o
        .items(&["endpoints"])
        .iter()
        .flat_map(|e| e.items(&["addresses"]).iter().filter_map(|a| a.as_str().map(String::from)))
        .collect();
    let addresses = if addresses.is_empty() { "<unset>".to_string() } else { first_three(&addresses) };
    vec![name, o["addressType"].clone(), ports.into(), addresses.into(), old]
}

fn modes(list: &[Value]) -> String {
    let short = list.iter().filter_map(Value::as_str).map(|mode| match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        other => other,
    });
    let mut out: Vec<&str> = Vec::new();
    for mode in short {
        if !out.contains(&mode) {
            out.push(mode);
        }
    }
    let rank = |m: &&str| ["RWO", "ROX", "RWX", "RWOP"].iter().position(|r| r == m);
    out.sort_by_key(rank);
    out.join(",")
}

fn claim(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let mut phase = o.text(&["status", "phase"]);
    if o.at(&["metadata", "deletionTimestamp"]).is_some() {
        phase = "Terminating";
    }
    let bound = !o.text(&["spec", "volumeName"]).is_empty();
    let (capacity, access) = if bound {
        (o.text(&["status", "capacity", "storage"]).to_string(), modes(o.items(&["status", "accessModes"])))
    } else {
        (String::new(), String::new())
    };
    let attributes = o.text(&["spec", "volumeAttributesClassName"]);
    vec![
        name,
        phase.into(),
        o.text(&["spec", "volumeName"]).into(),
        capacity.into(),
        access.into(),
        class_of(o).into(),
        if attributes.is_empty() { "<unset>" } else { attributes }.into(),
        old,
        or_unset(o.text(&["spec", "volumeMode"])).into(),
    ]
}

fn class_of(o: &Value) -> &str {
    match o.text(&["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]) {
        "" => o.text(&["spec", "storageClassName"]),
        class => class,
    }
}

fn or_unset(text: &str) -> &str {
    if text.is_empty() { "<unset>" } else { text }
}

fn volume(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let claim = match o.at(&["spec", "claimRef"]).filter(|c| !c.is_null()) {
        Some(c) => format!("{}/{}", c.text(&["namespace"]), c.text(&["name"])),
        None => String::new(),
    };
    let mut phase = o.text(&["status", "phase"]);
    if o.at(&["metadata", "deletionTimestamp"]).is_some() {
        phase = "Terminating";
    }
    vec![
        name,
        o.text(&["spec", "capacity", "storage"]).into(),
        modes(o.items(&["spec", "accessModes"])).into(),
        o.text(&["spec", "persistentVolumeReclaimPolicy"]).into(),
        phase.into(),
        claim.into(),
        class_of(o).into(),
        or_unset(o.text(&["spec", "volumeAttributesClassName"])).into(),
        o.text(&["status", "reason"]).into(),
        old,
        or_unset(o.text(&["spec", "volumeMode"])).into(),
    ]
}

fn ingress(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let class = or_none(o.text(&["spec", "ingressClassName"]));
    let hosts: Vec<String> = o
        .items(&["spec", "rules"])
        .iter()
        .map(|r| r.text(&["host"]).to_string())
        .filter(|h| !h.is_empty())
        .collect();
    let hosts = if hosts.is_empty() { "*".to_string() } else { first_three(&hosts) };
    let addresses: Vec<&str> = o
        .items(&["status", "loadBalancer", "ingress"])
        .iter()
        .map(|i| if i.text(&["ip"]).is_empty() { i.text(&["hostname"]) } else { i.text(&["ip"]) })
        .filter(|a| !a.is_empty())
        .collect();
    let ports = if o.items(&["spec", "tls"]).is_empty() { "80" } else { "80, 443" };
    vec![name, class.into(), hosts.into(), addresses.join(",").into(), ports.into(), old]
}

fn targets(o: &Value) -> String {
    let metrics = o.items(&["spec", "metrics"]);
    if metrics.is_empty() {
        return "<none>".into();
    }
    let current = o.items(&["status", "currentMetrics"]);
    let mut out = Vec::new();
    for (i, metric) in metrics.iter().enumerate() {
        let (key, resource) = match metric.text(&["type"]) {
            "Resource" => ("resource", true),
            "ContainerResource" => ("containerResource", true),
            "Pods" => ("pods", false),
            "Object" => ("object", false),
            "External" => ("external", false),
            _ => continue,
        };
        let now = |field: &str| {
            current.get(i).and_then(|c| c.at(&[key, "current", field])).filter(|v| !v.is_null())
        };
        let shown = |v: Option<&Value>, unit: &str| match v {
            Some(Value::String(text)) => format!("{text}{unit}"),
            Some(other) => format!("{other}{unit}"),
            None => "<unknown>".to_string(),
        };
        let target = |field: &str| metric.at(&[key, "target", field]).filter(|v| !v.is_null());
        let text = if let Some(wanted) = target("averageUtilization") {
            format!("{}/{wanted}%", shown(now("averageUtilization"), "%"))
        } else if let Some(wanted) = target("averageValue") {
            let suffix = if resource || key == "pods" { "" } else { " (avg)" };
            format!("{}/{}{suffix}", shown(now("averageValue"), ""), shown(Some(wanted), ""))
        } else {
            format!("{}/{}", shown(now("value"), ""), shown(target("value"), ""))
        };
        let label = metric.text(&[key, "name"]);
        out.push(if resource { format!("{label}: {text}") } else { text });
    }
    let more = out.len().saturating_sub(2);
    if more > 0 { format!("{} + {more} more...", out[..2].join(", ")) } else { out.join(", ") }
}

fn quota(o: &Value) -> (String, String) {
    let hard = o.at(&["status", "hard"]).and_then(Value::as_object);
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (key, amount) in hard.into_iter().flatten() {
        let used = o.text(&["status", "used", key]);
        let used = if used.is_empty() { "0" } else { used };
        let entry = format!("{key}: {used}/{}", amount.as_str().unwrap_or_default());
        if key.starts_with("limits.") { limits.push(entry) } else { requests.push(entry) }
    }
    (requests.join(", "), limits.join(", "))
}

fn node(o: &Value, name: Value, old: Value) -> Vec<Value> {
    let mut states: Vec<String> = o
        .items(&["status", "conditions"])
        .iter()
        .filter(|c| c.text(&["type"]) == "Ready")
        .map(|c| if c.text(&["status"]) == "True" { "Ready" } else { "NotReady" }.to_string())
        .collect();
    if states.is_empty() {
        states.push("Unknown".into());
    }
    if o.at(&["spec", "unschedulable"]) == Some(&Value::Bool(true)) {
        states.push("SchedulingDisabled".into());
    }
    let mut roles: Vec<String> = Vec::new();
    for (key, value) in o.at(&["metadata", "labels"]).and_then(Value::as_object).into_iter().flatten() {
        if let Some(role) = key.strip_prefix("node-role.kubernetes.io/").filter(|r| !r.is_empty()) {
            roles.push(role.into());
        } else if key == "kubernetes.io/role" {
            roles.extend(value.as_str().map(String::from));
        }
    }
    roles.sort();
    let address = |kind: &str| {
        let found = o.items(&["status", "addresses"]).iter().find(|a| a.text(&["type"]) == kind);
        or_none(found.map_or("", |a| a.text(&["address"])))
    };
    let info = |key: &str| o.text(&["status", "nodeInfo", key]);
    let unknown = |text: &str| if text.is_empty() { "<unknown>".to_string() } else { text.to_string() };
    let kernel = match (info("kernelVersion"), info("architecture")) {
        ("", _) => "<unknown>".to_string(),
        (kernel, "") => kernel.to_string(),
        (kernel, machine) => format!("{kernel} ({machine})"),
    };
    vec![
        name,
        states.join(",").into(),
        or_none(&roles.join(",")).into(),
        old,
        info("kubeletVersion").into(),
        address("InternalIP").into(),
        address("ExternalIP").into(),
        unknown(info("osImage")).into(),
        kernel.into(),
        unknown(info("containerRuntimeVersion")).into(),
    ]
}

fn event(o: &Value, name: Value) -> Vec<Value> {
    let pick = |keys: &[&[&str]]| keys.iter().find_map(|k| o.at(k).filter(|v| v.is_string())).cloned();
    let first = pick(&[&["firstTimestamp"], &["deprecatedFirstTimestamp"], &["eventTime"]]);
    let series = o.at(&["series", "lastObservedTime"]).filter(|v| v.is_string()).cloned();
    let last = pick(&[&["lastTimestamp"], &["deprecatedLastTimestamp"]]).or(series).or_else(|| first.clone());
    let object = o.at(&["involvedObject"]).or(o.at(&["regarding"])).cloned().unwrap_or(Value::Null);
    let target = format!("{}/{}", object.text(&["kind"]).to_lowercase(), object.text(&["name"]));
    let source = o.at(&["source"]).or(o.at(&["deprecatedSource"])).cloned().unwrap_or(Value::Null);
    let component = match source.text(&["component"]) {
        "" => {
            let new = o.text(&["reportingComponent"]);
            if new.is_empty() { o.text(&["reportingController"]) } else { new }
        }
        text => text,
    };
    let source = match source.text(&["host"]) {
        "" => component.to_string(),
        host => format!("{component}, {host}"),
    };
    let message = if o.text(&["message"]).is_empty() { o.text(&["note"]) } else { o.text(&["message"]) };
    let count = o.int(&["count"]).or(o.int(&["deprecatedCount"])).filter(|c| *c > 0);
    let count = o.int(&["series", "count"]).or(count).unwrap_or(1);
    vec![
        age(last.as_ref()).into(),
        o["type"].clone(),
        o["reason"].clone(),
        target.into(),
        object.text(&["fieldPath"]).into(),
        source.into(),
        message.trim().into(),
        age(first.as_ref()).into(),
        count.into(),
        name,
    ]
}
