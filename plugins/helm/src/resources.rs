//! From documents to the objects that are applied: namespaces, ownership marks, lists flattened, duplicates dropped.

use std::collections::{BTreeMap, BTreeSet};

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::host::Host;
use osc_plugin_api::objects::{
    annotation, cluster_scoped, flatten, group, kind, name, namespace, set_annotation, set_label,
    set_namespace,
};
use osc_plugin_api::{Error, Result};
use serde_json::Value;

use crate::values::read_yaml;

/// Which custom kinds live in no namespace.
#[derive(Debug, Default)]
pub struct Scopes {
    /// Group and kind to whether it is cluster-scoped.
    known: BTreeMap<(String, String), bool>,
}

impl Scopes {
    /// Learns from CustomResourceDefinitions; other objects are passed over.
    pub fn learn<'a>(&mut self, objects: impl IntoIterator<Item = &'a Value>) {
        for object in objects.into_iter().filter(|object| kind(object) == Some("CustomResourceDefinition")) {
            let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
            if let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) {
                let is_cluster = text("/spec/scope").as_deref() == Some("Cluster");
                self.known.insert((group, kind), is_cluster);
            }
        }
    }

    /// Asks the cluster about kinds that are still unknown.
    pub fn complete<'a>(&mut self, host: &dyn Host, objects: impl IntoIterator<Item = &'a Value>) {
        let mut unknown: BTreeSet<(String, String)> = objects
            .into_iter()
            .map(|object| (group(object).unwrap_or_default(), kind(object).unwrap_or_default()))
            .filter(|(group, kind)| cluster_scoped(group, kind).is_none())
            .map(|(group, kind)| (group.to_owned(), kind.to_owned()))
            .collect();
        unknown.retain(|kind| !self.known.contains_key(kind));
        // Definitions are large, and their names can nearly always be told from the kinds.
        let guesses: Vec<ObjectRef> =
            unknown.iter().flat_map(|(group, kind)| definitions_of(group, kind)).collect();
        let found = live(host, &guesses, "").unwrap_or_default();
        self.learn(found.iter().flatten());
        unknown.retain(|kind| !self.known.contains_key(kind));
        if !unknown.is_empty() {
            // Without an answer the guess below must do.
            let definitions = host.list("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, None);
            self.learn(definitions.unwrap_or_default().iter());
        }
    }

    fn is_cluster_scoped(&self, object: &Value) -> bool {
        let (group, kind) = (group(object).unwrap_or_default(), kind(object).unwrap_or_default());
        cluster_scoped(group, kind)
            .or_else(|| self.known.get(&(group.to_owned(), kind.to_owned())).copied())
            .unwrap_or_else(|| namespace(object).is_none() && kind.starts_with("Cluster"))
    }

    /// Puts an object into the release's namespace, or out of any.
    pub fn place(&self, object: &mut Value, release_namespace: &str) {
        if self.is_cluster_scoped(object) {
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("namespace");
            }
        } else if namespace(object).is_none() {
            set_namespace(object, release_namespace);
        }
    }
}

/// The definitions that a kind may have, by the rules of English plurals.
fn definitions_of(group: &str, kind: &str) -> Vec<ObjectRef> {
    let name = kind.to_lowercase();
    let plurals = match name.strip_suffix('y') {
        Some(stem) => vec![format!("{stem}ies"), format!("{name}s")],
        None if name.ends_with(['s', 'x', 'h']) => vec![format!("{name}es"), name.clone()],
        None => vec![format!("{name}s")],
    };
    let definition = |plural: String| ObjectRef {
        api_version: "apiextensions.k8s.io/v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        namespace: None,
        name: format!("{plural}.{group}"),
    };
    plurals.into_iter().map(definition).collect()
}

/// The objects of one document; lists are flattened, a document of comments has none.
pub fn parse(document: &str, path: &str) -> Result<Vec<Value>> {
    let value = read_yaml(document)
        .map_err(|error| Error::invalid_package(format!("`{path}` does not render to YAML: {error}")))?;
    if value.is_null() {
        return Ok(Vec::new());
    }
    let objects = flatten(value);
    for object in &objects {
        check(object, path)?;
    }
    Ok(objects)
}

