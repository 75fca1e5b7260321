//! What a plan would change, from a server-side dry run of every object.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Plan, Policy, Step};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::executor::ownership::{Ownership, release_of};
use super::executor::{apply, delete};
use super::kinds::{Scopes, definition, objects_of};
use super::{crds, diff, scope};
use crate::error::{Error, Result};
use crate::kube::api::{ApplyOptions, ClusterApi, is_not_found, is_transient};
use crate::kube::discovery::is_unknown_kind;
use crate::store::inventory::InventoryRow;

const PARALLEL: usize = 16;

/// What a plan would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    pub changes: Vec<Change>,
    /// What stays on purpose, and why.
    pub kept: Vec<KeptObject>,
    /// Rights that the plan's roles give.
    pub permissions: Vec<Permission>,
    /// Definitions that the plan brings, and what becomes of them.
    pub crds: Vec<CrdChange>,
    pub images: Vec<String>,
    pub warnings: Vec<String>,
}

/// What happens to one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub action: ChangeAction,
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
    /// Unified diff of YAML; values of Secrets are masked.
    pub diff: String,
    /// Whether the API server was asked.
    pub checked: bool,
    /// Why it was not, or what else there is to say.
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeAction {
    Create,
    Update,
    Replace,
    Delete,
    Keep,
    None,
}

/// An object that a plan leaves in the cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptObject {
    pub api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
    pub reason: String,
}

/// The rules of one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
    pub rules: Vec<Value>,
}

/// A definition of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrdChange {
    pub name: String,
    pub action: ChangeAction,
}

/// Whose plan is looked at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    pub namespace: &'a str,
    /// The instance's name.
    pub instance: &'a str,
    /// What the plan's part holds now.
    pub inventory: &'a [InventoryRow],
}

/// Asks the cluster what a plan would change. A plan that would take objects of others, or break stored objects, is
/// refused here already.
pub async fn preview(plan: &Plan, cluster: &dyn ClusterApi, subject: Subject<'_>) -> Result<Preview> {
    let scopes = Scopes::new(cluster.discovery(true).await?, plan);
    let look = Look { plan, cluster, subject, scopes };
    let changes = look.changes().await?;
    let crds = changes.iter().filter(|change| change.kind == "CustomResourceDefinition");
    Ok(Preview {
        crds: crds.map(|change| CrdChange { name: change.name.clone(), action: change.action }).collect(),
        kept: look.kept(),
        permissions: look.permissions(),
        images: images(plan),
        warnings: look.warnings(&changes),
        changes,
    })
}

struct Look<'a> {
    plan: &'a Plan,
    cluster: &'a dyn ClusterApi,
    subject: Subject<'a>,
    scopes: Scopes,
}

