//! Which groups, versions and resources there are; health, version and other small paths.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use super::Context;
use super::respond::{Answer, View};
use super::route::Group;
use crate::cluster::GIT_VERSION;
use crate::crd::version_order;
use crate::resources::{Resource, Subresource, api_version};
use crate::status::{Result, Status};

/// The resources of each version.
type Versions = Vec<(String, Vec<Arc<Resource>>)>;

/// All resources in the order of discovery, by group and version.
fn groups(context: &Context) -> Vec<(String, Versions)> {
    let mut out: Vec<(String, Versions)> = Vec::new();
    let builtin = context.core.registry.builtin().iter().cloned();
    let mut custom = context.core.registry.custom();
    custom.sort_by(|a, b| a.group.cmp(&b.group).then_with(|| a.plural.cmp(&b.plural)));
    for resource in builtin.chain(custom) {
        let at = match out.iter().position(|(g, _)| *g == resource.group) {
            Some(at) => at,
            None => {
                out.push((resource.group.clone(), Vec::new()));
                out.len() - 1
            }
        };
        let versions = &mut out[at].1;
        match versions.iter_mut().find(|(v, _)| *v == resource.version) {
            Some((_, list)) => list.push(resource),
            None => versions.push((resource.version.clone(), vec![resource])),
        }
    }
    for (_, versions) in &mut out {
        if versions.iter().any(|(_, list)| list.iter().any(|r| r.is_custom())) {
            versions.sort_by_key(|(v, _)| std::cmp::Reverse(version_order(v)));
        }
    }
    out
}

pub(super) fn answer(context: &Context, group: &Group, version: Option<&str>) -> Result<Answer> {
    let views = if version.is_none() { &[View::Discovery][..] } else { &[] };
    let chosen = context.accept.choose(views)?;
    let groups = groups(context);
    if chosen.view == View::Discovery {
        match group {
            Group::Core => return Ok(aggregated(context, groups.into_iter().filter(|(g, _)| g.is_empty()))),
            Group::All => return Ok(aggregated(context, groups.into_iter().filter(|(g, _)| !g.is_empty()))),
            Group::Named(_) => {}
        }
    }
    let value = match (group, version) {
        (Group::Core, None) => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": context.core.address()}],
        }),
        (Group::All, None) => {
            let list: Vec<Value> =
                groups.iter().filter(|(g, _)| !g.is_empty()).map(|(g, v)| entry(g, v)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": list})
        }
        (Group::Named(name), None) => match groups.iter().find(|(g, _)| g == name) {
            Some((name, versions)) if !name.is_empty() => {
                let mut value = entry(name, versions);
                value["kind"] = "APIGroup".into();
                value["apiVersion"] = "v1".into();
                value
            }
            _ => return Ok(Answer::text(404, "404 page not found\n")),
        },
        (group, Some(version)) => {
            let name = match group {
                Group::Named(name) => name.as_str(),
                _ => "",
            };
            let Some((_, versions)) = groups.iter().find(|(g, _)| g == name) else {
                return Ok(Answer::text(404, "404 page not found\n"));
            };
            let Some((_, resources)) = versions.iter().find(|(v, _)| v == version) else {
                if context.core.registry.knows_group(name) {
                    return Err(Status::no_resource());
                }
                return Ok(Answer::text(404, "404 page not found\n"));
            };
            resource_list(name, version, resources)
        }
    };
    Ok(Answer::value(200, &value, chosen.yaml))
}

fn entry(group: &str, versions: &[(String, Vec<Arc<Resource>>)]) -> Value {
    let list: Vec<Value> =
        versions.iter().map(|(v, _)| json!({"groupVersion": api_version(group, v), "version": v})).collect();
    json!({"name": group, "versions": list, "preferredVersion": list[0]})
}

fn resource_list(group: &str, version: &str, resources: &[Arc<Resource>]) -> Value {
    let mut list = Vec::new();
    for resource in resources {
        let mut out = Map::new();
        out.insert("name".into(), resource.plural.clone().into());
        out.insert("singularName".into(), resource.singular.clone().into());
        out.insert("namespaced".into(), resource.namespaced.into());
        out.insert("kind".into(), resource.kind.clone().into());
        out.insert("verbs".into(), verbs(resource).into());
        names(resource, &mut out);
        if resource.verbs.contains(&"watch") {
            out.insert("storageVersionHash".into(), storage_hash(resource).into());
        }
        list.push(Value::Object(out));
        for sub in &resource.subresources {
            let mut out = Map::new();
            out.insert("name".into(), format!("{}/{}", resource.plural, sub.name).into());
            out.insert("singularName".into(), "".into());
            out.insert("namespaced".into(), resource.namespaced.into());
            if let Some((group, version)) = sub.group_version {
                out.insert("group".into(), group.into());
                out.insert("version".into(), version.into());
            }
            out.insert("kind".into(), sub.kind.clone().into());
            out.insert("verbs".into(), sub.verbs.clone().into());
            list.push(Value::Object(out));
        }
    }
    let mut value = json!({"kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": api_version(group, version), "resources": list});
    if group.is_empty() {
        // The core list is older than the versioning of lists.
        crate::value::object(&mut value).remove("apiVersion");
    }
    value
}

fn verbs(resource: &Resource) -> Vec<&'static str> {
    if resource.is_custom() {
        return vec!["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
    }
    resource.verbs.clone()
}

fn names(resource: &Resource, out: &mut Map<String, Value>) {
    if !resource.short_names.is_empty() {
        out.insert("shortNames".into(), resource.short_names.clone().into());
    }
    if !resource.categories.is_empty() {
        out.insert("categories".into(), resource.categories.clone().into());
    }
}

