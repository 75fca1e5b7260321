//! Making and removing the pods of a Job.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::tally::{FAILURES, index};
use super::{BURST, COMPONENT, FINALIZER, INDEX, Work, remove_finalizer};
use crate::client::{Refusal, Shared};
use crate::controllers::pods;
use crate::object::{self, Look, items, name, number, text};

impl Work<'_> {
    /// Gets the number of running pods right.
    pub(super) async fn manage(&mut self, active: &[Shared]) -> Result<(), Refusal> {
        let running = active.len() as i64;
        let wanted = self.wanted(running);
        if running > wanted {
            let mut surplus = active.to_vec();
            pods::sort_for_deletion(&mut surplus);
            for pod in surplus.iter().take((running - wanted).min(BURST) as usize) {
                // Without the mark it does not count as failed.
                remove_finalizer(self.context, pod).await?;
                pods::delete(self.context, COMPONENT, &self.job, pod).await?;
            }
            return Ok(());
        }
        let mut missing = (wanted - running).min(BURST);
        if text(&self.job, "/spec/podReplacementPolicy") == "Failed" {
            let going = |pod: &&Shared| object::is_terminating(pod) && !pods::is_finished(pod);
            missing -= self.pods.iter().filter(going).count() as i64;
        }
        if missing <= 0 || self.is_backing_off(None) {
            return Ok(());
        }
        let template = self.template();
        if !self.is_indexed() {
            let new = (0..missing).map(|_| pods::from_template(&template, &self.job));
            return pods::create_many(self.context, COMPONENT, &self.job, new).await;
        }
        let completions = number(&self.job, "/spec/completions").unwrap_or(0);
        let mut taken = self.completed_indexes();
        taken.extend(active.iter().filter_map(|pod| index(pod)));
        taken.extend(self.failed_indexes().unwrap_or_default());
        let free: BTreeSet<i64> = (0..completions).filter(|index| !taken.contains(index)).collect();
        let ripe: Vec<i64> = free.into_iter().filter(|index| !self.is_backing_off(Some(*index))).collect();
        for index in ripe.into_iter().take(missing as usize) {
            let pod = self.indexed_pod(&template, index);
            pods::create(self.context, COMPONENT, &self.job, pod).await?;
        }
        Ok(())
    }

    fn wanted(&self, running: i64) -> i64 {
        let parallelism = number(&self.job, "/spec/parallelism").unwrap_or(1);
        if self.is_suspended() {
            return 0;
        }
        match number(&self.job, "/spec/completions") {
            None if self.succeeded() > 0 => running,
            None => parallelism,
            Some(completions) => (completions - self.succeeded()).clamp(0, parallelism),
        }
    }

    /// After failures the next pod waits: 10 seconds, 20, 40 and so on up to ten minutes. Where each index has a limit
    /// of its own, it waits for itself only.
    fn is_backing_off(&mut self, only: Option<i64>) -> bool {
        if self.job.look("/spec/backoffLimitPerIndex").is_some() != only.is_some() {
            return false;
        }
        let ended = |pod: &&Shared| {
            let statuses = items(pod, "/status/containerStatuses").iter();
            statuses.filter_map(|status| object::time(status, "/state/terminated/finishedAt")).max()
        };
        let pods: Vec<&Shared> =
            self.pods.iter().filter(|pod| only.is_none() || index(pod) == only).collect();
        let of_phase =
            |phase: &'static str| pods.iter().copied().filter(move |pod| text(pod, "/status/phase") == phase);
        let success = of_phase("Succeeded").filter_map(|pod| ended(&pod)).max();
        let failures: Vec<_> =
            of_phase("Failed").filter_map(|pod| ended(&pod)).filter(|at| Some(*at) > success).collect();
        let Some(last) = failures.iter().max() else { return false };
        let wait = (10_i64 << (failures.len() - 1).min(6)).min(600);
        let due = last.saturating_add(SignedDuration::from_secs(wait)).unwrap_or(*last);
        if self.now >= due {
            return false;
        }
        self.look_again(due);
        true
    }

    fn template(&self) -> Value {
        let mut template = self.job.look("/spec/template").cloned().unwrap_or_default();
        let mut finalizers = items(&template, "/metadata/finalizers").to_vec();
        if !finalizers.iter().any(|finalizer| finalizer.as_str() == Some(FINALIZER)) {
            finalizers.push(FINALIZER.into());
        }
        template["metadata"]["finalizers"] = finalizers.into();
        template
    }

    fn indexed_pod(&self, template: &Value, index: i64) -> Value {
        let mut pod = pods::from_template(template, &self.job);
        let stem: String = name(&self.job).chars().take(50).collect();
        pod["metadata"]["generateName"] = format!("{stem}-{index}-").into();
        pod["metadata"]["annotations"][INDEX] = index.to_string().into();
        pod["metadata"]["labels"][INDEX] = index.to_string().into();
        if self.job.look("/spec/backoffLimitPerIndex").is_some() {
            pod["metadata"]["annotations"][FAILURES] = self.failures_of(index).to_string().into();
        }
        pod["spec"]["hostname"] = format!("{}-{index}", name(&self.job)).into();
        let variable = json!({
            "name": "JOB_COMPLETION_INDEX",
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": format!("metadata.labels['{INDEX}']")}},
        });
        for list in ["initContainers", "containers"] {
            for container in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                let known = |value: &Value| text(value, "/name") == "JOB_COMPLETION_INDEX";
                let mut variables = items(container, "/env").to_vec();
                if !variables.iter().any(known) {
                    variables.push(variable.clone());
                    container["env"] = variables.into();
                }
            }
        }
        pod
    }
}
