//! Clients of registered clusters, kept while their kubeconfig stays the same.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt as _};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use tower::{BoxError, ServiceBuilder};

use super::api::ClusterApi;
use super::client::KubeCluster;
use super::kubeconfig::{self, ClusterAccess, Credentials};
use crate::egress::{Connector, EgressRules, parse_url};
use crate::error::{Error, Result};

/// One registered cluster, its kubeconfig unsealed.
#[derive(Clone, Copy, Debug)]
pub struct ClusterEntry<'a> {
    pub id: i64,
    pub name: &'a str,
    pub kubeconfig: &'a str,
    /// The sandbox's own cluster: its address is always open.
    pub own: bool,
}

/// A client with the digest of the kubeconfig that it was made from.
type Made = ([u8; 32], Arc<KubeCluster>);

/// Makes and keeps clients.
pub struct Clusters {
    rules: Arc<EgressRules>,
    clients: Mutex<HashMap<i64, Made>>,
}

impl Clusters {
    pub fn new(rules: Arc<EgressRules>) -> Clusters {
        Clusters { rules, clients: Mutex::new(HashMap::new()) }
    }

    /// The client of a cluster. Does not connect yet.
    pub fn get(&self, entry: ClusterEntry<'_>) -> Result<Arc<dyn ClusterApi>> {
        let mut hasher = Sha256::new();
        for part in [entry.name, if entry.own { "own" } else { "other" }, entry.kubeconfig] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, client)) = clients.get(&entry.id)
            && *known == digest
        {
            return Ok(client.clone());
        }
        let client = Arc::new(self.connect(entry)?);
        clients.insert(entry.id, (digest, client.clone()));
        Ok(client)
    }

    /// A client that is not kept: to look at a kubeconfig before it is registered.
    pub fn probe(&self, entry: ClusterEntry<'_>) -> Result<Arc<dyn ClusterApi>> {
        Ok(Arc::new(self.connect(entry)?))
    }

    /// Drops the client of a cluster that was removed.
    pub fn forget(&self, id: i64) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn connect(&self, entry: ClusterEntry<'_>) -> Result<KubeCluster> {
        let access = kubeconfig::parse(entry.kubeconfig)?;
        let exempt = if entry.own { address_of(&access)? } else { None };
        let client = client(&access, Connector::new(self.rules.clone(), exempt))?;
        Ok(KubeCluster::new(entry.name.into(), client))
    }
}

/// The literal address of a server.
fn address_of(access: &ClusterAccess) -> Result<Option<SocketAddr>> {
    let uri = parse_url(&access.server)?;
    let port = uri.port_u16().unwrap_or(443);
    let address = uri.host().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    Ok(address.map(|address| SocketAddr::new(address, port)))
}

fn client(access: &ClusterAccess, connector: Connector) -> Result<kube::Client> {
    let config = config(access)?;
    let unusable = |error: kube::Error| Error::Invalid { field: "kubeconfig", reason: innermost(&error) };
    let tls = config.rustls_client_config().map_err(unusable)?;
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    let http: Client<_, Body> = Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(Duration::from_secs(60))
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(unusable)?)
        .map_err(BoxError::from)
        .service(http);
    Ok(kube::Client::new(service, "default"))
}

/// Kube's configuration, from nothing but what is inline.
fn config(access: &ClusterAccess) -> Result<kube::Config> {
    let mut config = kube::Config::new(parse_url(&access.server)?);
    if let Some(ca) = &access.ca {
        let certificates: Result<Vec<Vec<u8>>, _> = CertificateDer::pem_slice_iter(ca)
            .map(|certificate| certificate.map(|der| der.to_vec()))
            .collect();
        config.root_cert = Some(certificates.map_err(|error| Error::Invalid {
            field: "kubeconfig",
            reason: format!("its `certificate-authority-data` cannot be read: {error}"),
        })?);
    }
    match &access.credentials {
        Credentials::Certificate { certificate, key } => {
            config.auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
            config.auth_info.client_key_data = Some(STANDARD.encode(key).into());
        }
        Credentials::Token(token) => config.auth_info.token = Some(token.clone().into()),
        Credentials::Anonymous => {}
    }
    Ok(config)
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kubeconfig: &str, own: bool) -> ClusterEntry<'_> {
        ClusterEntry { id: 1, name: "k", kubeconfig, own }
    }

    fn kubeconfig(server: &str) -> String {
        format!(
            "kind: Config\ncontexts: [{{name: c, context: {{cluster: k}}}}]\n\
             clusters: [{{name: k, cluster: {{server: '{server}'}}}}]\n"
        )
    }

    /// Answers every request of a connection with one body.
    async fn serve(body: &'static str) -> String {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                        let answer =
                            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                });
            }
        });
        format!("http://{address}")
    }

    fn clusters(allow: &[String]) -> Clusters {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Clusters::new(Arc::new(EgressRules::parse(allow).unwrap()))
    }

    #[tokio::test]
    async fn reaches_the_own_cluster_and_what_is_allowed() {
        let config = kubeconfig(&serve(r#"{"gitVersion": "v1.36.3+sandbox"}"#).await);
        let closed = clusters(&[]);
        let error = closed.probe(entry(&config, false)).unwrap().version().await.unwrap_err();
        assert!(matches!(error, Error::Refused(_)), "{error}");
        assert_eq!(closed.get(entry(&config, true)).unwrap().version().await.unwrap(), "v1.36.3+sandbox");
        let open = clusters(&["127.0.0.0/8".into()]);
        assert_eq!(open.get(entry(&config, false)).unwrap().version().await.unwrap(), "v1.36.3+sandbox");
    }

    #[tokio::test]
    async fn keeps_a_client_until_its_kubeconfig_changes() {
        let clusters = clusters(&[]);
        let one = kubeconfig("https://one");
        let first = clusters.get(entry(&one, false)).unwrap();
        assert!(Arc::ptr_eq(&first, &clusters.get(entry(&one, false)).unwrap()));
        assert!(!Arc::ptr_eq(&first, &clusters.get(entry(&kubeconfig("https://two"), false)).unwrap()));
    }

    #[tokio::test]
    async fn says_why_a_cluster_is_not_reachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let config = kubeconfig(&format!("http://{}", listener.local_addr().unwrap()));
        drop(listener);
        let error = clusters(&[]).get(entry(&config, true)).unwrap().version().await.unwrap_err();
        assert!(error.to_string().starts_with("cluster `k` is not reachable: "), "{error}");
        assert!(error.to_string().contains("refused"), "{error}");
    }
}