fn storage_hash(resource: &Resource) -> String {
    let (group, version) = &resource.stored_as;
    // Definitions are hashed by the first version that they were ever stored in.
    let first = ["CustomResourceDefinition", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"];
    let version = if first.contains(&&*resource.kind) { "v1beta1" } else { version };
    let digest = Sha256::digest(format!("{group}/{version}/{}", resource.kind));
    STANDARD.encode(&digest[..8])
}

fn aggregated(
    context: &Context,
    groups: impl Iterator<Item = (String, Vec<(String, Vec<Arc<Resource>>)>)>,
) -> Answer {
    let items: Vec<Value> = groups
        .map(|(name, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|(version, list)| {
                    let resources: Vec<Value> = list.iter().map(|r| aggregated_resource(r)).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let meta = if name.is_empty() { json!({}) } else { json!({"name": name}) };
            json!({"metadata": meta, "versions": versions})
        })
        .collect();
    let value = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {},
        "items": items});
    let text = crate::value::serialize(&value);
    let digest: String = Sha256::digest(&text).iter().take(16).map(|b| format!("{b:02X}")).collect();
    let etag = format!("\"{digest}\"");
    let known = context.headers.get("if-none-match").and_then(|v| v.to_str().ok()) == Some(&etag);
    let answer = if known {
        Answer::empty(304)
    } else {
        Answer::json_bytes(200, text.into())
            .with_content_type("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
    };
    answer.with("etag", etag).with("vary", "Accept".into()).with("cache-control", "public".into())
}

fn aggregated_resource(resource: &Resource) -> Value {
    let kind_of =
        |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    // Built-in kinds leave group and version to the lists they are in.
    let (group, version) = match resource.is_custom() {
        true => (resource.group.as_str(), resource.version.as_str()),
        false => ("", ""),
    };
    let mut out = Map::new();
    out.insert("resource".into(), resource.plural.clone().into());
    out.insert("responseKind".into(), kind_of(group, version, &resource.kind));
    out.insert("scope".into(), if resource.namespaced { "Namespaced" } else { "Cluster" }.into());
    out.insert("singularResource".into(), resource.singular.clone().into());
    out.insert("verbs".into(), verbs(resource).into());
    names(resource, &mut out);
    if !resource.subresources.is_empty() {
        let list: Vec<Value> = resource
            .subresources
            .iter()
            .map(|sub: &Subresource| {
                let (group, version) = sub.group_version.unwrap_or((group, version));
                json!({"subresource": sub.name, "responseKind": kind_of(group, version, &sub.kind),
                    "verbs": sub.verbs})
            })
            .collect();
        out.insert("subresources".into(), list.into());
    }
    Value::Object(out)
}

/// Paths that are no API: health, version, keys.
pub(super) fn other(context: &Context, path: &str) -> Result<Answer> {
    let path = path.trim_end_matches('/');
    let health = ["/healthz", "/livez", "/readyz"]
        .iter()
        .any(|p| path.strip_prefix(p).is_some_and(|check| matches!(check, "" | "/ping" | "/etcd" | "/log")));
    if health {
        return Ok(Answer::text(200, health_text(context, path)));
    }
    if context.method != Method::GET && matches!(path, "/version" | "/openid/v1/jwks") {
        return Err(Status::method_not_allowed());
    }
    match path {
        "" => {
            let paths =
                ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"];
            Ok(Answer::value(200, &json!({"paths": paths}), false))
        }
        "/version" => Ok(Answer::value(200, &version(), false)),
        "/metrics" => Ok(Answer::text(200, context.core.metrics())),
        "/.well-known/openid-configuration" => {
            let issuer = crate::auth::ISSUER;
            let value = json!({"issuer": issuer, "jwks_uri": format!("https://{}/openid/v1/jwks", context.core.address()),
                "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["HS256"]});
            Ok(Answer::value(200, &value, false))
        }
        "/openid/v1/jwks" => Ok(Answer::value(200, &json!({"keys": []}), false)),
        // Version 2 says nothing; clients that still ask for it then use discovery.
        "/openapi/v2" => Ok(openapi_v2(context)),
        _ => Ok(Answer::text(404, "404 page not found\n")),
    }
}

/// What a health check says: everything about this server in two lines if that is asked for.
fn health_text(context: &Context, path: &str) -> String {
    if !context.query.has("verbose") {
        return "ok".into();
    }
    let excluded: Vec<&str> = context.query.all("exclude").collect();
    let mut text = String::new();
    for check in ["ping", "store"] {
        let state = if excluded.contains(&check) { "excluded: ok" } else { "ok" };
        text.push_str(&format!("[+]{check} {state}\n"));
    }
    text + path.split('/').nth(1).unwrap_or_default() + " check passed\n"
}

/// An empty document, in the only form that clients ask for, or as JSON.
fn openapi_v2(context: &Context) -> Answer {
    let accept = context.headers.get("accept").and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !accept.contains("protobuf") {
        let info = json!({"title": "Kubernetes", "version": GIT_VERSION});
        return Answer::value(
            200,
            &json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}}),
            false,
        );
    }
    let text = |tag: u8, text: &str| -> Vec<u8> {
        let mut out = vec![tag << 3 | 2, u8::try_from(text.len()).unwrap_or(0)];
        out.extend_from_slice(text.as_bytes());
        out
    };
    let info = [text(1, "Kubernetes"), text(2, GIT_VERSION)].concat();
    let mut body = text(1, "2.0");
    body.extend_from_slice(&[2 << 3 | 2, u8::try_from(info.len()).unwrap_or(0)]);
    body.extend_from_slice(&info);
    Answer::json_bytes(200, body.into())
        .with_content_type("application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
        "gitVersion": GIT_VERSION, "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none", "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }),
    })
}
