//! Webhooks and policies of admission.

use serde_json::{Value, json};

use super::common::{has, one_of, port_problem, problems, selector};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

/// A service that a server calls: names that must be there, its port and path. Of webhooks (`swapped`) a real server
/// takes the one name for the other.
pub(super) fn service(service: &Value, at: &str, swapped: bool, causes: &mut Vec<Cause>) {
    let pairs = if swapped {
        [("namespace", "name"), ("name", "namespace")]
    } else {
        [("namespace", "namespace"), ("name", "name")]
    };
    for (field, shown) in pairs {
        if service.text(&[field]).is_empty() {
            causes.push(Cause::required(format!("{at}.{shown}"), ""));
        }
    }
    let number = service.int(&["port"]).unwrap_or(0);
    if let Some(text) = port_problem(number) {
        let text = format!("port is not valid: {text}");
        causes.push(Cause::invalid(format!("{at}.port"), &number.into(), &text));
    }
    if let Some(path) = service.get("path").and_then(Value::as_str) {
        self::path(path, &format!("{at}.path"), causes);
    }
}

fn path(path: &str, field: &str, causes: &mut Vec<Cause>) {
    if matches!(path, "" | "/") {
        return;
    }
    let mut refuse = |text: &str| causes.push(Cause::invalid(field, &path.into(), text));
    if path == "//" {
        refuse("segment[0] may not be empty");
        return;
    }
    if !path.starts_with('/') {
        refuse("must start with a '/'");
    }
    let mut rest = path.chars();
    rest.next();
    let rest = rest.as_str();
    for (i, step) in rest.strip_suffix('/').unwrap_or(rest).split('/').enumerate() {
        if step.is_empty() {
            refuse(&format!("segment[{i}] may not be empty"));
            continue;
        }
        for text in names::dns1123_subdomain(step) {
            refuse(&format!("segment[{i}]: {text}"));
        }
    }
}

/// Webhook configurations.
pub(super) fn webhooks(plural: &str, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let hooks = value.items(&["webhooks"]);
    for (i, hook) in hooks.iter().enumerate() {
        let at = format!("webhooks[{i}]");
        let name = hook.text(&["name"]);
        fully_qualified(name, &format!("{at}.name"), &mut causes);
        for (j, rule) in hook.items(&["rules"]).iter().enumerate() {
            self::rule(rule, &format!("{at}.rules[{j}]"), &mut causes);
        }
        one_of(hook, "failurePolicy", &at, &["Fail", "Ignore"], &mut causes);
        one_of(hook, "matchPolicy", &at, &["Equivalent", "Exact"], &mut causes);
        match hook.text(&["sideEffects"]) {
            "" => {
                let text = "must specify one of None, NoneOnDryRun";
                causes.push(Cause::required(format!("{at}.sideEffects"), text));
            }
            _ => one_of(hook, "sideEffects", &at, &["None", "NoneOnDryRun"], &mut causes),
        }
        if let Some(seconds) = hook.int(&["timeoutSeconds"])
            && !(1..=30).contains(&seconds)
        {
            let text = "the timeout value must be between 1 and 30 seconds";
            causes.push(Cause::invalid(format!("{at}.timeoutSeconds"), &seconds.into(), text));
        }
        for field in ["namespaceSelector", "objectSelector"] {
            selector(&hook[field], &format!("{at}.{field}"), &mut causes);
        }
        if plural.starts_with("mutating") {
            one_of(hook, "reinvocationPolicy", &at, &["IfNeeded", "Never"], &mut causes);
        }
        client(&hook["clientConfig"], &format!("{at}.clientConfig"), &mut causes);
        conditions(hook, &at, &mut causes);
        versions(hook.items(&["admissionReviewVersions"]), &at, &mut causes);
        if !name.is_empty() && hooks[..i].iter().any(|other| other.text(&["name"]) == name) {
            causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
        }
    }
    causes
}

