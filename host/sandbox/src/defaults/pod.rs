//! Defaults of pods and pod templates.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{default, default_number, has, with};
use crate::quantity::Quantity;
use crate::schema::typed::format_seconds;
use crate::value::{Get, items_mut, map_at, set};

const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Defaults of a pod template.
pub(super) fn template(template: &mut Value) {
    if has(template, &["spec"]) {
        with(template, &["spec"], spec);
    }
}

/// Defaults that only pods have, not templates.
pub(super) fn own_spec(spec_value: &mut Value) {
    spec(spec_value);
    if !has(spec_value, &["enableServiceLinks"]) {
        set(spec_value, &["enableServiceLinks"], true);
    }
    // Requests follow limits only in pods themselves.
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec_value, &[list]).into_iter().flatten() {
            requests_from_limits(container);
        }
    }
    if has(spec_value, &["resources", "limits"]) {
        // What the containers ask for together, else the limit.
        for key in ["cpu", "memory"] {
            let amounts =
                spec_value.items(&["containers"]).iter().map(|c| c.text(&["resources", "requests", key]));
            let sum = amounts.filter_map(Quantity::parse).fold(Quantity::default(), Quantity::plus);
            if sum.nano() != 0 && !has(spec_value, &["resources", "requests", key]) {
                set(spec_value, &["resources", "requests", key], sum.to_string());
            }
        }
        requests_from_limits(spec_value);
    }
    if spec_value["hostNetwork"] == true {
        for list in ["initContainers", "containers"] {
            for container in items_mut(spec_value, &[list]).into_iter().flatten() {
                for port in items_mut(container, &["ports"]).into_iter().flatten() {
                    if port.int(&["hostPort"]).unwrap_or(0) == 0 {
                        let number = port["containerPort"].clone();
                        set(port, &["hostPort"], number);
                    }
                }
            }
        }
    }
}

fn requests_from_limits(container: &mut Value) {
    let limits = container.at(&["resources", "limits"]).cloned();
    for (key, amount) in limits.as_ref().and_then(Value::as_object).into_iter().flatten() {
        if !has(container, &["resources", "requests", key]) {
            set(container, &["resources", "requests", key], amount.clone());
        }
    }
}

/// Defaults of a pod's specification.
pub(super) fn spec(value: &mut Value) {
    default(value, &["dnsPolicy"], "ClusterFirst");
    default(value, &["restartPolicy"], "Always");
    default(value, &["schedulerName"], "default-scheduler");
    if !has(value, &["terminationGracePeriodSeconds"]) {
        set(value, &["terminationGracePeriodSeconds"], 30);
    }
    if !has(value, &["securityContext"]) {
        set(value, &["securityContext"], json!({}));
    }
    if !value.text(&["serviceAccountName"]).is_empty() {
        let name = value["serviceAccountName"].clone();
        set(value, &["serviceAccount"], name);
    } else if !value.text(&["serviceAccount"]).is_empty() {
        let name = value["serviceAccount"].clone();
        set(value, &["serviceAccountName"], name);
    }
    for list in CONTAINERS {
        for container in items_mut(value, &[list]).into_iter().flatten() {
            self::container(container);
        }
    }
    for volume in items_mut(value, &["volumes"]).into_iter().flatten() {
        self::volume(volume);
    }
}

fn container(container: &mut Value) {
    default(container, &["terminationMessagePath"], "/dev/termination-log");
    default(container, &["terminationMessagePolicy"], "File");
    if container.text(&["imagePullPolicy"]).is_empty() {
        let policy = if is_latest(container.text(&["image"])) { "Always" } else { "IfNotPresent" };
        set(container, &["imagePullPolicy"], policy);
    }
    for port in items_mut(container, &["ports"]).into_iter().flatten() {
        default(port, &["protocol"], "TCP");
    }
    for env in items_mut(container, &["env"]).into_iter().flatten() {
        if has(env, &["valueFrom", "fieldRef"]) {
            default(env, &["valueFrom", "fieldRef", "apiVersion"], "v1");
        }
        if has(env, &["valueFrom", "resourceFieldRef"])
            && !has(env, &["valueFrom", "resourceFieldRef", "divisor"])
        {
            set(env, &["valueFrom", "resourceFieldRef", "divisor"], "0");
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        with(container, &[probe], |probe| {
            default_number(probe, &["timeoutSeconds"], 1);
            default_number(probe, &["periodSeconds"], 10);
            default_number(probe, &["successThreshold"], 1);
            default_number(probe, &["failureThreshold"], 3);
            http_get(probe);
            with(probe, &["grpc"], |grpc| {
                if !has(grpc, &["service"]) {
                    set(grpc, &["service"], "");
                }
            });
        });
    }
    for hook in ["postStart", "preStop"] {
        with(container, &["lifecycle", hook], http_get);
    }
    // The kubelet's image volume and others need nothing here.
    let empty = container.at(&["resources"]).is_none_or(Value::is_null);
    if empty {
        set(container, &["resources"], json!({}));
    }
}

fn http_get(handler: &mut Value) {
    with(handler, &["httpGet"], |get| {
        default(get, &["path"], "/");
        default(get, &["scheme"], "HTTP");
    });
}

/// True if the image's tag is `latest` or absent, and no digest is given.
/// True if an image is named without tag and digest, or by the tag `latest`; a malformed name is not.
fn is_latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    let start = image.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match image[start..].split_once(':') {
        None => (image, "latest"),
        Some((last, tag)) => (&image[..start + last.len()], tag),
    };
    tag == "latest" && is_image_name(name)
}

