//! Which kinds a cluster serves, and where.

use std::collections::{BTreeMap, BTreeSet};

use osc_plugin_api::documents::object::ObjectRef;
use serde_json::Value;

use crate::error::{Error, Result};

/// One kind in one version of its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKind {
    pub api_version: String,
    pub kind: String,
    /// Name in paths: `deployments`.
    pub plural: String,
    pub namespaced: bool,
    pub verbs: Vec<String>,
}

/// Everything that a cluster serves at one moment.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    kinds: BTreeMap<(String, String), ApiKind>,
    group_versions: BTreeSet<String>,
    /// Kinds of subresources, which Helm lists too.
    other: BTreeSet<String>,
}

impl Discovery {
    /// Adds a group version as `/apis/GROUP/VERSION` (an `APIResourceList`) describes it.
    pub fn add_resource_list(&mut self, list: &Value) {
        let Some(api_version) = list["groupVersion"].as_str() else { return };
        self.group_versions.insert(api_version.into());
        for resource in list["resources"].as_array().into_iter().flatten() {
            let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
            let (name, kind) = (text("name"), text("kind"));
            if name.contains('/') {
                self.other.insert(format!("{api_version}/{kind}"));
                continue;
            }
            self.add(ApiKind {
                api_version: api_version.into(),
                kind,
                plural: name,
                namespaced: resource["namespaced"].as_bool().unwrap_or_default(),
                verbs: strings(&resource["verbs"]),
            });
        }
    }

    /// Adds an `APIGroupDiscoveryList`, the answer of newer clusters to one question.
    pub fn add_aggregated(&mut self, list: &Value) {
        for group in list["items"].as_array().into_iter().flatten() {
            let group_name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            for version in group["versions"].as_array().into_iter().flatten() {
                let Some(version_name) = version["version"].as_str() else { continue };
                let api_version = if group_name.is_empty() {
                    version_name.to_owned()
                } else {
                    format!("{group_name}/{version_name}")
                };
                self.group_versions.insert(api_version.clone());
                for resource in version["resources"].as_array().into_iter().flatten() {
                    self.add_aggregated_resource(&api_version, resource);
                }
            }
        }
    }

    fn add_aggregated_resource(&mut self, api_version: &str, resource: &Value) {
        let kind_of = |resource: &Value| {
            resource.pointer("/responseKind/kind").and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        for sub in resource["subresources"].as_array().into_iter().flatten() {
            self.other.insert(format!("{api_version}/{}", kind_of(sub)));
        }
        self.add(ApiKind {
            api_version: api_version.into(),
            kind: kind_of(resource),
            plural: resource["resource"].as_str().unwrap_or_default().to_owned(),
            namespaced: resource["scope"].as_str() == Some("Namespaced"),
            verbs: strings(&resource["verbs"]),
        });
    }

    /// Adds one kind; tests build a discovery from these.
    pub fn add(&mut self, kind: ApiKind) {
        if kind.kind.is_empty() || !is_path_segment(&kind.plural) {
            return;
        }
        self.group_versions.insert(kind.api_version.clone());
        self.kinds.insert((kind.api_version.clone(), kind.kind.clone()), kind);
    }

    /// The kind in this very version.
    pub fn find(&self, api_version: &str, kind: &str) -> Option<&ApiKind> {
        self.kinds.get(&(api_version.to_owned(), kind.to_owned()))
    }

    /// Whether objects of the kind live in namespaces, whatever the version; `None` when the kind is unknown.
    pub fn is_namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        self.kinds
            .values()
            .find(|known| known.kind == kind && group_of(&known.api_version) == group)
            .map(|k| k.namespaced)
    }

    /// All kinds.
    pub fn kinds(&self) -> impl Iterator<Item = &ApiKind> {
        self.kinds.values()
    }

    /// `v1`, `apps/v1`, `apps/v1/Deployment`, sorted, as Helm's `.Capabilities.APIVersions`.
    pub fn api_versions(&self) -> Vec<String> {
        let kinds = self.kinds.keys().map(|(api_version, kind)| format!("{api_version}/{kind}"));
        let all: BTreeSet<String> =
            kinds.chain(self.group_versions.iter().cloned()).chain(self.other.iter().cloned()).collect();
        all.into_iter().collect()
    }