/// A domain of at least three parts.
fn fully_qualified(name: &str, field: &str, causes: &mut Vec<Cause>) {
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
        return;
    }
    let found = names::dns1123_subdomain(name);
    if !found.is_empty() {
        causes.extend(problems(found, field, name));
        return;
    }
    if name.split('.').count() < 3 {
        let text = "should be a domain with at least three segments separated by dots";
        causes.push(Cause::invalid(field, &name.into(), text));
    }
}

fn client(config: &Value, at: &str, causes: &mut Vec<Cause>) {
    match (config.get("url").and_then(Value::as_str), has(config, &["service"])) {
        (Some(url), false) => self::url(url, &format!("{at}.url"), causes),
        (None, true) => {
            service(&config["service"], &format!("{at}.service"), true, causes);
        }
        _ => causes.push(Cause::required(at, "exactly one of url or service is required")),
    }
}

fn url(url: &str, field: &str, causes: &mut Vec<Cause>) {
    let form = "; desired format: https://host[/path]";
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let host = if scheme.is_empty() { "" } else { rest.split('/').next().unwrap_or_default() };
    let (user, host) = host.rsplit_once('@').unwrap_or(("", host));
    let mut refuse = |shown: &str, text: &str| causes.push(Cause::invalid(field, &shown.into(), text));
    if scheme != "https" {
        refuse(scheme, &format!("'https' is the only allowed URL scheme{form}"));
    }
    if host.is_empty() {
        refuse(host, &format!("host must be specified{form}"));
    }
    if !user.is_empty() {
        refuse(user, "user information is not permitted in the URL");
    }
    if !fragment.is_empty() {
        refuse(fragment, "fragments are not permitted in the URL");
    }
    if !query.is_empty() {
        refuse(query, "query parameters are not permitted in the URL");
    }
}

fn versions(versions: &[Value], at: &str, causes: &mut Vec<Cause>) {
    let field = format!("{at}.admissionReviewVersions");
    if versions.is_empty() {
        causes.push(Cause::required(field, "must specify one of v1, v1beta1"));
        return;
    }
    for (i, version) in versions.iter().enumerate() {
        let text = version.as_str().unwrap_or_default();
        let field = format!("{field}[{i}]");
        if versions[..i].contains(version) {
            causes.push(Cause::invalid(field, version, "duplicate version"));
        } else {
            causes.extend(problems(names::dns1035_label(text), &field, text));
        }
    }
    if !versions.iter().any(|version| version == "v1" || version == "v1beta1") {
        causes.push(Cause::invalid(field, &json!(versions), "must include at least one of v1, v1beta1"));
    }
}

/// Conditions under which something is asked at all; their expressions are not compiled.
fn conditions(holder: &Value, at: &str, causes: &mut Vec<Cause>) {
    let conditions = holder.items(&["matchConditions"]);
    for (i, condition) in conditions.iter().enumerate() {
        let at = format!("{at}.matchConditions[{i}]");
        let name = condition.text(&["name"]);
        if condition.text(&["expression"]).trim().is_empty() {
            causes.push(Cause::required(format!("{at}.expression"), ""));
        }
        if name.is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        } else {
            causes.extend(problems(names::qualified_name(name), &format!("{at}.name"), name));
        }
        if !name.is_empty() && conditions[..i].iter().any(|other| other.text(&["name"]) == name) {
            causes.push(Cause::duplicate(format!("{at}.name"), &name.into()));
        }
    }
}

/// A rule with its operations.
fn rule(rule: &Value, at: &str, causes: &mut Vec<Cause>) {
    const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
    let operations = rule.items(&["operations"]);
    if operations.is_empty() {
        causes.push(Cause::required(format!("{at}.operations"), ""));
    }
    only_star(operations, &format!("{at}.operations"), "operations", causes);
    for (i, operation) in operations.iter().enumerate() {
        let text = operation.as_str().unwrap_or_default();
        if !OPERATIONS.contains(&text) {
            causes.push(Cause::unsupported(format!("{at}.operations[{i}]"), &text.into(), &OPERATIONS));
        }
    }
    for (list, what) in [("apiGroups", "API groups"), ("apiVersions", "API versions")] {
        let items = rule.items(&[list]);
        let field = format!("{at}.{list}");
        if items.is_empty() {
            causes.push(Cause::required(field.clone(), ""));
        }
        only_star(items, &field, what, causes);
        for (i, _) in items.iter().enumerate().filter(|(_, item)| list == "apiVersions" && **item == "") {
            causes.push(Cause::required(format!("{field}[{i}]"), ""));
        }
    }
    resources(rule.items(&["resources"]), &format!("{at}.resources"), causes);
    if has(rule, &["scope"]) {
        one_of(rule, "scope", at, &["*", "Cluster", "Namespaced"], causes);
    }
}

