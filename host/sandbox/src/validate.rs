//! What makes an object invalid, in the words of a real server.

mod access;
mod admission;
mod autoscaling;
mod batch;
mod cluster;
mod common;
mod config;
mod container;
mod events;
mod flow;
mod meta;
mod network;
mod pod;
mod quotas;
mod service;
mod status;
mod storage;
mod volume;
mod warnings;
mod workload;

use serde_json::Value;

use crate::cluster::Core;
use crate::crd;
use crate::resources::Resource;
use crate::status::Cause;
use crate::value::Get;

pub(crate) use meta::of_metadata;
pub(crate) use warnings::of as warn;

pub(crate) use service::of_addresses as service_addresses;

/// What is wrong with a new object.
pub(crate) fn create(_core: &Core, resource: &Resource, value: &Value) -> Vec<Cause> {
    let mut causes = meta::of_object(resource, value);
    if resource.is_custom() {
        let mut found = crd::validate::object(resource, None, value);
        // What cannot be told apart and what rules say comes after that.
        let later = |c: &Cause| c.field == "<nil>" || c.message.starts_with("Duplicate value");
        let at = found.iter().position(later).unwrap_or(found.len());
        found.splice(at..at, crate::scale::problems(resource, value, true));
        causes.extend(found);
        return causes;
    }
    let mut found = content(resource, value);
    if resource.plural == "cronjobs" {
        found.extend(batch::cron_name(value));
    }
    if resource.plural == "jobs" {
        // That it is not the generated one is said first.
        let mut selectors = batch::job_selector(value);
        let first = selectors.iter().position(|c| c.message.ends_with("not auto-generated"));
        causes.extend(first.map(|at| selectors.remove(at)));
        found.extend(selectors);
    }
    causes.extend(found);
    causes
}

