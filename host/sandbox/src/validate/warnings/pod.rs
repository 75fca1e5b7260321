//! Warnings about pods and their templates.

use std::collections::HashSet;

use serde_json::Value;

use super::{claim, fraction, node_term, of_ip, old_label};
use crate::validate::common::has;
use crate::value::Get;

/// Volumes that once worked, by the field under which they are complained about.
const OLD_VOLUMES: [(&str, &str, &str); 9] = [
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

const OLD_ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

/// Warnings of a pod (`at` is empty) or of the template at a path.
pub(super) fn of_pod(spec: &Value, meta: &Value, at: &str, warnings: &mut Vec<String>) {
    let dot = if at.is_empty() { String::new() } else { format!("{at}.") };
    let spec_at = format!("{dot}spec");
    let meta_at = format!("{dot}metadata.annotations");
    scheduling(spec, &spec_at, warnings);
    for (key, text) in OLD_ANNOTATIONS {
        if has(meta, &["annotations", key]) {
            warnings.push(format!("{meta_at}[{key}]: {text}"));
        }
    }
    volumes(spec, &spec_at, warnings);
    repeated(spec, &spec_at, warnings);
    for key in ["memory", "ephemeral-storage"] {
        fraction(&spec["overhead"][key], &format!("{spec_at}.overhead[{key}]"), warnings);
    }
    let seccomp = "seccomp.security.alpha.kubernetes.io/pod";
    let replaced = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
    if !has(spec, &["securityContext", "seccompProfile"]) && has(meta, &["annotations", seccomp]) {
        warnings.push(format!("{meta_at}[{seccomp}]: {replaced}"));
    }
    for (field, container) in containers(spec, &spec_at) {
        let name = container.text(&["name"]);
        let key = format!("container.seccomp.security.alpha.kubernetes.io/{name}");
        if !has(container, &["securityContext", "seccompProfile"]) && has(meta, &["annotations", &key]) {
            warnings.push(format!("{meta_at}[{key}]: {replaced}"));
        }
        app_armor(spec, meta, container, (&meta_at, !at.is_empty()), warnings);
        for key in ["memory", "ephemeral-storage"] {
            for list in ["limits", "requests"] {
                let amount = &container["resources"][list][key];
                fraction(amount, &format!("{field}.resources.{list}[{key}]"), warnings);
            }
        }
        environment(container, &field, warnings);
    }
    ports(spec, &spec_at, warnings);
    port_names(spec, &spec_at, warnings);
    if spec.int(&["terminationGracePeriodSeconds"]).is_some_and(|seconds| seconds < 0) {
        warnings.push(format!(
            "{spec_at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated \
             as 1"
        ));
    }
    affinity(spec, &spec_at, warnings);
    for (i, server) in spec.items(&["dnsConfig", "nameservers"]).iter().filter_map(Value::as_str).enumerate()
    {
        of_ip(server, &format!("{spec_at}.dnsConfig.nameservers[{i}]"), warnings);
    }
    for (i, alias) in spec.items(&["hostAliases"]).iter().enumerate() {
        of_ip(alias.text(&["ip"]), &format!("{spec_at}.hostAliases[{i}].ip"), warnings);
    }
}

/// All containers in the order of a real server, with their paths.
fn containers<'a>(spec: &'a Value, at: &str) -> Vec<(String, &'a Value)> {
    let of = |list: &str| -> Vec<(String, &'a Value)> {
        spec.items(&[list]).iter().enumerate().map(|(i, c)| (format!("{at}.{list}[{i}]"), c)).collect()
    };
    [of("initContainers"), of("containers"), of("ephemeralContainers")].concat()
}

fn scheduling(spec: &Value, at: &str, warnings: &mut Vec<String>) {
    for key in spec["nodeSelector"].as_object().into_iter().flat_map(|labels| labels.keys()) {
        if let Some(text) = old_label(key) {
            warnings.push(format!("{at}.nodeSelector[{key}]: {text}"));
        }
    }
    let node = &spec["affinity"]["nodeAffinity"];
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    for (i, term) in node.items(&[required, "nodeSelectorTerms"]).iter().enumerate() {
        node_term(
            term,
            false,
            &format!("{at}.affinity.nodeAffinity.{required}.nodeSelectorTerms[{i}]"),
            warnings,
        );
    }
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    for (i, term) in node.items(&[preferred]).iter().enumerate() {
        let at = format!("{at}.affinity.nodeAffinity.{preferred}[{i}].preference");
        node_term(&term["preference"], true, &at, warnings);
    }
    for (i, constraint) in spec.items(&["topologySpreadConstraints"]).iter().enumerate() {
        let key = constraint.text(&["topologyKey"]);
        if let Some(text) = old_label(key) {
            warnings.push(format!("{at}.topologySpreadConstraints[{i}].topologyKey: {key} is {text}"));
        }
        if !has(constraint, &["labelSelector"]) {
            warnings.push(format!(
                "{at}.topologySpreadConstraints[{i}].labelSelector: a null labelSelector results in matching no pod"
            ));
        }
    }
}

