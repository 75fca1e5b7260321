//! What the simulated kubelet and the controllers need from a cluster, whichever one it is: the embedded one in
//! process, or a real API server over HTTPS.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;

/// A future that a trait object can return.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A resource of the API: where its objects are found and what their kind is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// Plural name as in paths. First, since it differs most and comparisons end there.
    pub plural: Cow<'static, str>,
    /// API group, empty for the core one.
    pub group: Cow<'static, str>,
    /// Version within the group.
    pub version: Cow<'static, str>,
    /// Kind of the objects.
    pub kind: Cow<'static, str>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// A resource known at compile time.
    pub const fn known(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
        namespaced: bool,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            plural: Cow::Borrowed(plural),
            kind: Cow::Borrowed(kind),
            namespaced,
        }
    }

    /// The `apiVersion` of the objects.
    pub fn api_version(&self) -> Cow<'_, str> {
        if self.group.is_empty() {
            Cow::Borrowed(&self.version)
        } else {
            Cow::Owned(format!("{}/{}", self.group, self.version))
        }
    }

    /// The path of the collection, or of one object when `name` is not empty.
    pub fn path(&self, namespace: &str, name: &str) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let mut path = format!("{root}/{}", self.api_version());
        if self.namespaced && !namespace.is_empty() {
            path.push_str("/namespaces/");
            path.push_str(namespace);
        }
        path.push('/');
        path.push_str(&self.plural);
        if !name.is_empty() {
            path.push('/');
            path.push_str(name);
        }
        path
    }
}

/// An object that is shared with whoever keeps it, and never changes.
#[derive(Clone)]
pub struct Shared(Arc<dyn AsRef<Value> + Send + Sync>);

impl Shared {
    /// Shares an object without copying it.
    pub fn new(holder: Arc<dyn AsRef<Value> + Send + Sync>) -> Self {
        Self(holder)
    }
}

struct Held(Value);

impl AsRef<Value> for Held {
    fn as_ref(&self) -> &Value {
        &self.0
    }
}

impl From<Value> for Shared {
    fn from(value: Value) -> Self {
        Self(Arc::new(Held(value)))
    }
}

impl Deref for Shared {
    type Target = Value;

    fn deref(&self) -> &Value {
        (*self.0).as_ref()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// What to do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Read it.
    Get,
    /// Make it; the body is the object.
    Create,
    /// Replace it; the body is the object.
    Update,
    /// Change it with a JSON merge patch.
    Merge,
    /// Change it with a strategic merge patch.
    Strategic,
    /// Apply a configuration, and take fields from others.
    Apply,
    /// Remove it; the body is DeleteOptions.
    Delete,
}

/// One call of the API.
#[derive(Clone, Debug)]
pub struct Call {
    /// What to do.
    pub verb: Verb,
    /// With which resource.
    pub resource: Resource,
    /// In which namespace; empty for cluster-scoped resources.
    pub namespace: String,
    /// With which object; empty for `Create`.
    pub name: String,
    /// `status`, `binding`, `finalize` or nothing.
    pub subresource: &'static str,
    /// Field manager, the component that asks.
    pub manager: &'static str,
    /// Body, `Null` for none.
    pub body: Value,
}

impl Call {
    /// A call on one object.
    pub fn new(verb: Verb, resource: &Resource, namespace: &str, name: &str, body: Value) -> Self {
        Self {
            verb,
            resource: resource.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: "",
            manager: "kube-controller-manager",
            body,
        }
    }

    /// The same on a subresource.
    pub fn on(mut self, subresource: &'static str) -> Self {
        self.subresource = subresource;
        self
    }

    /// The same in another component's name.
    pub fn by(mut self, manager: &'static str) -> Self {
        self.manager = manager;
        self
    }
}

/// Why a call failed: the parts of a `Status` that callers branch on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// HTTP status code; 0 when the server was not reached.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound`.
    pub reason: String,
    /// The text for people.
    pub message: String,
}

impl Refusal {
    /// Reads the parts from a `Status` object.
    pub fn from_status(status: &Value) -> Self {
        let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
        let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
        Self { code, reason: text("reason"), message: text("message") }
    }

    /// The server could not be reached or gave no sensible answer.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self { code: 0, reason: "Unreachable".to_owned(), message: message.into() }
    }

    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        self.code == 404
    }

    /// Whether somebody else was faster.
    pub fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }

    /// Whether an object of that name is there already.
    pub fn is_already_exists(&self) -> bool {
        self.reason == "AlreadyExists"
    }
}

/// One entry of a feed. Every resource starts with `Listed`, and gets it again after a gap.
#[derive(Clone, Debug)]
pub enum Change {
    /// All objects of the resource as they are now.
    Listed(Resource, Vec<Shared>),
    /// An object is new or changed.
    Set(Resource, Shared),
    /// An object is gone; this is its last state.
    Gone(Resource, Shared),
}

/// Access to a cluster with all rights.
pub trait Client: Send + Sync + 'static {
    /// Makes one call. Deleting answers the object or a `Status`.
    fn call(&self, call: Call) -> Pending<'_, Result<Shared, Refusal>>;

    /// Starts to follow resources; must be called within a tokio runtime and ends when the receiver is dropped.
    fn feed(&self, resources: Vec<Resource>) -> mpsc::Receiver<Change>;

    /// A token of a service account that does not expire soon, if the cluster lets us make one.
    fn account_token(&self, _namespace: &str, _name: &str, _uid: &str) -> Option<String> {
        None
    }

    /// Everything that is served, custom resources included, as far as it is known.
    fn all_resources(&self) -> Vec<Resource> {
        Vec::new()
    }
}
