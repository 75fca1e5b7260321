//! Drivers of storage and what they say about nodes and volumes.

use serde_json::Value;

use crate::names;
use crate::status::Cause;
use crate::validate::common::{IMMUTABLE, NOT_NEGATIVE, has, problems, quantity, selector};
use crate::validate::volume;
use crate::value::Get;

/// A CSI driver.
pub(in crate::validate) fn driver(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    if has(spec, &["fsGroupPolicy"]) {
        const POLICIES: [&str; 3] = ["File", "None", "ReadWriteOnceWithFSType"];
        crate::validate::common::one_of(spec, "fsGroupPolicy", "spec", &POLICIES, &mut causes);
    }
    let requests = spec.items(&["tokenRequests"]);
    for (i, request) in requests.iter().enumerate() {
        let at = format!("spec.tokenRequests[{i}]");
        let audience = request.text(&["audience"]);
        if requests[..i].iter().any(|other| other.text(&["audience"]) == audience) {
            causes.push(Cause::duplicate(format!("{at}.audience"), &audience.into()));
            continue;
        }
        let field = format!("{at}.expirationSeconds");
        match request.int(&["expirationSeconds"]) {
            Some(seconds) if seconds < 600 => {
                let text = "may not specify a duration less than 10 minutes";
                causes.push(Cause::invalid(field, &seconds.into(), text));
            }
            Some(seconds) if seconds > 1 << 32 => {
                let text = "may not specify a duration larger than 2^32 seconds";
                causes.push(Cause::invalid(field, &seconds.into(), text));
            }
            _ => {}
        }
    }
    const MODES: [&str; 2] = ["Persistent", "Ephemeral"];
    for mode in spec.items(&["volumeLifecycleModes"]) {
        let text = mode.as_str().unwrap_or_default();
        if !MODES.contains(&text) {
            causes.push(Cause::unsupported("spec.volumeLifecycleModes", &text.into(), &MODES));
        }
    }
    if let Some(seconds) = spec.int(&["nodeAllocatableUpdatePeriodSeconds"])
        && seconds < 10
    {
        let field = "spec.nodeAllocatableUpdatePeriodSeconds";
        causes.push(Cause::invalid(field, &seconds.into(), "must be greater than or equal to 10 seconds"));
    }
    if has(spec, &["serviceAccountTokenInSecrets"]) && requests.is_empty() {
        let text = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
        let shown = &spec["serviceAccountTokenInSecrets"];
        causes.push(Cause::invalid("spec.serviceAccountTokenInSecrets", shown, text));
    }
    causes
}

/// What drivers say about a node.
pub(in crate::validate) fn node(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let drivers = value.items(&["spec", "drivers"]);
    for (i, driver) in drivers.iter().enumerate() {
        let at = format!("spec.drivers[{i}]");
        let name = driver.text(&["name"]);
        volume::driver(name, &format!("{at}.name"), &mut causes);
        let id = driver.text(&["nodeID"]);
        if id.is_empty() {
            causes.push(Cause::required(format!("{at}.nodeID"), ""));
        } else if id.len() > 256 {
            let text = "must be 256 characters or less";
            causes.push(Cause::invalid(format!("{at}.nodeID"), &id.into(), text));
        }
        if let Some(count) = driver.int(&["allocatable", "count"])
            && count < 0
        {
            causes.push(Cause::invalid(format!("{at}.allocatable.count"), &count.into(), NOT_NEGATIVE));
        }
        if drivers[..i].iter().any(|other| other.text(&["name"]) == name) {
            causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
        }
        let keys = driver.items(&["topologyKeys"]);
        for (j, key) in keys.iter().enumerate() {
            let text = key.as_str().unwrap_or_default();
            if text.is_empty() {
                causes.push(Cause::required(at.clone(), ""));
            }
            if keys[..j].contains(key) {
                causes.push(Cause::duplicate(at.clone(), key));
            }
            causes.extend(problems(names::qualified_name(text), &at, text));
        }
    }
    causes
}

/// What drivers said about a node stays, but for how much they can take.
pub(in crate::validate) fn node_update(live: &Value, value: &Value) -> Vec<Cause> {
    let fixed = |driver: &Value| {
        let mut driver = driver.clone();
        crate::value::remove(&mut driver, &["allocatable"]);
        driver
    };
    let old = live.items(&["spec", "drivers"]);
    let changed =
        |new: &&Value| old.iter().any(|old| old.get("name") == new.get("name") && fixed(old) != fixed(new));
    let news = value.items(&["spec", "drivers"]).iter();
    news.filter(changed).map(|driver| Cause::invalid("spec.drivers", &fixed(driver), IMMUTABLE)).collect()
}

/// How much a class can still give.
pub(in crate::validate) fn capacity(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    selector(&value["nodeTopology"], "nodeTopology", &mut causes);
    let class = value.text(&["storageClassName"]);
    causes.extend(problems(names::dns1123_subdomain(class), "storageClassName", class));
    if quantity(&value["capacity"]).is_some_and(|amount| amount.nano() < 0) {
        causes.push(Cause::invalid("capacity", &value["capacity"], NOT_NEGATIVE));
    }
    causes
}

/// A changed capacity.
pub(in crate::validate) fn capacity_update(live: &Value, value: &Value) -> Vec<Cause> {
    ["nodeTopology", "storageClassName"]
        .into_iter()
        .filter(|field| live.get(*field) != value.get(*field))
        .map(|field| Cause::invalid(field, &value[field], IMMUTABLE))
        .collect()
}

/// A volume at a node.
pub(in crate::validate) fn attachment(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    volume::driver(spec.text(&["attacher"]), "spec.attacher", &mut causes);
    let text = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    let (inline, named) =
        (has(spec, &["source", "inlineVolumeSpec"]), has(spec, &["source", "persistentVolumeName"]));
    let name = spec.text(&["source", "persistentVolumeName"]);
    match (inline, named) {
        (false, false) => causes.push(Cause::required("spec.source", text)),
        (true, true) => causes.push(Cause::forbidden("spec.source", text)),
        (false, true) if name.is_empty() => {
            let text = "must specify non empty persistentVolumeName";
            causes.push(Cause::required("spec.source.persistentVolumeName", text));
        }
        _ => {}
    }
    let node = spec.text(&["nodeName"]);
    causes.extend(problems(names::dns1123_subdomain(node), "spec.nodeName", node));
    if named {
        let field = "spec.source.persistentVolumeName";
        causes.extend(problems(names::dns1123_subdomain(name), field, name));
    }
    causes
}
