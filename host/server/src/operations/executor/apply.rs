//! Steps of type `apply`.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::Policy;
use serde_json::Value;

use super::{Run, Stop};
use crate::error::Error;
use crate::kube::api::{ApplyOptions, is_transient};
use crate::kube::discovery::is_unknown_kind;
use crate::operations::clock::elapsed;
use crate::operations::journal::{Detail, Held};
use crate::operations::kinds::{is_crd, rank};
use crate::operations::{crds, health, managed_fields, scope};

const PARALLEL: usize = 16;
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// A definition that was just made is served a moment later.
const KIND_APPEARS_WITHIN: Duration = Duration::from_secs(20);
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(60);

/// An object as it is sent.
struct Ready {
    object: ObjectRef,
    value: Value,
}

/// What became of one object.
enum Outcome {
    Held(Held),
    /// It exists and is somebody else's, which this policy leaves alone.
    Left,
}

impl Run<'_> {
    pub(super) async fn apply(
        &self,
        position: i64,
        objects: &[Value],
        policy: Policy,
        detail: &mut Detail,
    ) -> Result<String, Stop> {
        let ready = self.make_ready(objects, policy).await?;
        if !detail.checked {
            self.refuse_foreign(&ready, policy).await?;
            detail.checked = true;
            self.note(position, detail).await?;
        }
        let total = ready.len();
        let ranks: BTreeSet<u8> = ready.iter().map(|ready| rank(&ready.object)).collect();
        let mut left = 0;
        let mut progress = Progress { done: 0, total, shown: self.executor.clock.now() };
        for group in ranks {
            let group: Vec<&Ready> = ready.iter().filter(|ready| rank(&ready.object) == group).collect();
            left += self.apply_group(position, &group, policy, detail, &mut progress).await?;
            self.wait_established(&group).await?;
        }
        let objects = if total == 1 { "1 object".to_owned() } else { format!("{total} objects") };
        Ok(if left == 0 { objects } else { format!("{objects}, {left} left as they are") })
    }

    /// Applies objects in parallel; what was applied is noted even when another one fails.
    async fn apply_group(
        &self,
        position: i64,
        group: &[&Ready],
        policy: Policy,
        detail: &mut Detail,
        progress: &mut Progress,
    ) -> Result<usize, Stop> {
        let failed: Mutex<Option<(ObjectRef, Stop)>> = Mutex::new(None);
        let has_failed = || failed.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let mut left = 0;
        let mut outcomes = stream::iter(
            group
                .iter()
                .map(|ready| {
                    async {
                        // After a failure, what is in flight comes to its end and nothing new starts.
                        if has_failed() || self.is_cancelled() {
                            return None;
                        }
                        match self.apply_one(ready, policy).await {
                            Ok(outcome) => Some(outcome),
                            Err(stop) => {
                                failed
                                    .lock()
                                    .unwrap_or_else(PoisonError::into_inner)
                                    .get_or_insert((ready.object.clone(), stop));
                                None
                            }
                        }
                    }
                    .boxed()
                })
                .collect::<Vec<_>>(),
        )
        .buffer_unordered(PARALLEL);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Some(Outcome::Held(held)) => detail.hold(held),
                Some(Outcome::Left) => left += 1,
                None => continue,
            }
            progress.done += 1;
            if progress.done < progress.total
                && elapsed(&*self.executor.clock, progress.shown) >= PROGRESS_EVERY
            {
                progress.shown = self.executor.clock.now();
                self.journal
                    .progress(position, format!("{} of {} objects", progress.done, progress.total))
                    .await;
            }
        }
        drop(outcomes);
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((object, Stop::Failed(reason))) => Err(Stop::Failed(format!("{object}: {reason}"))),
            Some((_, stop)) => Err(stop),
            None if self.is_cancelled() => Err(Stop::Cancelled),
            None => Ok(left),
        }
    }

    async fn apply_one(&self, ready: &Ready, policy: Policy) -> Result<Outcome, Stop> {
        let answer = match policy {
            Policy::CreateOnly => return self.create_only(ready, policy).await,
            Policy::Crd => self.apply_definition(ready).await?,
            Policy::Owned | Policy::Record | Policy::Shared => {
                if self.operation.kind == "adopt" && policy != Policy::Shared {
                    self.take_over_fields(ready).await?;
                }
                self.send(ready, policy != Policy::Shared).await?
            }
        };
        Ok(Outcome::Held(held(&ready.object, &answer, policy)))
    }

    async fn send(&self, ready: &Ready, force: bool) -> Result<Value, Stop> {
        let options = ApplyOptions { manager: self.plan.manager.clone(), force, dry_run: false };
        let since = self.executor.clock.now();
        let again = |error: &Error| {
            is_transient(error)
                || (is_unknown_kind(error) && elapsed(&*self.executor.clock, since) < KIND_APPEARS_WITHIN)
        };
        self.ask_while(|| self.cluster().apply(&ready.value, &options), again).await
    }

    /// Makes the object when it is absent, and otherwise leaves it.
    async fn create_only(&self, ready: &Ready, policy: Policy) -> Result<Outcome, Stop> {
        if let Some(live) = self.ask(|| self.cluster().get(&ready.object)).await? {
            let ours = self.owns(&live) || self.held_before(&ready.object);
            return Ok(if ours { Outcome::Held(held(&ready.object, &live, policy)) } else { Outcome::Left });
        }
        let manager = &self.plan.manager;
        let exists =
            |error: &Error| matches!(error, Error::Cluster { reason, .. } if reason == "AlreadyExists");
        let make = || self.cluster().create(&ready.value, manager, false);
        match self.ask_while(make, |error| is_transient(error) && !exists(error)).await {
            Ok(live) => Ok(Outcome::Held(held(&ready.object, &live, policy))),
            // A try whose answer was lost may have made it.
            Err(stop) => match self.ask(|| self.cluster().get(&ready.object)).await? {
                Some(live) if self.owns(&live) => Ok(Outcome::Held(held(&ready.object, &live, policy))),
                _ => Err(stop),
            },
        }
    }

    async fn apply_definition(&self, ready: &Ready) -> Result<Value, Stop> {
        if let Some(live) = self.ask(|| self.cluster().get(&ready.object)).await? {
            if crds::is_same(&live, &ready.value) {
                return Ok(live);
            }
            if let Some(problem) = crds::upgrade_problem(&live, &ready.value) {
                return Err(Stop::Failed(format!("the definition cannot be upgraded safely: {problem}")));
            }
        }
        self.send(ready, true).await
    }

    async fn take_over_fields(&self, ready: &Ready) -> Result<(), Stop> {
        let once = || {
            let cluster = self.cluster();
            Box::pin(async move {
                let Some(live) = cluster.get(&ready.object).await? else { return Ok(()) };
                if let Some(patch) = managed_fields::migration(&live, &self.plan.manager) {
                    cluster.patch(&ready.object, &patch, &self.plan.manager).await?;
                }
                Ok(())
            }) as futures::future::BoxFuture<'_, _>
        };
        self.ask(once).await
    }

    /// Definitions must be served before objects of their kinds can be made.
    async fn wait_established(&self, group: &[&Ready]) -> Result<(), Stop> {
        for ready in group.iter().filter(|ready| is_crd(&ready.object)) {
            let since = self.executor.clock.now();
            loop {
                let live = self.ask(|| self.cluster().get(&ready.object)).await?;
                match live.as_ref().map(health::of) {
                    Some(health::Condition::Current) => break,
                    Some(health::Condition::Failed(reason)) => {
                        return Err(Stop::Failed(format!("{}: {reason}", ready.object)));
                    }
                    _ if elapsed(&*self.executor.clock, since) > ESTABLISHED_WITHIN => {
                        return Err(Stop::Failed(format!("{} is not established in time", ready.object)));
                    }
                    _ => self.sleep(Duration::from_millis(200)).await?,
                }
            }
        }
        Ok(())
    }

    /// Places objects in their namespaces, marks them, and checks them once more with what the cluster serves now.
    async fn make_ready(&self, objects: &[Value], policy: Policy) -> Result<Vec<Ready>, Stop> {
        let scopes = self.scopes(false).await?;
        let target = self.target;
        objects
            .iter()
            .map(|object| {
                scope::check_object(object, &target.grant, &target.namespace, &scopes)?;
                let (object, value) = scopes.place_object(object, &target.namespace)?;
                let value = if policy == Policy::Shared || policy == Policy::Crd {
                    value
                } else {
                    self.marked(value)
                };
                Ok(Ready { object, value })
            })
            .collect()
    }

    /// Objects that exist and belong to nobody or to somebody else are not taken.
    async fn refuse_foreign(&self, ready: &[Ready], policy: Policy) -> Result<(), Stop> {
        if matches!(policy, Policy::Shared | Policy::Crd | Policy::CreateOnly) {
            return Ok(());
        }
        let held = self.holdings().await?;
        let unknown =
            ready.iter().filter(|ready| !held.iter().any(|(object, ..)| object.same_object(&ready.object)));
        let mut checks = stream::iter(
            unknown
                .into_iter()
                .map(|ready| {
                    async move {
                        let live = self.ask(|| self.cluster().get(&ready.object)).await?;
                        match live {
                            Some(live) if !self.owns(&live) && !is_taken_over(&live, &ready.value) => {
                                Err(Stop::Failed(foreign(&ready.object)))
                            }
                            _ => Ok(()),
                        }
                    }
                    .boxed()
                })
                .collect::<Vec<_>>(),
        )
        .buffer_unordered(PARALLEL);
        while let Some(check) = checks.next().await {
            check?;
        }
        Ok(())
    }

    fn held_before(&self, object: &ObjectRef) -> bool {
        self.before.iter().any(|row| row.object.same_object(object))
    }

    /// Notes which objects of an interrupted step are in the cluster.
    pub(super) async fn settle_apply(
        &self,
        objects: &[Value],
        policy: Policy,
        detail: &mut Detail,
    ) -> Result<(), Stop> {
        self.cancellable.store(false, std::sync::atomic::Ordering::SeqCst);
        for ready in self.make_ready(objects, policy).await? {
            if let Some(live) = self.ask(|| self.cluster().get(&ready.object)).await?
                && (policy != Policy::CreateOnly || self.owns(&live))
            {
                detail.hold(held(&ready.object, &live, policy));
            }
        }
        Ok(())
    }
}

struct Progress {
    done: usize,
    total: usize,
    shown: Timestamp,
}

fn held(object: &ObjectRef, live: &Value, policy: Policy) -> Held {
    let uid = live["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    Held { object: object.clone(), uid, policy }
}

/// Sets an annotation.
pub(super) fn annotate(object: &mut Value, name: &str, value: &str) {
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = Value::Object(serde_json::Map::new());
    }
    object["metadata"]["annotations"][name] = value.into();
}

/// The refusal to take an object of somebody else.
pub(in crate::operations) fn foreign(object: &ObjectRef) -> String {
    format!("{object} exists already and does not belong to this instance: delete it, or adopt its release")
}

/// Whether the wanted object claims the Helm release that the live one is of: adoption, or a release of our own.
pub(in crate::operations) fn is_taken_over(live: &Value, wanted: &Value) -> bool {
    let release = |object: &Value| {
        let annotation = |name: &str| object["metadata"]["annotations"][name].as_str().map(str::to_owned);
        annotation("meta.helm.sh/release-name").zip(annotation("meta.helm.sh/release-namespace"))
    };
    release(live).is_some_and(|live| release(wanted) == Some(live))
}
