//! Going on with an operation that failed, was cancelled or waits for a person. Nothing is planned again.

use osc_plugin_api::documents::plan::{Action, Plan, Policy};

use super::{Executor, positions};
use crate::error::{Error, Result};
use crate::operations::document_identity;
use crate::operations::journal::Detail;
use crate::store;
use crate::store::operations::{ON_FAILURE, OperationState, Step, StepState};

impl Executor {
    /// Makes the next attempt ready; the caller runs it. Steps that are done stay done, apart from bookkeeping: a
    /// release that was marked as failed is marked as pending again.
    pub async fn retry(&self, id: i64) -> Result<()> {
        let operation = self.load(id).await?;
        let key = operation.document.as_ref().filter(|_| operation.state != OperationState::Succeeded);
        let key =
            key.ok_or_else(|| Error::Conflict(format!("operation `{id}` {}", cannot(operation.state))))?;
        let plan: Plan = self.documents.get(&document_identity(operation.tenant_id), key).await?;
        let now = store::time::text(self.clock.now());
        self.db
            .write(move |tx| -> Result<()> {
                let operation = store::operations::find_anywhere(tx, id)?
                    .ok_or_else(|| Error::NotFound { kind: "operation", id: id.to_string() })?;
                let paused = operation.state == OperationState::Paused;
                if !paused && !matches!(operation.state, OperationState::Failed | OperationState::Cancelled) {
                    return Err(Error::Conflict(format!("operation `{id}` {}", cannot(operation.state))));
                }
                if let Some(instance) = operation.instance_id
                    && let Some(last) = store::operations::find_last_anywhere(tx, instance)?
                    && last.id != id
                {
                    return Err(Error::Conflict(format!(
                        "operation `{id}` cannot be retried: operation `{}` came after it",
                        last.id
                    )));
                }
                store::operations::begin_attempt(tx, id)?;
                let rows = store::operations::list_steps(tx, id)?;
                for row in &rows {
                    let Some(state) = next_state(&plan, row, &rows, paused) else { continue };
                    let old = Detail::of(row);
                    let detail = Detail {
                        applied: old.applied,
                        released: old.released,
                        made_namespace: old.made_namespace,
                        ..Detail::default()
                    };
                    let detail = serde_json::to_string(&detail).map_err(anyhow::Error::from)?;
                    store::operations::set_step(tx, id, row.position, state, None, Some(&detail), &now)?;
                }
                Ok(())
            })
            .await?;
        self.announce(id);
        Ok(())
    }
}

fn cannot(state: OperationState) -> &'static str {
    match state {
        OperationState::Succeeded => "succeeded already",
        OperationState::Failed | OperationState::Cancelled | OperationState::Paused => {
            "ended before it had a plan: make a new one"
        }
        OperationState::Queued | OperationState::Planning | OperationState::Running => "is not over yet",
    }
}

/// The state in which a step enters the next attempt; `None` leaves it as it is.
fn next_state(plan: &Plan, row: &Step, rows: &[Step], paused: bool) -> Option<StepState> {
    let (_, step) = positions(plan).find(|(position, _)| *position == row.position)?;
    if paused {
        // A person looked: the pause is over, and a hook that nobody saw end runs again.
        return match (row.state, &step.action) {
            (StepState::Started, Action::Pause { .. }) => Some(StepState::Done),
            (StepState::Started, _) => Some(StepState::Pending),
            _ => None,
        };
    }
    let bookkeeping = matches!(step.action, Action::Apply { policy: Policy::Record, .. });
    let failed_later = rows.iter().any(|other| {
        other.position < ON_FAILURE && other.position > row.position && other.state != StepState::Done
    });
    match row.state {
        _ if row.position >= ON_FAILURE => Some(StepState::Pending),
        StepState::Done if bookkeeping && failed_later => Some(StepState::Pending),
        StepState::Done => None,
        _ => Some(StepState::Pending),
    }
}
