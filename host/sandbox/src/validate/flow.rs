//! Priority and fairness: flow schemas and priority levels. They are kept and not obeyed.

use serde_json::Value;

use super::common::{has, problems};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

const VERBS: [&str; 9] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
const KINDS: [&str; 3] = ["Group", "ServiceAccount", "User"];
/// Most queues of a level.
const QUEUES: i64 = 10_000_000;
/// How many bits a hand of cards may need.
const HASH_BITS: i64 = 60;

/// A flow schema.
pub(super) fn schema(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let precedence = spec.int(&["matchingPrecedence"]).unwrap_or(0);
    let mut refuse =
        |text: &str| causes.push(Cause::invalid("spec.matchingPrecedence", &precedence.into(), text));
    if precedence <= 0 {
        refuse("must be a positive value");
    }
    if precedence > 10_000 {
        refuse("must not be greater than 10000");
    }
    if precedence == 1 && value.text(&["metadata", "name"]) != "exempt" {
        refuse("only the schema named 'exempt' may have matchingPrecedence 1");
    }
    if has(spec, &["distinguisherMethod"]) {
        let method = &spec["distinguisherMethod"];
        if !matches!(method.text(&["type"]), "ByNamespace" | "ByUser") {
            // The real server shows the struct.
            let shown = serde_json::json!({"Type": method["type"]});
            let supported = ["ByNamespace", "ByUser"];
            causes.push(Cause::unsupported("spec.distinguisherMethod.type", &shown, &supported));
        }
    }
    let level = spec.text(&["priorityLevelConfiguration", "name"]);
    let field = "spec.priorityLevelConfiguration.name";
    if level.is_empty() {
        causes.push(Cause::required(field, "must reference a priority level"));
    } else {
        causes.extend(problems(names::dns1123_subdomain(level), field, level));
    }
    for (i, rule) in spec.items(&["rules"]).iter().enumerate() {
        of_rule(rule, &format!("spec.rules[{i}]"), &mut causes);
    }
    causes
}

fn of_rule(rule: &Value, at: &str, causes: &mut Vec<Cause>) {
    let subjects = rule.items(&["subjects"]);
    if subjects.is_empty() {
        causes.push(Cause::required(format!("{at}.subjects"), "subjects must contain at least one value"));
    }
    for (i, one) in subjects.iter().enumerate() {
        subject(one, &format!("{at}.subjects[{i}]"), causes);
    }
    let (resources, others) = (rule.items(&["resourceRules"]), rule.items(&["nonResourceRules"]));
    if resources.is_empty() && others.is_empty() {
        let text = "at least one of resourceRules and nonResourceRules has to be non-empty";
        causes.push(Cause::required(at, text));
    }
    for (i, one) in resources.iter().enumerate() {
        resource_rule(one, &format!("{at}.resourceRules[{i}]"), causes);
    }
    for (i, one) in others.iter().enumerate() {
        let at = format!("{at}.nonResourceRules[{i}]");
        verbs(one, &at, causes);
        let urls = one.items(&["nonResourceURLs"]);
        let field = format!("{at}.nonResourceURLs");
        let needed = "nonResourceURLs must contain at least one value";
        if !wildcard(urls, &field, Some(needed), "non-resource URLs", causes) {
            for (i, url) in urls.iter().filter_map(Value::as_str).enumerate() {
                if let Some(why) = url_problem(url) {
                    causes.push(Cause::invalid(format!("{field}[{i}]"), &url.into(), why));
                }
            }
        }
    }
}

/// Checks that a list is not empty and that `*` stands alone; true if it has `*` or is empty.
fn wildcard(list: &[Value], field: &str, needed: Option<&str>, what: &str, causes: &mut Vec<Cause>) -> bool {
    if list.is_empty() {
        causes.extend(needed.map(|text| Cause::required(field, text)));
        return true;
    }
    let any = list.iter().any(|item| item == "*");
    if any && list.len() > 1 {
        let text = format!("if '*' is present, must not specify other {what}");
        causes.push(Cause::invalid(field, &Value::from(list.to_vec()), &text));
    }
    any
}

