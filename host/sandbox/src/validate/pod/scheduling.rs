//! Where pods may run.

use serde_json::Value;

use crate::names;
use crate::status::Cause;
use crate::validate::common::{has, one_of, problems, selector};
use crate::value::Get;

/// The tolerations below a field `tolerations`.
pub(in crate::validate) fn tolerations(holder: &Value, at: &str, causes: &mut Vec<Cause>) {
    let at = if at.is_empty() { "tolerations".to_owned() } else { format!("{at}.tolerations") };
    for (i, toleration) in holder.items(&["tolerations"]).iter().enumerate() {
        self::toleration(toleration, &format!("{at}[{i}]"), causes);
    }
}

fn toleration(toleration: &Value, at: &str, causes: &mut Vec<Cause>) {
    let (key, operator, value) =
        (toleration.text(&["key"]), toleration.text(&["operator"]), toleration.text(&["value"]));
    if !key.is_empty() {
        causes.extend(problems(names::qualified_name(key), &format!("{at}.key"), key));
    }
    let field = format!("{at}.operator");
    if key.is_empty() && operator != "Exists" {
        let text =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        causes.push(Cause::invalid(field.clone(), &operator.into(), text));
    }
    if has(toleration, &["tolerationSeconds"]) && toleration.text(&["effect"]) != "NoExecute" {
        let text = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        causes.push(Cause::invalid(format!("{at}.effect"), &toleration.text(&["effect"]).into(), text));
    }
    match operator {
        "" | "Equal" => {
            let found = names::label_value(value);
            if !found.is_empty() {
                causes.push(Cause::invalid(field, &value.into(), &found.join(";")));
            }
        }
        "Exists" if !value.is_empty() => {
            let text = "value must be empty when `operator` is 'Exists'";
            causes.push(Cause::invalid(field, &value.into(), text));
        }
        "Exists" => {}
        // Comparing is not switched on; a real server then names the comparisons only for one of them.
        "Lt" | "Gt" => {
            causes.push(Cause::unsupported(field, &operator.into(), &["Equal", "Exists", "Lt", "Gt"]))
        }
        _ => causes.push(Cause::unsupported(field, &operator.into(), &["Equal", "Exists"])),
    }
    if !toleration.text(&["effect"]).is_empty() {
        one_of(toleration, "effect", at, &["NoSchedule", "PreferNoSchedule", "NoExecute"], causes);
    }
}

/// Affinities of a pod.
pub(super) fn affinity(affinity: &Value, at: &str, causes: &mut Vec<Cause>) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
    let node = &affinity["nodeAffinity"];
    if node[REQUIRED].is_object() {
        node_selector(&node[REQUIRED], &format!("{at}.nodeAffinity.{REQUIRED}"), causes);
    }
    for (i, preferred) in node.items(&[PREFERRED]).iter().enumerate() {
        let field = format!("{at}.nodeAffinity.{PREFERRED}[{i}]");
        weight(preferred, &field, causes);
        node_term(&preferred["preference"], false, &format!("{field}.preference"), causes);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pods = &affinity[kind];
        for (i, term) in pods.items(&[REQUIRED]).iter().enumerate() {
            pod_term(term, &format!("{at}.{kind}.{REQUIRED}[{i}]"), causes);
        }
        for (i, preferred) in pods.items(&[PREFERRED]).iter().enumerate() {
            let field = format!("{at}.{kind}.{PREFERRED}[{i}]");
            weight(preferred, &field, causes);
            pod_term(&preferred["podAffinityTerm"], &format!("{field}.podAffinityTerm"), causes);
        }
    }
}

/// A selector of nodes with its terms.
pub(in crate::validate) fn node_selector(selector: &Value, at: &str, causes: &mut Vec<Cause>) {
    let field = format!("{at}.nodeSelectorTerms");
    let terms = selector.items(&["nodeSelectorTerms"]);
    if terms.is_empty() {
        causes.push(Cause::required(field, "must have at least one node selector term"));
        return;
    }
    for (i, term) in terms.iter().enumerate() {
        node_term(term, true, &format!("{field}[{i}]"), causes);
    }
}

fn weight(preferred: &Value, at: &str, causes: &mut Vec<Cause>) {
    let weight = preferred.int(&["weight"]).unwrap_or(0);
    if !(1..=100).contains(&weight) {
        causes.push(Cause::invalid(format!("{at}.weight"), &weight.into(), "must be in the range 1-100"));
    }
}

/// One term of a selector of nodes; of preferences the values are not looked at.
pub(in crate::validate) fn node_term(term: &Value, with_values: bool, at: &str, causes: &mut Vec<Cause>) {
    for (i, expression) in term.items(&["matchExpressions"]).iter().enumerate() {
        let at = format!("{at}.matchExpressions[{i}]");
        let values = expression.items(&["values"]);
        match expression.text(&["operator"]) {
            "In" | "NotIn" if values.is_empty() => {
                let text = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(format!("{at}.values"), text));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                let text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(format!("{at}.values"), text));
            }
            "Gt" | "Lt" if values.len() != 1 => {
                let text = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                causes.push(Cause::required(format!("{at}.values"), text));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
            other => causes.push(not_an_operator(other, &at)),
        }
        let key = expression.text(&["key"]);
        causes.extend(problems(names::qualified_name(key), &format!("{at}.key"), key));
        for (j, value) in values.iter().filter_map(Value::as_str).enumerate().filter(|_| with_values) {
            causes.extend(problems(names::label_value(value), &format!("{at}.values[{j}]"), value));
        }
    }
    for (i, field) in term.items(&["matchFields"]).iter().enumerate() {
        let at = format!("{at}.matchFields[{i}]");
        let values = field.items(&["values"]);
        match field.text(&["operator"]) {
            "In" | "NotIn" if values.len() != 1 => {
                let text =
                    "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                causes.push(Cause::required(format!("{at}.values"), text));
            }
            "In" | "NotIn" => {}
            other => causes.push(not_an_operator(other, &at)),
        }
        let key = field.text(&["key"]);
        if key != "metadata.name" {
            causes.push(Cause::invalid(format!("{at}.key"), &key.into(), "not a valid field selector key"));
            continue;
        }
        for (j, value) in values.iter().filter_map(Value::as_str).enumerate() {
            causes.extend(problems(names::dns1123_subdomain(value), &format!("{at}.values[{j}]"), value));
        }
    }
}

