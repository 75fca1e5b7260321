//! Where containers see volumes.

use serde_json::Value;

use crate::status::Cause;
use crate::validate::common::has;
use crate::validate::volume::{Volumes, local_descending, no_backsteps};
use crate::value::Get;

pub(super) fn of_container(container: &Value, at: &str, volumes: &Volumes, causes: &mut Vec<Cause>) {
    let devices = container.items(&["volumeDevices"]);
    let mut paths: Vec<&str> = Vec::new();
    for (i, mount) in container.items(&["volumeMounts"]).iter().enumerate() {
        let list = format!("{at}.volumeMounts");
        let at = format!("{list}[{i}]");
        let name = mount.text(&["name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        if !volumes.contains(name) {
            causes.push(Cause::not_found(format!("{at}.name"), &name.into()));
        }
        let path = mount.text(&["mountPath"]);
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.mountPath"), ""));
        }
        if paths.contains(&path) {
            causes.push(Cause::invalid(format!("{at}.mountPath"), &path.into(), "must be unique"));
        }
        paths.push(path);
        if devices.iter().any(|device| device.text(&["name"]) == name) {
            let text = "must not already exist in volumeDevices";
            causes.push(Cause::invalid(format!("{at}.name"), &name.into(), text));
        }
        if devices.iter().any(|device| device.text(&["devicePath"]) == path) {
            let text = "must not already exist as a path in volumeDevices";
            causes.push(Cause::invalid(format!("{at}.mountPath"), &path.into(), text));
        }
        let (sub, expression) = (mount.text(&["subPath"]), mount.text(&["subPathExpr"]));
        if !sub.is_empty() {
            local_descending(sub, &format!("{list}.subPath"), causes);
        }
        if !expression.is_empty() {
            if !sub.is_empty() {
                let text = "subPathExpr and subPath are mutually exclusive";
                causes.push(Cause::invalid(format!("{at}.subPathExpr"), &expression.into(), text));
            }
            local_descending(expression, &format!("{list}.subPathExpr"), causes);
        }
        propagation(mount, container, &format!("{list}.mountPropagation"), causes);
        recursive(mount, &format!("{list}.recursiveReadOnly"), causes);
    }
    self::devices(container, at, volumes, causes);
}

fn propagation(mount: &Value, container: &Value, field: &str, causes: &mut Vec<Cause>) {
    if !has(mount, &["mountPropagation"]) {
        return;
    }
    const KINDS: [&str; 3] = ["Bidirectional", "HostToContainer", "None"];
    let kind = mount.text(&["mountPropagation"]);
    if !KINDS.contains(&kind) {
        causes.push(Cause::unsupported(field, &kind.into(), &KINDS));
    }
    if kind == "Bidirectional" && container["securityContext"]["privileged"] != true {
        let text = "Bidirectional mount propagation is available only to privileged containers";
        causes.push(Cause::forbidden(field, text));
    }
}

fn recursive(mount: &Value, field: &str, causes: &mut Vec<Cause>) {
    if !has(mount, &["recursiveReadOnly"]) {
        return;
    }
    match mount.text(&["recursiveReadOnly"]) {
        "Disabled" => {}
        "Enabled" | "IfPossible" => {
            if mount["readOnly"] != true {
                causes.push(Cause::forbidden(field, "may only be specified when readOnly is true"));
            }
            if !matches!(mount.text(&["mountPropagation"]), "" | "None") {
                let text = "may only be specified when mountPropagation is None or not specified";
                causes.push(Cause::forbidden(field, text));
            }
        }
        other => {
            causes.push(Cause::unsupported(field, &other.into(), &["Disabled", "Enabled", "IfPossible"]));
        }
    }
}

fn devices(container: &Value, at: &str, volumes: &Volumes, causes: &mut Vec<Cause>) {
    let mounts = container.items(&["volumeMounts"]);
    let (mut names, mut paths): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for (i, device) in container.items(&["volumeDevices"]).iter().enumerate() {
        let at = format!("{at}.volumeDevices[{i}]");
        let (name, path) = (device.text(&["name"]), device.text(&["devicePath"]));
        let (name_at, path_at) = (format!("{at}.name"), format!("{at}.devicePath"));
        if name.is_empty() {
            causes.push(Cause::required(name_at.clone(), ""));
        }
        if names.contains(&name) {
            causes.push(Cause::invalid(name_at.clone(), &name.into(), "must be unique"));
        }
        if !volumes.contains(name) {
            causes.push(Cause::not_found(name_at.clone(), &name.into()));
        } else if !volumes.is_block(name) {
            let text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
            causes.push(Cause::invalid(name_at.clone(), &name.into(), text));
        }
        if path.is_empty() {
            causes.push(Cause::required(path_at.clone(), ""));
        }
        if paths.contains(&path) {
            causes.push(Cause::invalid(path_at.clone(), &path.into(), "must be unique"));
        }
        let mut steps = Vec::new();
        no_backsteps(path, &path_at, &mut steps);
        if steps.is_empty() {
            paths.push(path);
        } else {
            let text = "can not contain backsteps ('..')";
            causes.push(Cause::invalid(path_at.clone(), &path.into(), text));
        }
        if mounts.iter().any(|mount| mount.text(&["name"]) == name) {
            let text = "must not already exist in volumeMounts";
            causes.push(Cause::invalid(name_at, &name.into(), text));
        }
        if mounts.iter().any(|mount| mount.text(&["mountPath"]) == path) {
            let text = "must not already exist as a path in volumeMounts";
            causes.push(Cause::invalid(path_at, &path.into(), text));
        }
        if !name.is_empty() {
            names.push(name);
        }
    }
}