fn verbs(rule: &Value, at: &str, causes: &mut Vec<Cause>) {
    let list = rule.items(&["verbs"]);
    let field = format!("{at}.verbs");
    let needed = "verbs must contain at least one value";
    let known = |verb: &Value| verb.as_str().is_some_and(|verb| VERBS.contains(&verb));
    if !wildcard(list, &field, Some(needed), "verbs", causes) && !list.iter().all(known) {
        causes.push(Cause::unsupported(field, &Value::from(list.to_vec()), &VERBS));
    }
}

fn resource_rule(rule: &Value, at: &str, causes: &mut Vec<Cause>) {
    verbs(rule, at, causes);
    for (key, needed, what) in [
        ("apiGroups", "resource rules must supply at least one api group", "api groups"),
        ("resources", "resource rules must supply at least one resource", "resources"),
    ] {
        wildcard(rule.items(&[key]), &format!("{at}.{key}"), Some(needed), what, causes);
    }
    let namespaces = rule.items(&["namespaces"]);
    let field = format!("{at}.namespaces");
    let needed = "resource rules that are not cluster scoped must supply at least one namespace";
    let needed = (rule["clusterScope"] != true).then_some(needed);
    if !wildcard(namespaces, &field, needed, "namespaces", causes) {
        for (i, name) in namespaces.iter().filter_map(Value::as_str).enumerate() {
            for why in names::dns1123_label(name) {
                let text = format!("each member of this list must be '*' or a DNS-1123 label; {why}");
                causes.push(Cause::invalid(format!("{field}[{i}]"), &name.into(), &text));
            }
        }
    }
}

fn subject(subject: &Value, at: &str, causes: &mut Vec<Cause>) {
    const PARTS: [(&str, &str); 3] =
        [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];
    let kind = subject.text(&["kind"]);
    let Some((_, own)) = PARTS.iter().find(|(known, _)| *known == kind) else {
        causes.push(Cause::unsupported(format!("{at}.kind"), &kind.into(), &KINDS));
        return;
    };
    let field = format!("{at}.{own}");
    if has(subject, &[own]) {
        let name = subject.text(&[own, "name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{field}.name"), ""));
        } else if kind == "ServiceAccount" && name != "*" {
            causes.extend(problems(names::dns1123_subdomain(name), &format!("{field}.name"), name));
        }
        if kind == "ServiceAccount" {
            let namespace = subject.text(&[own, "namespace"]);
            let field = format!("{field}.namespace");
            if namespace.is_empty() {
                causes.push(Cause::required(field, "must specify namespace for service account"));
            } else {
                causes.extend(problems(names::dns1123_label(namespace), &field, namespace));
            }
        }
    } else {
        causes.push(Cause::required(field, &format!("{own} is required when subject kind is '{kind}'")));
    }
    // The order is that of the real server: accounts before users before groups, its own left out.
    let order: [&str; 2] = match kind {
        "ServiceAccount" => ["user", "group"],
        "User" => ["serviceAccount", "group"],
        _ => ["serviceAccount", "user"],
    };
    for other in order.into_iter().filter(|other| has(subject, &[other])) {
        let kind = PARTS.iter().find(|(_, part)| *part == other).map_or("", |(kind, _)| kind);
        let text = format!("{other} is forbidden when subject kind is not '{kind}'");
        causes.push(Cause::forbidden(format!("{at}.{other}"), &text));
    }
}

fn url_problem(url: &str) -> Option<&'static str> {
    let stars = url.matches('*').count();
    match url {
        "" => Some("must not be empty"),
        "/" => None,
        _ if !url.starts_with('/') => Some("must start with slash"),
        _ if url.contains(' ') => Some("must not contain white-space"),
        _ if url.contains("//") => Some("must not contain double slash"),
        _ if stars > 1 || stars == 1 && !url.ends_with("/*") => Some("wildcard can only do suffix matching"),
        _ => None,
    }
}