    /// Path of one object; an unknown kind is answered as the API server would answer it.
    pub fn path(&self, object: &ObjectRef) -> Result<String> {
        let collection = self.collection(&object.api_version, &object.kind, object.namespace.as_deref())?;
        Ok(format!("{collection}/{}", segment(&object.name)?))
    }

    /// Path of all objects of a kind, in one namespace or all.
    pub fn collection(&self, api_version: &str, kind: &str, namespace: Option<&str>) -> Result<String> {
        let known = self.find(api_version, kind).ok_or_else(|| unknown_kind(api_version, kind))?;
        let root = if api_version.contains('/') { "/apis/" } else { "/api/" };
        let place = match namespace {
            Some(namespace) if known.namespaced => format!("/namespaces/{}", segment(namespace)?),
            _ => String::new(),
        };
        Ok(format!("{root}{api_version}{place}/{}", known.plural))
    }
}

/// The refusal for a kind that a cluster does not serve.
pub fn unknown_kind(api_version: &str, kind: &str) -> Error {
    Error::Cluster {
        status: 404,
        reason: "NoKindMatch".into(),
        message: format!("the cluster does not know the kind `{kind}` of `{api_version}`"),
    }
}

/// Whether an error means an unknown kind rather than an absent object.
pub fn is_unknown_kind(error: &Error) -> bool {
    matches!(error, Error::Cluster { reason, .. } if reason == "NoKindMatch")
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_path_segment(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// One segment of a path; a name can never step out of its place.
pub fn segment(name: &str) -> Result<String> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '%']) {
        return Err(Error::Invalid {
            field: "name",
            reason: format!("`{name}` cannot be the name of an object"),
        });
    }
    Ok(name.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        path
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn discovery() -> Discovery {
        let mut discovery = Discovery::default();
        discovery.add_resource_list(&json!({"groupVersion": "v1", "resources": [
            {"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["get"]},
            {"name": "pods/eviction", "kind": "Eviction", "namespaced": true, "verbs": ["create"]},
            {"name": "namespaces", "kind": "Namespace", "namespaced": false, "verbs": ["get"]}]}));
        discovery.add_aggregated(&json!({"items": [{"metadata": {"name": "apps"}, "versions": [{"version": "v1",
            "resources": [{"resource": "deployments", "responseKind": {"kind": "Deployment"}, "scope": "Namespaced",
                "verbs": ["get"], "subresources": [{"subresource": "scale", "responseKind": {"kind": "Scale"}}]}]}]}]}));
        discovery
    }

    fn path(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> String {
        let object = ObjectRef {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: namespace.map(str::to_owned),
            name: name.into(),
        };
        discovery().path(&object).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn builds_paths_that_names_cannot_leave() {
        assert_eq!(path("v1", "Pod", Some("a"), "b"), "/api/v1/namespaces/a/pods/b");
        assert_eq!(path("apps/v1", "Deployment", Some("a"), "b"), "/apis/apps/v1/namespaces/a/deployments/b");
        assert_eq!(path("v1", "Namespace", Some("a"), "system:b"), "/api/v1/namespaces/system:b");
        assert_eq!(
            path("v1", "Pod", Some("a"), "../x"),
            "invalid `name`: `../x` cannot be the name of an object"
        );
        assert_eq!(
            path("v1", "Pod", Some(".."), "x"),
            "invalid `name`: `..` cannot be the name of an object"
        );
        assert_eq!(path("v1", "Pod", Some("a"), "b?x=y"), "/api/v1/namespaces/a/pods/b%3Fx%3Dy");
        assert_eq!(path("v1", "Toad", None, "b"), "the cluster does not know the kind `Toad` of `v1`");
    }

    #[test]
    fn lists_api_versions_as_helm_does() {
        assert_eq!(
            discovery().api_versions(),
            ["apps/v1", "apps/v1/Deployment", "apps/v1/Scale", "v1", "v1/Eviction", "v1/Namespace", "v1/Pod"]
        );
    }
}