fn only_star(items: &[Value], field: &str, what: &str, causes: &mut Vec<Cause>) {
    if items.len() > 1 && items.iter().any(|item| item == "*") {
        let text = format!("if '*' is present, must not specify other {what}");
        causes.push(Cause::invalid(field, &json!(items), &text));
    }
}

fn resources(items: &[Value], field: &str, causes: &mut Vec<Cause>) {
    if items.is_empty() {
        causes.push(Cause::required(field, ""));
    }
    let (mut whole, mut every): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut plain = false;
    for (i, item) in items.iter().enumerate() {
        let text = item.as_str().unwrap_or_default();
        let field = format!("{field}[{i}]");
        if text.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        let Some((resource, sub)) = text.split_once('/') else {
            plain = text != "*";
            continue;
        };
        if whole.contains(&resource) {
            let text = format!("if '{resource}/*' is present, must not specify {text}");
            causes.push(Cause::invalid(field.clone(), item, &text));
        }
        if every.contains(&sub) {
            let text = format!("if '*/{sub}' is present, must not specify {text}");
            causes.push(Cause::invalid(field, item, &text));
        }
        if sub == "*" {
            whole.push(resource);
        }
        if resource == "*" {
            every.push(sub);
        }
    }
    if items.len() > 1 && items.iter().any(|item| item == "*/*") {
        let text = "if '*/*' is present, must not specify other resources";
        causes.push(Cause::invalid(field, &json!(items), text));
    }
    if plain && items.iter().any(|item| item == "*") {
        let text = "if '*' is present, must not specify other resources without subresources";
        causes.push(Cause::invalid(field, &json!(items), text));
    }
}

/// What a policy or its binding is about.
fn matches(matches: &Value, at: &str, causes: &mut Vec<Cause>) {
    for field in ["namespaceSelector", "objectSelector"] {
        selector(&matches[field], &format!("{at}.{field}"), causes);
    }
    for list in ["resourceRules", "excludeResourceRules"] {
        for (i, rule) in matches.items(&[list]).iter().enumerate() {
            self::rule(rule, &format!("{at}.{list}[{i}]"), causes);
        }
    }
    one_of(matches, "matchPolicy", at, &["Equivalent", "Exact"], causes);
}

/// A validating policy; its expressions are not compiled.
/// Why an expression that must be a truth value is none.
fn expression(source: &str, params: bool, spec: &Value) -> Option<String> {
    use crate::crd::cel::{check, parse};
    let mut names = vec!["object", "oldObject", "request", "namespaceObject", "authorizer"];
    names.extend(params.then_some("params"));
    names.extend((!spec.items(&["variables"]).is_empty()).then_some("variables"));
    match parse(source) {
        Err(mistakes) => {
            check::unreadable(source, &mistakes).map(|text| format!("compilation failed: {text}"))
        }
        Ok(expr) => check::judge(source, &expr, &names),
    }
}

