//! What makes an object invalid, in the words of a real server.

mod common;
mod container;
mod meta;
mod network;
mod pod;
mod service;
mod small;
mod status;
mod storage;
mod volume;
mod workload;

use serde_json::Value;

use crate::cluster::Core;
use crate::crd;
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

pub(crate) use meta::of_metadata;

/// What is wrong with a new object.
pub(crate) fn create(_core: &Core, resource: &Resource, value: &Value) -> Vec<Cause> {
    let mut causes = meta::of_object(resource, value);
    if resource.is_custom() {
        causes.extend(crd::validate::object(resource, None, value));
        return causes;
    }
    causes.extend(content(resource, value));
    if resource.plural == "services" {
        causes.extend(service::new(value));
    }
    if resource.plural == "cronjobs" {
        causes.extend(workload::cron_name(value));
    }
    if resource.plural == "jobs" {
        causes.extend(workload::job_selector(value));
    }
    causes
}

fn content(resource: &Resource, value: &Value) -> Vec<Cause> {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => pod::of_pod(value),
        ("", "podtemplates") => pod::of_template(&value["template"], "template"),
        ("", "replicationcontrollers") => workload::replication_controller(value),
        ("", "services") => service::of_service(value),
        ("", "configmaps") => small::config_map(value),
        ("", "secrets") => small::secret(value),
        ("", "persistentvolumeclaims") => storage::claim(&value["spec"], "spec"),
        ("", "persistentvolumes") => storage::volume(value),
        ("", "resourcequotas") => small::quota(value),
        ("", "limitranges") => small::limit_range(value),
        ("", "events") | ("events.k8s.io", _) => small::event(resource, value),
        ("", "endpoints") => small::endpoints(value),
        ("", "nodes") => small::node(value),
        ("admissionregistration.k8s.io", plural) if plural.ends_with("webhookconfigurations") => {
            small::webhooks(value)
        }
        ("apps", "deployments") => workload::deployment(value),
        ("apps", "replicasets") => workload::replica_set(value),
        ("apps", "statefulsets") => workload::stateful_set(value),
        ("apps", "daemonsets") => workload::daemon_set(value),
        ("batch", "jobs") => workload::job(&value["spec"], "spec"),
        ("batch", "cronjobs") => workload::cron_job(value),
        ("autoscaling", _) => workload::autoscaler(value),
        ("policy", _) => workload::budget(value),
        ("networking.k8s.io", "ingresses") => network::ingress(value),
        ("networking.k8s.io", "networkpolicies") => network::policy(value),
        ("networking.k8s.io", "ingressclasses") => network::ingress_class(value),
        ("discovery.k8s.io", _) => network::endpoint_slice(value),
        ("storage.k8s.io", "storageclasses") => storage::class(value),
        ("coordination.k8s.io", _) => small::lease(value),
        ("scheduling.k8s.io", _) => small::priority_class(value),
        ("rbac.authorization.k8s.io", plural) => small::rbac(plural, value),
        ("apiextensions.k8s.io", _) => crd::validate::definition(None, value),
        _ => Vec::new(),
    }
}

/// What is wrong with a changed object.
pub(crate) fn update(
    _core: &Core,
    resource: &Resource,
    subresource: &str,
    live: &Value,
    value: &Value,
) -> Vec<Cause> {
    let mut causes = meta::of_update(live, value);
    if resource.is_custom() {
        let mut found = crd::validate::object(resource, Some(live), value);
        if subresource == "status" {
            let at = found.iter().position(|c| c.field == "<nil>").unwrap_or(found.len());
            found.splice(at..at, crate::scale::status_problem(resource, value));
            // The status is validated alone: only the fields of causes say where it was.
            for cause in &mut found {
                if let Some(inner) = cause.field.strip_prefix("status.") {
                    cause.message = cause
                        .message
                        .replace(&format!("{} in body", cause.field), &format!("{inner} in body"));
                }
            }
        }
        causes.extend(found);
        return causes;
    }
    match subresource {
        "" | "scale" => {}
        "status" => {
            causes.extend(status::of_update(resource, live, value));
            return causes;
        }
        "resize" => {
            causes.extend(pod::of_resize(live, value));
            return causes;
        }
        _ => return causes,
    }
    // A pod that exists keeps what older rules allowed; only its few changeable fields are checked.
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => causes.extend(pod::of_update(live, value)),
        ("apiextensions.k8s.io", _) => causes.extend(crd::validate::definition(Some(live), value)),
        ("", "services") => {
            causes.extend(service::of_update(live, value));
            causes.extend(content(resource, value));
        }
        ("", "configmaps" | "secrets") => {
            causes.extend(small::immutable(resource, live, value));
            causes.extend(content(resource, value));
        }
        ("", "persistentvolumeclaims") => {
            causes.extend(content(resource, value));
            causes.extend(storage::claim_update(live, value));
        }
        ("apps" | "batch" | "", _) => {
            causes.extend(content(resource, value));
            causes.extend(workload::of_update(resource, live, value));
        }
        ("rbac.authorization.k8s.io", _) => {
            causes.extend(small::rbac_update(live, value));
            causes.extend(content(resource, value));
        }
        ("storage.k8s.io", "storageclasses") => {
            causes.extend(content(resource, value));
            causes.extend(storage::class_update(live, value));
        }
        _ => causes.extend(content(resource, value)),
    }
    causes
}

/// Warnings that a write of this object gives.
pub(crate) fn warn(resource: &Resource, value: &Value, warnings: &mut Vec<String>) {
    if resource.is("networking.k8s.io", "ingresses") {
        const CLASS: &str = "kubernetes.io/ingress.class";
        if value.at(&["metadata", "annotations", CLASS]).is_some() {
            warnings.push(format!(
                "annotation {CLASS:?} is deprecated, please use 'spec.ingressClassName' instead"
            ));
        }
    }
    if resource.is("", "services") && !value.items(&["spec", "externalIPs"]).is_empty() {
        warnings
            .push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".into());
    }
    if !resource.is_custom() && resource.plural == "pods" {
        pod::warn(value, warnings);
    }
}