/// Names of images: lower case words; the first part may be a host.
fn is_image_name(name: &str) -> bool {
    let word = |word: &str| {
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        !word.is_empty()
            && word.starts_with(lower)
            && word.ends_with(lower)
            && word.chars().all(|c| lower(c) || matches!(c, '.' | '_' | '-'))
            && !word.contains("..")
            && !word.contains("___")
    };
    let hash = name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let (host, path) = match name.split_once('/') {
        Some((host, path))
            if host.contains(['.', ':']) || host == "localhost" || host.to_lowercase() != host =>
        {
            (host, path)
        }
        _ => ("", name),
    };
    let host_fits =
        host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'));
    !hash && host_fits && path.split('/').all(word)
}

fn volume(volume: &mut Value) {
    let sources =
        volume.as_object().map_or(0, |m| m.iter().filter(|(k, v)| *k != "name" && !v.is_null()).count());
    if sources == 0 {
        set(volume, &["emptyDir"], json!({}));
    }
    for kind in ["secret", "configMap", "downwardAPI", "projected"] {
        if has(volume, &[kind]) && !has(volume, &[kind, "defaultMode"]) {
            set(volume, &[kind, "defaultMode"], 420);
        }
    }
    if has(volume, &["hostPath"]) && !has(volume, &["hostPath", "type"]) {
        set(volume, &["hostPath", "type"], "");
    }
    downward(volume, "downwardAPI");
    for source in items_mut(volume, &["projected", "sources"]).into_iter().flatten() {
        downward(source, "downwardAPI");
        if has(source, &["serviceAccountToken"])
            && !has(source, &["serviceAccountToken", "expirationSeconds"])
        {
            set(source, &["serviceAccountToken", "expirationSeconds"], 3600);
        }
    }
    with(volume, &["ephemeral", "volumeClaimTemplate", "spec"], |claim| {
        default(claim, &["volumeMode"], "Filesystem");
    });
    with(volume, &["iscsi"], |iscsi| default(iscsi, &["iscsiInterface"], "default"));
    with(volume, &["rbd"], |rbd| {
        default(rbd, &["pool"], "rbd");
        default(rbd, &["user"], "admin");
        default(rbd, &["keyring"], "/etc/ceph/keyring");
    });
    with(volume, &["azureDisk"], |disk| {
        default(disk, &["cachingMode"], "ReadWrite");
        default(disk, &["kind"], "Shared");
        default(disk, &["fsType"], "ext4");
        if !has(disk, &["readOnly"]) {
            set(disk, &["readOnly"], false);
        }
    });
    with(volume, &["scaleIO"], |scale| {
        default(scale, &["storageMode"], "ThinProvisioned");
        default(scale, &["fsType"], "xfs");
    });
}

fn downward(holder: &mut Value, key: &str) {
    for item in items_mut(holder, &[key, "items"]).into_iter().flatten() {
        if has(item, &["fieldRef"]) {
            default(item, &["fieldRef", "apiVersion"], "v1");
        }
        if has(item, &["resourceFieldRef"]) && !has(item, &["resourceFieldRef", "divisor"]) {
            set(item, &["resourceFieldRef", "divisor"], "0");
        }
    }
}

/// The quality of service of a pod.
pub(crate) fn quality_class(pod: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    let containers = ["initContainers", "containers"].iter().flat_map(|list| pod.items(&["spec", list]));
    // What a pod asks for as a whole counts instead of what its containers do.
    let whole =
        pod.at(&["spec", "resources"]).is_some_and(|r| r["requests"].is_object() || r["limits"].is_object());
    let counted: Vec<&Value> = if whole { vec![&pod["spec"]] } else { containers.collect() };
    for part in counted {
        for key in ["cpu", "memory"] {
            let amount = |kind: &str| {
                let text = part.text(&["resources", kind, key]);
                Quantity::parse(text).map_or(0, |q| q.nano())
            };
            let (request, limit) = (amount("requests"), amount("limits"));
            any |= request != 0 || limit != 0;
            guaranteed &= limit != 0 && request == limit;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// A pod with scheduling gates says so in its status.
pub(crate) fn scheduling_gated(pod: &mut Value) {
    if pod.items(&["spec", "schedulingGates"]).is_empty() {
        return;
    }
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
        "lastProbeTime": null, "lastTransitionTime": format_seconds(Timestamp::now()),
    });
    map_at(pod, &["status"]).insert("conditions".into(), json!([condition]));
}