fn check(object: &Value, path: &str) -> Result<()> {
    if !object.is_object() {
        return Err(Error::invalid_package(format!("`{path}` renders to something that is no object")));
    }
    for (field, value) in [
        ("apiVersion", object.get("apiVersion").and_then(Value::as_str)),
        ("kind", kind(object)),
        ("metadata.name", name(object)),
    ] {
        if value.is_none_or(str::is_empty) {
            let kind = kind(object).unwrap_or("an object");
            return Err(Error::invalid_package(format!("`{path}` renders {kind} without `{field}`")));
        }
    }
    Ok(())
}

/// Marks an object as the release's, as Helm does.
pub fn mark_owned(object: &mut Value, release: &str, release_namespace: &str) {
    set_label(object, "app.kubernetes.io/managed-by", "Helm");
    set_annotation(object, "meta.helm.sh/release-name", release);
    set_annotation(object, "meta.helm.sh/release-namespace", release_namespace);
}

/// Why an object in the cluster does not belong to a release; `None` if it does.
pub fn foreign(live: &Value, release: &str, release_namespace: &str) -> Option<String> {
    let label = osc_plugin_api::objects::label(live, "app.kubernetes.io/managed-by");
    if label != Some("Helm") {
        return Some(format!(
            "its label `app.kubernetes.io/managed-by` is `{}`, not `Helm`",
            label.unwrap_or_default()
        ));
    }
    for (key, wanted) in
        [("meta.helm.sh/release-name", release), ("meta.helm.sh/release-namespace", release_namespace)]
    {
        let found = annotation(live, key);
        if found != Some(wanted) {
            return Some(format!(
                "its annotation `{key}` is `{}`, not `{wanted}`",
                found.unwrap_or_default()
            ));
        }
    }
    None
}

/// Whether Helm leaves the object in the cluster.
pub fn is_kept(object: &Value) -> bool {
    annotation(object, "helm.sh/resource-policy")
        .is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}

/// The reference of an object that was checked before.
pub fn reference(object: &Value) -> Result<ObjectRef> {
    ObjectRef::of(object)
        .ok_or_else(|| Error::invalid_package("an object lacks `apiVersion`, `kind` or `metadata.name`"))
}

/// Objects that the server is asked for at once.
const BATCH: usize = 500;

/// Whether a plan may read an object at all: in its own namespace, or harmless to everybody. Asking for others would
/// only make the server warn.
pub fn in_reach(reference: &ObjectRef, release_namespace: &str) -> bool {
    match reference.namespace.as_deref() {
        Some(namespace) => namespace == release_namespace,
        None => matches!(
            (reference.group(), reference.kind.as_str()),
            ("apiextensions.k8s.io", "CustomResourceDefinition")
                | ("apiregistration.k8s.io", "APIService")
                | ("storage.k8s.io", "StorageClass" | "CSIDriver")
                | ("networking.k8s.io", "IngressClass")
                | ("scheduling.k8s.io", "PriorityClass")
        ),
    }
}

/// The live objects; what may not be read counts as absent.
pub fn live(host: &dyn Host, refs: &[ObjectRef], release_namespace: &str) -> Result<Vec<Option<Value>>> {
    let mut found = vec![None; refs.len()];
    let places: Vec<usize> =
        (0..refs.len()).filter(|place| in_reach(&refs[*place], release_namespace)).collect();
    for places in places.chunks(BATCH) {
        let wanted: Vec<ObjectRef> = places.iter().map(|place| refs[*place].clone()).collect();
        let answers = match host.objects(&wanted) {
            Err(error) if error.code == "denied" => one_by_one(host, &wanted)?,
            answers => answers?,
        };
        for (place, answer) in places.iter().zip(answers) {
            found[*place] = answer;
        }
    }
    Ok(found)
}

fn one_by_one(host: &dyn Host, refs: &[ObjectRef]) -> Result<Vec<Option<Value>>> {
    let read = |reference| match host.object(reference) {
        Err(error) if error.code == "denied" => Ok(None),
        answer => answer,
    };
    refs.iter().map(read).collect()
}

/// Drops all but the last of objects that are the same; says which.
pub fn without_duplicates(objects: Vec<Value>, warnings: &mut Vec<String>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Value> = Vec::with_capacity(objects.len());
    for object in objects.into_iter().rev() {
        match ObjectRef::of(&object) {
            Some(reference) if !seen.insert(reference.clone()) => {
                warnings.push(format!("{reference} is rendered more than once; the last one counts"));
            }
            _ => kept.push(object),
        }
    }
    kept.reverse();
    kept
}
