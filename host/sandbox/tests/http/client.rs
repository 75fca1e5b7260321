//! A client of one request, and clusters for it.

use std::path::PathBuf;
use std::sync::Arc;

use osc_sandbox::{Cluster, Options};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) async fn start(data_dir: Option<PathBuf>) -> Cluster {
    Cluster::start(Options { data_dir, controllers: false, ..Options::default() }).await.unwrap()
}

pub(crate) fn token(cluster: &Cluster) -> String {
    let config: Value = serde_yaml_ng::from_str(cluster.kubeconfig()).unwrap();
    config["users"][0]["user"]["token"].as_str().unwrap().to_string()
}

pub(crate) async fn send(cluster: &Cluster, head: &str, token: &str, body: &str) -> TlsStream<TcpStream> {
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
pub(crate) async fn call(cluster: &Cluster, head: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut text = String::new();
    let mut stream = send(cluster, head, &token(cluster), &body).await;
    // A server may close without a closing message of TLS.
    let _ = stream.read_to_string(&mut text).await;
    let code = text[9..12].parse().unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1;
    (code, serde_json::from_str(body).unwrap_or_else(|_| body.into()))
}