fn affinity(spec: &Value, at: &str, warnings: &mut Vec<String>) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pods = &spec["affinity"][kind];
        for (list, inner) in [
            ("requiredDuringSchedulingIgnoredDuringExecution", ""),
            ("preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"),
        ] {
            for (i, term) in pods.items(&[list]).iter().enumerate() {
                let (term, dot) =
                    if inner.is_empty() { (term, "") } else { (&term[inner], ".podAffinityTerm") };
                if !has(term, &["labelSelector"]) {
                    warnings.push(format!(
                        "{at}.affinity.{kind}.{list}[{i}]{dot}.labelSelector: a null labelSelector results in matching \
                         no pod"
                    ));
                }
            }
        }
    }
}

fn app_armor(
    spec: &Value,
    meta: &Value,
    container: &Value,
    (at, template): (&str, bool),
    warnings: &mut Vec<String>,
) {
    let key = format!("container.apparmor.security.beta.kubernetes.io/{}", container.text(&["name"]));
    if !template || has(container, &["securityContext", "appArmorProfile"]) {
        return;
    }
    let Some(annotation) = meta.at(&["annotations", &key]).and_then(Value::as_str) else { return };
    let kind = match annotation {
        "runtime/default" => "RuntimeDefault",
        "unconfined" => "Unconfined",
        _ => "Localhost",
    };
    let profile = &spec["securityContext"]["appArmorProfile"];
    let local = annotation.strip_prefix("localhost/").unwrap_or_default();
    let same = profile.text(&["type"]) == kind && profile.text(&["localhostProfile"]) == local;
    if !same {
        warnings
            .push(format!("{at}[{key}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"));
    }
}

fn volumes(spec: &Value, at: &str, warnings: &mut Vec<String>) {
    let volumes = spec.items(&["volumes"]);
    for (i, volume) in volumes.iter().enumerate() {
        let at = format!("{at}.volumes[{i}]");
        for (kind, shown, text) in OLD_VOLUMES {
            if has(volume, &[kind]) {
                warnings.push(format!("{at}.{shown}: {text}"));
            }
        }
        let template = &volume["ephemeral"]["volumeClaimTemplate"];
        claim(&template["spec"], &format!("{at}.ephemeral.volumeClaimTemplate.spec"), warnings);
    }
    for volume in volumes {
        let name = volume.text(&["name"]);
        let alone = [
            ("configMap", format!("ConfigMap {:?}", volume.text(&["configMap", "name"]))),
            ("secret", format!("Secret {:?}", volume.text(&["secret", "secretName"]))),
            ("downwardAPI", "DownwardAPI".to_owned()),
        ];
        for (kind, what) in alone {
            let paths = paths(&volume[kind], "");
            overlaps(name, &what, paths.into_iter().map(|path| vec![path]).collect(), warnings);
        }
        let mut all = Vec::new();
        for source in volume.items(&["projected", "sources"]) {
            if source.as_object().is_none_or(serde_json::Map::is_empty) {
                warnings.push(format!("volume {name:?} (Projected) has no sources provided"));
                continue;
            }
            all.push(projected(source));
        }
        overlaps(name, "Projected", all, warnings);
    }
}

/// A path in a volume and where its file comes from.
type Placed = (String, String);

fn paths(source: &Value, from: &str) -> Vec<Placed> {
    source.items(&["items"]).iter().map(|item| (item.text(&["path"]).to_owned(), from.to_owned())).collect()
}

fn projected(source: &Value) -> Vec<Placed> {
    for (kind, shown) in [("configMap", "ConfigMap"), ("secret", "Secret")] {
        if has(source, &[kind, "items"]) {
            return paths(&source[kind], &format!("{shown} {:?}", source.text(&[kind, "name"])));
        }
    }
    if has(source, &["downwardAPI", "items"]) {
        return paths(&source["downwardAPI"], "DownwardAPI");
    }
    if has(source, &["serviceAccountToken"]) {
        let path = source.text(&["serviceAccountToken", "path"]).to_owned();
        return vec![(path, "ServiceAccountToken".to_owned())];
    }
    let bundle = &source["clusterTrustBundle"];
    if bundle.is_object() {
        let name = if has(bundle, &["name"]) { bundle.text(&["name"]) } else { bundle.text(&["signerName"]) };
        return vec![(bundle.text(&["path"]).to_owned(), format!("ClusterTrustBundle {name:?}"))];
    }
    Vec::new()
}

