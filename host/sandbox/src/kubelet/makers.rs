//! Secrets and ConfigMaps that the programs of ended pods would have made.
//!
//! Charts often have a Job that makes a certificate or a password and keeps it in a Secret, for which other pods wait.
//! Nothing runs here, so it would never come. What a pod's program would have made is not known, but two things are
//! evidence of it, both only if the pod's service account may create such objects where the pod is, and only once the
//! pod has ended well:
//!
//! 1. Its arguments name a Secret: `--secret-name=NAME` or `--secret-name NAME`. The Secret is made before the pod ends.
//! 2. Another pod of the same application (label `app.kubernetes.io/instance`) has waited [`PATIENCE`] seconds for one.
//!
//! Such an object is marked by the annotation [`SIMULATED`] and an event, and holds nothing but keys that pods ask for,
//! with a text that says so. An object that is there already is left alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::COMPONENT;
use super::references::{HIDDEN, MAPS};
use super::stage::{Missing, after};
use crate::builtin::SECRETS;
use crate::client::{Call, Refusal, Resource, Verb};
use crate::object::{self, items, text};
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome};

/// Annotation of objects that stand for what a program would have made; its value says for which pod.
pub const SIMULATED: &str = super::SIMULATED_LABEL;

/// How many seconds a pod waits before it gets what no argument names.
const PATIENCE: i64 = 5;
/// How many ended pods are remembered.
const REMEMBERED: usize = 1_024;
/// The label by which the parts of one application know each other.
const APPLICATION: &str = "app.kubernetes.io/instance";
/// What the keys of made-up objects hold.
const CONTENT: &str = "simulated: made up, since nothing runs here";

/// Questions whether somebody may do something.
pub(crate) const ACCESS_REVIEWS: Resource =
    Resource::known("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", false);

/// The pods that ended well and might have made something: by namespace, application and resource.
#[derive(Default)]
pub(super) struct Makers(Mutex<Known>);

/// A namespace, an application in it, and the plural of what it may make.
type Place = (String, String, &'static str);

#[derive(Default)]
struct Known {
    pods: BTreeMap<Place, String>,
    order: VecDeque<Place>,
}

impl Makers {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A pod is about to end well: makes what its arguments name, and remembers it for those who will wait.
    pub(super) async fn ends(&self, context: &Context, pod: &Value) -> Result<(), Refusal> {
        let named = named_secret(pod);
        let application = object::label(pod, APPLICATION);
        for resource in [HIDDEN, MAPS] {
            let secret = named.filter(|_| *resource == SECRETS);
            if (secret.is_none() && application.is_none()) || !may_create(context, pod, resource).await? {
                continue;
            }
            if let Some(name) = secret {
                make(context, pod, resource, name, object::name(pod)).await?;
            }
            if let Some(application) = application {
                let namespace = object::namespace(pod).to_owned();
                let place = (namespace, application.to_owned(), plural(resource));
                self.remember(place, object::name(pod));
            }
        }
        Ok(())
    }

    /// A pod waits for something: makes it, or the key that it lacks, if there is evidence for that. Returns when to
    /// look again if it is too early.
    pub(super) async fn help(&self, context: &Context, pod: &Value, missing: &Missing) -> Outcome {
        let namespace = object::namespace(pod);
        if let Some(found) = context.cache().get(missing.resource, namespace, &missing.name) {
            if object::annotation(&found, SIMULATED).is_none() || missing.key.is_empty() {
                return Ok(None);
            }
            let key = Key::new(missing.resource, namespace, &missing.name);
            let data = json!({&missing.key: content(missing.resource)});
            return context.merge(&key, json!({"data": data})).await.map(|_| None);
        }
        let Some(application) = object::label(pod, APPLICATION) else { return Ok(None) };
        let place = (namespace.to_owned(), application.to_owned(), plural(missing.resource));
        let Some(maker) = self.lock().pods.get(&place).cloned() else { return Ok(None) };
        let since = object::time(pod, "/metadata/creationTimestamp").unwrap_or(context.now());
        let due = after(since, PATIENCE);
        if context.now() < due {
            return Ok(Some(due)); // whoever makes it really may come yet
        }
        make(context, pod, missing.resource, &missing.name, &maker).await.map(|()| None)
    }

    /// A namespace is gone, and what its pods might have made.
    pub(super) fn forget(&self, namespace: &str) {
        let mut known = self.lock();
        known.pods.retain(|place, _| place.0 != namespace);
        known.order.retain(|place| place.0 != namespace);
    }

    fn remember(&self, place: Place, pod: &str) {
        let mut known = self.lock();
        if known.pods.insert(place.clone(), pod.to_owned()).is_none() {
            known.order.push_back(place);
        }
        if known.order.len() > REMEMBERED
            && let Some(oldest) = known.order.pop_front()
        {
            known.pods.remove(&oldest);
        }
    }
}

fn plural(resource: &'static Resource) -> &'static str {
    &resource.plural
}

fn content(resource: &Resource) -> String {
    if *resource == SECRETS { STANDARD.encode(CONTENT) } else { CONTENT.to_owned() }
}

/// The Secret that the arguments of a pod's containers name, in the pod's own namespace.
fn named_secret(pod: &Value) -> Option<&str> {
    let containers = ["/spec/initContainers", "/spec/containers"];
    containers.iter().flat_map(|list| items(pod, list)).find_map(|container| {
        let words = || items(container, "/command").iter().chain(items(container, "/args"));
        let value = |flag: &str| {
            let mut words = words().filter_map(Value::as_str);
            while let Some(word) = words.next() {
                match word.strip_prefix(flag) {
                    Some("") => return words.next(),
                    Some(rest) if rest.starts_with('=') => return Some(&rest[1..]),
                    _ => {}
                }
            }
            None
        };
        // Variables stand for the pod's own namespace.
        let elsewhere = |space: &str| !space.contains("$(") && space != object::namespace(pod);
        if ["--namespace", "--secret-namespace"].into_iter().filter_map(value).any(elsewhere) {
            return None;
        }
        value("--secret-name").filter(|name| crate::names::dns1123_subdomain(name).is_empty())
    })
}

/// Whether the service account of a pod may create objects of a resource in its namespace.
async fn may_create(context: &Context, pod: &Value, resource: &Resource) -> Result<bool, Refusal> {
    let namespace = object::namespace(pod);
    let account = match text(pod, "/spec/serviceAccountName") {
        "" => "default",
        name => name,
    };
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {
            "user": format!("system:serviceaccount:{namespace}:{account}"),
            "groups": [
                "system:serviceaccounts", format!("system:serviceaccounts:{namespace}"), "system:authenticated",
            ],
            "resourceAttributes": {
                "verb": "create", "group": resource.group, "resource": resource.plural, "namespace": namespace,
            },
        },
    });
    let call = Call::new(Verb::Create, &ACCESS_REVIEWS, "", "", review).by(COMPONENT);
    Ok(object::flag(&*context.client().call(call).await?, "/status/allowed"))
}

