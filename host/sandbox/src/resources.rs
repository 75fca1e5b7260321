//! Which resources are served: the built-in ones from a list, custom ones as their definitions come and go.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use crate::crd::CustomVersion;
use crate::schema::{Node, Shape, TypeRef, table};

const LIST: &str = include_str!("../schema/resources.txt");
const ALL_VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// One resource at one version.
#[derive(Debug)]
pub struct Resource {
    /// API group, empty for core.
    pub group: String,
    /// Version.
    pub version: String,
    /// Name in paths, as in `deployments`.
    pub plural: String,
    /// Singular name, as in `deployment`.
    pub singular: String,
    /// Kind, as in `Deployment`.
    pub kind: String,
    /// Kind of lists.
    pub list_kind: String,
    /// Objects lie in namespaces.
    pub namespaced: bool,
    /// Short names.
    pub short_names: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Verbs of the resource itself.
    pub verbs: Vec<&'static str>,
    /// Subresources.
    pub subresources: Vec<Subresource>,
    /// Key of the objects in the store, as in `deployments.apps`. Versions of one resource share it.
    pub storage: Arc<str>,
    /// Group and version in which objects are stored.
    pub stored_as: (String, String),
    /// Schema of this version.
    pub node: Node,
    /// Schema of the stored version, by which fields are tracked.
    pub stored_node: Node,
    /// What the definition of a custom resource adds.
    pub custom: Option<Arc<CustomVersion>>,
}

/// A subresource.
#[derive(Debug, Clone)]
pub struct Subresource {
    /// Name, as in `status`.
    pub name: String,
    /// Kind of its bodies.
    pub kind: String,
    /// Group and version of its bodies if they are not those of the resource.
    pub group_version: Option<(&'static str, &'static str)>,
    /// Verbs.
    pub verbs: Vec<&'static str>,
}

impl Resource {
    /// `apps/v1`, or `v1` for core.
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// `apps/v1` of the stored form.
    pub fn stored_api_version(&self) -> String {
        api_version(&self.stored_as.0, &self.stored_as.1)
    }

    /// `deployments.apps`, or `pods` for core.
    pub fn group_resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// A subresource by name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }

    /// True for custom resources.
    pub fn is_custom(&self) -> bool {
        self.custom.is_some()
    }

    /// True if this is the group and resource.
    pub fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }
}

/// `group/version`, or only the version for core.
pub fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.into() } else { format!("{group}/{version}") }
}

/// Group and version of an apiVersion.
pub fn split_api_version(text: &str) -> (&str, &str) {
    text.split_once('/').unwrap_or(("", text))
}

/// All served resources.
pub struct Registry {
    builtin: Vec<Arc<Resource>>,
    custom: RwLock<BTreeMap<String, Vec<Arc<Resource>>>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// The built-in resources.
    pub fn new() -> Self {
        let lines = LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        Registry { builtin: lines.filter_map(parse).map(Arc::new).collect(), custom: RwLock::default() }
    }

    /// The built-in resources, in the order of discovery.
    pub fn builtin(&self) -> &[Arc<Resource>] {
        &self.builtin
    }