fn overlaps(volume: &str, what: &str, sources: Vec<Vec<Placed>>, warnings: &mut Vec<String>) {
    let mut seen: Vec<Placed> = Vec::new();
    let shown = |(path, from): &Placed| {
        if from.is_empty() { format!("{path:?}") } else { format!("{path:?} ({from})") }
    };
    for (path, from) in sources.into_iter().flatten() {
        let here = (path.trim_end_matches('/').to_owned(), from);
        let inside = |a: &str, b: &str| format!("{a}/").starts_with(&format!("{b}/"));
        for other in seen.iter().filter(|other| !other.0.is_empty() && !here.0.is_empty()) {
            if inside(&other.0, &here.0) || inside(&here.0, &other.0) {
                let (new, old) = (shown(&here), shown(other));
                warnings.push(format!("volume {volume:?} ({what}): overlapping paths: {new} with {old}"));
            }
        }
        seen.push(here);
    }
}

fn repeated(spec: &Value, at: &str, warnings: &mut Vec<String>) {
    let mut twice = |list: &str, key: &str| {
        let items = spec.items(&[list]);
        for (i, item) in items.iter().enumerate() {
            let text = item.text(&[key]);
            if items[..i].iter().any(|other| other.text(&[key]) == text) {
                warnings.push(format!("{at}.{list}[{i}].{key}: duplicate {key} {text:?}"));
            }
        }
    };
    twice("hostAliases", "ip");
    twice("imagePullSecrets", "name");
    for (i, secret) in spec.items(&["imagePullSecrets"]).iter().enumerate() {
        if secret.text(&["name"]).is_empty() {
            warnings.push(format!("{at}.imagePullSecrets[{i}].name: invalid empty name \"\""));
        }
    }
}

fn environment(container: &Value, at: &str, warnings: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for (i, variable) in container.items(&["env"]).iter().enumerate() {
        let name = variable.text(&["name"]);
        let reference = format!("$({name})");
        let value = variable.text(&["value"]);
        let hides = has(variable, &["valueFrom"]) || value == reference || !value.contains(&reference);
        if !seen.insert(name) && hides {
            warnings.push(format!(
                "{at}.env[{i}]: hides previous definition of {name:?}, which may be dropped when using apply"
            ));
        }
    }
}

fn ports(spec: &Value, at: &str, warnings: &mut Vec<String>) {
    let mut seen: Vec<(String, &Value)> = Vec::new();
    for (field, container) in containers(spec, at) {
        for (i, port) in container.items(&["ports"]).iter().enumerate() {
            let field = format!("{field}.ports[{i}]");
            let number = |port: &Value, key: &str| port.int(&[key]).unwrap_or(0);
            let (host, address) = (number(port, "hostPort"), port.text(&["hostIP"]));
            if !address.is_empty() && host == 0 {
                warnings.push(format!(
                    "{field}: hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{} Protocol:{} HostIP:{address}}}",
                    port.text(&["name"]),
                    number(port, "containerPort"),
                    port.text(&["protocol"]),
                ));
            }
            let same = |other: &&(String, &Value)| {
                number(other.1, "containerPort") == number(port, "containerPort")
                    && other.1.text(&["protocol"]) == port.text(&["protocol"])
            };
            for (other_field, other) in seen.iter().filter(same) {
                let (other_host, other_address) = (number(other, "hostPort"), other.text(&["hostIP"]));
                let how = if other_host == host && other_address == address {
                    "duplicate"
                } else if host == 0 || other_host == 0 {
                    "overlapping"
                } else if host == other_host && address.is_empty() != other_address.is_empty() {
                    "dangerously ambiguous"
                } else {
                    continue;
                };
                warnings.push(format!("{field}: {how} port definition with {other_field}"));
            }
            seen.push((field, port));
        }
    }
}

fn port_names(spec: &Value, at: &str, warnings: &mut Vec<String>) {
    let mut seen: Vec<(&str, String)> = Vec::new();
    for (field, container) in containers(spec, at) {
        for (i, port) in container.items(&["ports"]).iter().enumerate() {
            let field = format!("{field}.ports[{i}]");
            let name = port.text(&["name"]);
            match seen.iter().find(|(other, _)| *other == name) {
                _ if name.is_empty() => {}
                Some((_, other)) => warnings.push(format!(
                    "{field}: duplicate port name {name:?} with {other}, services and probes that select ports by \
                     name will use {other}"
                )),
                None => seen.push((name, field)),
            }
        }
    }
}
