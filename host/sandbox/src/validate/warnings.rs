//! What a write warns of, in the words of a real server.

mod address;
mod custom;
mod pod;

use serde_json::{Value, json};

use super::common::{has, quantity};
use crate::names;
use crate::resources::Resource;
use crate::value::Get;

use address::{of_cidr, of_ip};

pub(super) use address::{sloppy_cidr, sloppy_ip};

/// Warnings of a write; `live` is the object before an update.
pub(crate) fn of(resource: &Resource, live: Option<&Value>, value: &Value, warnings: &mut Vec<String>) {
    if resource.is_custom() {
        custom::finalizers(live, value, warnings);
        return;
    }
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("apiextensions.k8s.io", _) => custom::formats(live, value, warnings),
        ("", "configmaps") => warnings.extend(crate::faults::complaints(value)),
        ("", "pods") if live.is_none() => {
            host_name(value, "the Pod's hostname", warnings);
            pod::of_pod(&value["spec"], &value["metadata"], "", warnings);
        }
        ("", "podtemplates") => template(&value["template"], "template", warnings),
        ("", "replicationcontrollers") | ("apps", "deployments" | "replicasets") => {
            if live.is_none() {
                host_name(value, "Pod names and hostnames", warnings);
            }
            if changed(live, value) {
                template(&value["spec"]["template"], "spec.template", warnings);
            }
        }
        ("apps", "daemonsets")
            if live.is_none_or(|live| live["spec"]["template"] != value["spec"]["template"]) =>
        {
            template(&value["spec"]["template"], "spec.template", warnings);
        }
        ("apps", "statefulsets") => stateful_set(live, value, warnings),
        ("batch", "jobs") => {
            if live.is_none() {
                host_name(value, "Pod names and hostnames", warnings);
            }
            if changed(live, value) {
                job(&value["spec"], "spec", warnings);
            }
        }
        ("batch", "cronjobs") => {
            if live.is_none() {
                host_name(value, "Pod names and hostnames", warnings);
            }
            if changed(live, value) {
                job(&value["spec"]["jobTemplate"]["spec"], "spec.jobTemplate.spec", warnings);
            }
            if live.is_some() && value.text(&["spec", "schedule"]).contains("TZ") {
                warnings.push(
                    "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see \
                     https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                        .into(),
                );
            }
        }
        ("", "services") => service(value, warnings),
        ("", "endpoints") => endpoints(value, warnings),
        ("discovery.k8s.io", "endpointslices") => endpoint_slice(live, value, warnings),
        ("", "nodes") => node(value, warnings),
        ("", "persistentvolumeclaims") => {
            let class = "volume.beta.kubernetes.io/storage-class";
            if has(value, &["metadata", "annotations", class]) {
                warnings.push(format!(
                    "metadata.annotations[{class}]: deprecated since v1.8; use \"storageClassName\" attribute instead"
                ));
            }
            claim(&value["spec"], "spec", warnings);
        }
        ("", "persistentvolumes") => volume(value, warnings),
        ("", "resourcequotas") => quota(value, warnings),
        ("", "secrets") if value.text(&["type"]) == "kubernetes.io/tls" => key_pair(value, warnings),
        ("", "serviceaccounts") => {
            let key = "kubernetes.io/enforce-mountable-secrets";
            let set = |value: &Value| has(value, &["metadata", "annotations", key]);
            if set(value) && !live.is_some_and(set) {
                warnings.push(format!(
                    "metadata.annotations[{key}]: deprecated in v1.32+; prefer separate namespaces to isolate access \
                     to mounted secrets"
                ));
            }
        }
        ("networking.k8s.io", "ingresses") => {
            const CLASS: &str = "kubernetes.io/ingress.class";
            let named = has(value, &["spec", "ingressClassName"]);
            if live.is_none() && !named && has(value, &["metadata", "annotations", CLASS]) {
                warnings.push(format!(
                    "annotation {CLASS:?} is deprecated, please use 'spec.ingressClassName' instead"
                ));
            }
        }
        ("networking.k8s.io", "networkpolicies") => policy(value, warnings),
        ("node.k8s.io", "runtimeclasses") => {
            for key in value["scheduling"]["nodeSelector"].as_object().into_iter().flat_map(|m| m.keys()) {
                if let Some(text) = old_label(key) {
                    warnings.push(format!("scheduling.nodeSelector: {text}"));
                }
            }
        }
        ("storage.k8s.io", "storageclasses") => {
            for (i, topology) in value.items(&["allowedTopologies"]).iter().enumerate() {
                for (j, expression) in topology.items(&["matchLabelExpressions"]).iter().enumerate() {
                    if let Some(text) = old_label(expression.text(&["key"])) {
                        warnings
                            .push(format!("allowedTopologies[{i}].matchLabelExpressions[{j}].key: {text}"));
                    }
                }
            }
        }
        ("storage.k8s.io", "csidrivers") => {
            let requests = |value: &Value| value["spec"].items(&["tokenRequests"]).to_vec();
            let new = requests(value);
            if !new.is_empty()
                && !has(value, &["spec", "serviceAccountTokenInSecrets"])
                && live.is_none_or(|live| requests(live) != new)
            {
                warnings.push(
                    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to \
                     prevent possible logging of tokens in volume attributes"
                        .into(),
                );
            }
        }
        ("resource.k8s.io", "resourceslices") if live.is_none() => {
            let driver = value.text(&["spec", "driver"]);
            if driver != driver.to_lowercase() {
                warnings.push(format!(
                    "spec.driver: driver names should be lowercase; {driver:?} contains uppercase characters"
                ));
            }
        }
        _ => {}
    }
}

