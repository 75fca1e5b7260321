//! What clients see over HTTP, and what stays when a cluster starts again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod hostile;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use client::{call, send, start, token};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn config(value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": value}})
}

#[tokio::test]
async fn writes_lists_and_refusals() {
    let cluster = start(None).await;
    let (code, made) = call(&cluster, &format!("POST {MAPS}"), &config("1")).await;
    assert_eq!((code, &made["kind"]), (201, &json!("ConfigMap")));
    let (code, again) = call(&cluster, &format!("POST {MAPS}"), &config("1")).await;
    assert_eq!((code, again["message"].as_str().unwrap()), (409, "configmaps \"c\" already exists"));
    let (_, list) =
        call(&cluster, &format!("GET {MAPS}?fieldSelector=metadata.name%3Dc"), &Value::Null).await;
    assert_eq!(list["items"][0]["metadata"]["uid"], made["metadata"]["uid"]);
    let wrong = json!({"metadata": {"name": "Not_a_name"}});
    let (code, refused) = call(&cluster, &format!("POST {MAPS}"), &wrong).await;
    assert_eq!((code, &refused["details"]["causes"][0]["field"]), (422, &json!("metadata.name")));
    let (code, _) = call(&cluster, "GET /api/v1/namespaces/default/nothings", &Value::Null).await;
    assert_eq!(code, 404);
    let (code, _) = call(&cluster, "POST /api/v1/configmaps", &config("1")).await;
    assert_eq!(code, 405);
    cluster.shutdown().await;
}

