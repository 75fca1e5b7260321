//! Volumes that lie elsewhere: on a network or with a cloud's provider.

use serde_json::Value;

use crate::names;
use crate::status::Cause;
use crate::validate::common::{has, problems};
use crate::value::Get;

/// Texts that some kinds cannot do without.
const NEEDED: [(&str, &[&str]); 15] = [
    ("gitRepo", &["repository"]),
    ("gcePersistentDisk", &["pdName"]),
    ("awsElasticBlockStore", &["volumeID"]),
    ("nfs", &["server", "path"]),
    ("glusterfs", &["endpoints", "path"]),
    ("persistentVolumeClaim", &["claimName"]),
    ("rbd", &["image"]),
    ("cinder", &["volumeID"]),
    ("flexVolume", &["driver"]),
    ("azureFile", &["secretName", "shareName"]),
    ("vsphereVolume", &["volumePath"]),
    ("photonPersistentDisk", &["pdID"]),
    ("portworxVolume", &["volumeID"]),
    ("azureDisk", &["diskURI", "diskName"]),
    ("scaleIO", &["gateway", "system", "volumeName"]),
];

/// A volume of a pod.
pub(super) fn of_volume(kind: &str, inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    check(kind, inner, at, causes);
    if kind == "storageos" {
        storage_os(inner, at, causes);
    }
    if kind == "csi" {
        driver(inner.text(&["driver"]), &format!("{at}.driver"), causes);
        if has(inner, &["nodePublishSecretRef"]) && inner.text(&["nodePublishSecretRef", "name"]).is_empty() {
            causes.push(Cause::required(format!("{at}.nodePublishSecretRef.name"), ""));
        }
    }
}

/// A persistent volume.
pub(in crate::validate) fn of_persistent(kind: &str, inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    check(kind, inner, at, causes);
    if kind == "csi" {
        driver(inner.text(&["driver"]), &format!("{at}.driver"), causes);
        if inner.text(&["volumeHandle"]).is_empty() {
            causes.push(Cause::required(format!("{at}.volumeHandle"), ""));
        }
        const SECRETS: [&str; 5] = [
            "controllerPublishSecretRef",
            "controllerExpandSecretRef",
            "nodePublishSecretRef",
            "nodeStageSecretRef",
            "nodeExpandSecretRef",
        ];
        for secret in SECRETS.into_iter().filter(|secret| has(inner, &[secret])) {
            for field in ["name", "namespace"] {
                let text = inner.text(&[secret, field]);
                let field = format!("{at}.{secret}.{field}");
                if text.is_empty() {
                    causes.push(Cause::required(field, ""));
                } else {
                    causes.extend(problems(names::dns1123_label(text), &field, text));
                }
            }
        }
    }
    if kind == "local" && inner.text(&["path"]).is_empty() {
        causes.push(Cause::required(format!("{at}.path"), ""));
    }
}

fn check(kind: &str, inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    // One kind is named otherwise in complaints.
    let at = if kind == "gcePersistentDisk" {
        at.replace("gcePersistentDisk", "persistentDisk")
    } else {
        at.to_owned()
    };
    let needed = NEEDED.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, needed)| needed);
    for field in needed {
        if inner.text(&[field]).is_empty() {
            causes.push(Cause::required(format!("{at}.{field}"), ""));
        }
    }
    match kind {
        "nfs" => {
            let path = inner.text(&["path"]);
            if !path.starts_with('/') {
                causes.push(Cause::invalid(format!("{at}.path"), &path.into(), "must be an absolute path"));
            }
        }
        "gcePersistentDisk" | "awsElasticBlockStore" => {
            let partition = inner.int(&["partition"]).unwrap_or(0);
            if !(0..=255).contains(&partition) {
                let text = "must be between 0 and 255, inclusive";
                causes.push(Cause::invalid(format!("{at}.partition"), &partition.into(), text));
            }
        }
        "rbd" | "cephfs" if inner.items(&["monitors"]).is_empty() => {
            causes.push(Cause::required(format!("{at}.monitors"), ""));
        }
        "iscsi" => iscsi(inner, &at, causes),
        "fc" => fibre(inner, &at, causes),
        _ => {}
    }
}

/// The name of a CSI driver.
pub(in crate::validate) fn driver(name: &str, field: &str, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
        return;
    }
    if name.len() > 63 {
        causes.push(Cause::too_long(field, 63));
    }
    causes.extend(problems(names::dns1123_subdomain(&name.to_lowercase()), field, name));
}

fn iscsi(inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    if inner.text(&["targetPortal"]).is_empty() {
        causes.push(Cause::required(format!("{at}.targetPortal"), ""));
    }
    let name = inner.text(&["iqn"]);
    if name.is_empty() {
        causes.push(Cause::required(format!("{at}.iqn"), ""));
    } else if !["iqn", "eui", "naa"].iter().any(|prefix| name.starts_with(prefix)) {
        let text = "must be valid format starting with iqn, eui, or naa";
        causes.push(Cause::invalid(format!("{at}.iqn"), &name.into(), text));
    }
    let lun = inner.int(&["lun"]).unwrap_or(0);
    if !(0..=255).contains(&lun) {
        let text = "must be between 0 and 255, inclusive";
        causes.push(Cause::invalid(format!("{at}.lun"), &lun.into(), text));
    }
    let asks = inner["chapAuthDiscovery"] == true || inner["chapAuthSession"] == true;
    if asks && !has(inner, &["secretRef"]) {
        causes.push(Cause::required(format!("{at}.secretRef"), ""));
    }
}

fn fibre(inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    let (targets, ids) = (inner.items(&["targetWWNs"]), inner.items(&["wwids"]));
    let field = format!("{at}.targetWWNs");
    if targets.is_empty() && ids.is_empty() {
        let text = "must specify either targetWWNs or wwids, but not both";
        causes.push(Cause::required(field, text));
    } else if !targets.is_empty() && !ids.is_empty() {
        let text = "targetWWNs and wwids can not be specified simultaneously";
        causes.push(Cause::invalid(field, &targets.to_vec().into(), text));
    }
    if targets.is_empty() {
        return;
    }
    match inner.int(&["lun"]) {
        None => {
            let text = "lun is required if targetWWNs is specified";
            causes.push(Cause::required(format!("{at}.lun"), text));
        }
        Some(lun) if !(0..=255).contains(&lun) => {
            let text = "must be between 0 and 255, inclusive";
            causes.push(Cause::invalid(format!("{at}.lun"), &lun.into(), text));
        }
        Some(_) => {}
    }
}

fn storage_os(inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    let name = inner.text(&["volumeName"]);
    if name.is_empty() {
        causes.push(Cause::required(format!("{at}.volumeName"), ""));
    } else {
        causes.extend(problems(names::dns1123_label(name), &format!("{at}.volumeName"), name));
    }
    let space = inner.text(&["volumeNamespace"]);
    if !space.is_empty() {
        causes.extend(problems(names::dns1123_label(space), &format!("{at}.volumeNamespace"), space));
    }
    if has(inner, &["secretRef"]) && inner.text(&["secretRef", "name"]).is_empty() {
        causes.push(Cause::required(format!("{at}.secretRef.name"), ""));
    }
}
