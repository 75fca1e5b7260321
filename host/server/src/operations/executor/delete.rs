//! Steps of type `delete` and `prune`. Nothing that is not this instance's is deleted, and never by name alone.

use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, OnTimeout, Policy, Propagation};
use serde_json::Value;

use super::{Run, STEP_MARK, Stop};
use crate::kube::api::{DeleteOptions, Deleted};
use crate::operations::journal::Detail;
use crate::operations::kinds::{self, holds_data};
use crate::store;

const PARALLEL: usize = 16;

/// What became of one object.
enum Removal {
    Deleted(ObjectRef),
    /// It is not there, or not ours to delete: the instance holds it no longer.
    Released(ObjectRef, Option<String>),
}

impl Run<'_> {
    pub(super) async fn delete(
        &self,
        position: i64,
        refs: &[ObjectRef],
        propagation: Propagation,
        until_gone: Option<(Duration, OnTimeout)>,
        detail: &mut Detail,
    ) -> Result<String, Stop> {
        let scopes = self.scopes(false).await?;
        let refs: Vec<ObjectRef> =
            refs.iter().map(|o| scopes.place(o.clone(), &self.target.namespace)).collect();
        let held = self.holdings().await?;
        self.remove_all(position, &refs, &held, propagation, until_gone, true, detail).await
    }

    pub(super) async fn prune(
        &self,
        position: i64,
        propagation: Propagation,
        detail: &mut Detail,
    ) -> Result<String, Stop> {
        let scopes = self.scopes(false).await?;
        let held = self.holdings().await?;
        let prunable = prunable(self.plan, &held, |object| scopes.place(object, &self.target.namespace));
        self.remove_all(position, &prunable, &held, propagation, None, false, detail).await
    }

    #[expect(clippy::too_many_arguments, reason = "the two steps differ in each of these")]
    async fn remove_all(
        &self,
        position: i64,
        refs: &[ObjectRef],
        held: &[(ObjectRef, String, Policy)],
        propagation: Propagation,
        until_gone: Option<(Duration, OnTimeout)>,
        explicit: bool,
        detail: &mut Detail,
    ) -> Result<String, Stop> {
        let mut removals = stream::iter(
            refs.iter()
                .map(|object| {
                    async move {
                        let known = held.iter().find(|(other, ..)| other.same_object(object));
                        self.remove_one(
                            object,
                            known.map(|(_, uid, policy)| (uid.as_str(), *policy)),
                            propagation,
                            explicit,
                        )
                        .await
                        .map_err(|stop| match stop {
                            Stop::Failed(reason) => Stop::Failed(format!("{object}: {reason}")),
                            stop => stop,
                        })
                    }
                    .boxed()
                })
                .collect::<Vec<_>>(),
        )
        .buffer_unordered(PARALLEL);
        let (mut gone, mut told, mut failed) = (Vec::new(), Vec::new(), None);
        while let Some(removal) = removals.next().await {
            match removal {
                Ok(Removal::Deleted(object)) => gone.push(object),
                Ok(Removal::Released(object, why)) => {
                    detail.release(object);
                    told.extend(why);
                }
                Err(stop) => failed = failed.or(Some(stop)),
            }
        }
        drop(removals);
        let count = gone.len();
        let waited = match (until_gone, failed) {
            (_, Some(stop)) => Err(stop),
            (Some((timeout, on_timeout)), None) => self.wait_gone(position, &gone, timeout, on_timeout).await,
            (None, None) => Ok(String::new()),
        };
        for object in gone {
            // One that a finalizer holds is still there, and still ours.
            let waited_for = until_gone.is_some() && waited.as_ref().is_ok_and(String::is_empty);
            if until_gone.is_none() || waited_for || matches!(self.cluster().get(&object).await, Ok(None)) {
                detail.release(object);
            }
        }
        told.extend([waited?].into_iter().filter(|told| !told.is_empty()));
        told.insert(
            0,
            if count == 1 { "1 object deleted".into() } else { format!("{count} objects deleted") },
        );
        Ok(told.join("; "))
    }

    async fn remove_one(
        &self,
        object: &ObjectRef,
        known: Option<(&str, Policy)>,
        propagation: Propagation,
        explicit: bool,
    ) -> Result<Removal, Stop> {
        let released = |why: Option<String>| Ok(Removal::Released(object.clone(), why));
        let Some(live) = self.ask(|| self.cluster().get(object)).await? else { return released(None) };
        let uid = live["metadata"]["uid"].as_str().unwrap_or_default();
        let is_namespace = object.kind == "Namespace" && object.group().is_empty();
        let ours = match known {
            Some((known, _)) => known.is_empty() || known == uid,
            // Whether a namespace is ours to delete is known by its own rows.
            None if is_namespace => true,
            None => self.owns(&live) || is_own_hook(&live, self.operation.id),
        };
        if !ours {
            return released(Some(format!("{object} stays: it does not belong to this instance")));
        }
        if !explicit && live["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" {
            return released(Some(format!("{object} stays: annotated `helm.sh/resource-policy: keep`")));
        }
        if known.is_some_and(|(_, policy)| matches!(policy, Policy::Shared | Policy::Crd))
            && self.is_held_by_others(uid).await?
        {
            return released(Some(format!("{object} stays: other instances use it")));
        }
        if is_namespace {
            self.refuse_full_namespace(object).await?;
        }
        let options = DeleteOptions { uid: Some(uid.to_owned()), propagation, dry_run: false };
        match self.ask(|| self.cluster().delete(object, &options)).await? {
            Deleted::Accepted => Ok(Removal::Deleted(object.clone())),
            Deleted::Absent => released(None),
            Deleted::Other => released(Some(format!("{object} stays: it was made again by somebody else"))),
        }
    }

    async fn is_held_by_others(&self, uid: &str) -> Result<bool, Stop> {
        let Some(instance) = self.operation.instance_id else { return Ok(false) };
        let (cluster, uid) = (self.target.cluster_id, uid.to_owned());
        let holders = self
            .executor
            .db
            .read(move |conn| store::inventory::count_other_holders_anywhere(conn, cluster, instance, &uid))
            .await
            .map_err(|error: rusqlite::Error| Stop::Broken(error.into()))?;
        Ok(holders > 0)
    }
}

/// What a prune step deletes: what the part holds and the plan neither makes nor keeps.
pub(in crate::operations) fn prunable(
    plan: &osc_plugin_api::documents::plan::Plan,
    held: &[(ObjectRef, String, Policy)],
    place: impl Fn(ObjectRef) -> ObjectRef,
) -> Vec<ObjectRef> {
    let mut wanted: Vec<ObjectRef> = Vec::new();
    for step in plan.steps.iter().chain(&plan.on_failure) {
        wanted.extend(kinds::objects_of(step).filter_map(ObjectRef::of).map(&place));
        if let Action::Secret { object, .. } = &step.action {
            wanted.push(place(object.clone()));
        }
    }
    wanted.extend(plan.keep.iter().map(|kept| place(kept.object.clone())));
    held.iter()
        .filter(|(_, _, policy)| !matches!(policy, Policy::Crd | Policy::Record))
        .map(|(object, ..)| object)
        .filter(|object| !holds_data(object) && !wanted.iter().any(|wanted| wanted.same_object(object)))
        .cloned()
        .collect()
}

/// Whether a hook of this operation made the object.
fn is_own_hook(live: &Value, operation: i64) -> bool {
    let mark = live["metadata"]["annotations"][STEP_MARK].as_str().unwrap_or_default();
    mark.split_once('/').is_some_and(|(made_by, _)| made_by == operation.to_string())
}
