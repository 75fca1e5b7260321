//! Fields that a real server of this version knows and does not store, because what they are for is switched off.

use serde_json::{Value, json};

use crate::resources::Resource;
use crate::value::{Get, items_mut, object, remove, set};

/// Drops such fields; one that the live object has may stay.
pub(super) fn drop_fields(resource: &Resource, live: Option<&Value>, value: &mut Value) {
    let mut drop = |path: &[&str]| {
        if live.is_none_or(|live| live.at(path).is_none()) {
            remove(value, path);
        }
    };
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "nodes") => drop(&["spec", "configSource"]),
        ("coordination.k8s.io", "leases") => {
            drop(&["spec", "strategy"]);
            drop(&["spec", "preferredHolder"]);
        }
        ("storage.k8s.io", "csidrivers") => drop(&["spec", "preventPodSchedulingIfMissing"]),
        ("apps", "statefulsets") => drop(&["spec", "updateStrategy", "rollingUpdate", "maxUnavailable"]),
        ("", "serviceaccounts") => {
            // A reference to a secret is its name.
            for secret in items_mut(value, &["secrets"]).into_iter().flatten() {
                let name = secret.get("name").cloned();
                *secret = name.map_or_else(|| json!({}), |name| json!({"name": name}));
            }
        }
        ("discovery.k8s.io", "endpointslices") => {
            for endpoint in items_mut(value, &["endpoints"]).into_iter().flatten() {
                object(endpoint).remove("deprecatedTopology");
            }
        }
        _ => {}
    }
    if let Some(path) = pod_spec(resource) {
        let mut here = &mut *value;
        for key in path {
            match here.get_mut(*key) {
                Some(next) => here = next,
                None => return,
            }
        }
        of_pod(here);
    }
}

/// Where a kind keeps the specification of pods.
fn pod_spec(resource: &Resource) -> Option<&'static [&'static str]> {
    Some(match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => &["spec"],
        ("", "podtemplates") => &["template", "spec"],
        ("", "replicationcontrollers")
        | ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets")
        | ("batch", "jobs") => &["spec", "template", "spec"],
        ("batch", "cronjobs") => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    })
}

fn of_pod(spec: &mut Value) {
    if let Value::Object(spec) = spec {
        spec.remove("schedulingGroup");
    }
    for volume in items_mut(spec, &["volumes"]).into_iter().flatten() {
        for source in items_mut(volume, &["projected", "sources"]).into_iter().flatten() {
            for field in ["clusterTrustBundle", "podCertificate"] {
                object(source).remove(field);
            }
        }
    }
}

/// Both forms of a claim's source say the same; the older form knows claims and snapshots only.
pub(super) fn same_sources(claim: &mut Value) {
    let elsewhere = claim.text(&["spec", "dataSourceRef", "namespace"]);
    if !elsewhere.is_empty() {
        remove(claim, &["spec", "dataSourceRef"]);
    }
    let source = &claim["spec"]["dataSource"];
    let known = matches!(
        (source.text(&["apiGroup"]), source.text(&["kind"])),
        ("", "PersistentVolumeClaim") | ("snapshot.storage.k8s.io", "VolumeSnapshot")
    );
    if source.is_object() && !known {
        remove(claim, &["spec", "dataSource"]);
    }
    let (older, newer) = (["spec", "dataSource"], ["spec", "dataSourceRef"]);
    for (from, to) in [(older, newer), (newer, older)] {
        let source = claim.at(&from).filter(|source| source.is_object()).cloned();
        if let (Some(mut source), None) = (source, claim.at(&to)) {
            object(&mut source).entry("apiGroup").or_insert(Value::Null);
            object(&mut source).remove("namespace");
            set(claim, &to, source);
        }
    }
}
