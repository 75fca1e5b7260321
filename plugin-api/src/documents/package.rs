//! `osc.detection/v1` and `osc.package/v1`: what a package is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `osc.detection/v1`: whether a plugin claims a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Detection {
    #[serde(default = "Detection::schema")]
    pub schema: String,
    /// 0 (not mine) to 100 (surely mine).
    pub certainty: u8,
    /// Why, in a few words: "has `Chart.yaml`".
    pub reason: String,
    /// The plugin answers for the package itself: its facts will name no `delegate`, so that nobody needs to ask for
    /// them before a rendering.
    #[serde(default)]
    pub whole: bool,
}

impl Detection {
    fn schema() -> String {
        "osc.detection/v1".into()
    }

    pub fn new(certainty: u8, reason: impl Into<String>) -> Detection {
        Detection { schema: Self::schema(), certainty, reason: reason.into(), whole: false }
    }

    /// Says that the plugin delegates nothing of this package.
    pub fn whole(self) -> Detection {
        Detection { whole: true, ..self }
    }
}

/// `osc.package/v1`: facts of a package, shown in the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PackageFacts {
    /// Always `osc.package/v1`.
    pub schema: String,
    /// `helm`, `operator` or `osc`.
    pub kind: String,
    pub name: String,
    pub version: String,
    pub app_version: Option<String>,
    /// One line.
    pub description: Option<String>,
    /// A link or a path inside the package.
    pub icon: Option<String>,
    pub home: Option<String>,
    pub sources: Vec<String>,
    pub keywords: Vec<String>,
    pub categories: Vec<String>,
    pub maintainers: Vec<Maintainer>,
    pub license: Option<String>,
    /// Version constraint for the cluster, as the package writes it.
    pub kube_version: Option<String>,
    pub deprecated: bool,
    /// Markdown.
    pub readme: Option<String>,
    pub dependencies: Vec<Dependency>,
    /// Container images that the default rendering names, sorted, without repetition.
    pub images: Vec<String>,
    /// Definitions the package brings along: `NAME` of the CustomResourceDefinition.
    pub crds: Vec<String>,
    /// Rules of Roles and ClusterRoles that the default rendering creates.
    pub permissions: Vec<Value>,
    /// The package is of another kind inside: the server re-roots it and asks that deployer.
    pub delegate: Option<Delegate>,
}

impl PackageFacts {
    pub const SCHEMA: &str = "osc.package/v1";
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Maintainer {
    pub name: String,
    pub email: Option<String>,
    pub url: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Dependency {
    pub name: String,
    /// Version or constraint.
    pub version: String,
    pub repository: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Delegate {
    /// Id of the deployer plugin.
    pub deployer: String,
    /// Folder inside the package that is the other package's root.
    pub root: String,
    /// Values that the outer package sets.
    #[serde(default)]
    pub values: Value,
}
