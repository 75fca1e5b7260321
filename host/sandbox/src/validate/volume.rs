//! Volumes of pods.

mod projected;
mod remote;

use serde_json::Value;

use super::common::{has, one_of, problems, quantity};
use super::{container, storage};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

pub(super) use remote::{driver, of_persistent as remote};

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

/// The good volumes of a pod: what containers may mount.
#[derive(Default)]
pub(super) struct Volumes(Vec<(String, bool)>);

impl Volumes {
    /// True if there is a good volume of this name.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// True if the volume may be a block device.
    pub(super) fn is_block(&self, name: &str) -> bool {
        self.0.iter().any(|(known, block)| known == name && *block)
    }
}

/// Checks the volumes of a specification and returns the good ones.
pub(super) fn of_volumes(spec: &Value, pod: &str, at: &str, causes: &mut Vec<Cause>) -> Volumes {
    let mut good = Volumes::default();
    let list = spec.items(&["volumes"]);
    for (i, volume) in list.iter().enumerate() {
        let at = format!("{at}.volumes[{i}]");
        let name = volume.text(&["name"]);
        let mut found = Vec::new();
        source(volume, &at, &mut found);
        if name.is_empty() {
            found.push(Cause::required(format!("{at}.name"), ""));
        } else {
            found.extend(problems(names::dns1123_label(name), &format!("{at}.name"), name));
        }
        if good.contains(name) {
            found.push(Cause::duplicate(format!("{at}.name"), &name.into()));
        }
        if found.is_empty() {
            let block = has(volume, &["persistentVolumeClaim"]) || has(volume, &["ephemeral"]);
            good.0.push((name.into(), block));
        }
        causes.append(&mut found);
        let claim = volume.text(&["persistentVolumeClaim", "claimName"]);
        let made =
            |other: &Value| has(other, &["ephemeral"]) && format!("{pod}-{}", other.text(&["name"])) == claim;
        if !pod.is_empty() && !claim.is_empty() && list.iter().any(made) {
            let text = "must not reference a PVC that gets created for an ephemeral volume";
            let field = format!("{at}.persistentVolumeClaim.claimName");
            causes.push(Cause::invalid(field, &claim.into(), text));
        }
    }
    good
}

fn source(volume: &Value, at: &str, causes: &mut Vec<Cause>) {
    let mut count = 0;
    for kind in KINDS {
        if !has(volume, &[kind]) {
            continue;
        }
        if count > 0 {
            // Two kinds are misspelt by a real server.
            let shown = match kind {
                "cephfs" => "cephFS",
                "downwardAPI" => "downwarAPI",
                other => other,
            };
            causes.push(Cause::forbidden(format!("{at}.{shown}"), "may not specify more than 1 volume type"));
            continue;
        }
        count += 1;
        one(kind, &volume[kind], at, causes);
    }
    if count == 0 {
        causes.push(Cause::required(at, "must specify a volume type"));
    }
}

fn one(kind: &str, inner: &Value, volume_at: &str, causes: &mut Vec<Cause>) {
    let at = format!("{volume_at}.{kind}");
    match kind {
        "hostPath" => host_path(inner, &at, causes),
        "emptyDir" if quantity(&inner["sizeLimit"]).is_some_and(|q| q.nano() < 0) => {
            let text = "SizeLimit field must be a valid resource quantity";
            causes.push(Cause::forbidden(format!("{at}.sizeLimit"), text));
        }
        "emptyDir" => {}
        "secret" | "configMap" => {
            let field = if kind == "secret" { "secretName" } else { "name" };
            if inner.text(&[field]).is_empty() {
                causes.push(Cause::required(format!("{at}.{field}"), ""));
            }
            mode(inner, "defaultMode", &at, causes);
            items(inner, &at, causes);
        }
        "projected" => {
            mode(inner, "defaultMode", &at, causes);
            projected::of_sources(inner, &at, causes);
        }
        "downwardAPI" => {
            mode(inner, "defaultMode", &at, causes);
            for file in inner.items(&["items"]) {
                downward_file(file, &at, causes);
            }
        }
        "ephemeral" => {
            let template = &inner["volumeClaimTemplate"];
            let at = format!("{at}.volumeClaimTemplate");
            if !template.is_object() {
                causes.push(Cause::required(at, ""));
            } else {
                causes.extend(storage::claim(&template["spec"], &format!("{at}.spec")));
            }
        }
        "image" => {
            if inner.text(&["reference"]).is_empty() {
                causes.push(Cause::required(format!("{at}.reference"), ""));
            }
            one_of(inner, "pullPolicy", &at, &["Always", "IfNotPresent", "Never"], causes);
        }
        _ => remote::of_volume(kind, inner, &at, causes),
    }
}

pub(super) fn host_path(inner: &Value, at: &str, causes: &mut Vec<Cause>) {
    let path = inner.text(&["path"]);
    let field = format!("{at}.path");
    if path.is_empty() {
        causes.push(Cause::required(field, ""));
        return;
    }
    no_backsteps(path, &field, causes);
    const TYPES: [&str; 8] =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    one_of(inner, "type", at, &TYPES, causes);
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
        file_path(item, &at, causes);
        mode(item, "mode", &at, causes);
    }
}

/// The path of a file in a volume.
fn file_path(item: &Value, at: &str, causes: &mut Vec<Cause>) {
    let path = item.text(&["path"]);
    let field = format!("{at}.path");
    if path.is_empty() {
        causes.push(Cause::required(field.clone(), ""));
    }
    not_reserved(path, &field, causes);
}

fn downward_file(file: &Value, at: &str, causes: &mut Vec<Cause>) {
    const FIELDS: [&str; 5] =
        ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
    file_path(file, at, causes);
    if has(file, &["fieldRef"]) {
        container::field_reference(&file["fieldRef"], &FIELDS, &format!("{at}.fieldRef"), causes);
        if has(file, &["resourceFieldRef"]) {
            let text = "fieldRef and resourceFieldRef can not be specified simultaneously";
            causes.push(Cause::invalid(at, &"resource".into(), text));
        }
    } else if has(file, &["resourceFieldRef"]) {
        let at = format!("{at}.resourceFieldRef");
        container::resource_reference(&file["resourceFieldRef"], true, &at, causes);
    } else {
        causes.push(Cause::required(at, "one of fieldRef and resourceFieldRef is required"));
    }
    mode(file, "mode", at, causes);
}

/// A path that stays below its root.
pub(super) fn local_descending(path: &str, field: &str, causes: &mut Vec<Cause>) {
    if path.starts_with('/') {
        causes.push(Cause::invalid(field, &path.into(), "must be a relative path"));
    }
    no_backsteps(path, field, causes);
}

/// A path without `..`.
pub(super) fn no_backsteps(path: &str, field: &str, causes: &mut Vec<Cause>) {
    if path.split('/').any(|part| part == "..") {
        causes.push(Cause::invalid(field, &path.into(), "must not contain '..'"));
    }
}

/// A path below its root that does not begin with two dots.
fn not_reserved(path: &str, field: &str, causes: &mut Vec<Cause>) {
    local_descending(path, field, causes);
    if path.starts_with("..") && !path.starts_with("../") {
        causes.push(Cause::invalid(field, &path.into(), "must not start with '..'"));
    }
}
