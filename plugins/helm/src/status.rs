//! How a release can be reached, from its live Services, Ingresses and routes.

use osc_plugin_api::documents::status::{Endpoint, Fact, Status, StatusRequest};
use osc_plugin_api::objects::{annotation, group, kind, label, name, namespace};
use serde_json::Value;

/// Endpoints and facts; whether objects are healthy is for the server's own rules to say.
pub fn status(request: &StatusRequest) -> Status {
    let mut endpoints = Vec::new();
    for object in &request.objects {
        match (group(object).unwrap_or_default(), kind(object).unwrap_or_default()) {
            ("", "Service") => service(object, &mut endpoints),
            ("networking.k8s.io" | "extensions", "Ingress") => ingress(object, &mut endpoints),
            _ => {}
        }
    }
    Status { schema: Status::SCHEMA.to_owned(), health: None, reason: None, endpoints, facts: facts(request) }
}

fn facts(request: &StatusRequest) -> Vec<Fact> {
    let first = |find: fn(&Value) -> Option<&str>| request.objects.iter().find_map(find);
    let chart = first(|object| label(object, "helm.sh/chart").or_else(|| label(object, "chart")));
    let version = first(|object| label(object, "app.kubernetes.io/version"));
    let release = first(|object| annotation(object, "meta.helm.sh/release-name"));
    [("release", release), ("chart", chart), ("application version", version)]
        .into_iter()
        .filter_map(|(label, value)| Some(Fact { label: label.to_owned(), value: value?.to_owned() }))
        .collect()
}

fn service(object: &Value, endpoints: &mut Vec<Endpoint>) {
    let name = name(object).unwrap_or_default();
    let namespace = namespace(object).unwrap_or("default");
    let kind = object.pointer("/spec/type").and_then(Value::as_str).unwrap_or("ClusterIP");
    if kind == "ExternalName" || object.pointer("/spec/clusterIP").and_then(Value::as_str) == Some("None") {
        return;
    }
    let ports =
        object.pointer("/spec/ports").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for port in ports {
        let Some(number) = port["port"].as_u64() else { continue };
        let label = match port["name"].as_str() {
            Some(port) if ports.len() > 1 => format!("{name} {port}"),
            _ => name.to_owned(),
        };
        let mut add = |host: &str, number: u64, kind: &str| {
            let url = url(scheme(port), host, number);
            endpoints.push(Endpoint { name: label.clone(), url, kind: kind.to_owned() });
        };
        add(&format!("{name}.{namespace}.svc"), number, "cluster");
        if let (true, Some(node_port)) = (kind != "ClusterIP", port["nodePort"].as_u64()) {
            add("NODE", node_port, "node-port");
        }
        for address in addresses(object) {
            add(&address, number, "load-balancer");
        }
    }
}

/// The addresses that a load balancer gave.
fn addresses(object: &Value) -> Vec<String> {
    let given =
        object.pointer("/status/loadBalancer/ingress").and_then(Value::as_array).into_iter().flatten();
    given
        .filter_map(|entry| entry["hostname"].as_str().or(entry["ip"].as_str()))
        .map(|address| if address.contains(':') { format!("[{address}]") } else { address.to_owned() })
        .collect()
}

/// The protocol of a port, if its name or number tells.
fn scheme(port: &Value) -> Option<&'static str> {
    let name = port["name"].as_str().or(port["appProtocol"].as_str()).unwrap_or_default();
    if port["protocol"].as_str().is_some_and(|protocol| protocol != "TCP") {
        return None;
    }
    match (name, port["port"].as_u64()) {
        (name, _) if name.starts_with("https") => Some("https"),
        (name, _) if name.starts_with("http") => Some("http"),
        (_, Some(443 | 8443)) => Some("https"),
        (_, Some(80 | 8080)) => Some("http"),
        _ => None,
    }
}

fn url(scheme: Option<&str>, host: &str, port: u64) -> String {
    match (scheme, port) {
        (Some("http"), 80) => format!("http://{host}"),
        (Some("https"), 443) => format!("https://{host}"),
        (Some(scheme), port) => format!("{scheme}://{host}:{port}"),
        (None, port) => format!("{host}:{port}"),
    }
}

fn ingress(object: &Value, endpoints: &mut Vec<Endpoint>) {
    let name = name(object).unwrap_or_default();
    let list = |pointer: &str| object.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    let secured: Vec<String> = list("/spec/tls")
        .iter()
        .flat_map(|entry| entry["hosts"].as_array().cloned().unwrap_or_default())
        .filter_map(|host| host.as_str().map(str::to_owned))
        .collect();
    let given = addresses(object);
    for rule in list("/spec/rules") {
        let hosts = match rule["host"].as_str() {
            Some(host) => vec![host.to_owned()],
            None => given.clone(),
        };
        let paths = rule.pointer("/http/paths").and_then(Value::as_array);
        let path =
            paths.and_then(|paths| paths.first()).and_then(|path| path["path"].as_str()).unwrap_or("/");
        for host in hosts {
            let scheme = if secured.contains(&host) { "https" } else { "http" };
            let url = format!("{scheme}://{host}{}", if path == "/" { "" } else { path });
            endpoints.push(Endpoint { name: name.to_owned(), url, kind: "ingress".to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn endpoints_of_services_and_ingresses() {
        let objects = vec![
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "ns",
                "labels": {"helm.sh/chart": "web-1.0.0"}},
                "spec": {"type": "LoadBalancer", "ports": [
                    {"name": "http", "port": 80, "nodePort": 30080}, {"name": "redis", "port": 6379}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "::1"}]}}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "headless", "namespace": "ns"},
                "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}),
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"},
                "spec": {"tls": [{"hosts": ["a.example.org"]}], "rules": [
                    {"host": "a.example.org", "http": {"paths": [{"path": "/app"}]}}, {"host": "b.example.org"}]}}),
        ];
        let status = status(&StatusRequest { objects, ..StatusRequest::default() });
        let shown: Vec<String> =
            status.endpoints.iter().map(|end| format!("{} {} {}", end.kind, end.name, end.url)).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        cluster web http http://web.ns.svc
        node-port web http http://NODE:30080
        load-balancer web http http://[::1]
        cluster web redis web.ns.svc:6379
        load-balancer web redis [::1]:6379
        ingress web https://a.example.org/app
        ingress web http://b.example.org
        "#);
        insta::assert_debug_snapshot!(status.facts, @r#"
        [
            Fact {
                label: "chart",
                value: "web-1.0.0",
            },
        ]
        "#);
    }
}
