//! Subresources that are not simply parts of an object: binding, eviction, token, logs, streams.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::body;
use super::respond::Answer;
use super::route::Target;
use super::{Context, access};
use crate::api::{Api, DeleteOptions, set_pod_condition};
use crate::cluster::Core;
use crate::resources::{Resource, Subresource, body_type};
use crate::schema::typed::format_seconds;
use crate::selector::LabelSelector;
use crate::status::{Cause, Named, Result, Status};
use crate::store::Object;
use crate::value::{Get, set};

/// How often a followed log is looked at.
const FOLLOW: std::time::Duration = std::time::Duration::from_secs(1);
const BUDGETS: &str = "poddisruptionbudgets.policy";

pub(super) async fn answer(
    context: Context,
    resource: &Arc<Resource>,
    sub: &Subresource,
    target: &Target,
) -> Result<Answer> {
    match sub.name.as_str() {
        "binding" => binding(&context, resource, sub, target).await,
        "eviction" => eviction(&context, resource, sub, target).await,
        "token" => access::token(&context, resource, sub, target),
        "log" => log(&context, target).await,
        "exec" | "attach" | "portforward" => {
            let pod = context.api().get("pods", &target.namespace, &target.name)?;
            if sub.name != "portforward" {
                container_of(&pod.value, context.query.get("container"))?;
            }
            if pod.value.text(&["spec", "nodeName"]).is_empty() {
                let text = format!("pod {} does not have a host assigned", target.name);
                return Err(Status::bad_request(text));
            }
            check_node(&context, &pod.value)?;
            Err(Status::not_offered(format!(
                "the sandbox simulates pods: nothing runs in pod {:?}, so `{}` has nothing to connect to",
                target.name, sub.name
            )))
        }
        "proxy" => {
            // `name`, `name:port` or `scheme:name:port`
            let parts: Vec<&str> = target.name.split(':').collect();
            let name = if let [_, name, _] = parts[..] { name } else { parts[0] };
            let key = crate::api::key(resource, &target.namespace, name);
            if context.core.store.get(&key).is_none() {
                return Err(crate::api::not_found(resource, name));
            }
            Err(Status::not_offered(
                "the sandbox simulates pods: nothing runs, so there is nothing that a proxy could reach",
            ))
        }
        other => Err(Status::not_offered(format!("the sandbox does not offer the subresource `{other}`"))),
    }
}

fn created() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})
}

async fn binding(
    context: &Context,
    resource: &Resource,
    sub: &Subresource,
    target: &Target,
) -> Result<Answer> {
    let options = context.write_options("CreateOptions", false)?;
    let parsed = body::parse(context, "Binding", body_type(resource, sub))?;
    if parsed.value.text(&["metadata", "name"]) != target.name {
        return Err(Status::bad_request("name in URL does not match name in Binding object"));
    }
    let mut causes = Vec::new();
    let kind = parsed.value.text(&["target", "kind"]);
    if !matches!(kind, "" | "Node") {
        causes.push(Cause::unsupported("target.kind", &kind.into(), &["Node", "<empty>"]));
    }
    if parsed.value.text(&["target", "name"]).is_empty() {
        causes.push(Cause::required("target.name", ""));
    }
    let texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
    match &texts[..] {
        [] => {}
        [text] => return Err(Status::unclassified(text.as_str())),
        texts => return Err(Status::unclassified(format!("[{}]", texts.join(", ")))),
    }
    context.api().bind_pod(&target.namespace, &target.name, &parsed.value, options.dry_run)?;
    context.durable(context.core.store.version()).await?;
    Ok(Answer::value(201, &created(), false))
}

async fn eviction(
    context: &Context,
    resource: &Resource,
    sub: &Subresource,
    target: &Target,
) -> Result<Answer> {
    let options = context.write_options("CreateOptions", false)?;
    let parsed = body::parse(context, "Eviction", body_type(resource, sub))?;
    let given = parsed.value.text(&["metadata", "name"]);
    if given != target.name {
        return Err(Status::bad_request("name in URL does not match name in Eviction object"));
    }
    let api = context.api();
    let pod = api.get("pods", &target.namespace, &target.name)?;
    let mut deletion = DeleteOptions {
        grace: parsed.value.int(&["deleteOptions", "gracePeriodSeconds"]),
        dry_run: options.dry_run
            || parsed.value.items(&["deleteOptions", "dryRun"]).iter().any(|v| v == "All"),
        ..DeleteOptions::default()
    };
    let wanted = |key: &str| {
        let value = parsed.value.at(&["deleteOptions", "preconditions", key]);
        value.and_then(Value::as_str).map(String::from)
    };
    deletion.uid = wanted("uid");
    deletion.version = wanted("resourceVersion");
    api.check_deletion(&pod, &deletion)?;
    let policy = parsed.value.text(&["deleteOptions", "propagationPolicy"]);
    if !policy.is_empty() {
        deletion.propagation = Some(policy.into());
    }
    let free = matches!(pod.value.text(&["status", "phase"]), "Succeeded" | "Failed" | "Pending")
        || pod.value.at(&["metadata", "deletionTimestamp"]).is_some();
    if !free {
        take_from_budgets(&api, &pod, deletion.dry_run)?;
    }
    if !deletion.dry_run {
        mark_target(&api, &pod)?;
    }
    let deleted = api.delete_object(resource, &target.namespace, &target.name, &deletion)?;
    context.durable(deleted.object.version).await?;
    Ok(Answer::value(201, &created(), false))
}

