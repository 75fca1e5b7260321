//! Counting pods that ended, each exactly once.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{INDEX, Work, has_finalizer, indexes, policy, remove_finalizer};
use crate::client::Refusal;
use crate::controllers::pods;
use crate::object::{self, annotation, number, text, uid};

/// Carries how often an index failed before.
pub(super) const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";

impl Work<'_> {
    /// Counts in the status what can be counted and notes the rest; whether something is still noted only.
    pub(super) fn tally(&mut self) -> bool {
        let mut noted = [self.noted("succeeded"), self.noted("failed")];
        let held: BTreeSet<&str> =
            self.pods.iter().filter(|pod| has_finalizer(pod)).map(|pod| uid(pod)).collect();
        let mut counted = [0, 0];
        for (list, counted) in noted.iter_mut().zip(&mut counted) {
            let before = list.len();
            list.retain(|uid| held.contains(uid.as_str()));
            *counted = (before - list.len()) as i64;
        }
        for pod in self.pods.iter().filter(|pod| has_finalizer(pod)) {
            let uid = uid(pod).to_owned();
            if noted.iter().any(|list| list.contains(&uid)) {
                continue;
            }
            if text(pod, "/status/phase") == "Succeeded" {
                if !self.is_indexed() {
                    noted[0].push(uid);
                }
            } else if self.counts_as_failed(pod) {
                noted[1].push(uid);
            }
        }
        let [succeeded, failed] = &noted;
        let waiting = !succeeded.is_empty() || !failed.is_empty() || self.has_uncounted_indexes();
        let mut uncounted = json!({});
        if !succeeded.is_empty() {
            uncounted["succeeded"] = succeeded.clone().into();
        }
        if !failed.is_empty() {
            uncounted["failed"] = failed.clone().into();
        }
        let totals = [self.count("succeeded") + counted[0], self.count("failed") + counted[1]];
        self.status.insert("uncountedTerminatedPods".to_owned(), uncounted);
        crate::controllers::status::counters(&mut self.status, &[("failed", totals[1])]);
        if self.is_indexed() {
            let done = self.completed_indexes();
            crate::controllers::status::counters(&mut self.status, &[("succeeded", done.len() as i64)]);
            if !done.is_empty() {
                self.status.insert("completedIndexes".to_owned(), indexes::text(&done).into());
            }
            if let Some(failed) = self.failed_indexes() {
                self.status.insert("failedIndexes".to_owned(), indexes::text(&failed).into());
            }
        } else {
            crate::controllers::status::counters(&mut self.status, &[("succeeded", totals[0])]);
        }
        waiting
    }

    fn noted(&self, which: &str) -> Vec<String> {
        let list = self.status.get("uncountedTerminatedPods").and_then(|noted| noted.get(which));
        let list = list.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn has_uncounted_indexes(&self) -> bool {
        let done =
            |pod: &&crate::client::Shared| text(pod, "/status/phase") == "Succeeded" && has_finalizer(pod);
        self.is_indexed() && self.pods.iter().any(|pod| done(&pod))
    }

    /// The indexes that have succeeded.
    pub(super) fn completed_indexes(&self) -> BTreeSet<i64> {
        let completions = number(&self.job, "/spec/completions").unwrap_or(0);
        let known = self.status.get("completedIndexes").and_then(Value::as_str).unwrap_or_default();
        let mut done = indexes::parse(known, completions);
        let good = self.pods.iter().filter(|pod| text(pod, "/status/phase") == "Succeeded");
        done.extend(good.filter_map(|pod| index(pod)).filter(|index| *index < completions));
        done
    }

    /// The indexes that have failed for good, if each has a limit of its own.
    pub(super) fn failed_indexes(&self) -> Option<BTreeSet<i64>> {
        let most = number(&self.job, "/spec/backoffLimitPerIndex")?;
        let completions = number(&self.job, "/spec/completions").unwrap_or(0);
        let known = self.status.get("failedIndexes").and_then(Value::as_str).unwrap_or_default();
        let mut failed = indexes::parse(known, completions);
        let bad = self.pods.iter().filter(|pod| {
            text(pod, "/status/phase") == "Failed"
                && !policy::is_ignored(&self.job, pod)
                && (failures_before(pod) >= most || policy::fails_index(&self.job, pod))
        });
        failed.extend(bad.filter_map(|pod| index(pod)).filter(|index| *index < completions));
        Some(failed)
    }

    /// How often an index has failed.
    pub(super) fn failures_of(&self, wanted: i64) -> i64 {
        let failed = self.pods.iter().filter(|pod| text(pod, "/status/phase") == "Failed");
        let of_index = failed.filter(|pod| index(pod) == Some(wanted) && !policy::is_ignored(&self.job, pod));
        of_index.map(|pod| failures_before(pod) + 1).max().unwrap_or(0)
    }

    /// A pod that is on its way out has failed too, unless the Job waits for its end.
    fn counts_as_failed(&self, pod: &Value) -> bool {
        let phase = text(pod, "/status/phase");
        let waits = text(&self.job, "/spec/podReplacementPolicy") == "Failed";
        if policy::is_ignored(&self.job, pod) {
            return false;
        }
        phase == "Failed" || object::is_terminating(pod) && phase != "Succeeded" && !waits
    }

    /// How many pods have succeeded, those that are only noted included.
    pub(super) fn succeeded(&self) -> i64 {
        self.count("succeeded") + self.noted("succeeded").len() as i64
    }

    /// How many pods have failed, those that are only noted included.
    pub(super) fn failed(&self) -> i64 {
        self.count("failed") + self.noted("failed").len() as i64
    }

    /// Lets the pods go that are noted in the stored status.
    pub(super) async fn release_counted(&self) -> Result<(), Refusal> {
        let noted: Vec<String> = [self.noted("succeeded"), self.noted("failed")].concat();
        for pod in self.refreshed().iter().filter(|pod| has_finalizer(pod)) {
            let done = text(pod, "/status/phase") == "Succeeded" && self.is_indexed();
            let known = noted.iter().any(|known| known == uid(pod)) && !pods::is_active(pod);
            if done || known || policy::is_ignored(&self.job, pod) {
                remove_finalizer(self.context, pod).await?;
            }
        }
        Ok(())
    }
}

/// How often the index of a pod had failed when the pod was made.
fn failures_before(pod: &Value) -> i64 {
    annotation(pod, FAILURES).and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// The completion index of a pod.
pub(super) fn index(pod: &Value) -> Option<i64> {
    annotation(pod, INDEX)?.parse().ok()
}
