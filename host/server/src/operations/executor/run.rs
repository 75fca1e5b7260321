//! One run of one operation: its steps in their order, each in the journal before and after.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Plan, Policy, Step};
use tokio::sync::watch;

use super::ownership::{Ownership, release_of};
use super::{End, Executor, Target, wait};
use crate::error::{Error, Result};
use crate::kube::api::{ClusterApi, is_transient};
use crate::operations::clock::elapsed;
use crate::operations::journal::{Detail, Journal};
use crate::operations::kinds::{self, Scopes};
use crate::operations::{check, scope};
use crate::store;
use crate::store::inventory::InventoryRow;
use crate::store::operations::{ON_FAILURE, Operation, OperationState, StepState};
use crate::store::scope::{Scoped, TenantId};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a busy or absent cluster is asked again before a step fails.
const RETRY_FOR: Duration = Duration::from_secs(120);
const MAX_BACK_OFF: Duration = Duration::from_secs(8);

/// One run of one operation.
pub(super) struct Run<'a> {
    pub(super) executor: &'a Executor,
    pub(super) operation: &'a Operation,
    pub(super) plan: &'a Plan,
    pub(super) target: &'a Target,
    pub(super) journal: Journal,
    /// What the part held before the operation.
    pub(super) before: Vec<InventoryRow>,
    pub(super) cancel: watch::Receiver<bool>,
    pub(super) cancellable: AtomicBool,
}

/// Why a step did not come to its end.
#[derive(Debug)]
pub(super) enum Stop {
    Failed(String),
    Cancelled,
    /// Only a person can tell how to go on.
    Ask(String),
    /// The journal cannot be written: nothing may run any more.
    Broken(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error.to_string())
    }
}

/// The journal's lines of a plan: position and name.
pub(super) fn positions(plan: &Plan) -> impl Iterator<Item = (i64, &Step)> {
    (0..).zip(&plan.steps).chain((ON_FAILURE..).zip(&plan.on_failure))
}