/// The condition that tells why the pod goes.
fn mark_target(api: &Api, pod: &Object) -> Result<()> {
    api.as_manager("kube-apiserver").modify("pods", &pod.key.namespace, &pod.key.name, "status", |pod| {
        set_pod_condition(
            pod,
            json!({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting"}),
        );
    })?;
    Ok(())
}

fn too_many(cause: String) -> Status {
    let text = "Cannot evict pod as it would violate the pod's disruption budget.";
    Status::new(429, "TooManyRequests", text).with_causes(&[Cause::other("", "DisruptionBudget", cause)])
}

/// Takes one disruption from the budget of a pod, or refuses.
fn take_from_budgets(api: &Api, pod: &Object, dry_run: bool) -> Result<()> {
    let budgets = api.list(BUDGETS, Some(&pod.key.namespace));
    let matching: Vec<_> = budgets
        .iter()
        .filter(|b| {
            let selector = b.value.at(&["spec", "selector"]).filter(|s| !s.is_null());
            selector.and_then(LabelSelector::from_value).is_some_and(|s| s.selects(&pod.value))
        })
        .collect();
    let budget = match matching[..] {
        [] => return Ok(()),
        [budget] => budget,
        _ => {
            return Err(Status::internal(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
            ));
        }
    };
    let name = &*budget.key.name;
    let status = |key: &str| budget.value.int(&["status", key]).unwrap_or(0);
    if status("observedGeneration") < budget.value.int(&["metadata", "generation"]).unwrap_or(0) {
        let cause = format!("The disruption budget {name} is still being processed by the server.");
        return Err(too_many(cause).with_retry(10));
    }
    let unready = !pod
        .value
        .items(&["status", "conditions"])
        .iter()
        .any(|c| c.text(&["type"]) == "Ready" && c.text(&["status"]) == "True");
    let always = budget.value.text(&["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow";
    let healthy = status("currentHealthy") >= status("desiredHealthy") && status("desiredHealthy") > 0;
    if unready && (always || healthy) {
        return Ok(());
    }
    if status("disruptionsAllowed") < 1 {
        return Err(too_many(format!(
            "The disruption budget {name} needs {} healthy pods and has {} currently",
            status("desiredHealthy"),
            status("currentHealthy")
        )));
    }
    if dry_run {
        return Ok(());
    }
    let now = format_seconds(Timestamp::now());
    api.as_manager("kube-apiserver").modify(BUDGETS, &budget.key.namespace, name, "status", |budget| {
        let left = budget.int(&["status", "disruptionsAllowed"]).unwrap_or(0) - 1;
        set(budget, &["status", "disruptionsAllowed"], left);
        set(budget, &["status", "disruptedPods", &pod.key.name], now.clone());
        if left == 0 {
            let generation = budget.int(&["status", "observedGeneration"]).unwrap_or(0);
            let condition = json!({"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods",
                "message": "", "lastTransitionTime": now, "observedGeneration": generation});
            set(budget, &["status", "conditions"], json!([condition]));
        }
    })?;
    Ok(())
}

/// The container that is meant: the named one, or the only one.
fn container_of(pod: &Value, wanted: &str) -> Result<String> {
    let name = pod.text(&["metadata", "name"]);
    let all =
        |list: &str| -> Vec<&str> { pod.items(&["spec", list]).iter().map(|c| c.text(&["name"])).collect() };
    let own = all("containers");
    if wanted.is_empty() {
        let default = pod.text(&["metadata", "annotations", "kubectl.kubernetes.io/default-container"]);
        if own.contains(&default) {
            return Ok(default.into());
        }
        return match own[..] {
            [only] => Ok(only.into()),
            _ => {
                let list = [all("initContainers"), own, all("ephemeralContainers")].concat().join(" ");
                Err(Status::bad_request(format!(
                    "a container name must be specified for pod {name}, choose one of: [{list}]"
                )))
            }
        };
    }
    let known =
        ["containers", "initContainers", "ephemeralContainers"].iter().any(|l| all(l).contains(&wanted));
    if !known {
        return Err(Status::bad_request(format!("container {wanted} is not valid for pod {name}")));
    }
    Ok(wanted.into())
}

/// Refuses what a node would have to answer that does not exist.
fn check_node(context: &Context, pod: &Value) -> Result<()> {
    let node = pod.text(&["spec", "nodeName"]);
    match context.api().get("nodes", "", node) {
        Err(_) if !node.is_empty() => Err(Status::not_found(Named { kind: "pods", group: "", name: node })),
        _ => Ok(()),
    }
}

/// What is asked of a log must be possible.
fn check_log_options(context: &Context, pod: &str) -> Result<()> {
    let number = |key: &str| -> Result<Option<i64>> {
        let text = context.query.get(key);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))
    };
    let (tail, since, limit) = (number("tailLines")?, number("sinceSeconds")?, number("limitBytes")?);
    let mut causes = Vec::new();
    if let Some(tail) = tail.filter(|n| *n < 0) {
        causes.push(Cause::invalid("tailLines", &tail.into(), "must be greater than or equal to 0"));
    }
    if let Some(limit) = limit.filter(|n| *n < 1) {
        causes.push(Cause::invalid("limitBytes", &limit.into(), "must be greater than 0"));
    }
    if since.is_some() && context.query.has("sinceTime") {
        let text = "at most one of `sinceTime` or `sinceSeconds` may be specified";
        causes.push(Cause::forbidden("[]", text));
    } else if let Some(since) = since.filter(|n| *n < 1) {
        causes.push(Cause::invalid("sinceSeconds", &since.into(), "must be greater than 0"));
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(Named { kind: "PodLogOptions", group: "", name: pod }, &causes))
}

async fn log(context: &Context, target: &Target) -> Result<Answer> {
    check_log_options(context, &target.name)?;
    let pod = context.api().get("pods", &target.namespace, &target.name)?;
    let container = container_of(&pod.value, context.query.get("container"))?;
    let number = |key: &str| context.query.get(key).parse::<i64>().ok();
    let state = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"]
        .iter()
        .flat_map(|list| pod.value.items(&["status", list]))
        .find(|s| s.text(&["name"]) == container);
    let waiting = state.map_or("", |s| s.text(&["state", "waiting", "reason"]));
    if pod.value.text(&["spec", "nodeName"]).is_empty() {
        return Ok(Answer::empty(204));
    }
    check_node(context, &pod.value)?;
    let previous = context.query.flag("previous");
    if previous && state.is_none_or(|s| s.at(&["lastState", "terminated"]).is_none_or(Value::is_null)) {
        return Err(Status::bad_request(format!(
            "previous terminated container {container:?} in pod {:?} not found",
            target.name
        )));
    }
    if state.is_none() || !waiting.is_empty() && !previous && waiting != "CrashLoopBackOff" {
        let why = match waiting {
            "ErrImagePull" | "ImagePullBackOff" => "trying and failing to pull image",
            "" | "ContainerCreating" => "ContainerCreating",
            "PodInitializing" => "PodInitializing",
            other => other,
        };
        return Err(Status::bad_request(format!(
            "container {container:?} in pod {:?} is waiting to start: {why}",
            target.name
        )));
    }
    let wanted = LogLines {
        container,
        timestamps: context.query.flag("timestamps"),
        tail: context.query.get("tailLines").parse().ok(),
        since_seconds: number("sinceSeconds"),
        limit_bytes: context.query.get("limitBytes").parse().ok(),
    };
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(wanted.send(context.core.clone(), pod, context.query.flag("follow"), sender));
    Ok(Answer::text_stream(receiver))
}

struct LogLines {
    container: String,
    timestamps: bool,
    tail: Option<usize>,
    since_seconds: Option<i64>,
    limit_bytes: Option<usize>,
}

impl LogLines {
    /// Sends the lines until now; those of a followed container until it ends.
    async fn send(self, core: Arc<Core>, pod: Arc<Object>, follow: bool, sender: mpsc::Sender<Bytes>) {
        let now = Timestamp::now();
        let since = self.since_seconds.map(|s| now - SignedDuration::from_secs(s.clamp(0, 1 << 31)));
        let mut lines = crate::kubelet::logs::lines(&pod.value, &self.container, now);
        let mut sent = lines.len();
        lines.retain(|(at, _)| since.is_none_or(|since| *at >= since));
        let skip = self.tail.map_or(0, |tail| lines.len().saturating_sub(tail));
        let mut text = self.text(&lines[skip..]);
        if let Some(limit) = self.limit_bytes {
            text.truncate(limit);
        }
        if sender.send(text.into()).await.is_err() || !follow {
            return;
        }
        let mut ticks = tokio::time::interval(FOLLOW);
        loop {
            ticks.tick().await;
            let Some(now) = core.store.get(&pod.key) else { return };
            let lines = crate::kubelet::logs::lines(&now.value, &self.container, Timestamp::now());
            if lines.len() > sent && sender.send(self.text(&lines[sent..]).into()).await.is_err() {
                return;
            }
            sent = lines.len();
            let ended = matches!(now.value.text(&["status", "phase"]), "Succeeded" | "Failed");
            if ended || sender.is_closed() {
                return;
            }
        }
    }

    fn text(&self, lines: &[(Timestamp, String)]) -> Vec<u8> {
        let mut out = String::new();
        for (at, line) in lines {
            if self.timestamps {
                out.push_str(&at.strftime("%Y-%m-%dT%H:%M:%S.000000000Z ").to_string());
            }
            out.push_str(line);
            out.push('\n');
        }
        out.into_bytes()
    }
}
