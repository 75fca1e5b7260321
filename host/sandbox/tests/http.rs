//! What clients see over HTTP, and what stays when a cluster starts again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::PathBuf;
use std::sync::Arc;

use osc_sandbox::{Cluster, Options};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn start(data_dir: Option<PathBuf>) -> Cluster {
    Cluster::start(Options { data_dir, controllers: false, ..Options::default() }).await.unwrap()
}

fn token(cluster: &Cluster) -> String {
    let config: Value = serde_yaml_ng::from_str(cluster.kubeconfig()).unwrap();
    config["users"][0]["user"]["token"].as_str().unwrap().to_string()
}

async fn send(cluster: &Cluster, head: &str, token: &str, body: &str) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(cluster.ca().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(cluster.addr()).await.unwrap();
    let name = ServerName::from(cluster.addr().ip());
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let (line, headers) = head.split_once('\n').unwrap_or((head, "content-type: application/json"));
    let request = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n{headers}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// The code and the body of an answer.
async fn call(cluster: &Cluster, head: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut text = String::new();
    let mut stream = send(cluster, head, &token(cluster), &body).await;
    // A server may close without a closing message of TLS.
    let _ = stream.read_to_string(&mut text).await;
    let code = text[9..12].parse().unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1;
    (code, serde_json::from_str(body).unwrap_or_else(|_| body.into()))
}

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
