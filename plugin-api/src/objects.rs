//! Kubernetes objects as JSON: the questions that every plugin asks, without the types of every kind.

use serde_json::{Map, Value};

/// `apiVersion`.
pub fn api_version(object: &Value) -> Option<&str> {
    object.get("apiVersion")?.as_str()
}

/// `kind`.
pub fn kind(object: &Value) -> Option<&str> {
    object.get("kind")?.as_str()
}

/// The API group, empty for the core group.
pub fn group(object: &Value) -> Option<&str> {
    Some(api_version(object)?.split_once('/').map_or("", |(group, _)| group))
}

/// `metadata.name`.
pub fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name")?.as_str()
}

/// `metadata.namespace`, none when it is absent or empty.
pub fn namespace(object: &Value) -> Option<&str> {
    object.pointer("/metadata/namespace")?.as_str().filter(|namespace| !namespace.is_empty())
}

/// `metadata.uid`.
pub fn uid(object: &Value) -> Option<&str> {
    object.pointer("/metadata/uid")?.as_str()
}

/// The value of a label.
pub fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

/// All labels that are text.
pub fn labels(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    texts(object.pointer("/metadata/labels"))
}

/// The value of an annotation.
pub fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// All annotations that are text.
pub fn annotations(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    texts(object.pointer("/metadata/annotations"))
}

/// Sets a label of the object itself, never of its pod template.
pub fn set_label(object: &mut Value, name: &str, value: &str) {
    set_metadata(object, "labels", name, value);
}

/// Sets an annotation of the object itself.
pub fn set_annotation(object: &mut Value, name: &str, value: &str) {
    set_metadata(object, "annotations", name, value);
}

/// Sets `metadata.namespace`.
pub fn set_namespace(object: &mut Value, namespace: &str) {
    if let Some(metadata) = map_at(object, "metadata") {
        metadata.insert("namespace".into(), namespace.into());
    }
}

/// Whether the object's labels satisfy a selector as `kubectl -l` takes it: `a=b,c!=d,e in (f,g),h,!i`.
pub fn matches_selector(object: &Value, selector: &str) -> bool {
    split_selector(selector).all(|term| {
        let term = term.trim();
        if let Some((name, values)) = term.split_once(" notin ") {
            return label(object, name.trim()).is_none_or(|value| !in_set(values, value));
        }
        if let Some((name, values)) = term.split_once(" in ") {
            return label(object, name.trim()).is_some_and(|value| in_set(values, value));
        }
        if let Some((name, value)) = term.split_once("!=") {
            return label(object, name.trim()) != Some(value.trim());
        }
        if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            return label(object, name.trim()) == Some(value.trim());
        }
        match term.strip_prefix('!') {
            Some(name) => label(object, name.trim()).is_none(),
            None => term.is_empty() || label(object, term).is_some(),
        }
    })
}

/// The pod spec of a Pod, PodTemplate or any workload of the core, `apps`, `batch` and `extensions` groups.
pub fn pod_spec(object: &Value) -> Option<&Value> {
    object.pointer(pod_spec_pointer(object)?).filter(|spec| spec.is_object())
}

/// As [`pod_spec`], to change it.
pub fn pod_spec_mut(object: &mut Value) -> Option<&mut Value> {
    let pointer = pod_spec_pointer(object)?;
    object.pointer_mut(pointer).filter(|spec| spec.is_object())
}

/// The metadata of the pods that a workload makes; a Pod's own.
pub fn pod_metadata(object: &Value) -> Option<&Value> {
    let spec = pod_spec_pointer(object)?;
    object.pointer(&format!("{}/metadata", spec.strip_suffix("/spec")?))
}

/// Init containers, containers and ephemeral containers of a pod spec, in this order.
pub fn containers(pod_spec: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    lists.into_iter().filter_map(|list| pod_spec.get(list)?.as_array()).flatten()
}

/// Calls `change` on every container of a pod spec.
pub fn each_container(pod_spec: &mut Value, mut change: impl FnMut(&mut Value)) {
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        if let Some(containers) = pod_spec.get_mut(list).and_then(Value::as_array_mut) {
            containers.iter_mut().for_each(&mut change);
        }
    }
}

/// Images that an object's containers and image volumes name, in order, with repetitions.
pub fn images(object: &Value) -> Vec<&str> {
    let Some(spec) = pod_spec(object) else { return Vec::new() };
    let of_containers = containers(spec).filter_map(|container| container.get("image")?.as_str());
    let volumes = spec.get("volumes").and_then(Value::as_array).into_iter().flatten();
    let of_volumes = volumes.filter_map(|volume| volume.pointer("/image/reference")?.as_str());
    of_containers.chain(of_volumes).filter(|image| !image.is_empty()).collect()
}

/// Images of many objects, sorted, without repetition: what `PackageFacts::images` holds.
pub fn all_images<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let mut all: Vec<String> = objects.into_iter().flat_map(images).map(str::to_owned).collect();
    all.sort();
    all.dedup();
    all
}

/// Rules of a Role or ClusterRole, empty for other objects.
pub fn rbac_rules(object: &Value) -> &[Value] {
    let is_role = group(object) == Some("rbac.authorization.k8s.io")
        && matches!(kind(object), Some("Role" | "ClusterRole"));
    let rules = if is_role { object.get("rules").and_then(Value::as_array) } else { None };
    rules.map_or(&[], Vec::as_slice)
}

