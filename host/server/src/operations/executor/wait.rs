//! Steps of type `wait`, and waiting for objects to go.

use std::time::Duration;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{OnTimeout, Selector, Until};
use serde_json::Value;

use super::{Run, Stop};
use crate::error::Result;
use crate::kube::api::{self, is_transient};
use crate::operations::clock::elapsed;
use crate::operations::health::{self, Condition};

const FIRST_LOOK: Duration = Duration::from_millis(150);
const SLOWEST_LOOK: Duration = Duration::from_secs(2);
const PARALLEL: usize = 8;
const MAX_TOLD: usize = 5;

/// What a step waits for.
pub(super) struct Wish<'a> {
    pub(super) refs: &'a [ObjectRef],
    pub(super) selector: Option<&'a Selector>,
    pub(super) until: &'a Until,
    pub(super) timeout: Duration,
    pub(super) on_timeout: OnTimeout,
}

/// How far one object is from what is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Met,
    NotYet(String),
    Never(String),
}

/// The time between looks: quick at first, then slower.
pub(super) struct Pace(Duration);

impl Pace {
    pub(super) fn new() -> Pace {
        Pace(FIRST_LOOK)
    }

    pub(super) fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 3 / 2).min(SLOWEST_LOOK);
        now
    }

    /// It takes longer than most things do.
    fn is_slow(&self) -> bool {
        self.0 == SLOWEST_LOOK
    }
}