/// True for a new object or one whose wish changed.
fn changed(live: Option<&Value>, value: &Value) -> bool {
    live.is_none_or(|live| live["metadata"]["generation"] != value["metadata"]["generation"])
}

/// Labels of nodes that have newer names.
fn old_label(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os" => "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"
        }
        "beta.kubernetes.io/instance-type" => {
            "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"
        }
        "app.kubernetes.io/created-by" => "deprecated since v1.9",
        "scheduler.alpha.kubernetes.io/preferAvoidPods" => {
            "deprecated since v1.22; use Taints and Tolerations instead"
        }
        "node-role.kubernetes.io/master" => "use \"node-role.kubernetes.io/control-plane\" instead",
        _ => return None,
    })
}

/// One term of a node selector.
fn node_term(term: &Value, with_values: bool, at: &str, warnings: &mut Vec<String>) {
    for (i, expression) in term.items(&["matchExpressions"]).iter().enumerate() {
        let at = format!("{at}.matchExpressions[{i}]");
        let key = expression.text(&["key"]);
        if let Some(text) = old_label(key) {
            warnings.push(format!("{at}.key: {key} is {text}"));
        }
        for (j, value) in expression.items(&["values"]).iter().filter_map(Value::as_str).enumerate() {
            if with_values {
                let found = names::label_value(value);
                warnings
                    .extend(found.iter().map(|text| format!("{at}.values[{j}]: {value} is invalid, {text}")));
            }
        }
    }
}

fn host_name(value: &Value, what: &str, warnings: &mut Vec<String>) {
    let found = names::dns1123_label(value.text(&["metadata", "name"]));
    if !found.is_empty() {
        warnings.push(format!(
            "metadata.name: this is used in {what}, which can result in surprising behavior; a DNS label is \
             recommended: [{}]",
            found.join(" ")
        ));
    }
}

fn template(template: &Value, at: &str, warnings: &mut Vec<String>) {
    pod::of_pod(&template["spec"], &template["metadata"], at, warnings);
}

fn stateful_set(live: Option<&Value>, value: &Value, warnings: &mut Vec<String>) {
    if changed(live, value) {
        template(&value["spec"]["template"], "spec.template", warnings);
    }
    let inner = if live.is_some() { ".Spec" } else { "" };
    for (i, template) in value["spec"].items(&["volumeClaimTemplates"]).iter().enumerate() {
        claim(&template["spec"], &format!("spec.volumeClaimTemplates[{i}]{inner}"), warnings);
    }
    if value.int(&["spec", "revisionHistoryLimit"]).is_some_and(|limit| limit < 0) {
        warnings.push(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
                .into(),
        );
    }
}