/// Makes an object that stands for what the program of a pod would have made, and says so at the pod that needs it.
async fn make(
    context: &Context,
    pod: &Value,
    resource: &'static Resource,
    name: &str,
    maker: &str,
) -> Result<(), Refusal> {
    let namespace = object::namespace(pod);
    if context.cache().get(resource, namespace, name).is_some() {
        return Ok(());
    }
    let note = format!("stands for what the program of pod {maker} would have made; nothing runs here");
    let annotations: Map<String, Value> = [(SIMULATED.to_owned(), note.into())].into_iter().collect();
    let body = json!({
        "apiVersion": "v1", "kind": resource.kind,
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
    });
    let call = Call::new(Verb::Create, resource, namespace, "", body).by(COMPONENT);
    match context.call(call).await {
        Ok(_) => {
            let text = format!(
                "Simulated: made {} {name:?}, which the program of pod {maker} would have made; it holds nothing real",
                resource.kind
            );
            context.event(COMPONENT, pod, "Normal", "Simulated", &text);
            Ok(())
        }
        Err(refusal) if refusal.is_already_exists() => Ok(()),
        // A quota or a namespace that is going: the pod goes on as if its program had met the refusal.
        Err(refusal) if refusal.code == 403 || refusal.code == 422 => {
            let text = format!("Simulated: could not make {} {name:?}: {refusal}", resource.kind);
            context.event(COMPONENT, pod, "Warning", "Simulated", &text);
            Ok(())
        }
        Err(refusal) => Err(refusal),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn named(words: Value) -> Option<String> {
        let pod = json!({"metadata": {"namespace": "here"}, "spec": {"containers": [{"args": words}]}});
        super::named_secret(&pod).map(str::to_owned)
    }

    #[test]
    fn arguments_name_secrets() {
        assert_eq!(named(json!(["create", "--secret-name=a-b"])).as_deref(), Some("a-b"));
        assert_eq!(named(json!(["--secret-name", "a", "--namespace=$(SPACE)"])).as_deref(), Some("a"));
        assert_eq!(named(json!(["--secret-name=a", "--namespace", "here"])).as_deref(), Some("a"));
        for none in [
            json!(["--secret-name=a", "--namespace=there"]),
            json!(["--secret-name"]),
            json!(["--secret-names=a"]),
            json!(["--secret-name=$(NAME)"]),
            json!([]),
        ] {
            assert_eq!(named(none.clone()), None, "{none}");
        }
    }
}