impl Run<'_> {
    pub(super) async fn run(&self) -> Result<OperationState> {
        if self.journal.steps().await?.iter().all(|step| step.started_at.is_none())
            && let Err(stop) = self.admit().await
        {
            return match stop {
                Stop::Cancelled => self.end(OperationState::Cancelled, None).await,
                Stop::Broken(error) => Err(error),
                Stop::Failed(reason) | Stop::Ask(reason) => {
                    self.end(OperationState::Failed, Some(reason)).await
                }
            };
        }
        self.begin().await?;
        match self.main_steps().await {
            Ok(()) => self.end(OperationState::Succeeded, None).await,
            Err(Stop::Broken(error)) => Err(error),
            Err(Stop::Ask(reason)) => self.pause(reason).await,
            Err(Stop::Failed(reason)) => {
                self.failure_steps().await?;
                self.end(OperationState::Failed, Some(reason)).await
            }
            Err(Stop::Cancelled) => {
                self.failure_steps().await?;
                self.end(OperationState::Cancelled, None).await
            }
        }
    }

    /// Before step 1: whether the plan can be carried out and may be.
    async fn admit(&self) -> Result<(), Stop> {
        if self.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        check::check(self.plan)?;
        let scopes = self.scopes(true).await?;
        scope::check(self.plan, &self.target.grant, &self.target.namespace, &scopes)?;
        Ok(kinds::check_known(self.plan, &scopes)?)
    }

    async fn begin(&self) -> Result<()> {
        let id = self.operation.id;
        let names: Vec<(i64, String)> =
            positions(self.plan).map(|(at, step)| (at, step.name.clone())).collect();
        let now = self.now();
        self.executor
            .db
            .write(move |tx| {
                store::operations::insert_steps(tx, id, names.iter().map(|(at, name)| (*at, name.as_str())))?;
                store::operations::set_state(tx, id, OperationState::Running, None, &now)
            })
            .await?;
        self.journal.announce();
        self.journal.passed()
    }

    async fn pause(&self, reason: String) -> Result<OperationState> {
        let (id, now) = (self.operation.id, self.now());
        self.executor
            .db
            .write(move |tx| {
                store::operations::set_state(tx, id, OperationState::Paused, Some(&reason), &now)
            })
            .await?;
        self.journal.announce();
        self.journal.passed()?;
        Ok(OperationState::Paused)
    }

    async fn main_steps(&self) -> Result<(), Stop> {
        let rows = self.journal.steps().await.map_err(Stop::Broken)?;
        let rows: HashMap<i64, _> = rows.into_iter().map(|row| (row.position, row)).collect();
        for (position, step) in (0..).zip(&self.plan.steps) {
            let row = rows.get(&position).ok_or_else(|| {
                Stop::Broken(Error::Internal(anyhow::anyhow!("the journal lacks step `{}`", step.name)))
            })?;
            match row.state {
                StepState::Done | StepState::Skipped => continue,
                StepState::Failed if row.message.as_deref() == Some("cancelled") => {
                    return Err(Stop::Cancelled);
                }
                StepState::Failed => {
                    let message = row.message.clone().unwrap_or_default();
                    return Err(Stop::Failed(format!("step `{}` failed: {message}", step.name)));
                }
                StepState::Pending | StepState::Started => {}
            }
            let resumed = row.state == StepState::Started;
            if self.is_cancelled() && !resumed {
                return Err(Stop::Cancelled);
            }
            self.step(position, step, Detail::of(row), resumed).await?;
        }
        Ok(())
    }

    /// Runs what a plan has for its own failure. One that fails does not keep the next from running.
    async fn failure_steps(&self) -> Result<()> {
        self.cancellable.store(false, Ordering::SeqCst);
        let rows = self.journal.steps().await?;
        let begun = rows.iter().any(|row| row.position < ON_FAILURE && row.started_at.is_some());
        if !begun {
            return Ok(());
        }
        for (position, step) in (ON_FAILURE..).zip(&self.plan.on_failure) {
            let Some(row) = rows.iter().find(|row| row.position == position) else { continue };
            if matches!(row.state, StepState::Pending | StepState::Started) {
                let resumed = row.state == StepState::Started;
                match self.step(position, step, Detail::of(row), resumed).await {
                    Err(Stop::Broken(error)) => return Err(error),
                    Err(Stop::Ask(message)) => {
                        self.journal
                            .write(position, StepState::Failed, Some(message), &Detail::of(row))
                            .await?;
                    }
                    Ok(()) | Err(Stop::Failed(_) | Stop::Cancelled) => {}
                }
            }
        }
        Ok(())
    }

    /// Runs one step between its two lines in the journal.
    async fn step(&self, position: i64, step: &Step, mut detail: Detail, resumed: bool) -> Result<(), Stop> {
        detail.attempt = self.operation.attempt;
        if !resumed {
            self.note(position, &detail).await?;
        }
        let result = if self.is_cancelled() && resumed {
            self.settle(step, &mut detail).await.and(Err(Stop::Cancelled))
        } else {
            self.act(position, step, &mut detail, resumed).await
        };
        let (state, message) = match &result {
            Ok(message) => (StepState::Done, Some(message.clone()).filter(|message| !message.is_empty())),
            Err(Stop::Failed(reason)) => (StepState::Failed, Some(reason.clone())),
            Err(Stop::Cancelled) => (StepState::Failed, Some("cancelled".into())),
            Err(Stop::Ask(_) | Stop::Broken(_)) => return result.map(|_| ()),
        };
        self.journal.write(position, state, message, &detail).await.map_err(Stop::Broken)?;
        match result {
            Err(Stop::Failed(reason)) => Err(Stop::Failed(format!("step `{}` failed: {reason}", step.name))),
            result => result.map(|_| ()),
        }
    }

    async fn act(
        &self,
        position: i64,
        step: &Step,
        detail: &mut Detail,
        resumed: bool,
    ) -> Result<String, Stop> {
        match &step.action {
            Action::Apply { objects, policy } => self.apply(position, objects, *policy, detail).await,
            Action::Secret { object, keys, keep } => self.secret(object, keys, *keep, detail).await,
            Action::Hook { .. } => self.hook(position, &step.action, detail, resumed).await,
            Action::Wait { refs, selector, until, timeout_seconds, on_timeout } => {
                let timeout = self.timeout(*timeout_seconds);
                self.wait(
                    position,
                    &wait::Wish {
                        refs,
                        selector: selector.as_ref(),
                        until,
                        timeout,
                        on_timeout: *on_timeout,
                    },
                )
                .await
            }
            Action::Delete { refs, propagation, until_gone, timeout_seconds, on_timeout } => {
                let after = until_gone.then(|| (self.timeout(*timeout_seconds), *on_timeout));
                self.delete(position, refs, *propagation, after, detail).await
            }
            Action::Prune { propagation } => self.prune(position, *propagation, detail).await,
            Action::EnsureNamespace { namespace } => self.ensure_namespace(position, namespace, detail).await,
            Action::Pause { message } => Err(Stop::Ask(message.clone())),
            Action::Certificate { .. } => {
                Err(Stop::Failed("steps of type `certificate` are not supported by this server".into()))
            }
        }
    }

    /// Notes what a step that was interrupted, and will not be gone on with, left in the cluster.
    async fn settle(&self, step: &Step, detail: &mut Detail) -> Result<(), Stop> {
        if let Action::Apply { objects, policy } = &step.action
            && detail.checked
        {
            self.settle_apply(objects, *policy, detail).await?;
        }
        Ok(())
    }

    pub(super) async fn note(&self, position: i64, detail: &Detail) -> Result<(), Stop> {
        self.journal.write(position, StepState::Started, None, detail).await.map_err(Stop::Broken)
    }

    /// Ends the operation: inventory, the host's rows and the state, or nothing of it.
    async fn end(&self, state: OperationState, reason: Option<String>) -> Result<OperationState> {
        let rows = self.journal.steps().await?;
        let details: Vec<Detail> = rows.iter().map(Detail::of).collect();
        let made: Vec<String> = details.iter().filter_map(|detail| detail.made_namespace.clone()).collect();
        let mut inventory = holdings(&self.before, &details);
        if state == OperationState::Succeeded {
            // What stays in the cluster on purpose is not the instance's any more.
            let applied = |object: &ObjectRef| {
                details.iter().flat_map(|d| &d.applied).any(|a| a.object.same_object(object))
            };
            let kept = |object: &ObjectRef| self.plan.keep.iter().any(|kept| kept.object.same_object(object));
            inventory.retain(|(object, ..)| !kept(object) || applied(object));
        }
        let (part, notes) = (self.plan.part.clone(), self.plan.notes.clone());
        let end = End { state, reason, part, notes, inventory };
        let operation = self.operation.clone();
        let (host, cluster, now) = (self.executor.host.clone(), self.target.cluster_id, self.now());
        self.executor
            .db
            .write(move |tx| -> Result<()> {
                if let Some(instance) = operation.instance_id {
                    store::inventory::replace(tx, operation.tenant_id, instance, &end.part, &end.inventory)?;
                }
                let scoped = Scoped::new(tx, TenantId(operation.tenant_id));
                for namespace in &made {
                    store::clusters::set_made_by_us(&scoped, cluster, namespace)?;
                }
                store::operations::finish(tx, operation.id, end.state, end.reason.as_deref(), &now)?;
                host.end(tx, &operation, &end)
            })
            .await?;
        self.journal.announce();
        self.journal.passed()?;
        Ok(state)
    }

    /// What the part holds at this moment of the operation.
    pub(super) async fn holdings(&self) -> Result<Vec<(ObjectRef, String, Policy)>, Stop> {
        let rows = self.journal.steps().await.map_err(Stop::Broken)?;
        let details: Vec<Detail> = rows.iter().map(Detail::of).collect();
        Ok(holdings(&self.before, &details))
    }

    pub(super) fn now(&self) -> String {
        store::time::text(self.executor.clock.now())
    }

    pub(super) fn cluster(&self) -> &dyn ClusterApi {
        self.target.cluster.as_ref()
    }

    pub(super) fn timeout(&self, seconds: u32) -> Duration {
        if seconds == 0 { DEFAULT_TIMEOUT } else { Duration::from_secs(seconds.into()) }
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancellable.load(Ordering::SeqCst) && *self.cancel.borrow()
    }

    /// Waits, but not longer than until the operation is cancelled.
    pub(super) async fn sleep(&self, duration: Duration) -> Result<(), Stop> {
        if !self.cancellable.load(Ordering::SeqCst) {
            self.executor.clock.sleep(duration).await;
            return Ok(());
        }
        let mut cancel = self.cancel.clone();
        tokio::select! {
            biased;
            Ok(_) = cancel.wait_for(|cancelled| *cancelled) => Err(Stop::Cancelled),
            () = self.executor.clock.sleep(duration) => Ok(()),
        }
    }

    /// Asks the cluster, again and again while it is busy or does not answer.
    pub(super) async fn ask<'b, T>(&self, ask: impl Fn() -> BoxFuture<'b, Result<T>>) -> Result<T, Stop> {
        self.ask_while(ask, is_transient).await
    }

    pub(super) async fn ask_while<'b, T>(
        &self,
        ask: impl Fn() -> BoxFuture<'b, Result<T>>,
        again: impl Fn(&Error) -> bool,
    ) -> Result<T, Stop> {
        let since = self.executor.clock.now();
        let mut back_off = Duration::from_millis(200);
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if again(&error) && elapsed(&*self.executor.clock, since) < RETRY_FOR => {
                    self.sleep(back_off).await?;
                    back_off = (back_off * 2).min(MAX_BACK_OFF);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) async fn scopes(&self, fresh: bool) -> Result<Scopes, Stop> {
        let discovery = self.ask(|| self.cluster().discovery(fresh)).await?;
        Ok(Scopes::new(discovery, self.plan))
    }

    pub(super) fn ownership(&self) -> Ownership<'_> {
        Ownership {
            namespace: &self.target.namespace,
            instance: &self.target.instance,
            release: release_of(self.plan),
        }
    }

    pub(super) fn owns(&self, live: &serde_json::Value) -> bool {
        self.ownership().owns(live)
    }

    pub(super) fn marked(&self, object: serde_json::Value) -> serde_json::Value {
        self.ownership().marked(object, &self.plan.manager)
    }
}

/// The inventory after these journal lines, in order.
fn holdings(before: &[InventoryRow], details: &[Detail]) -> Vec<(ObjectRef, String, Policy)> {
    let mut held: Vec<(ObjectRef, String, Policy)> =
        before.iter().map(|row| (row.object.clone(), row.uid.clone(), row.policy)).collect();
    for detail in details {
        held.retain(|(object, ..)| {
            !detail.released.iter().any(|released| released.same_object(object))
                && !detail.applied.iter().any(|applied| applied.object.same_object(object))
        });
        held.extend(
            detail
                .applied
                .iter()
                .map(|applied| (applied.object.clone(), applied.uid.clone(), applied.policy)),
        );
    }
    held
}