fn job(spec: &Value, at: &str, warnings: &mut Vec<String>) {
    let number = |field: &str| spec.int(&[field]).unwrap_or(0);
    if spec.text(&["completionMode"]) == "Indexed"
        && number("completions") > 100_000
        && number("parallelism") > 10_000
    {
        warnings.push(format!(
            "{at}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, \
             Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        ));
    }
    template(&spec["template"], &format!("{at}.template"), warnings);
}

fn service(value: &Value, warnings: &mut Vec<String>) {
    let spec = &value["spec"];
    let kind = spec.text(&["type"]);
    let outside = spec.items(&["externalIPs"]);
    if has(value, &["metadata", "annotations", "service.kubernetes.io/topology-aware-hints"]) {
        warnings.push(
            "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use \
             service.kubernetes.io/topology-mode instead"
                .into(),
        );
    }
    let headless = kind == "ClusterIP" && spec.text(&["clusterIP"]) == "None";
    if !headless {
        for (i, address) in spec.items(&["clusterIPs"]).iter().filter_map(Value::as_str).enumerate() {
            of_ip(address, &format!("spec.clusterIPs[{i}]"), warnings);
        }
    } else {
        if !spec.text(&["loadBalancerIP"]).is_empty() {
            warnings.push("spec.loadBalancerIP is ignored for headless services".into());
        }
        if !outside.is_empty() {
            warnings.push("spec.externalIPs is ignored for headless services".into());
        }
        if spec.text(&["sessionAffinity"]) != "None" {
            warnings.push("spec.SessionAffinity is ignored for headless services".into());
        }
    }
    for (i, address) in outside.iter().filter_map(Value::as_str).enumerate() {
        of_ip(address, &format!("spec.externalIPs[{i}]"), warnings);
    }
    if !outside.is_empty() && !headless && kind != "ExternalName" {
        warnings
            .push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".into());
    }
    of_ip(spec.text(&["loadBalancerIP"]), "spec.loadBalancerIP", warnings);
    for (i, range) in spec.items(&["loadBalancerSourceRanges"]).iter().filter_map(Value::as_str).enumerate() {
        of_cidr(range, &format!("spec.loadBalancerSourceRanges[{i}]"), warnings);
    }
    if kind == "ExternalName" && !outside.is_empty() {
        warnings.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".into());
    }
    if kind != "ExternalName" && !spec.text(&["externalName"]).is_empty() {
        warnings.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if spec.text(&["trafficDistribution"]) == "PreferClose" {
        warnings
            .push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".into());
    }
}

fn endpoints(value: &Value, warnings: &mut Vec<String>) {
    for (i, subset) in value.items(&["subsets"]).iter().enumerate() {
        for list in ["addresses", "notReadyAddresses"] {
            for (j, address) in subset.items(&[list]).iter().enumerate() {
                of_ip(address.text(&["ip"]), &format!("subsets[{i}].{list}[{j}].ip"), warnings);
            }
        }
    }
}

fn endpoint_slice(live: Option<&Value>, value: &Value, warnings: &mut Vec<String>) {
    if live.is_none() && value.text(&["addressType"]) == "FQDN" {
        warnings.push("spec.addressType: FQDN endpoints are deprecated".into());
    }
    for (i, endpoint) in value.items(&["endpoints"]).iter().enumerate() {
        for (j, address) in endpoint.items(&["addresses"]).iter().filter_map(Value::as_str).enumerate() {
            of_ip(address, &format!("endpoints[{i}].addresses[{j}]"), warnings);
        }
    }
}

fn node(value: &Value, warnings: &mut Vec<String>) {
    if has(value, &["spec", "configSource"]) {
        warnings.push("spec.configSource: the feature is removed".into());
    }
    if !value.text(&["spec", "externalID"]).is_empty() {
        warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes".into());
    }
    for (i, range) in value["spec"].items(&["podCIDRs"]).iter().filter_map(Value::as_str).enumerate() {
        of_cidr(range, &format!("spec.podCIDRs[{i}]"), warnings);
    }
}

/// A certificate and its key that are no PEM.
fn key_pair(value: &Value, warnings: &mut Vec<String>) {
    use base64::Engine;
    let decoded = |key: &str| {
        let text = value.text(&["data", key]);
        base64::engine::general_purpose::STANDARD.decode(text).unwrap_or_default()
    };
    let is_pem = |data: &[u8]| String::from_utf8_lossy(data).contains("-----BEGIN ");
    if !is_pem(&decoded("tls.crt")) {
        warnings.push("tls: failed to find any PEM data in certificate input".into());
    } else if !is_pem(&decoded("tls.key")) {
        warnings.push("tls: failed to find any PEM data in key input".into());
    }
}

/// Bytes that are no whole number.
fn fraction(amount: &Value, at: &str, warnings: &mut Vec<String>) {
    if let Some(amount) = quantity(amount)
        && amount.milli() % 1000 != 0
    {
        let shown = amount.to_string();
        warnings.push(format!("{at}: fractional byte value {shown:?} is invalid, must be an integer"));
    }
}

fn claim(spec: &Value, at: &str, warnings: &mut Vec<String>) {
    for list in ["requests", "limits"] {
        fraction(&spec["resources"][list]["storage"], &format!("{at}.resources.{list}[storage]"), warnings);
    }
}

fn volume(value: &Value, warnings: &mut Vec<String>) {
    for (key, text) in [
        ("volume.beta.kubernetes.io/storage-class", "deprecated since v1.8; use \"storageClassName\""),
        ("volume.beta.kubernetes.io/mount-options", "deprecated since v1.31; use \"mountOptions\""),
    ] {
        if has(value, &["metadata", "annotations", key]) {
            warnings.push(format!("metadata.annotations[{key}]: {text} attribute instead"));
        }
    }
    let spec = &value["spec"];
    if spec.text(&["persistentVolumeReclaimPolicy"]) == "Recycle" {
        warnings.push(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended \
             approach is to use dynamic provisioning."
                .into(),
        );
    }
    for (i, term) in spec.items(&["nodeAffinity", "required", "nodeSelectorTerms"]).iter().enumerate() {
        node_term(term, false, &format!("spec.nodeAffinity.required.nodeSelectorTerms[{i}]"), warnings);
    }
    const OLD: [(&str, &str, &str); 6] = [
        ("cephfs", "v1.28", "v1.31+"),
        ("photonPersistentDisk", "v1.11", "v1.16+"),
        ("scaleIO", "v1.16", "v1.22+"),
        ("storageos", "v1.22", "v1.25+"),
        ("glusterfs", "v1.25", "v1.26+"),
        ("rbd", "v1.28", "v1.31+"),
    ];
    for (kind, since, gone) in OLD {
        if has(spec, &[kind]) {
            let shown = if kind == "storageos" { "storageOS" } else { kind };
            warnings.push(format!("spec.{shown}: deprecated in {since}, non-functional in {gone}"));
        }
    }
}

fn quota(value: &Value, warnings: &mut Vec<String>) {
    let hard = &value["spec"]["hard"];
    for name in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let mut asked = format!("requests.{name}");
        if !has(hard, &[&asked]) && matches!(name, "cpu" | "memory") {
            asked = name.into();
        }
        let limit = format!("limits.{name}");
        if let (Some(request), Some(most)) = (quantity(&hard[&*asked]), quantity(&hard[&*limit]))
            && request.nano() > most.nano()
        {
            warnings.push(format!("ResourceQuota {asked} ({request}) should be less than {limit} ({most})"));
        }
    }
}

fn policy(value: &Value, warnings: &mut Vec<String>) {
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in value["spec"].items(&[rules]).iter().enumerate() {
            for (j, peer) in rule.items(&[peers]).iter().enumerate() {
                let block = peer.get("ipBlock").cloned().unwrap_or_else(|| json!({}));
                let at = format!("spec.{rules}[{i}].{peers}[{j}].ipBlock");
                of_cidr(block.text(&["cidr"]), &format!("{at}.cidr"), warnings);
                for (k, except) in block.items(&["except"]).iter().filter_map(Value::as_str).enumerate() {
                    of_cidr(except, &format!("{at}.except[{k}]"), warnings);
                }
            }
        }
    }
}
