//! Validation of the definitions themselves.

use serde_json::Value;

use crate::crd::cel::parse;
use crate::names;
use crate::status::Cause;
use crate::value::Get;

const IMMUTABLE: &str = "field is immutable";

/// What is wrong with a definition.
pub(crate) fn definition(live: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let group = spec.text(&["group"]);
    let plural = spec.text(&["names", "plural"]);
    let name = value.text(&["metadata", "name"]);
    if name != format!("{plural}.{group}") {
        let text = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &name.into(), text));
    }
    approved(value, group, &mut causes);
    if group.is_empty() {
        causes.push(Cause::required("spec.group", ""));
    } else {
        for text in names::dns1123_subdomain(group) {
            causes.push(Cause::invalid("spec.group", &group.into(), &text));
        }
        if !group.contains('.') {
            causes.push(Cause::invalid(
                "spec.group",
                &group.into(),
                "should be a domain with at least one dot",
            ));
        }
    }
    match spec.text(&["scope"]) {
        "" => causes.push(Cause::required("spec.scope", "")),
        "Cluster" | "Namespaced" => {}
        other => causes.push(Cause::unsupported("spec.scope", &other.into(), &["Cluster", "Namespaced"])),
    }
    versions(spec, &mut causes);
    self::names(spec, "spec.names", &mut causes);
    conversion(spec, &mut causes);
    if let Some(live) = live {
        for field in ["group", "scope"] {
            if live["spec"][field] != spec[field] {
                causes.push(Cause::invalid(format!("spec.{field}"), &spec[field], IMMUTABLE));
            }
        }
        for field in ["plural", "kind"] {
            if live["spec"]["names"][field] != spec["names"][field] {
                causes.push(Cause::invalid(format!("spec.names.{field}"), &spec["names"][field], IMMUTABLE));
            }
        }
        for stored in value["status"].items(&["storedVersions"]) {
            if !spec.items(&["versions"]).iter().any(|v| v["name"] == *stored) {
                let text = "missing from spec.versions; v1 was previously a storage version, and must remain in \
                            spec.versions until a storage migration ensures no data remains persisted in v1 and \
                            removes v1 from status.storedVersions"
                    .replace("v1", stored.as_str().unwrap_or_default());
                causes.push(Cause::invalid("status.storedVersions[0]", stored, &text));
            }
        }
    }
    causes
}

fn approved(value: &Value, group: &str, causes: &mut Vec<Cause>) {
    let protected = group == "k8s.io" || group == "kubernetes.io";
    let protected = protected || group.ends_with(".k8s.io") || group.ends_with(".kubernetes.io");
    let annotation = value.text(&["metadata", "annotations", "api-approved.kubernetes.io"]);
    let fine = annotation.starts_with("unapproved") || annotation.contains("://");
    if protected && !fine {
        let text = "protected groups must have approval annotation \"api-approved.kubernetes.io\", see \
                    https://github.com/kubernetes/enhancements/pull/1111";
        let field = "metadata.annotations[api-approved.kubernetes.io]";
        causes.push(if annotation.is_empty() {
            Cause::required(field, text)
        } else {
            Cause::invalid(field, &annotation.into(), text)
        });
    }
}

fn names(spec: &Value, at: &str, causes: &mut Vec<Cause>) {
    let inner = &spec["names"];
    let label = |field: &str, text: &str, causes: &mut Vec<Cause>| {
        for problem in names::dns1035_label(text) {
            causes.push(Cause::invalid(format!("{at}.{field}"), &text.into(), &problem));
        }
    };
    let plural = inner.text(&["plural"]);
    if plural.is_empty() {
        causes.push(Cause::required(format!("{at}.plural"), ""));
    } else {
        label("plural", plural, causes);
    }
    let singular = inner.text(&["singular"]);
    if !singular.is_empty() {
        label("singular", singular, causes);
    }
    for (field, needed) in [("kind", true), ("listKind", true)] {
        let text = inner.text(&[field]);
        if text.is_empty() {
            if needed {
                causes.push(Cause::required(format!("{at}.{field}"), ""));
            }
            continue;
        }
        for problem in names::dns1035_label(&text.to_lowercase()) {
            let rule = format!("may have mixed case, but should otherwise match: {problem}");
            causes.push(Cause::invalid(format!("{at}.{field}"), &text.into(), &rule));
        }
    }
    if !inner.text(&["kind"]).is_empty() && inner.text(&["kind"]) == inner.text(&["listKind"]) {
        let shown = inner.text(&["listKind"]).into();
        causes.push(Cause::invalid(
            format!("{at}.listKind"),
            &shown,
            "kind and listKind may not be the same",
        ));
    }
    for (field, list) in [("shortNames", true), ("categories", true)] {
        for (i, text) in inner.items(&[field]).iter().filter_map(Value::as_str).enumerate() {
            if list {
                label(&format!("{field}[{i}]"), text, causes);
            }
        }
    }
}