pub(super) fn policy(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    one_of(spec, "failurePolicy", "spec", &["Fail", "Ignore"], &mut causes);
    if spec["paramKind"].is_object() {
        for field in ["apiVersion", "kind"] {
            if spec.text(&["paramKind", field]).is_empty() {
                causes.push(Cause::required(format!("spec.paramKind.{field}"), ""));
            }
        }
    }
    let constraints = &spec["matchConstraints"];
    if !constraints.is_object() {
        causes.push(Cause::required("spec.matchConstraints", ""));
    } else {
        matches(constraints, "spec.matchConstraints", &mut causes);
        if constraints.items(&["resourceRules"]).is_empty() {
            causes.push(Cause::required("spec.matchConstraints.resourceRules", ""));
        }
    }
    conditions(spec, "spec", &mut causes);
    let (validations, annotations) = (spec.items(&["validations"]), spec.items(&["auditAnnotations"]));
    if validations.is_empty() && annotations.is_empty() {
        let text = "validations or auditAnnotations must contain at least one item";
        for field in ["validations", "auditAnnotations"] {
            causes.push(Cause::required(format!("spec.{field}"), text));
        }
    }
    for (i, validation) in validations.iter().enumerate() {
        let at = format!("spec.validations[{i}]");
        if validation.text(&["expression"]).trim().is_empty() {
            causes.push(Cause::required(format!("{at}.expression"), "expression is not specified"));
        } else if let Some(why) =
            expression(validation.text(&["expression"]), has(spec, &["paramKind"]), spec)
        {
            let shown = &validation["expression"];
            causes.push(Cause::invalid(format!("{at}.expression"), shown, &why));
        }
        if has(validation, &["reason"]) {
            const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
            one_of(validation, "reason", &at, &REASONS, &mut causes);
        }
    }
    for (i, annotation) in annotations.iter().enumerate() {
        let at = format!("spec.auditAnnotations[{i}]");
        let key = annotation.text(&["key"]);
        if key.is_empty() {
            causes.push(Cause::required(format!("{at}.key"), ""));
        }
        if annotation.text(&["valueExpression"]).trim().is_empty() {
            let text = "valueExpression is not specified";
            causes.push(Cause::required(format!("{at}.valueExpression"), text));
        }
    }
    causes
}

/// The binding of a policy.
pub(super) fn policy_binding(value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let name = spec.text(&["policyName"]);
    if name.is_empty() {
        causes.push(Cause::required("spec.policyName", ""));
    } else {
        causes.extend(problems(names::dns1123_subdomain(name), "spec.policyName", name));
    }
    let parameters = &spec["paramRef"];
    if parameters.is_object() {
        let (named, chosen) = (!parameters.text(&["name"]).is_empty(), has(parameters, &["selector"]));
        let text = if named && chosen {
            Some("name and selector are mutually exclusive")
        } else if !named && !chosen {
            Some("one of name or selector must be specified")
        } else {
            None
        };
        if let Some(text) = text {
            if named {
                for field in ["name", "selector"] {
                    causes.push(Cause::forbidden(format!("spec.paramRef.{field}"), text));
                }
            } else {
                causes.push(Cause::required("spec.paramRef", text));
            }
        }
        selector(&parameters["selector"], "spec.paramRef.selector", &mut causes);
        match parameters.text(&["parameterNotFoundAction"]) {
            "" => causes.push(Cause::required("spec.paramRef.parameterNotFoundAction", "")),
            _ => one_of(
                parameters,
                "parameterNotFoundAction",
                "spec.paramRef",
                &["Deny", "Allow"],
                &mut causes,
            ),
        }
    }
    if spec["matchResources"].is_object() {
        matches(&spec["matchResources"], "spec.matchResources", &mut causes);
    }
    let actions = spec.items(&["validationActions"]);
    if actions.is_empty() {
        let text = "at least one validation action is required";
        causes.push(Cause::required("spec.validationActions", text));
    }
    for (i, action) in actions.iter().enumerate() {
        let text = action.as_str().unwrap_or_default();
        const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];
        let field = format!("spec.validationActions[{i}]");
        if !ACTIONS.contains(&text) {
            causes.push(Cause::unsupported(field, &text.into(), &ACTIONS));
        } else if actions[..i].contains(action) {
            causes.push(Cause::duplicate(field, action));
        }
    }
    if actions.iter().any(|a| a == "Deny") && actions.iter().any(|a| a == "Warn") {
        let text = "must not contain both Deny and Warn (repeating the same validation failure information in the API \
                    response and headers serves no purpose)";
        causes.push(Cause::invalid("spec.validationActions", &json!(actions), text));
    }
    causes
}
