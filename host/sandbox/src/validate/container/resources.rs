//! Limits, requests and claims of containers and pods.

use serde_json::Value;

use crate::names;
use crate::status::Cause;
use crate::validate::common::{NOT_NEGATIVE, problems, quantity};
use crate::value::Get;

/// Names of amounts that need no domain.
const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "requests.storage",
    "services.nodeports",
    "services.loadbalancers",
];

/// Amounts that are whole numbers.
const WHOLE: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

fn is_huge(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// True for amounts that Kubernetes itself knows.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// True for amounts that some device offers.
fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && names::qualified_name(&format!("requests.{name}")).is_empty()
}

/// The name of an amount, as every kind of object accepts it.
pub(in crate::validate) fn any_name(name: &str, field: &str, causes: &mut Vec<Cause>) {
    let found = names::qualified_name(name);
    if !found.is_empty() {
        causes.extend(problems(found, field, name));
        return;
    }
    let standard = STANDARD.contains(&name) || is_huge(name) || name.starts_with("requests.hugepages-");
    if !name.contains('/') && !standard {
        let text = "must be a standard resource type or fully qualified";
        causes.push(Cause::invalid(field, &name.into(), text));
    }
}

/// The name of an amount of containers.
pub(in crate::validate) fn container_name(name: &str, field: &str, causes: &mut Vec<Cause>) {
    any_name(name, field, causes);
    let text = if !name.contains('/') {
        if matches!(name, "cpu" | "memory" | "ephemeral-storage") || is_huge(name) {
            return;
        }
        "must be a standard resource for containers"
    } else if is_native(name) || is_extended(name) {
        return;
    } else {
        "doesn't follow extended resource name standard"
    };
    causes.push(Cause::invalid(field, &name.into(), text));
}

/// An amount that may not be negative, and of some kinds not broken.
pub(in crate::validate) fn amount(name: &str, amount: &Value, field: &str, causes: &mut Vec<Cause>) {
    let Some(parsed) = quantity(amount) else { return };
    if parsed.nano() < 0 {
        causes.push(Cause::invalid(field, amount, NOT_NEGATIVE));
    }
    if (WHOLE.contains(&name) || is_extended(name)) && !parsed.is_whole() {
        causes.push(Cause::invalid(field, amount, "must be an integer"));
    }
}

/// Limits and requests of a pod as a whole.
pub(in crate::validate) fn of_pod(resources: &Value, at: &str, causes: &mut Vec<Cause>) {
    for (key, value) in resources["requests"].as_object().into_iter().flatten() {
        if let (Some(request), Some(limit)) = (quantity(value), quantity(&resources["limits"][key]))
            && request.nano() > limit.nano()
        {
            let text = format!("must be less than or equal to {key} limit of {limit}");
            causes.push(Cause::invalid(format!("{at}.requests"), value, &text));
        }
    }
}

/// Limits, requests and claims of a container, whose pod has `claims`.
pub(in crate::validate) fn of_container(
    resources: &Value,
    claims: &[&str],
    at: &str,
    causes: &mut Vec<Cause>,
) {
    let (mut huge, mut plain) = (false, false);
    for kind in ["limits", "requests"] {
        for (key, value) in resources[kind].as_object().into_iter().flatten() {
            let field = format!("{at}.{kind}[{key}]");
            container_name(key, &field, causes);
            amount(key, value, &field, causes);
            if kind == "requests" {
                against_limit(resources, key, value, at, causes);
            }
            if is_huge(key) {
                huge = true;
                whole_pages(key, value, &field, causes);
            }
            plain |= matches!(key.as_str(), "cpu" | "memory");
        }
    }
    if huge && !plain {
        causes.push(Cause::forbidden(at, "HugePages require cpu or memory"));
    }
    claimed(resources, claims, &format!("{at}.claims"), causes);
}

/// What a pod needs beyond its containers.
pub(in crate::validate) fn of_overhead(overhead: &Value, at: &str, causes: &mut Vec<Cause>) {
    if overhead.is_object() {
        of_container(&serde_json::json!({"limits": overhead}), &[], at, causes);
    }
}

fn against_limit(resources: &Value, key: &str, value: &Value, at: &str, causes: &mut Vec<Cause>) {
    let exact = !is_native(key) || is_huge(key);
    let Some(request) = quantity(value) else { return };
    let Some(limit) = resources["limits"].get(key).and_then(quantity) else {
        if exact {
            let text = "Limit must be set for non overcommitable resources";
            causes.push(Cause::required(format!("{at}.limits"), text));
        }
        return;
    };
    let text = if exact && request.nano() != limit.nano() {
        format!("must be equal to {key} limit of {limit}")
    } else if request.nano() > limit.nano() {
        format!("must be less than or equal to {key} limit of {limit}")
    } else {
        return;
    };
    causes.push(Cause::invalid(format!("{at}.requests"), value, &text));
}

fn whole_pages(key: &str, value: &Value, field: &str, causes: &mut Vec<Cause>) {
    let page = crate::quantity::Quantity::parse(key.trim_start_matches("hugepages-"));
    let fits = match (page, quantity(value)) {
        (Some(page), Some(value)) => page.nano() > 0 && page.is_whole() && value.nano() % page.nano() == 0,
        _ => false,
    };
    if !fits {
        let text = format!("{} is not positive integer multiple of {key}", shown(value));
        causes.push(Cause::invalid(field, value, &text));
    }
}

fn shown(value: &Value) -> String {
    quantity(value).map_or_else(String::new, |amount| amount.to_string())
}

fn claimed(resources: &Value, claims: &[&str], at: &str, causes: &mut Vec<Cause>) {
    let mut seen: Vec<String> = Vec::new();
    for (i, claim) in resources.items(&["claims"]).iter().enumerate() {
        let field = format!("{at}[{i}]");
        let (name, request) = (claim.text(&["name"]), claim.text(&["request"]));
        if name.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        let key = if request.is_empty() { name.to_owned() } else { format!("{name}/{request}") };
        if !request.is_empty() {
            causes.extend(problems(names::dns1123_label(request), &format!("{field}.request"), request));
        }
        let whole = seen.iter().any(|other| other == name);
        let part = request.is_empty() && seen.iter().any(|other| other.starts_with(&format!("{name}/")));
        if whole || part {
            causes.push(Cause::duplicate(field.clone(), &name.into()));
        } else if seen.contains(&key) {
            causes.push(Cause::duplicate(field.clone(), &key.as_str().into()));
        }
        seen.push(key);
        if !claims.contains(&name) {
            let mut known: Vec<&str> = claims.to_vec();
            known.sort_unstable();
            let list =
                if known.is_empty() { " which is empty".into() } else { format!(": {}", known.join(", ")) };
            let text =
                format!("Not found: {name:?}: must be one of the names in pod.spec.resourceClaims{list}");
            causes.push(Cause::other(field, "FieldValueNotFound", text));
        }
    }
}