impl Look<'_> {
    async fn changes(&self) -> Result<Vec<Change>> {
        let mut changes: Vec<Change> = Vec::new();
        for step in &self.plan.steps {
            let found: Vec<Option<Change>> = match &step.action {
                Action::Apply { policy: Policy::Record, .. } => Vec::new(),
                Action::Apply { objects, policy } => {
                    self.each(objects, |object| self.applied(object, *policy)).await?
                }
                Action::Hook { object, .. } => vec![Some(self.hook(object).await?)],
                Action::Secret { object, .. } => vec![Some(self.secret(object).await?)],
                Action::Delete { refs, .. } => self.each(refs, |object| self.deleted(object, false)).await?,
                Action::Prune { .. } => {
                    let held: Vec<_> = self
                        .subject
                        .inventory
                        .iter()
                        .map(|r| (r.object.clone(), r.uid.clone(), r.policy))
                        .collect();
                    let refs = delete::prunable(self.plan, &held, |object| self.place(object));
                    self.each(&refs, |object| self.deleted(object, true)).await?
                }
                Action::EnsureNamespace { namespace } => vec![self.namespace(namespace).await?],
                Action::Wait { .. } | Action::Pause { .. } | Action::Certificate { .. } => Vec::new(),
            };
            for change in found.into_iter().flatten() {
                // One object may be in several steps; the first says what happens to it.
                if !changes.iter().any(|other| same(other, &change)) {
                    changes.push(change);
                }
            }
        }
        Ok(changes)
    }

    async fn each<'b, T, F>(&self, items: &'b [T], look: impl Fn(&'b T) -> F) -> Result<Vec<Option<Change>>>
    where
        F: Future<Output = Result<Option<Change>>> + Send + 'b,
    {
        let looks: Vec<_> = items.iter().map(|item| look(item).boxed()).collect();
        stream::iter(looks).buffered(PARALLEL).try_collect().await
    }

    fn place(&self, object: ObjectRef) -> ObjectRef {
        self.scopes.place(object, self.subject.namespace)
    }

    fn ownership(&self) -> Ownership<'_> {
        Ownership {
            namespace: self.subject.namespace,
            instance: self.subject.instance,
            release: release_of(self.plan),
        }
    }

    async fn applied(&self, object: &Value, policy: Policy) -> Result<Option<Change>> {
        let (object_ref, value) = self.scopes.place_object(object, self.subject.namespace)?;
        let value = match policy {
            Policy::Shared | Policy::Crd => value,
            _ => self.ownership().marked(value, &self.plan.manager),
        };
        let live = self.cluster.get(&object_ref).await?;
        if let Some(live) = &live {
            if policy == Policy::CreateOnly {
                let reason = "it exists and is left as it is";
                return Ok(Some(change(ChangeAction::Keep, &object_ref, String::new(), Some(reason.into()))));
            }
            if policy == Policy::Crd {
                if crds::is_same(live, &value) {
                    return Ok(Some(change(ChangeAction::None, &object_ref, String::new(), None)));
                }
                if let Some(problem) = crds::upgrade_problem(live, &value) {
                    return Err(Error::Refused(format!("{object_ref} cannot be upgraded safely: {problem}")));
                }
            }
            self.refuse_foreign(&object_ref, live, &value, policy)?;
        }
        let force = policy != Policy::Shared;
        let options = ApplyOptions { manager: self.plan.manager.clone(), force, dry_run: true };
        let answer = self.cluster.apply(&value, &options).await;
        Ok(Some(self.judge(&object_ref, live.as_ref(), &value, answer)?))
    }

    fn refuse_foreign(&self, object: &ObjectRef, live: &Value, wanted: &Value, policy: Policy) -> Result<()> {
        let held = self.subject.inventory.iter().any(|row| row.object.same_object(object));
        let open = matches!(policy, Policy::Shared | Policy::Crd | Policy::CreateOnly);
        if open || held || self.ownership().owns(live) || apply::is_taken_over(live, wanted) {
            return Ok(());
        }
        Err(Error::Conflict(apply::foreign(object)))
    }

    /// What the answer to a dry run means.
    fn judge(
        &self,
        object: &ObjectRef,
        live: Option<&Value>,
        wanted: &Value,
        answer: Result<Value>,
    ) -> Result<Change> {
        let action = if live.is_some() { ChangeAction::Update } else { ChangeAction::Create };
        match answer {
            Ok(result) => {
                let diff = diff::unified(live, Some(&result));
                let action = if live.is_some() && diff.is_empty() { ChangeAction::None } else { action };
                Ok(change(action, object, diff, None))
            }
            Err(error) if is_unknown_kind(&error) || is_not_found(&error) => {
                let reason = if is_unknown_kind(&error) {
                    format!("the cluster does not know the kind `{}` yet", object.kind)
                } else {
                    format!(
                        "the namespace `{}` does not exist yet",
                        object.namespace.as_deref().unwrap_or_default()
                    )
                };
                let diff = diff::unified(live, Some(wanted));
                Ok(Change { checked: false, ..change(action, object, diff, Some(reason)) })
            }
            // The cluster is not there at all: nothing can be previewed.
            Err(error) if is_transient(&error) && matches!(error, Error::Unreachable { .. }) => Err(error),
            Err(error) => {
                let diff = diff::unified(live, Some(wanted));
                Ok(Change {
                    checked: false,
                    ..change(action, object, diff, Some(format!("refused: {error}")))
                })
            }
        }
    }

    async fn hook(&self, object: &Value) -> Result<Change> {
        let object = scope::with_some_name(object);
        let (object_ref, value) = self.scopes.place_object(&object, self.subject.namespace)?;
        let answer = match self.cluster.get(&object_ref).await? {
            // The one that is there is deleted first; its successor cannot be tried while it is.
            Some(_) => {
                let reason = "it runs once; the one of an earlier run is deleted first";
                let shown = diff::unified(None, Some(&value));
                return Ok(Change {
                    checked: false,
                    ..change(ChangeAction::Create, &object_ref, shown, Some(reason.into()))
                });
            }
            None => self.cluster.create(&value, &self.plan.manager, true).await,
        };
        let mut change = self.judge(&object_ref, None, &value, answer)?;
        change.reason.get_or_insert_with(|| "it runs once".into());
        Ok(change)
    }

    async fn secret(&self, object: &ObjectRef) -> Result<Change> {
        let object = self.place(object.clone());
        match self.cluster.get(&object).await? {
            Some(_) => Ok(change(ChangeAction::Keep, &object, String::new(), Some("its values stay".into()))),
            None => Ok(change(
                ChangeAction::Create,
                &object,
                String::new(),
                Some("its values are generated".into()),
            )),
        }
    }

    async fn namespace(&self, namespace: &str) -> Result<Option<Change>> {
        let object = ObjectRef {
            api_version: "v1".into(),
            kind: "Namespace".into(),
            namespace: None,
            name: namespace.into(),
        };
        let wanted = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        match self.cluster.get(&object).await? {
            Some(_) => Ok(None),
            None => Ok(Some(change(ChangeAction::Create, &object, diff::unified(None, Some(&wanted)), None))),
        }
    }

    async fn deleted(&self, object: &ObjectRef, pruned: bool) -> Result<Option<Change>> {
        let object = self.place(object.clone());
        let Some(live) = self.cluster.get(&object).await? else { return Ok(None) };
        let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
        let known = self.subject.inventory.iter().find(|row| row.object.same_object(&object));
        let ours =
            known.map_or_else(|| self.ownership().owns(&live), |row| row.uid.is_empty() || row.uid == uid);
        if !ours && object.kind != "Namespace" {
            let reason = "it does not belong to this instance";
            return Ok(Some(change(ChangeAction::Keep, &object, String::new(), Some(reason.into()))));
        }
        if pruned && live["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" {
            let reason = "annotated `helm.sh/resource-policy: keep`";
            return Ok(Some(change(ChangeAction::Keep, &object, String::new(), Some(reason.into()))));
        }
        Ok(Some(change(ChangeAction::Delete, &object, diff::unified(Some(&live), None), None)))
    }

    fn kept(&self) -> Vec<KeptObject> {
        let kept = self.plan.keep.iter().map(|kept| (self.place(kept.object.clone()), kept.reason.clone()));
        kept.map(|(object, reason)| KeptObject {
            api_version: object.api_version,
            kind: object.kind,
            namespace: object.namespace,
            name: object.name,
            reason,
        })
        .collect()
    }

    fn permissions(&self) -> Vec<Permission> {
        let objects = self.plan.steps.iter().flat_map(objects_of);
        let roles = objects.filter(|object| matches!(object["kind"].as_str(), Some("Role" | "ClusterRole")));
        roles
            .filter_map(|object| {
                let role = self.place(ObjectRef::of(object)?);
                let rules = object["rules"].as_array().cloned().unwrap_or_default();
                Some(Permission { kind: role.kind, namespace: role.namespace, name: role.name, rules })
            })
            .collect()
    }

    fn warnings(&self, changes: &[Change]) -> Vec<String> {
        let refused = changes.iter().filter_map(|change| {
            let reason = change.reason.as_deref()?.strip_prefix("refused: ")?;
            Some(format!("the API server refuses {} {}: {reason}", change.kind, change.name))
        });
        self.plan.warnings.iter().cloned().chain(refused).collect()
    }
}

fn images(plan: &Plan) -> Vec<String> {
    let objects = plan.steps.iter().flat_map(|step: &Step| objects_of(step));
    let images: BTreeSet<String> =
        objects.filter(|object| definition(object).is_none()).flat_map(scope::images).collect();
    images.into_iter().collect()
}

fn same(one: &Change, other: &Change) -> bool {
    one.api_version == other.api_version
        && one.kind == other.kind
        && one.namespace == other.namespace
        && one.name == other.name
}

fn change(action: ChangeAction, object: &ObjectRef, diff: String, reason: Option<String>) -> Change {
    Change {
        action,
        api_version: object.api_version.clone(),
        kind: object.kind.clone(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        diff,
        checked: true,
        reason,
    }
}