fn versions(spec: &Value, causes: &mut Vec<Cause>) {
    let versions = spec.items(&["versions"]);
    let stored = versions.iter().filter(|v| v["storage"] == true).count();
    if versions.is_empty() {
        causes.push(Cause::required("spec.versions", ""));
    }
    // One schema for all versions is reported once, under its old place.
    let same = versions.windows(2).all(|pair| pair[0].get("schema") == pair[1].get("schema"));
    for (i, version) in versions.iter().enumerate() {
        let name = version.text(&["name"]);
        for problem in names::dns1035_label(name) {
            causes.push(Cause::invalid(format!("spec.versions[{i}].name"), &name.into(), &problem));
        }
    }
    let mut refuse = |why: &str| {
        let text = format!("Invalid value: {}: {why}", go_text(versions, same));
        causes.push(Cause::other("spec.versions", "FieldValueInvalid", text));
    };
    if versions.iter().enumerate().any(|(i, v)| versions[..i].iter().any(|w| w["name"] == v["name"])) {
        refuse("must contain unique version names");
    }
    if stored != 1 {
        refuse("must have exactly one version marked as storage version");
    }
    for (i, version) in versions.iter().enumerate() {
        let at = format!("spec.versions[{i}]");
        let schema = version.at(&["schema", "openAPIV3Schema"]).filter(|s| s.is_object());
        match schema {
            None => causes.push(Cause::required(format!("{at}.schema.openAPIV3Schema"), "")),
            Some(schema) if !same => structural(schema, &format!("{at}.schema.openAPIV3Schema"), causes),
            Some(schema) if i == 0 => structural(schema, "spec.validation.openAPIV3Schema", causes),
            Some(_) => {}
        }
        // Columns of the only version are reported under their old place.
        columns(version, if versions.len() == 1 { "spec" } else { &at }, causes);
    }
}

/// The versions as Go prints its internal type. What all versions share is not part of them there.
fn go_text(versions: &[Value], same: bool) -> String {
    let text = |value: Option<&Value>| value.unwrap_or(&Value::Null).to_string();
    let flag = |version: &Value, key: &str| version[key] == true;
    let all: Vec<String> = versions
        .iter()
        .map(|v| {
            let own = |key: &str| if same { "null".to_string() } else { text(v.get(key)) };
            format!(
                "{{\"Name\":{},\"Served\":{},\"Storage\":{},\"Deprecated\":{},\"DeprecationWarning\":{},\
                 \"Schema\":{},\"Subresources\":{},\"AdditionalPrinterColumns\":{},\"SelectableFields\":{}}}",
                text(v.get("name")),
                flag(v, "served"),
                flag(v, "storage"),
                flag(v, "deprecated"),
                text(v.get("deprecationWarning")),
                own("schema"),
                own("subresources"),
                own("additionalPrinterColumns"),
                own("selectableFields"),
            )
        })
        .collect();
    format!("[{}]", all.join(","))
}

fn columns(version: &Value, at: &str, causes: &mut Vec<Cause>) {
    const TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
    for (i, column) in version.items(&["additionalPrinterColumns"]).iter().enumerate() {
        let at = format!("{at}.additionalPrinterColumns[{i}]");
        if column.text(&["name"]).is_empty() {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        let kind = column.text(&["type"]);
        if kind.is_empty() {
            causes.push(Cause::required(
                format!("{at}.type"),
                "must be one of boolean,date,integer,number,string",
            ));
        } else if !TYPES.contains(&kind) {
            let text = "must be one of boolean,date,integer,number,string";
            causes.push(Cause::invalid(format!("{at}.type"), &kind.into(), text));
        }
        let path = column.text(&["jsonPath"]);
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.JSONPath"), ""));
        }
    }
}