fn not_an_operator(operator: &str, at: &str) -> Cause {
    Cause::invalid(format!("{at}.operator"), &operator.into(), "not a valid selector operator")
}

fn pod_term(term: &Value, at: &str, causes: &mut Vec<Cause>) {
    selector(&term["labelSelector"], &format!("{at}.labelSelector"), causes);
    selector(&term["namespaceSelector"], &format!("{at}.namespaceSelector"), causes);
    for namespace in term.items(&["namespaces"]).iter().filter_map(Value::as_str) {
        causes.extend(problems(names::dns1123_label(namespace), &format!("{at}.namespace"), namespace));
    }
    label_keys(term, at, causes);
    let key = term.text(&["topologyKey"]);
    let field = format!("{at}.topologyKey");
    if key.is_empty() {
        causes.push(Cause::required(field.clone(), "can not be empty"));
    }
    causes.extend(problems(names::qualified_name(key), &field, key));
}

/// Keys of labels that become part of a selector.
fn label_keys(holder: &Value, at: &str, causes: &mut Vec<Cause>) {
    let lists = ["matchLabelKeys", "mismatchLabelKeys"];
    let with_selector = has(holder, &["labelSelector"]);
    for list in lists {
        let keys = holder.items(&[list]);
        if !keys.is_empty() && !with_selector {
            let text = "must not be specified when labelSelector is not set";
            causes.push(Cause::forbidden(format!("{at}.{list}"), text));
            continue;
        }
        for (i, key) in keys.iter().filter_map(Value::as_str).enumerate() {
            causes.extend(problems(names::qualified_name(key), &format!("{at}.{list}[{i}]"), key));
        }
    }
    let [matching, others] = lists.map(|list| holder.items(&[list]));
    let mut known: Vec<&str> = Vec::new();
    let labels = holder.at(&["labelSelector", "matchLabels"]).and_then(Value::as_object);
    known.extend(labels.into_iter().flat_map(|labels| labels.keys().map(String::as_str)));
    for expression in holder.items(&["labelSelector", "matchExpressions"]) {
        let key = expression.text(&["key"]);
        if let Some(i) = matching.iter().position(|other| *other == key)
            && known.contains(&key)
        {
            let text = "exists in both matchLabelKeys and labelSelector";
            causes.push(Cause::invalid(format!("{at}[{i}]"), &key.into(), text));
        }
        known.push(key);
    }
    for (i, key) in matching.iter().enumerate().filter(|(_, key)| others.contains(key)) {
        let text = "exists in both matchLabelKeys and mismatchLabelKeys";
        causes.push(Cause::invalid(format!("{at}.matchLabelKeys[{i}]"), key, text));
    }
}

/// How pods spread over a topology.
pub(super) fn spread(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let constraints = spec.items(&["topologySpreadConstraints"]);
    for (i, constraint) in constraints.iter().enumerate() {
        let at = format!("{at}.topologySpreadConstraints[{i}]");
        let skew = constraint.int(&["maxSkew"]).unwrap_or(0);
        if skew <= 0 {
            causes.push(Cause::invalid(format!("{at}.maxSkew"), &skew.into(), "must be greater than zero"));
        }
        let (key, action) = (constraint.text(&["topologyKey"]), constraint.text(&["whenUnsatisfiable"]));
        if key.is_empty() {
            causes.push(Cause::required(format!("{at}.topologyKey"), "can not be empty"));
        }
        if !matches!(action, "DoNotSchedule" | "ScheduleAnyway") {
            let supported = ["DoNotSchedule", "ScheduleAnyway"];
            causes.push(Cause::unsupported(format!("{at}.whenUnsatisfiable"), &action.into(), &supported));
        }
        let same = |other: &Value| {
            other.text(&["topologyKey"]) == key && other.text(&["whenUnsatisfiable"]) == action
        };
        if constraints[i + 1..].iter().any(same) {
            let field = format!("{at}.{{topologyKey, whenUnsatisfiable}}");
            causes.push(Cause::duplicate(field, &format!("{{{key}, {action}}}").into()));
        }
        if let Some(least) = constraint.int(&["minDomains"]) {
            let field = format!("{at}.minDomains");
            if least <= 0 {
                causes.push(Cause::invalid(field.clone(), &least.into(), "must be greater than zero"));
            }
            if action != "DoNotSchedule" {
                let text =
                    format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
                causes.push(Cause::invalid(field, &least.into(), &text));
            }
        }
        for field in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            if has(constraint, &[field]) {
                one_of(constraint, field, &at, &["Honor", "Ignore"], causes);
            }
        }
        label_keys(constraint, &at, causes);
        selector(&constraint["labelSelector"], &format!("{at}.labelSelector"), causes);
    }
}