impl Run<'_> {
    pub(super) async fn wait(&self, position: i64, wish: &Wish<'_>) -> Result<String, Stop> {
        let scopes = self.scopes(false).await?;
        let namespace = &self.target.namespace;
        let mut open: Vec<ObjectRef> =
            wish.refs.iter().map(|object| scopes.place(object.clone(), namespace)).collect();
        let total = open.len();
        let since = self.executor.clock.now();
        let mut pace = Pace::new();
        let mut shown = String::new();
        loop {
            let unmet = match wish.selector {
                Some(selector) => self.look_at_selected(selector, wish.until).await?,
                None => self.look(&open, wish.until).await?,
            };
            if unmet.is_empty() {
                return Ok(String::new());
            }
            if let Some((what, Verdict::Never(reason))) =
                unmet.iter().find(|(_, v)| matches!(v, Verdict::Never(_)))
            {
                let reason = format!("{what}: {reason}");
                return if wish.on_timeout == OnTimeout::Continue {
                    Ok(warning(&reason))
                } else {
                    Err(Stop::Failed(reason))
                };
            }
            if wish.selector.is_none() {
                open.retain(|object| unmet.iter().any(|(what, _)| *what == object.to_string()));
            }
            let mut told = tell(&unmet);
            if *wish.until == Until::Ready && pace.is_slow() {
                told.push_str(&self.explain_pods(&open).await);
            }
            if elapsed(&*self.executor.clock, since) >= wish.timeout {
                return self.timed_out(wish, &open, &told).await;
            }
            let message =
                if total > 1 { format!("{} of {total} done, {told}", total - unmet.len()) } else { told };
            if message != shown {
                self.journal.progress(position, message.clone()).await;
                shown = message;
            }
            self.sleep(pace.next()).await?;
        }
    }

    async fn timed_out(&self, wish: &Wish<'_>, open: &[ObjectRef], told: &str) -> Result<String, Stop> {
        let reason = format!("not done after {} seconds: {told}", wish.timeout.as_secs());
        match wish.on_timeout {
            OnTimeout::Continue => Ok(warning(&reason)),
            OnTimeout::Fail => Err(Stop::Failed(reason)),
            OnTimeout::ExplainFinalizers => {
                Err(Stop::Failed(format!("{reason}{}", self.explain_finalizers(open).await)))
            }
        }
    }

    /// The objects that are not there yet, and why.
    async fn look(&self, open: &[ObjectRef], until: &Until) -> Result<Vec<(String, Verdict)>, Stop> {
        let verdicts: Vec<Result<(String, Verdict), Stop>> = stream::iter(
            open.iter()
                .map(|object| {
                    async move {
                        let verdict = match self.cluster().get(object).await {
                            Ok(live) => judge(until, live.as_ref()),
                            Err(error) if is_transient(&error) => Verdict::NotYet(error.to_string()),
                            Err(error) => return Err(error.into()),
                        };
                        Ok((object.to_string(), verdict))
                    }
                    .boxed()
                })
                .collect::<Vec<_>>(),
        )
        .buffered(PARALLEL)
        .collect()
        .await;
        let verdicts: Vec<(String, Verdict)> = verdicts.into_iter().collect::<Result<_, _>>()?;
        Ok(verdicts.into_iter().filter(|(_, verdict)| *verdict != Verdict::Met).collect())
    }

    async fn look_at_selected(
        &self,
        selector: &Selector,
        until: &Until,
    ) -> Result<Vec<(String, Verdict)>, Stop> {
        let namespace = selector.namespace.as_deref().unwrap_or(&self.target.namespace);
        let labels: Vec<String> =
            selector.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let labels = labels.join(",");
        let list =
            self.cluster().list(&selector.api_version, &selector.kind, Some(namespace), Some(&labels)).await;
        let found = match list {
            Ok(found) => found,
            Err(error) if is_transient(&error) || crate::kube::api::is_not_found(&error) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        if found.is_empty() {
            let none = (format!("{} with {labels}", selector.kind), judge(until, None));
            return Ok([none].into_iter().filter(|(_, verdict)| *verdict != Verdict::Met).collect());
        }
        let verdict = |live: &Value| {
            let name = live["metadata"]["name"].as_str().unwrap_or_default();
            (format!("{} {namespace}/{name}", selector.kind), judge(until, Some(live)))
        };
        Ok(found.iter().map(verdict).filter(|(_, verdict)| *verdict != Verdict::Met).collect())
    }

    /// Waits until objects are gone.
    pub(super) async fn wait_gone(
        &self,
        position: i64,
        refs: &[ObjectRef],
        timeout: Duration,
        on_timeout: OnTimeout,
    ) -> Result<String, Stop> {
        let wish = Wish { refs, selector: None, until: &Until::Gone, timeout, on_timeout };
        self.wait(position, &wish).await
    }

    /// What holds up the pods of workloads: the workload itself only counts them.
    async fn explain_pods(&self, open: &[ObjectRef]) -> String {
        let mut told = String::new();
        for object in open.iter().take(MAX_TOLD) {
            let Ok(Some(live)) = self.cluster().get(object).await else { continue };
            let Some(labels) = live.pointer("/spec/selector/matchLabels").and_then(Value::as_object) else {
                continue;
            };
            let labels: Vec<String> =
                labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
            let namespace = object.namespace.as_deref();
            let Ok(pods) = self.cluster().list("v1", "Pod", namespace, Some(&labels.join(","))).await else {
                continue;
            };
            let held = pods.iter().find_map(|pod| match health::of(pod) {
                Condition::InProgress(reason) | Condition::Failed(reason) => Some((pod, reason)),
                _ => None,
            });
            if let Some((pod, reason)) = held {
                let name = pod["metadata"]["name"].as_str().unwrap_or_default();
                told.push_str(&format!("; Pod {name}: {reason}"));
                if let Some(event) = self.newest_warning(pod).await {
                    told.push_str(&format!(" ({event})"));
                }
            }
        }
        told
    }

    /// What the cluster complained about last: a missing secret is told nowhere else.
    async fn newest_warning(&self, pod: &Value) -> Option<String> {
        let pod = ObjectRef::of(pod)?;
        let namespace = pod.namespace.as_deref().unwrap_or_default();
        let events = api::events(self.cluster(), namespace, Some(&pod)).await.ok()?;
        let warning = events.iter().rev().find(|event| event["type"] == "Warning")?;
        Some(format!("{}: {}", warning["reason"].as_str()?, warning["message"].as_str()?))
    }

    /// Which finalizers keep objects, and which controller would have to remove them.
    async fn explain_finalizers(&self, open: &[ObjectRef]) -> String {
        let mut told = String::new();
        for object in open.iter().take(MAX_TOLD) {
            let Ok(Some(live)) = self.cluster().get(object).await else { continue };
            let finalizers: Vec<&str> = live["metadata"]["finalizers"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if !finalizers.is_empty() {
                told.push_str(&format!(
                    "; {object} is held by the finalizers `{}`: the controller that set them must run to remove them",
                    finalizers.join("`, `")
                ));
            }
        }
        told
    }
}

fn warning(reason: &str) -> String {
    format!("went on although {reason}")
}

fn tell(unmet: &[(String, Verdict)]) -> String {
    let told: Vec<String> = unmet
        .iter()
        .take(MAX_TOLD)
        .map(|(what, verdict)| match verdict {
            Verdict::Met => what.clone(),
            Verdict::NotYet(reason) | Verdict::Never(reason) => format!("{what}: {reason}"),
        })
        .collect();
    let more = unmet.len().saturating_sub(MAX_TOLD);
    if more > 0 { format!("{} and {more} more", told.join("; ")) } else { told.join("; ") }
}

fn judge(until: &Until, live: Option<&Value>) -> Verdict {
    let absent = || Verdict::NotYet("it does not exist yet".into());
    match (until, live) {
        (Until::Gone, None) | (Until::Exists, Some(_)) => Verdict::Met,
        (Until::Gone, Some(_)) => Verdict::NotYet("it still exists".into()),
        (_, None) => absent(),
        (Until::Ready, Some(live)) => match health::of(live) {
            Condition::Current => Verdict::Met,
            Condition::InProgress(reason) | Condition::Terminating(reason) => Verdict::NotYet(reason),
            Condition::Failed(reason) => Verdict::Never(reason),
        },
        (Until::Condition(name), Some(live)) => {
            if health::is_true(live, name) {
                Verdict::Met
            } else {
                Verdict::NotYet(format!("`{name}` is not true yet"))
            }
        }
        (Until::Path { path, equals }, Some(live)) => match live.pointer(path) {
            Some(value) if value == equals => Verdict::Met,
            Some(value) => Verdict::NotYet(format!("`{path}` is {value}, not {equals}")),
            None => Verdict::NotYet(format!("`{path}` is not set yet")),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn judges_each_kind_of_until() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Failed", "message": "broken",
            "conditions": [{"type": "Good", "status": "True"}]}});
        let path = |equals: Value| Until::Path { path: "/status/phase".into(), equals };
        let not_yet = |reason: &str| Verdict::NotYet(reason.into());
        assert_eq!(judge(&Until::Ready, Some(&pod)), Verdict::Never("broken".into()));
        assert_eq!(judge(&Until::Ready, None), not_yet("it does not exist yet"));
        assert_eq!(judge(&Until::Exists, Some(&pod)), Verdict::Met);
        assert_eq!(judge(&Until::Exists, None), not_yet("it does not exist yet"));
        assert_eq!(judge(&Until::Gone, Some(&pod)), not_yet("it still exists"));
        assert_eq!(judge(&Until::Gone, None), Verdict::Met);
        assert_eq!(judge(&Until::Condition("Good".into()), Some(&pod)), Verdict::Met);
        assert_eq!(judge(&Until::Condition("Bad".into()), Some(&pod)), not_yet("`Bad` is not true yet"));
        assert_eq!(judge(&path(json!("Failed")), Some(&pod)), Verdict::Met);
        assert_eq!(
            judge(&path(json!("Up")), Some(&pod)),
            not_yet("`/status/phase` is \"Failed\", not \"Up\"")
        );
    }
}