#[tokio::test]
async fn applies_of_two_managers_conflict() {
    let cluster = start(None).await;
    let head = |manager: &str| {
        format!("PATCH {MAPS}/c?fieldManager={manager}\ncontent-type: application/apply-patch+yaml")
    };
    assert_eq!(call(&cluster, &head("one"), &config("1")).await.0, 201);
    let (code, refused) = call(&cluster, &head("two"), &config("2")).await;
    assert_eq!(code, 409);
    assert_eq!(refused["message"], "Apply failed with 1 conflict: conflict with \"one\": .data.a");
    assert_eq!(refused["details"]["causes"][0]["reason"], "FieldManagerConflict");
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_watch_tells_changes() {
    let cluster = start(None).await;
    let head = format!("GET {MAPS}?watch=true");
    let mut stream = send(&cluster, &head, &token(&cluster), "").await;
    assert_eq!(call(&cluster, &format!("POST {MAPS}"), &config("1")).await.0, 201);
    let mut seen = String::new();
    while !seen.contains("\"name\":\"c\"") {
        let mut buffer = vec![0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the watch ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(seen.contains("\"type\":\"ADDED\""), "{seen}");
    cluster.shutdown().await;
}

#[tokio::test]
async fn nobody_comes_in_without_a_token() {
    let cluster = start(None).await;
    let mut text = String::new();
    let mut stream = send(&cluster, &format!("GET {MAPS}"), "wrong", "").await;
    let _ = stream.read_to_string(&mut text).await;
    assert!(text.starts_with("HTTP/1.1 401"), "{text}");
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_folder_keeps_objects_port_and_certificate() {
    let folder = std::env::temp_dir().join(format!("osc-sandbox-http-{}", std::process::id()));
    let cluster = start(Some(folder.clone())).await;
    let (_, made) = call(&cluster, &format!("POST {MAPS}"), &config("1")).await;
    let (ca, config) = (cluster.ca().to_string(), cluster.kubeconfig().to_string());
    cluster.shutdown().await;
    let cluster = start(Some(folder.clone())).await;
    assert_eq!(cluster.ca(), ca);
    assert_eq!(cluster.kubeconfig(), config);
    let (_, read) = call(&cluster, &format!("GET {MAPS}/c"), &Value::Null).await;
    assert_eq!(read, made);
    cluster.shutdown().await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn metrics_are_made_up_once_somebody_registers_them() {
    let cluster = start(None).await;
    let path = "/apis/metrics.k8s.io/v1beta1/nodes";
    assert_eq!(call(&cluster, &format!("GET {path}"), &Value::Null).await.0, 404);
    let api = cluster.api("test");
    api.create("nodes", "", json!({"metadata": {"name": "n"}})).unwrap();
    let spec = json!({
        "group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
        "service": {"namespace": "kube-system", "name": "metrics-server"}, "insecureSkipTLSVerify": true,
    });
    let service = json!({"metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": spec});
    api.create("apiservices.apiregistration.k8s.io", "", service).unwrap();
    let list = loop {
        match call(&cluster, &format!("GET {path}"), &Value::Null).await {
            (200, list) => break list,
            _ => tokio::task::yield_now().await,
        }
    };
    assert_eq!(list["items"][0]["metadata"]["name"], "n");
    assert!(list["items"][0]["usage"]["cpu"].as_str().unwrap().ends_with('n'), "{list}");
    let (_, groups) = call(&cluster, "GET /apis", &Value::Null).await;
    assert!(groups["groups"].as_array().unwrap().iter().any(|group| group["name"] == "metrics.k8s.io"));
    cluster.shutdown().await;
}

#[tokio::test]
async fn what_only_a_webhook_could_convert_is_refused() {
    let cluster = start(None).await;
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing"},
            "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": schema},
                {"name": "v1beta1", "served": true, "storage": false, "schema": schema},
            ],
            "conversion": {"strategy": "Webhook", "webhook": {
                "conversionReviewVersions": ["v1"],
                "clientConfig": {"service": {"namespace": "default", "name": "converter"}},
            }},
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(call(&cluster, &format!("POST {definitions}"), &definition).await.0, 201);
    let (old, new) = ("/apis/example.com/v1beta1/things", "/apis/example.com/v1/things");
    while call(&cluster, &format!("GET {old}"), &Value::Null).await.0 != 200 {
        tokio::task::yield_now().await;
    }
    let thing =
        json!({"apiVersion": "example.com/v1beta1", "kind": "Thing", "metadata": {"name": "t"}, "spec": 1});
    assert_eq!(call(&cluster, &format!("POST {old}"), &thing).await.0, 201);
    assert_eq!(call(&cluster, &format!("GET {old}/t"), &Value::Null).await.0, 200);
    for head in [format!("GET {new}/t"), format!("GET {new}"), format!("GET {new}/t?watch=1")] {
        let (code, refused) = call(&cluster, &head, &Value::Null).await;
        assert_eq!(code, 501, "{head}: {refused}");
        assert!(refused["message"].as_str().unwrap().contains("example.com/v1beta1"), "{refused}");
    }
    assert_eq!(call(&cluster, &format!("DELETE {new}/t"), &Value::Null).await.0, 200);
    assert_eq!(call(&cluster, &format!("GET {new}"), &Value::Null).await.0, 200);
    cluster.shutdown().await;
}

#[tokio::test]
async fn rules_refuse_requests() {
    let cluster = start(None).await;
    let api = cluster.api("test");
    let rule = "{verbs: [list], resources: [configmaps], namespace: default, status: 429}";
    let faults = json!({"metadata": {"name": "sandbox-faults"}, "data": {"busy": rule}});
    api.create("configmaps", "kube-system", faults).unwrap();
    let (code, refused) = call(&cluster, &format!("GET {MAPS}"), &Value::Null).await;
    assert_eq!((code, &refused["reason"]), (429, &json!("TooManyRequests")));
    assert_eq!(call(&cluster, "GET /api/v1/namespaces/kube-system/configmaps", &Value::Null).await.0, 200);
    api.delete("configmaps", "kube-system", "sandbox-faults", &Default::default()).unwrap();
    assert_eq!(call(&cluster, &format!("GET {MAPS}"), &Value::Null).await.0, 200);
    cluster.shutdown().await;
}
