//! Volumes of pods.

use serde_json::Value;

use super::common::{has, problems};
use super::storage;
use crate::names;
use crate::status::Cause;
use crate::value::Get;

/// The order in which a real server looks at the kinds of a volume.
const KINDS: [&str; 30] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// Checks the volumes of a specification and returns their names.
pub(super) fn of_volumes(spec: &Value, at: &str, causes: &mut Vec<Cause>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for (i, volume) in spec.items(&["volumes"]).iter().enumerate() {
        let at = format!("{at}.volumes[{i}]");
        let name = volume.text(&["name"]);
        source(volume, &at, causes);
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
            continue;
        }
        let found = names::dns1123_label(name);
        if found.is_empty() && seen.iter().any(|s| s == name) {
            causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
        } else {
            causes.extend(problems(found, &format!("{at}.name"), name));
            seen.push(name.into());
        }
    }
    seen
}

fn source(volume: &Value, at: &str, causes: &mut Vec<Cause>) {
    let mut count = 0;
    for kind in KINDS {
        if !has(volume, &[kind]) {
            continue;
        }
        if count > 0 {
            causes.push(Cause::forbidden(format!("{at}.{kind}"), "may not specify more than 1 volume type"));
            continue;
        }
        count += 1;
        let inner = &volume[kind];
        let at = format!("{at}.{kind}");
        match kind {
            "hostPath" => {
                let path = inner.text(&["path"]);
                if path.is_empty() {
                    causes.push(Cause::required(format!("{at}.path"), ""));
                } else if path.split('/').any(|p| p == "..") {
                    causes.push(Cause::invalid(format!("{at}.path"), &path.into(), "must not contain '..'"));
                }
                const TYPES: [&str; 8] = [
                    "",
                    "BlockDevice",
                    "CharDevice",
                    "Directory",
                    "DirectoryOrCreate",
                    "File",
                    "FileOrCreate",
                    "Socket",
                ];
                super::common::one_of(inner, "type", &at, &TYPES, causes);
            }
            "emptyDir" if super::common::quantity(&inner["sizeLimit"]).is_some_and(|q| q.nano() < 0) => {
                let text = "SizeLimit field must be a valid resource quantity";
                causes.push(Cause::forbidden(format!("{at}.sizeLimit"), text));
            }
            "secret" => {
                if inner.text(&["secretName"]).is_empty() {
                    causes.push(Cause::required(format!("{at}.secretName"), ""));
                }
                mode(inner, "defaultMode", &at, causes);
                items(inner, &at, causes);
            }
            "configMap" => {
                if inner.text(&["name"]).is_empty() {
                    causes.push(Cause::required(format!("{at}.name"), ""));
                }
                mode(inner, "defaultMode", &at, causes);
                items(inner, &at, causes);
            }
            "persistentVolumeClaim" if inner.text(&["claimName"]).is_empty() => {
                causes.push(Cause::required(format!("{at}.claimName"), ""));
            }
            "nfs" => {
                for field in ["server", "path"] {
                    if inner.text(&[field]).is_empty() {
                        causes.push(Cause::required(format!("{at}.{field}"), ""));
                    }
                }
                let path = inner.text(&["path"]);
                if !path.is_empty() && !path.starts_with('/') {
                    causes.push(Cause::invalid(
                        format!("{at}.path"),
                        &path.into(),
                        "must be an absolute path",
                    ));
                }
            }
            "csi" if inner.text(&["driver"]).is_empty() => {
                causes.push(Cause::required(format!("{at}.driver"), ""));
            }
            "projected" => {
                mode(inner, "defaultMode", &at, causes);
                projected(inner, &at, causes);
            }
            "downwardAPI" => mode(inner, "defaultMode", &at, causes),
            "ephemeral" => {
                let template = &inner["volumeClaimTemplate"];
                if !template.is_object() {
                    causes.push(Cause::required(format!("{at}.volumeClaimTemplate"), ""));
                } else {
                    causes
                        .extend(storage::claim(&template["spec"], &format!("{at}.volumeClaimTemplate.spec")));
                }
            }
            _ => {}
        }
    }
    if count == 0 {
        causes.push(Cause::required(at, "must specify a volume type"));
    }
}

fn mode(holder: &Value, field: &str, at: &str, causes: &mut Vec<Cause>) {
    if let Some(bits) = holder.int(&[field])
        && !(0..=0o777).contains(&bits)
    {
        let text = "must be a number between 0 and 0777 (octal), both inclusive";
        causes.push(Cause::invalid(format!("{at}.{field}"), &bits.into(), text));
    }
}

fn items(holder: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (i, item) in holder.items(&["items"]).iter().enumerate() {
        let at = format!("{at}.items[{i}]");
        if item.text(&["key"]).is_empty() {
            causes.push(Cause::required(format!("{at}.key"), ""));
        }
        let path = item.text(&["path"]);
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.path"), ""));
        }
        if path.starts_with('/') {
            causes.push(Cause::invalid(format!("{at}.path"), &path.into(), "must be a relative path"));
        }
        if path.split('/').any(|p| p == "..") {
            causes.push(Cause::invalid(format!("{at}.path"), &path.into(), "must not contain '..'"));
        }
        mode(item, "mode", &at, causes);
    }
}

fn projected(inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    let whole = at;
    for (i, source) in inner.items(&["sources"]).iter().enumerate() {
        let at = format!("{at}.sources[{i}]");
        for kind in ["secret", "configMap"] {
            if has(source, &[kind]) {
                if source.text(&[kind, "name"]).is_empty() {
                    causes.push(Cause::required(format!("{at}.{kind}.name"), ""));
                }
                items(&source[kind], &format!("{at}.{kind}"), causes);
            }
        }
        if has(source, &["serviceAccountToken"]) {
            let token = &source["serviceAccountToken"];
            if token.int(&["expirationSeconds"]).is_some_and(|s| s < 600) {
                let shown = token["expirationSeconds"].clone();
                let text = "may not specify a duration less than 10 minutes";
                causes.push(Cause::invalid(
                    format!("{at}.serviceAccountToken.expirationSeconds"),
                    &shown,
                    text,
                ));
            }
            if token.text(&["path"]).is_empty() {
                causes.push(Cause::required(format!("{whole}.path"), ""));
            }
        }
    }
}