/// A priority level.
pub(super) fn level(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let kind = spec.text(&["type"]);
    if (value.text(&["metadata", "name"]) == "exempt") != (kind == "Exempt") {
        let text = "must be 'Exempt' if and only if `name` is 'exempt'";
        causes.push(Cause::invalid("spec.type", &kind.into(), text));
    }
    match kind {
        "Exempt" => {
            if has(spec, &["limited"]) {
                causes.push(Cause::forbidden("spec.limited", "must be nil if the type is not Limited"));
            }
            shares(&spec["exempt"], "spec.exempt", &mut causes);
            lendable(&spec["exempt"], "spec.exempt", &mut causes);
        }
        "Limited" => {
            if has(spec, &["exempt"]) {
                causes.push(Cause::forbidden("spec.exempt", "must be nil if the type is Limited"));
            }
            if has(spec, &["limited"]) {
                limited(&spec["limited"], "spec.limited", &mut causes);
            } else {
                causes.push(Cause::required("spec.limited", "must not be empty when type is Limited"));
            }
        }
        "" => causes.push(Cause::required("spec.type", "")),
        _ => causes.push(Cause::unsupported("spec.type", &kind.into(), &["Exempt", "Limited"])),
    }
    causes
}

fn shares(value: &Value, at: &str, causes: &mut Vec<Cause>) {
    if let Some(number) = value.int(&["nominalConcurrencyShares"]).filter(|n| *n < 0) {
        let field = format!("{at}.nominalConcurrencyShares");
        causes.push(Cause::invalid(field, &number.into(), "must be a non-negative integer"));
    }
}

fn lendable(value: &Value, at: &str, causes: &mut Vec<Cause>) {
    if let Some(percent) = value.int(&["lendablePercent"]).filter(|n| !(0..=100).contains(n)) {
        let field = format!("{at}.lendablePercent");
        causes.push(Cause::invalid(field, &percent.into(), "must be between 0 and 100, inclusive"));
    }
}

fn limited(value: &Value, at: &str, causes: &mut Vec<Cause>) {
    shares(value, at, causes);
    let response = &value["limitResponse"];
    let field = format!("{at}.limitResponse");
    match response.text(&["type"]) {
        "Reject" if has(response, &["queuing"]) => {
            let text = "must be nil if limited.limitResponse.type is not Limited";
            causes.push(Cause::forbidden(format!("{field}.queuing"), text));
        }
        "Reject" => {}
        "Queue" if has(response, &["queuing"]) => {
            queuing(&response["queuing"], &format!("{field}.queuing"), causes);
        }
        "Queue" => {
            let text = "must not be empty if limited.limitResponse.type is Limited";
            causes.push(Cause::required(format!("{field}.queuing"), text));
        }
        "" => causes.push(Cause::required(format!("{field}.type"), "")),
        other => {
            causes.push(Cause::unsupported(format!("{field}.type"), &other.into(), &["Queue", "Reject"]));
        }
    }
    lendable(value, at, causes);
    if let Some(percent) = value.int(&["borrowingLimitPercent"]).filter(|n| *n < 0) {
        let text = "if specified, must be a non-negative integer";
        causes.push(Cause::invalid(format!("{at}.borrowingLimitPercent"), &percent.into(), text));
    }
}

fn queuing(value: &Value, at: &str, causes: &mut Vec<Cause>) {
    let number = |key: &str| value.int(&[key]).unwrap_or(0);
    let mut refuse =
        |key: &str, text: &str| causes.push(Cause::invalid(format!("{at}.{key}"), &number(key).into(), text));
    let (queues, hand) = (number("queues"), number("handSize"));
    if number("queueLengthLimit") <= 0 {
        refuse("queueLengthLimit", "must be positive");
    }
    if queues <= 0 {
        refuse("queues", "must be positive");
    } else if queues > QUEUES {
        refuse("queues", &format!("must not be greater than {QUEUES}"));
    }
    if hand <= 0 {
        refuse("handSize", "must be positive");
    } else if hand > queues {
        refuse("handSize", &format!("should not be greater than queues ({queues})"));
    } else if entropy(queues, hand) > HASH_BITS {
        refuse(
            "handSize",
            &format!(
                "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {HASH_BITS}"
            ),
        );
    }
}

/// How many bits it takes to draw a hand from a deck.
fn entropy(deck: i64, hand: i64) -> i64 {
    ((deck as f64).log2() * hand as f64).ceil() as i64
}