fn conversion(spec: &Value, causes: &mut Vec<Cause>) {
    let conversion = &spec["conversion"];
    match conversion.text(&["strategy"]) {
        "" | "None" => {}
        "Webhook" => {
            if conversion.at(&["webhook", "clientConfig"]).is_none_or(Value::is_null) {
                let text = "required when strategy is set to Webhook";
                causes.push(Cause::required("spec.conversion.webhookClientConfig", text));
            }
        }
        other => {
            let supported = ["None", "Webhook"];
            causes.push(Cause::unsupported("spec.conversion.strategy", &other.into(), &supported));
        }
    }
}

/// The rules of structural schemas.
fn structural(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    if schema.text(&["type"]) != "object" {
        let text = if schema.text(&["type"]).is_empty() { "must not be empty at the root" } else { "" };
        if text.is_empty() {
            let shown = schema.text(&["type"]).into();
            causes.push(Cause::invalid(format!("{at}.type"), &shown, "must be object at the root"));
        } else {
            causes.push(Cause::required(format!("{at}.type"), text));
        }
    }
    if schema.get("additionalProperties").is_some_and(|v| !v.is_null()) {
        causes.push(Cause::forbidden(format!("{at}.additionalProperties"), "must not be used at the root"));
    }
    node(schema, at, true, causes);
    if let Some(meta) = schema.at(&["properties", "metadata"]).and_then(Value::as_object) {
        let allowed = meta.iter().all(|(key, value)| match key.as_str() {
            "type" | "description" => true,
            "properties" => {
                value.as_object().is_some_and(|p| p.keys().all(|k| k == "name" || k == "generateName"))
            }
            _ => false,
        });
        if !allowed {
            let text = "must not specify anything other than name and generateName, but metadata is implicitly \
                        specified";
            causes.push(Cause::forbidden(format!("{at}.properties[metadata]"), text));
        }
    }
}

fn node(schema: &Value, at: &str, root: bool, causes: &mut Vec<Cause>) {
    let Some(map) = schema.as_object() else { return };
    let kind = schema.text(&["type"]);
    let int_or_string = schema["x-kubernetes-int-or-string"] == true;
    let preserve = schema["x-kubernetes-preserve-unknown-fields"] == true;
    if !root && kind.is_empty() && !int_or_string && !preserve {
        let below = at.rsplit('.').next().unwrap_or_default();
        let text = if below.starts_with("items") || at.ends_with(".items") {
            "must not be empty for specified array items"
        } else {
            "must not be empty for specified object fields"
        };
        causes.push(Cause::required(format!("{at}.type"), text));
    }
    let properties = map.get("properties").and_then(Value::as_object);
    let additional = map.get("additionalProperties").filter(|v| !v.is_null());
    if properties.is_some() && additional.is_some() {
        let text = "additionalProperties and properties are mutual exclusive";
        causes.push(Cause::forbidden(format!("{at}.additionalProperties"), text));
    }
    if kind == "array" && !schema["items"].is_object() {
        causes.push(Cause::required(format!("{at}.items"), "must be specified"));
    }
    let list = schema.text(&["x-kubernetes-list-type"]);
    let keys = schema.items(&["x-kubernetes-list-map-keys"]);
    match list {
        "" | "atomic" | "set" | "map" => {}
        other => {
            let supported = ["atomic", "map", "set"];
            causes.push(Cause::unsupported(
                format!("{at}.x-kubernetes-list-type"),
                &other.into(),
                &supported,
            ));
        }
    }
    if list == "map" && keys.is_empty() {
        let text = "must not be empty if x-kubernetes-list-type is map";
        causes.push(Cause::required(format!("{at}.x-kubernetes-list-map-keys"), text));
    }
    for (i, rule) in schema.items(&["x-kubernetes-validations"]).iter().enumerate() {
        let text = rule.text(&["rule"]).trim();
        let field = format!("{at}.x-kubernetes-validations[{i}].rule");
        if text.is_empty() {
            causes.push(Cause::required(field, "rule is not specified"));
        } else if let Err(error) = parse(text) {
            // The parser here knows less than the real one, so only clear errors of syntax are refused.
            if error == "unexpected end" || error == "unterminated text" {
                causes.push(Cause::invalid(field, &text.into(), &format!("compilation failed: {error}")));
            }
        }
    }
    for (key, inner) in properties.into_iter().flatten() {
        if root && key == "metadata" {
            continue;
        }
        node(inner, &format!("{at}.properties[{key}]"), false, causes);
    }
    if let Some(inner @ Value::Object(_)) = map.get("items") {
        node(inner, &format!("{at}.items"), false, causes);
    }
    if let Some(inner @ Value::Object(_)) = additional {
        node(inner, &format!("{at}.additionalProperties"), false, causes);
    }
}