fn content(resource: &Resource, value: &Value) -> Vec<Cause> {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => pod::of_pod(value),
        ("", "podtemplates") => pod::of_template(&value["template"], "template"),
        ("", "replicationcontrollers") => workload::replication_controller(value),
        ("", "services") => service::of_service(value),
        ("", "configmaps") => config::config_map(value),
        ("", "secrets") => config::secret(value),
        ("", "persistentvolumeclaims") => storage::claim(&value["spec"], "spec"),
        ("", "persistentvolumes") => storage::volume(value),
        ("", "resourcequotas") => quotas::quota(value),
        ("", "limitranges") => quotas::limit_range(value),
        ("", "namespaces") => cluster::namespace(value),
        ("", "events") | ("events.k8s.io", _) => events::of_event(resource, value),
        ("", "endpoints") => network::endpoints(value),
        ("", "nodes") => cluster::node(value),
        ("admissionregistration.k8s.io", plural) if plural.ends_with("webhookconfigurations") => {
            admission::webhooks(plural, value)
        }
        ("admissionregistration.k8s.io", "validatingadmissionpolicies") => admission::policy(value),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings") => {
            admission::policy_binding(value)
        }
        ("apiregistration.k8s.io", _) => cluster::api_service(value),
        ("apps", "deployments") => workload::deployment(value),
        ("apps", "replicasets") => workload::replica_set(value),
        ("apps", "statefulsets") => workload::stateful_set(value),
        ("apps", "daemonsets") => workload::daemon_set(value),
        ("apps", "controllerrevisions") => cluster::revision(value),
        ("batch", "jobs") => batch::job(&value["spec"], "spec"),
        ("batch", "cronjobs") => batch::cron_job(value),
        ("autoscaling", _) => autoscaling::autoscaler(value),
        ("certificates.k8s.io", "certificatesigningrequests") => cluster::signing_request(value),
        ("policy", _) => workload::budget(value),
        ("flowcontrol.apiserver.k8s.io", "flowschemas") => flow::schema(value),
        ("flowcontrol.apiserver.k8s.io", _) => flow::level(value),
        ("networking.k8s.io", "ingresses") => network::ingress(value),
        ("networking.k8s.io", "networkpolicies") => network::policy(value),
        ("networking.k8s.io", "ingressclasses") => network::ingress_class(value),
        ("networking.k8s.io", "ipaddresses") => cluster::ip_address(value),
        ("networking.k8s.io", "servicecidrs") => cluster::service_range(value),
        ("node.k8s.io", _) => cluster::runtime_class(value),
        ("discovery.k8s.io", _) => network::endpoint_slice(value),
        ("storage.k8s.io", "storageclasses") => storage::class(value),
        ("storage.k8s.io", "volumeattributesclasses") => storage::attributes(value),
        ("storage.k8s.io", "csidrivers") => storage::driver(value),
        ("storage.k8s.io", "csinodes") => storage::node(value),
        ("storage.k8s.io", "csistoragecapacities") => storage::capacity(value),
        ("storage.k8s.io", "volumeattachments") => storage::attachment(value),
        ("coordination.k8s.io", _) => cluster::lease(value),
        ("scheduling.k8s.io", _) => cluster::priority_class(value),
        ("rbac.authorization.k8s.io", plural) => access::rbac(plural, value),
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
    let mut causes = meta::of_update(resource, live, value);
    if resource.is_custom() {
        let mut found = crd::validate::object(resource, Some(live), value);
        if subresource == "status" {
            let at = found.iter().position(|c| c.field == "<nil>").unwrap_or(found.len());
            found.splice(at..at, crate::scale::problems(resource, value, false));
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
        "ephemeralcontainers" => {
            causes.extend(pod::of_ephemeral(live, value));
            return causes;
        }
        "finalize" => {
            causes.extend(cluster::finalized(value));
            return causes;
        }
        _ => return causes,
    }
    // A pod that exists keeps what older rules allowed; only its few changeable fields are checked.
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => {
            causes.extend(pod::changed(value));
            causes.extend(pod::of_update(live, value));
        }
        ("batch", "jobs") => {
            causes.extend(content(resource, value));
            causes.extend(batch::job_update(live, value));
        }
        ("", "persistentvolumes") => {
            causes.extend(content(resource, value));
            causes.extend(storage::volume_update(live, value));
        }
        ("", "events") | ("events.k8s.io", _) => causes.extend(events::of_update(resource, live, value)),
        ("scheduling.k8s.io", _) => causes.extend(cluster::priority_class_update(live, value)),
        ("apiextensions.k8s.io", _) => causes.extend(crd::validate::definition(Some(live), value)),
        ("", "services") => {
            causes.extend(service::of_update(live, value));
            causes.extend(content(resource, value));
        }
        ("", "configmaps" | "secrets") => {
            causes.extend(config::immutable(resource, live, value));
            causes.extend(content(resource, value));
        }
        ("", "persistentvolumeclaims") => {
            causes.extend(content(resource, value));
            causes.extend(storage::claim_update(live, value));
        }
        ("apps", "daemonsets") => {
            causes.extend(workload::of_update(resource, live, value));
            causes.extend(content(resource, value));
        }
        ("apps" | "batch" | "", plural) if plural != "controllerrevisions" => {
            causes.extend(content(resource, value));
            causes.extend(workload::of_update(resource, live, value));
        }
        ("discovery.k8s.io", _) if live.get("endpoints") == value.get("endpoints") => {
            // Endpoints that are there already are not judged again.
            causes.extend(content(resource, value).into_iter().filter(|c| !c.field.starts_with("endpoints")));
        }
        ("rbac.authorization.k8s.io", _) => {
            causes.extend(access::rbac_update(live, value));
            causes.extend(content(resource, value));
        }
        ("storage.k8s.io", "storageclasses") => {
            causes.extend(content(resource, value));
            causes.extend(storage::class_update(live, value));
        }
        (group, plural) => {
            causes.extend(content(resource, value));
            causes.extend(match (group, plural) {
                ("storage.k8s.io", "volumeattributesclasses") => storage::attributes_update(live, value),
                ("storage.k8s.io", "csidrivers") => {
                    immutable(live, value, &[&["spec", "volumeLifecycleModes"]])
                }
                ("storage.k8s.io", "volumeattachments") => immutable(live, value, &[&["spec"]]),
                ("storage.k8s.io", "csinodes") => storage::node_update(live, value),
                ("apps", "controllerrevisions") => immutable(live, value, &[&["data"]]),
                ("networking.k8s.io", "ingressclasses") => immutable(live, value, &[&["spec", "controller"]]),
                ("networking.k8s.io", "ipaddresses") => immutable(live, value, &[&["spec", "parentRef"]]),
                ("discovery.k8s.io", _) => immutable(live, value, &[&["addressType"]]),
                ("storage.k8s.io", "csistoragecapacities") => storage::capacity_update(live, value),
                ("node.k8s.io", _) => cluster::runtime_class_update(live, value),
                _ => Vec::new(),
            });
        }
    }
    causes
}

/// Fields that keep their value.
fn immutable(live: &Value, value: &Value, paths: &[&[&str]]) -> Vec<Cause> {
    let changed = paths.iter().filter(|path| live.at(path) != value.at(path));
    let shown = |path: &[&str]| value.at(path).cloned().unwrap_or(Value::Null);
    changed.map(|path| Cause::invalid(path.join("."), &shown(path), common::IMMUTABLE)).collect()
}