    /// The custom resources, by definition.
    pub fn custom(&self) -> Vec<Arc<Resource>> {
        self.read().values().flatten().cloned().collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Vec<Arc<Resource>>>> {
        self.custom.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Replaces what a definition serves; an empty list takes it away.
    pub fn set_custom(&self, definition: &str, resources: Vec<Arc<Resource>>) {
        let mut custom = self.custom.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if resources.is_empty() {
            custom.remove(definition);
        } else {
            custom.insert(definition.into(), resources);
        }
    }

    /// A resource by its path.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let matches = |r: &&Arc<Resource>| r.group == group && r.version == version && r.plural == plural;
        if let Some(found) = self.builtin.iter().find(matches) {
            return Some(found.clone());
        }
        self.read().values().flatten().find(matches).cloned()
    }

    /// A resource by group and name in its preferred version, as in `pods` or `deployments.apps`.
    pub fn find_any(&self, group_resource: &str) -> Option<Arc<Resource>> {
        let (plural, group) = group_resource.split_once('.').unwrap_or((group_resource, ""));
        let matches = |r: &&Arc<Resource>| r.plural == plural && r.group == group;
        if let Some(found) = self.builtin.iter().find(matches) {
            return Some(found.clone());
        }
        self.read().values().flatten().find(matches).cloned()
    }

    /// A resource by kind.
    pub fn find_kind(&self, group: &str, version: &str, kind: &str) -> Option<Arc<Resource>> {
        let matches = |r: &&Arc<Resource>| {
            r.group == group && r.version == version && r.kind == kind && r.verbs.contains(&"get")
        };
        if let Some(found) = self.builtin.iter().find(matches) {
            return Some(found.clone());
        }
        self.read().values().flatten().find(matches).cloned()
    }

    /// One resource for each kind of stored object.
    pub fn storages(&self) -> Vec<Arc<Resource>> {
        let mut seen: Vec<Arc<str>> = Vec::new();
        let all = self.builtin.iter().cloned().chain(self.custom());
        let stored = all.filter(|r| r.verbs.contains(&"watch"));
        stored
            .filter(|r| {
                let new = !seen.contains(&r.storage);
                if new {
                    seen.push(r.storage.clone());
                }
                new
            })
            .collect()
    }

    /// True if a group is known at all.
    pub fn knows_group(&self, group: &str) -> bool {
        self.builtin.iter().any(|r| r.group == group)
    }
}

fn parse(line: &str) -> Option<Resource> {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let [gv, plural, singular, kind, scope, short, categories, sub] = parts[..] else { return None };
    let (group, version) = split_api_version(gv);
    let list =
        |text: &str| -> Vec<String> { text.split(',').filter(|t| *t != "-").map(String::from).collect() };
    let verbs = match sub {
        "create" => vec!["create"],
        "read" => vec!["get", "list"],
        _ if plural == "namespaces" => ALL_VERBS.into_iter().filter(|v| *v != "deletecollection").collect(),
        _ => ALL_VERBS.to_vec(),
    };
    let names = if matches!(sub, "create" | "read") { Vec::new() } else { list(sub) };
    let subresources = names.iter().map(|name| subresource(name, plural, kind)).collect();
    let (storage, stored_as): (Arc<str>, (&str, &str)) = match (group, plural) {
        ("events.k8s.io", _) => ("events".into(), ("", "v1")),
        ("autoscaling", _) => ("horizontalpodautoscalers.autoscaling".into(), ("autoscaling", "v2")),
        ("", _) => (plural.into(), ("", version)),
        _ => (format!("{plural}.{group}").into(), (group, version)),
    };
    let shape = |group: &str, version: &str| {
        Node::plain(table().kind(group, version, kind).map_or(Shape::Any, Shape::Struct))
    };
    Some(Resource {
        group: group.into(),
        version: version.into(),
        plural: plural.into(),
        singular: singular.into(),
        kind: kind.into(),
        list_kind: format!("{kind}List"),
        namespaced: scope == "N",
        short_names: list(short),
        categories: list(categories),
        verbs,
        subresources,
        storage,
        stored_as: (stored_as.0.into(), stored_as.1.into()),
        node: shape(group, version),
        stored_node: shape(stored_as.0, stored_as.1),
        custom: None,
    })
}

fn subresource(name: &str, plural: &str, kind: &str) -> Subresource {
    let proxy = || (format!("{kind}ProxyOptions"), None, vec!["create", "delete", "get", "patch", "update"]);
    let (kind, group_version, verbs) = match name {
        "scale" => ("Scale".into(), Some(("autoscaling", "v1")), vec!["get", "patch", "update"]),
        "binding" => ("Binding".into(), None, vec!["create"]),
        "eviction" => ("Eviction".into(), Some(("policy", "v1")), vec!["create"]),
        "token" => ("TokenRequest".into(), Some(("authentication.k8s.io", "v1")), vec!["create"]),
        "finalize" => (kind.into(), None, vec!["update"]),
        "log" => (kind.into(), None, vec!["get"]),
        "attach" => ("PodAttachOptions".into(), None, vec!["create", "get"]),
        "exec" => ("PodExecOptions".into(), None, vec!["create", "get"]),
        "portforward" => ("PodPortForwardOptions".into(), None, vec!["create", "get"]),
        "proxy" if plural != "proxy" => proxy(),
        _ => (kind.into(), None, vec!["get", "patch", "update"]),
    };
    Subresource { name: name.into(), kind, group_version, verbs }
}

/// The subresources of a custom resource.
pub fn custom_subresources(kind: &str, status: bool, scale: bool) -> Vec<Subresource> {
    let mut out = Vec::new();
    if status {
        out.push(subresource("status", "", kind));
    }
    if scale {
        out.push(subresource("scale", "", kind));
    }
    out
}

/// All verbs of an ordinary resource.
pub fn all_verbs() -> Vec<&'static str> {
    ALL_VERBS.to_vec()
}

/// The type of a subresource's body.
pub fn body_type(resource: &Resource, sub: &Subresource) -> Option<TypeRef> {
    let (group, version) = sub.group_version.unwrap_or((&resource.group, &resource.version));
    table().kind(group, version, &sub.kind)
}
