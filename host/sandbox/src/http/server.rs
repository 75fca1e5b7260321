//! The listener: TLS with a certificate of the cluster's own authority.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::handle;
use super::lenient::Lenient;
use crate::cluster::Core;

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a connection may wait for a request; clients give theirs up sooner.
const IDLE: Duration = Duration::from_secs(180);
/// How long nothing is accepted when nothing can be.
const BREATH: Duration = Duration::from_millis(20);

/// Why the cluster cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken or not ours.
    #[error("cannot listen on `{0}`")]
    Listen(String, #[source] std::io::Error),
    /// The certificate is unusable.
    #[error("the sandbox's certificate is unusable")]
    Tls(#[from] rustls::Error),
    /// The certificate's text is unusable.
    #[error("the sandbox's certificate is unreadable")]
    Pem(#[from] rustls::pki_types::pem::Error),
}

/// A bound port.
pub(crate) struct Listener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener {
    /// Binds an address; port 0 takes a free one.
    pub(crate) async fn bind(address: &str, certificate: &str, key: &str) -> Result<Self, ServeError> {
        let failed = |e| ServeError::Listen(address.to_string(), e);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Listener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// The bound address.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` says so; open connections end with it.
    pub(crate) async fn serve(self, core: Arc<Core>, mut stop: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            let Ok((stream, _)) = accepted else {
                // Too many open files, most likely: let others finish first.
                tokio::time::sleep(BREATH).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let (acceptor, core, mut stop) = (self.acceptor.clone(), core.clone(), stop.clone());
            tokio::spawn(async move {
                let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
                    return;
                };
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let service = service_fn(move |request| {
                    let core = core.clone();
                    async move { Ok::<_, std::convert::Infallible>(handle(core, request).await) }
                });
                let mut builder = Builder::new(TokioExecutor::new());
                builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE);
                builder.http2().timer(TokioTimer::new()).max_concurrent_streams(1000);
                let connection = builder
                    .serve_connection_with_upgrades(TokioIo::new(Lenient::new(stream, is_http2)), service);
                tokio::select! {
                    // A client that goes away is no event.
                    _ = connection => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
            });
        }
    }
}
