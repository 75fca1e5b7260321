//! HorizontalPodAutoscalers without metrics: bounds are kept, and the conditions say what is missing.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::status::{self, Condition, Times};
use crate::builtin::{
    DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS,
};
use crate::client::{Pending, Resource, Shared};
use crate::clock;
use crate::object::{self, Look, items, namespace, number, text};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const COMPONENT: &str = "horizontal-pod-autoscaler";
const PERIOD: i64 = 15;

/// Looks after autoscalers.
pub(super) struct Autoscalers;

impl Reconciler for Autoscalers {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn watches(&self) -> Vec<Resource> {
        vec![HORIZONTAL_POD_AUTOSCALERS, DEPLOYMENTS, STATEFUL_SETS, REPLICA_SETS, REPLICATION_CONTROLLERS]
    }

    fn affected(&self, _: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        // What is scaled is looked at once in a period, as real autoscalers do.
        let changed = seen.old.is_none_or(|old| old.look("/spec") != seen.object().look("/spec"));
        if *seen.resource == HORIZONTAL_POD_AUTOSCALERS && changed {
            enqueue(seen.key());
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(look(context, key))
    }
}

fn target(context: &Context, scaler: &Value) -> Option<(Resource, Shared)> {
    let resource = match text(scaler, "/spec/scaleTargetRef/kind") {
        "Deployment" => DEPLOYMENTS,
        "StatefulSet" => STATEFUL_SETS,
        "ReplicaSet" => REPLICA_SETS,
        "ReplicationController" => REPLICATION_CONTROLLERS,
        _ => return None,
    };
    let name = text(scaler, "/spec/scaleTargetRef/name");
    let found = context.cache().get(&resource, namespace(scaler), name)?;
    Some((resource, found))
}

async fn look(context: &Context, key: &Key) -> Outcome {
    let Some(scaler) = context.cache().of(key).filter(|scaler| !object::is_terminating(scaler)) else {
        return Ok(None);
    };
    let now = context.now();
    let mut new = status::of(&scaler);
    let mut set = |kind: &str, is: &str, reason: &str, message: &str| {
        let condition = Condition { kind, status: is, reason, message, times: Times::Plain };
        status::set(&mut new, &condition, now);
    };
    let again = now.saturating_add(SignedDuration::from_secs(PERIOD)).ok();
    let Some((resource, workload)) = target(context, &scaler) else {
        let (kind, name) =
            (text(&scaler, "/spec/scaleTargetRef/kind"), text(&scaler, "/spec/scaleTargetRef/name"));
        let plural = format!("{}s.apps", kind.to_lowercase());
        let message = format!("{plural} \"{name}\" not found");
        let told = format!("the HPA controller was unable to get the target's current scale: {message}");
        set("AbleToScale", "False", "FailedGetScale", &told);
        context.event(COMPONENT, &scaler, "Warning", "FailedGetScale", &message);
        context.set_status(&HORIZONTAL_POD_AUTOSCALERS, &scaler, Value::Object(new)).await?;
        return Ok(again);
    };
    set(
        "AbleToScale",
        "True",
        "SucceededGetScale",
        "the HPA controller was able to get the target's current scale",
    );
    let current = number(&workload, "/spec/replicas").unwrap_or(1);
    let least = number(&scaler, "/spec/minReplicas").unwrap_or(1);
    let most = number(&scaler, "/spec/maxReplicas").unwrap_or(1);
    let mut desired = 0;
    if current == 0 {
        let message = "scaling is disabled since the replica count of the target is zero";
        set("ScalingActive", "False", "ScalingDisabled", message);
    } else if current > most || current < least {
        let (wanted, why) = match current > most {
            true => (most, "Current number of replicas above Spec.MaxReplicas"),
            false => (least, "Current number of replicas below Spec.MinReplicas"),
        };
        let workload_key = Key::of(&resource, &workload);
        context.merge(&workload_key, json!({"spec": {"replicas": wanted}})).await?;
        let message = format!("New size: {wanted}; reason: {why}");
        context.event(COMPONENT, &scaler, "Normal", "SuccessfulRescale", &message);
        let told = format!("the HPA controller was able to update the target scale to {wanted}");
        set("AbleToScale", "True", "SucceededRescale", &told);
        new.insert("lastScaleTime".to_owned(), clock::seconds(now).into());
        desired = wanted;
    } else if let Some((reason, what)) = first_metric(&scaler) {
        let error = format!("failed to get {what}: the simulated cluster has no metrics");
        let message = format!("the HPA was unable to compute the replica count: {error}");
        set("ScalingActive", "False", reason, &message);
        context.event(COMPONENT, &scaler, "Warning", reason, &error);
        let message = format!("invalid metrics (1 invalid out of 1), first error is: {error}");
        context.event(COMPONENT, &scaler, "Warning", "FailedComputeMetricsReplicas", &message);
    }
    new.insert("currentReplicas".to_owned(), current.into());
    new.insert("desiredReplicas".to_owned(), desired.into());
    new.entry("currentMetrics").or_insert(Value::Null);
    context.set_status(&HORIZONTAL_POD_AUTOSCALERS, &scaler, Value::Object(new)).await?;
    Ok(again)
}

/// What the first metric asks for, and the reason for its failure.
fn first_metric(scaler: &Value) -> Option<(&'static str, String)> {
    let metric = items(scaler, "/spec/metrics").first()?;
    Some(match text(metric, "/type") {
        "Resource" => ("FailedGetResourceMetric", format!("{} utilization", text(metric, "/resource/name"))),
        "ContainerResource" => (
            "FailedGetContainerResourceMetric",
            format!("{} utilization", text(metric, "/containerResource/name")),
        ),
        "Pods" => ("FailedGetPodsMetric", format!("pods metric {}", text(metric, "/pods/metric/name"))),
        "Object" => {
            ("FailedGetObjectMetric", format!("object metric {}", text(metric, "/object/metric/name")))
        }
        _ => {
            ("FailedGetExternalMetric", format!("external metric {}", text(metric, "/external/metric/name")))
        }
    })
}