/// Whether objects of a kind have no namespace: known for the kinds of Kubernetes itself, none for all others.
pub fn cluster_scoped(group: &str, kind: &str) -> Option<bool> {
    let cluster = match group {
        "" => matches!(kind, "Namespace" | "Node" | "PersistentVolume" | "ComponentStatus"),
        "rbac.authorization.k8s.io" => matches!(kind, "ClusterRole" | "ClusterRoleBinding"),
        "storage.k8s.io" => kind != "CSIStorageCapacity",
        "networking.k8s.io" => matches!(kind, "IngressClass" | "IPAddress" | "ServiceCIDR"),
        "resource.k8s.io" => matches!(kind, "DeviceClass" | "ResourceSlice" | "DeviceTaintRule"),
        "policy" | "extensions" => kind == "PodSecurityPolicy",
        "authentication.k8s.io" => true,
        "authorization.k8s.io" => kind != "LocalSubjectAccessReview",
        "admissionregistration.k8s.io"
        | "apiextensions.k8s.io"
        | "apiregistration.k8s.io"
        | "certificates.k8s.io"
        | "flowcontrol.apiserver.k8s.io"
        | "internal.apiserver.k8s.io"
        | "node.k8s.io"
        | "scheduling.k8s.io"
        | "storagemigration.k8s.io" => true,
        "apps" | "batch" | "autoscaling" | "coordination.k8s.io" | "discovery.k8s.io" | "events.k8s.io" => {
            false
        }
        _ => return None,
    };
    Some(cluster)
}

/// The objects of a `List` (or `DeploymentList` and so on), flattened; any other object alone.
pub fn flatten(object: Value) -> Vec<Value> {
    let is_list = kind(&object).is_some_and(|kind| kind.ends_with("List"));
    match object {
        Value::Object(mut map) if is_list && map.get("items").is_some_and(Value::is_array) => {
            let Some(Value::Array(items)) = map.remove("items") else { return Vec::new() };
            items.into_iter().flat_map(flatten).collect()
        }
        other => vec![other],
    }
}

fn pod_spec_pointer(object: &Value) -> Option<&'static str> {
    match (group(object)?, kind(object)?) {
        ("", "Pod") => Some("/spec"),
        ("", "PodTemplate") => Some("/template/spec"),
        ("batch", "CronJob") => Some("/spec/jobTemplate/spec/template/spec"),
        ("", "ReplicationController")
        | ("apps" | "extensions", "Deployment" | "DaemonSet" | "ReplicaSet")
        | ("apps", "StatefulSet")
        | ("batch", "Job") => Some("/spec/template/spec"),
        _ => None,
    }
}

fn texts(map: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    let map = map.and_then(Value::as_object).into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
}

fn set_metadata(object: &mut Value, field: &str, name: &str, value: &str) {
    let Some(metadata) = map_at(object, "metadata") else { return };
    let entry = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    if let Value::Object(entries) = entry {
        entries.insert(name.to_owned(), value.into());
    }
}

fn map_at<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    let entry = object.as_object_mut()?.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if entry.is_null() {
        *entry = Value::Object(Map::new());
    }
    entry.as_object_mut()
}

fn in_set(values: &str, value: &str) -> bool {
    let values = values.trim().trim_start_matches('(').trim_end_matches(')');
    values.split(',').any(|candidate| candidate.trim() == value)
}

/// Splits at commas that are not inside parentheses.
fn split_selector(selector: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    selector.split(move |character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn images_of_every_workload() {
        let spec = json!({
            "initContainers": [{"image": "a"}], "containers": [{"image": "b:1"}, {"name": "none"}],
            "volumes": [{"image": {"reference": "c"}}],
        });
        let cases = [
            json!({"apiVersion": "v1", "kind": "Pod", "spec": spec}),
            json!({"apiVersion": "v1", "kind": "PodTemplate", "template": {"spec": spec}}),
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "spec": {"template": {"spec": spec}}}),
            json!({"apiVersion": "batch/v1", "kind": "CronJob",
                   "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}),
        ];
        for case in &cases {
            assert_eq!(images(case), ["a", "b:1", "c"], "{case}");
        }
        assert!(
            images(&json!({"apiVersion": "example.org/v1", "kind": "Deployment", "spec": {}})).is_empty()
        );
    }

    #[test]
    fn selectors() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        for selector in ["app=web", "app==web,tier", "app in (api, web),!gone", "app!=api", "x notin (a)", ""]
        {
            assert!(matches_selector(&object, selector), "{selector}");
        }
        for selector in ["app=api", "gone", "!app", "app notin (web)", "app=web,tier=back"] {
            assert!(!matches_selector(&object, selector), "{selector}");
        }
    }

    #[test]
    fn metadata_is_made_when_absent() {
        let mut object = json!({"metadata": {"labels": null}});
        set_label(&mut object, "a", "b");
        set_annotation(&mut object, "c", "d");
        set_namespace(&mut object, "e");
        assert_eq!(
            object,
            json!({"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}, "namespace": "e"}})
        );
    }

    #[test]
    fn lists_are_flattened() {
        let list =
            json!({"kind": "List", "items": [{"kind": "A"}, {"kind": "RoleList", "items": [{"kind": "B"}]}]});
        assert_eq!(flatten(list), [json!({"kind": "A"}), json!({"kind": "B"})]);
    }
}
