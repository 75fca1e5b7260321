//! Validation of the definitions themselves.

use serde_json::Value;

use super::{openapi, structural};
use crate::names;
use crate::status::Cause;
use crate::value::Get;

const IMMUTABLE: &str = "field is immutable";
/// The most fields of a version that can be selected by.
const MOST_SELECTABLE: usize = 8;

/// What is wrong with a definition.
pub(crate) fn definition(live: Option<&Value>, value: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &value["spec"];
    let group = spec.text(&["group"]);
    let plural = spec.text(&["names", "plural"]);
    let name = value.text(&["metadata", "name"]);
    if live.is_none() && name != format!("{plural}.{group}") {
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
    if spec["preserveUnknownFields"] == true {
        let text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema \
                    instead";
        causes.push(Cause::invalid("spec.preserveUnknownFields", &Value::Bool(true), text));
    }
    stored(value, &mut causes);
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
    if let Some(first) = versions.first().map(|v| v.text(&["name"])) {
        for problem in names::dns1035_label(first) {
            causes.push(Cause::invalid("spec.version", &first.into(), &problem));
        }
    }
    let places = Places::of(versions);
    for (i, version) in versions.iter().enumerate() {
        let at = format!("spec.versions[{i}]");
        deprecation(version, &at, causes);
        let schema = version.at(&["schema", "openAPIV3Schema"]).filter(|s| s.is_object());
        match (schema, places.schema) {
            (None, _) => causes.push(Cause::required(format!("{at}.schema.openAPIV3Schema"), "")),
            (Some(schema), false) => schema_of(schema, &format!("{at}.schema.openAPIV3Schema"), causes),
            (Some(schema), true) if i == 0 => schema_of(schema, "spec.validation.openAPIV3Schema", causes),
            (Some(_), true) => {}
        }
        let place = |shared: bool| match (shared, i) {
            (false, _) => Some(at.as_str()),
            (true, 0) => Some("spec"),
            (true, _) => None,
        };
        if let Some(at) = place(places.subresources) {
            subresources(&version["subresources"], at, causes);
        }
        if let Some(at) = place(places.columns) {
            columns(version, at, causes);
        }
        if let Some(at) = place(places.selectable) {
            selectable(version, at, causes);
        }
    }
}

/// What all versions have in common is reported once, under its old place.
struct Places {
    schema: bool,
    subresources: bool,
    columns: bool,
    selectable: bool,
}

impl Places {
    fn of(versions: &[Value]) -> Self {
        let same = |key: &str| versions.windows(2).all(|pair| pair[0].get(key) == pair[1].get(key));
        Places {
            schema: same("schema"),
            subresources: same("subresources"),
            columns: same("additionalPrinterColumns"),
            selectable: same("selectableFields"),
        }
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
    const FORMATS: [&str; 8] = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
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
        let format = column.text(&["format"]);
        if !format.is_empty() && !FORMATS.contains(&format) {
            let text = format!("must be one of {}", FORMATS.join(","));
            causes.push(Cause::invalid(format!("{at}.format"), &format.into(), &text));
        }
        let path = column.text(&["jsonPath"]);
        if path.is_empty() {
            causes.push(Cause::required(format!("{at}.JSONPath"), ""));
        } else {
            simple_path(path, &format!("{at}.JSONPath"), causes);
        }
    }
}

fn conversion(spec: &Value, causes: &mut Vec<Cause>) {
    let conversion = &spec["conversion"];
    let reviews = conversion.items(&["webhook", "conversionReviewVersions"]);
    let client = conversion.at(&["webhook", "clientConfig"]).filter(|c| c.is_object());
    let at = "spec.conversion.webhookClientConfig";
    let listed = "spec.conversion.conversionReviewVersions";
    match conversion.text(&["strategy"]) {
        "Webhook" => {
            match client {
                None => causes.push(Cause::required(at, "required when strategy is set to Webhook")),
                Some(client) => {
                    let is = |key: &str| client.get(key).is_some_and(|v| !v.is_null());
                    if is("url") == is("service") {
                        causes.push(Cause::required(at, "exactly one of url or service is required"));
                    }
                }
            }
            review_versions(reviews, listed, causes);
            return;
        }
        "" | "None" => {}
        other => {
            let supported = ["None", "Webhook"];
            causes.push(Cause::unsupported("spec.conversion.strategy", &other.into(), &supported));
        }
    }
    let text = "should not be set when strategy is not set to Webhook";
    if client.is_some() {
        causes.push(Cause::forbidden(at, text));
    }
    if !reviews.is_empty() {
        causes.push(Cause::forbidden(listed, text));
    }
}

fn review_versions(versions: &[Value], at: &str, causes: &mut Vec<Cause>) {
    if versions.is_empty() {
        causes.push(Cause::required(at, ""));
        return;
    }
    for (i, version) in versions.iter().enumerate() {
        let name = version.as_str().unwrap_or_default();
        if versions[..i].contains(version) {
            causes.push(Cause::invalid(format!("{at}[{i}]"), version, "duplicate version"));
            continue;
        }
        for problem in names::dns1035_label(name) {
            causes.push(Cause::invalid(format!("{at}[{i}]"), version, &problem));
        }
    }
    if !versions.iter().any(|v| v == "v1" || v == "v1beta1") {
        let text = "must include at least one of v1, v1beta1";
        causes.push(Cause::invalid(at, &Value::from(versions.to_vec()), text));
    }
}

/// The part of a schema that a path of fields leads to.
pub(super) fn field_at<'a>(schema: &'a Value, path: &str) -> Result<&'a Value, String> {
    let mut here = schema;
    let mut rest = path;
    while !rest.is_empty() {
        let (key, after) = if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            (&after[..end], &after[end..])
        } else if let Some(after) = rest.strip_prefix('[') {
            let end = after.find(']').ok_or("unexpected end of JSON path")?;
            (after[..end].trim_matches('\''), &after[end + 1..])
        } else {
            return Err(format!("expected [ or . but got: {rest}"));
        };
        let declared = here.at(&["properties", key]);
        let additional = here.get("additionalProperties").filter(|a| a.is_object());
        here = declared.or(additional).ok_or("does not refer to a valid field")?;
        rest = after;
    }
    Ok(here)
}

