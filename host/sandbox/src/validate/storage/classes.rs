//! Classes of storage and of its attributes.

use serde_json::Value;

use crate::names;
use crate::status::Cause;
use crate::validate::common::{IMMUTABLE, problems};
use crate::value::Get;

const MOST: usize = 512;
const LARGEST: usize = 256 * 1024;

fn provisioner(value: &Value, field: &str, causes: &mut Vec<Cause>) {
    let name = value.text(&[field]).to_lowercase();
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
    } else {
        causes.extend(problems(names::qualified_name(&name), field, &name));
    }
}

fn parameters(value: &Value, may_be_empty: bool, causes: &mut Vec<Cause>) {
    let parameters = value["parameters"].as_object();
    let count = parameters.map_or(0, serde_json::Map::len);
    if count > MOST {
        causes.push(Cause::too_long("parameters", MOST));
        return;
    }
    let mut size = 0;
    for (key, text) in parameters.into_iter().flatten() {
        if key.is_empty() {
            causes.push(Cause::invalid("parameters", &"".into(), "field can not be empty."));
        }
        size += key.len() + text.as_str().map_or(0, str::len);
    }
    if size > LARGEST {
        causes.push(Cause::too_long("parameters", LARGEST));
    }
    if count == 0 && !may_be_empty {
        causes.push(Cause::required("parameters", "must contain at least one key/value pair"));
    }
}

/// A storage class.
pub(in crate::validate) fn class(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    provisioner(value, "provisioner", &mut causes);
    parameters(value, true, &mut causes);
    for (field, supported) in [
        ("reclaimPolicy", ["Delete", "Retain"]),
        ("volumeBindingMode", ["Immediate", "WaitForFirstConsumer"]),
    ] {
        let text = value.text(&[field]);
        if !text.is_empty() && !supported.contains(&text) {
            causes.push(Cause::unsupported(field, &text.into(), &supported));
        }
    }
    let topologies = value.items(&["allowedTopologies"]);
    for (i, topology) in topologies.iter().enumerate() {
        let at = format!("allowedTopologies[{i}].matchLabelExpressions");
        let expressions = topology.items(&["matchLabelExpressions"]);
        for (j, expression) in expressions.iter().enumerate() {
            let at = format!("{at}[{j}]");
            let (key, values) = (expression.text(&["key"]), expression.items(&["values"]));
            if values.is_empty() {
                causes.push(Cause::required(format!("{at}.values"), ""));
            }
            for (k, value) in values.iter().enumerate().filter(|(k, value)| values[..*k].contains(value)) {
                causes.push(Cause::duplicate(format!("{at}.values[{k}]"), value));
            }
            causes.extend(problems(names::qualified_name(key), &format!("{at}.key"), key));
            if expressions[..j].iter().any(|other| other.text(&["key"]) == key) {
                causes.push(Cause::duplicate(format!("{at}.key"), &key.into()));
            }
        }
        if topologies[..i].contains(topology) || expressions.is_empty() {
            causes.push(Cause::duplicate(at, &"".into()));
        }
    }
    causes
}

/// A changed storage class.
pub(in crate::validate) fn class_update(live: &Value, value: &Value) -> Vec<Cause> {
    ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"]
        .into_iter()
        .filter(|field| live.get(*field) != value.get(*field))
        .map(|field| Cause::invalid(field, &value[field], IMMUTABLE))
        .collect()
}

/// A class of attributes.
pub(in crate::validate) fn attributes(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    provisioner(value, "driverName", &mut causes);
    parameters(value, false, &mut causes);
    causes
}

/// A changed class of attributes.
pub(in crate::validate) fn attributes_update(live: &Value, value: &Value) -> Vec<Cause> {
    ["driverName", "parameters"]
        .into_iter()
        .filter(|field| live.get(*field) != value.get(*field))
        .map(|field| Cause::forbidden(field, &format!("updates to {field} are forbidden.")))
        .collect()
}