/// The schema of a version.
fn schema_of(schema: &Value, at: &str, causes: &mut Vec<Cause>) {
    let mut found = Vec::new();
    if schema["nullable"] == true {
        found.push(Cause::forbidden(format!("{at}.nullable"), "nullable cannot be true at the root"));
    }
    if structural::has_form(schema) {
        let mut problems = structural::check(schema, at);
        if problems.is_empty() {
            structural::defaults(schema, at, true, &mut problems);
        }
        found.extend(problems);
    }
    openapi::check(schema, at, &mut found);
    causes.extend(found);
}

fn simple_path(path: &str, field: &str, causes: &mut Vec<Cause>) -> bool {
    let fine = path.starts_with('.');
    if !fine {
        causes.push(Cause::invalid(field, &path.into(), "must be a simple json path starting with ."));
    }
    fine
}

fn subresources(subresources: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(scale) = subresources.get("scale").filter(|s| s.is_object()) else { return };
    for (key, prefix) in [("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")] {
        let path = scale.text(&[key]);
        let field = format!("{at}.subresources.scale.{key}");
        if path.is_empty() {
            causes.push(Cause::required(field, ""));
        } else if simple_path(path, &field, causes) && !path.starts_with(&format!("{prefix}.")) {
            let text = format!("should be a json path under {prefix}");
            causes.push(Cause::invalid(field, &path.into(), &text));
        }
    }
    let path = scale.text(&["labelSelectorPath"]);
    let field = format!("{at}.subresources.scale.labelSelectorPath");
    let fits = path.starts_with(".spec.") || path.starts_with(".status.");
    if !path.is_empty() && simple_path(path, &field, causes) && !fits {
        let text = "should be a json path under either .spec or .status";
        causes.push(Cause::invalid(field, &path.into(), text));
    }
}

fn selectable(version: &Value, at: &str, causes: &mut Vec<Cause>) {
    let schema = &version["schema"]["openAPIV3Schema"];
    let mut seen: Vec<&str> = Vec::new();
    for (i, field) in version.items(&["selectableFields"]).iter().enumerate() {
        let path = field.text(&["jsonPath"]);
        let field = format!("{at}.selectableFields[{i}].jsonPath");
        if path.is_empty() {
            causes.push(Cause::required(field, ""));
            continue;
        }
        let found = match field_at(schema, path) {
            Ok(found) => found,
            Err(why) => {
                causes.push(Cause::invalid(field, &path.into(), &format!("is an invalid path: {why}")));
                continue;
            }
        };
        if path.starts_with(".metadata") {
            causes.push(Cause::invalid(field.as_str(), &path.into(), "must not point to fields in metadata"));
        }
        if !matches!(found.text(&["type"]), "string" | "boolean" | "integer") {
            let text = "must point to a field of type string, boolean or integer. Enum string fields and strings with \
                        formats are allowed.";
            causes.push(Cause::invalid(field.as_str(), &path.into(), text));
        }
        if seen.contains(&path) {
            causes.push(Cause::duplicate(field, &path.into()));
        } else {
            seen.push(path);
        }
    }
    if seen.len() > MOST_SELECTABLE {
        causes.push(Cause::too_many(format!("{at}.selectableFields"), seen.len(), MOST_SELECTABLE));
    }
}

fn deprecation(version: &Value, at: &str, causes: &mut Vec<Cause>) {
    let Some(warning) = version.get("deprecationWarning").and_then(Value::as_str) else { return };
    let mut refuse =
        |text: &str| causes.push(Cause::invalid(format!("{at}.deprecationWarning"), &warning.into(), text));
    if version["deprecated"] != true {
        refuse("can only be set for deprecated versions");
        return;
    }
    if warning.len() > 256 {
        refuse("must be <= 256 characters long");
    }
    if warning.is_empty() {
        refuse("must not be an empty string");
    }
    if let Some((at, _)) = warning.char_indices().find(|(_, c)| c.is_control()) {
        refuse(&format!(
            "must only contain printable UTF-8 characters; non-printable character found at index {at}"
        ));
    }
}

/// Versions that objects are or were stored in.
fn stored(value: &Value, causes: &mut Vec<Cause>) {
    let versions = value.items(&["spec", "versions"]);
    let stored = value.items(&["status", "storedVersions"]);
    let field = "status.storedVersions";
    if stored.is_empty() {
        causes.push(Cause::invalid(field, &Value::Null, "must have at least one stored version"));
        return;
    }
    for version in versions.iter().filter(|v| v["storage"] == true && !stored.contains(&v["name"])) {
        let text = format!("must have the storage version {}", version.text(&["name"]));
        causes.push(Cause::invalid(field, &Value::from(stored.to_vec()), &text));
    }
    for (i, name) in stored.iter().enumerate() {
        if !versions.iter().any(|v| v["name"] == *name) {
            let text = "missing from spec.versions; v1 was previously a storage version, and must remain in \
                        spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 \
                        from status.storedVersions"
                .replace("v1", name.as_str().unwrap_or_default());
            causes.push(Cause::invalid(format!("{field}[{i}]"), name, &text));
        }
    }
}
