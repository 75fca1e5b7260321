//! The one way out: every outbound connection that a user or a plugin can steer.
//!
//! Names are resolved here, each address is checked, and the connection goes to an address that was checked: a name
//! that resolves differently a moment later changes nothing. Loopback, link-local, metadata, private and reserved
//! ranges are closed unless the setting `egress.allow` opens them.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, LOCATION, PROXY_AUTHORIZATION};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ipnet::IpNet;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::net::TcpStream;

use crate::error::{Error, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;

/// Addresses that hand out credentials of the machine. Only a range that names exactly one of them opens it.
const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Which addresses may be connected to.
#[derive(Clone, Debug, Default)]
pub struct EgressRules {
    allow: Vec<IpNet>,
}

impl EgressRules {
    /// Parses the ranges of the setting `egress.allow`, such as `10.0.0.0/8` or `192.168.1.7`.
    pub fn parse(ranges: &[String]) -> Result<EgressRules> {
        let range = |text: &String| {
            let text = text.trim();
            text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
                Error::Invalid {
                    field: "egress.allow",
                    reason: format!("`{text}` is neither an address nor a range such as `10.0.0.0/8`"),
                }
            })
        };
        Ok(EgressRules { allow: ranges.iter().map(range).collect::<Result<_>>()? })
    }

    /// Refuses an address that is not public and not in an allowed range.
    pub fn check(&self, address: IpAddr) -> Result<()> {
        let address = address.to_canonical();
        if METADATA.contains(&address) {
            let opened = self
                .allow
                .iter()
                .any(|range| range.addr() == address && range.prefix_len() == range.max_prefix_len());
            return if opened { Ok(()) } else { Err(refused(address, "a metadata address")) };
        }
        if self.allow.iter().any(|range| range.contains(&address)) {
            return Ok(());
        }
        match closed_range(address) {
            Some(range) => Err(refused(address, range)),
            None => Ok(()),
        }
    }

    /// Resolves a host and answers its addresses that may be connected to; none is an error.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let addresses: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((bare, port)))
                .await
                .map_err(|_| unreachable(host, "its name was not resolved in time"))?
                .map_err(|error| unreachable(host, &format!("its name cannot be resolved: {error}")))?
                .collect(),
        };
        let mut first_refusal = None;
        let mut open = Vec::new();
        for address in addresses {
            match self.check(address.ip()) {
                Ok(()) => open.push(address),
                Err(error) => first_refusal = first_refusal.or(Some(error)),
            }
        }
        match (open.is_empty(), first_refusal) {
            (false, _) => Ok(open),
            (true, Some(error)) => Err(error),
            (true, None) => Err(unreachable(host, "its name has no address")),
        }
    }
}

fn refused(address: IpAddr, what: &str) -> Error {
    Error::Refused(format!(
        "`{address}` is {what}: connections to it are refused unless `egress.allow` opens it"
    ))
}

fn unreachable(host: &str, reason: &str) -> Error {
    Error::Unreachable { cluster: host.into(), reason: reason.into() }
}

/// The name of the closed range that holds this address; `None` for a public address.
fn closed_range(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => closed_v4(address),
        IpAddr::V6(address) => closed_v6(address),
    }
}

fn closed_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (127, ..) => "a loopback address",
        (169, 254, _) => "a link-local address",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "a private address",
        (100, 64..=127, _) => "a shared (carrier-grade NAT) address",
        (0, ..) => "an unspecified address",
        (192, 0, 0 | 2) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) | (240.., ..) => {
            "a reserved address"
        }
        (224..=239, ..) => "a multicast address",
        _ => return None,
    })
}

fn closed_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let low_v4 = || {
        let [.., a, b] = segments;
        Ipv4Addr::from((u32::from(a) << 16) | u32::from(b))
    };
    Some(match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback address",
        [0, 0, 0, 0, 0, 0, 0, 0] => "an unspecified address",
        // Addresses that stand for an IPv4 address are as open as that one.
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => return closed_v4(low_v4()),
        [0x2002, a, b, ..] => return closed_v4(Ipv4Addr::from((u32::from(a) << 16) | u32::from(b))),
        [0x64, 0xff9b, 1, ..] => "a private address",
        [0x2001, 0, ..] | [0x2001, 0xdb8, ..] | [0x100, 0, 0, 0, ..] => "a reserved address",
        [first, ..] if first & 0xffc0 == 0xfe80 => "a link-local address",
        [first, ..] if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 => "a private address",
        [first, ..] if first & 0xff00 == 0xff00 => "a multicast address",
        _ => return None,
    })
}

/// Opens TCP connections under the rules, for hyper. `exempt` is one address that is always open: the sandbox's own
/// cluster.
#[derive(Clone, Debug)]
pub struct Connector {
    rules: Arc<EgressRules>,
    exempt: Option<SocketAddr>,
}

impl Connector {
    pub fn new(rules: Arc<EgressRules>, exempt: Option<SocketAddr>) -> Connector {
        Connector { rules, exempt }
    }

    async fn connect(self, uri: Uri) -> Result<TcpStream> {
        let host = uri.host().ok_or_else(|| Error::Refused(format!("`{uri}` names no host")))?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let exempt = self.exempt.filter(|exempt| {
            exempt.port() == port && host.parse::<IpAddr>().is_ok_and(|address| address == exempt.ip())
        });
        let addresses = match exempt {
            Some(address) => vec![address],
            None => self.rules.resolve(host, port).await?,
        };
        let mut last = None;
        for address in addresses {
            match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // Small requests in a row: waiting for more to send only costs.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = Some(error.to_string()),
                Err(_) => last = Some(format!("no connection within {} seconds", CONNECT_TIMEOUT.as_secs())),
            }
        }
        Err(unreachable(host, &last.unwrap_or_default()))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { Ok(TokioIo::new(connector.connect(uri).await?)) })
    }
}

/// An HTTP request that a plugin, a webhook or a mirror makes.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// For everything, redirects included.
    pub timeout: Duration,
    /// Bound of the answer's body in bytes.
    pub max_bytes: usize,
}

/// The answer to a [`Fetch`], its body whole.
#[derive(Clone, Debug)]
pub struct Fetched {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// HTTP client under the rules. Clones share connections.
#[derive(Clone)]
pub struct Egress {
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
}

impl Egress {
    pub fn new(rules: Arc<EgressRules>) -> Result<Egress> {
        let tls = rustls::ClientConfig::with_platform_verifier().map_err(|error| {
            anyhow::anyhow!("cannot read the trusted certificates of this machine: {error}")
        })?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector::new(rules, None));
        Ok(Egress { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Sends a request and follows redirects; `allowed` sees every URL before it is connected to.
    pub async fn fetch(
        &self,
        fetch: Fetch,
        allowed: &(dyn Fn(&Uri) -> Result<()> + Sync),
    ) -> Result<Fetched> {
        let timeout = fetch.timeout;
        let host = fetch.url.clone();
        tokio::time::timeout(timeout, self.follow(fetch, allowed))
            .await
            .map_err(|_| unreachable(&host, &format!("no answer within {} seconds", timeout.as_secs())))?
    }

    async fn follow(
        &self,
        mut fetch: Fetch,
        allowed: &(dyn Fn(&Uri) -> Result<()> + Sync),
    ) -> Result<Fetched> {
        let mut uri = parse_url(&fetch.url)?;
        for _ in 0..=MAX_REDIRECTS {
            allowed(&uri)?;
            let mut request = Request::new(Full::new(fetch.body.clone()));
            *request.method_mut() = fetch.method.clone();
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = fetch.headers.clone();
            request.headers_mut().remove(HOST);
            let response = self.client.request(request).await.map_err(|error| connect_error(&uri, error))?;
            let (parts, body) = response.into_parts();
            let next = parts.status.is_redirection().then(|| parts.headers.get(LOCATION)).flatten();
            let Some(next) = next else {
                let body = read_bounded(&uri, body, fetch.max_bytes).await?;
                return Ok(Fetched { status: parts.status, headers: parts.headers, body });
            };
            let next =
                next.to_str().map_err(|_| Error::Refused(format!("`{uri}` redirects to no address")))?;
            let next = redirect_target(&uri, next)?;
            if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(Error::Refused(format!("`{uri}` redirects from https to `{next}`")));
            }
            if uri.authority() != next.authority() {
                for name in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                    fetch.headers.remove(name);
                }
            }
            let rewritten = matches!(parts.status.as_u16(), 301..=303) && fetch.method != Method::HEAD;
            if rewritten {
                fetch.method = Method::GET;
                fetch.body = Bytes::new();
            }
            uri = next;
        }
        Err(Error::Refused(format!("`{}` redirects more than {MAX_REDIRECTS} times", fetch.url)))
    }
}

/// An absolute http or https URL without credentials.
pub fn parse_url(url: &str) -> Result<Uri> {
    let uri: Uri = url.parse().map_err(|_| Error::Refused(format!("`{url}` is no valid URL")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(Error::Refused(format!("`{url}` is neither an http nor an https URL")));
    }
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@') || authority.host().is_empty())
    {
        return Err(Error::Refused(format!("`{url}` must name a host, and no user or password before it")));
    }
    Ok(uri)
}

/// The URL that a `Location` means: absolute, on another host, or a path on this one.
fn redirect_target(base: &Uri, location: &str) -> Result<Uri> {
    let scheme = base.scheme_str().unwrap_or("https");
    let authority = base.authority().map_or("", |authority| authority.as_str());
    let target = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    parse_url(target.split('#').next().unwrap_or_default())
}

async fn read_bounded(uri: &Uri, body: hyper::body::Incoming, max_bytes: usize) -> Result<Bytes> {
    let collected = Limited::new(body, max_bytes).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Error::TooLarge { what: format!("answer of {uri}"), limit: format!("{max_bytes} bytes") }
        } else {
            unreachable(uri.host().unwrap_or_default(), &error.to_string())
        }
    })?;
    Ok(collected.to_bytes())
}

/// Finds our own refusal in hyper's chain of sources, so that its words are not lost.
fn connect_error(uri: &Uri, error: hyper_util::client::legacy::Error) -> Error {
    let host = uri.host().unwrap_or_default();
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut last = error.to_string();
    while let Some(error) = source {
        match error.downcast_ref::<Error>() {
            Some(Error::Refused(reason)) => return Error::Refused(reason.clone()),
            Some(Error::Unreachable { cluster, reason }) => return unreachable(cluster, reason),
            _ => last = error.to_string(),
        }
        source = error.source();
    }
    unreachable(host, &last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(rules: &EgressRules, address: &str) -> String {
        match rules.check(address.parse().unwrap()) {
            Ok(()) => "open".into(),
            Err(error) => {
                let text = error.to_string();
                text.split_once(" is ").unwrap().1.split_once(':').unwrap().0.to_owned()
            }
        }
    }

    #[test]
    fn closes_what_is_not_public() {
        let rules = EgressRules::default();
        for (address, expected) in [
            ("8.8.8.8", "open"),
            ("2606:4700::1111", "open"),
            ("127.0.0.1", "a loopback address"),
            ("127.9.9.9", "a loopback address"),
            ("::1", "a loopback address"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("64:ff9b::7f00:1", "a loopback address"),
            ("2002:7f00:1::", "a loopback address"),
            ("::a00:1", "a private address"),
            ("169.254.1.1", "a link-local address"),
            ("169.254.169.254", "a metadata address"),
            ("::ffff:169.254.169.254", "a metadata address"),
            ("fd00:ec2::254", "a metadata address"),
            ("100.100.100.200", "a metadata address"),
            ("10.1.2.3", "a private address"),
            ("172.31.0.1", "a private address"),
            ("172.32.0.1", "open"),
            ("192.168.0.1", "a private address"),
            ("fd12::1", "a private address"),
            ("fe80::1", "a link-local address"),
            ("100.64.0.1", "a shared (carrier-grade NAT) address"),
            ("0.0.0.0", "an unspecified address"),
            ("::", "an unspecified address"),
            ("224.0.0.1", "a multicast address"),
            ("ff02::1", "a multicast address"),
            ("255.255.255.255", "a reserved address"),
        ] {
            assert_eq!(verdict(&rules, address), expected, "{address}");
        }
    }

    #[test]
    fn opens_allowed_ranges_but_metadata_only_by_its_own_address() {
        let rules =
            EgressRules::parse(&["10.0.0.0/8".into(), "127.0.0.1".into(), "169.254.0.0/16".into()]).unwrap();
        assert_eq!(verdict(&rules, "10.1.2.3"), "open");
        assert_eq!(verdict(&rules, "::ffff:10.1.2.3"), "open");
        assert_eq!(verdict(&rules, "127.0.0.1"), "open");
        assert_eq!(verdict(&rules, "127.0.0.2"), "a loopback address");
        assert_eq!(verdict(&rules, "169.254.7.7"), "open");
        assert_eq!(verdict(&rules, "169.254.169.254"), "a metadata address");
        let exact = EgressRules::parse(&["169.254.169.254/32".into()]).unwrap();
        assert_eq!(verdict(&exact, "169.254.169.254"), "open");
        assert_eq!(
            EgressRules::parse(&["ten".into()]).unwrap_err().to_string(),
            "invalid `egress.allow`: `ten` is neither an address nor a range such as `10.0.0.0/8`"
        );
    }

    #[test]
    fn urls_are_absolute_and_without_credentials() {
        for url in ["file:///etc/passwd", "/x", "ftp://a/b", "https://user:pw@a/b", "gopher://a"] {
            assert!(parse_url(url).is_err(), "{url}");
        }
        let base = parse_url("https://a.example/x/y").unwrap();
        for (location, expected) in [
            ("z", "https://a.example/x/z"),
            ("/z#frag", "https://a.example/z"),
            ("//b.example/z", "https://b.example/z"),
            ("http://c.example/", "http://c.example/"),
        ] {
            assert_eq!(redirect_target(&base, location).unwrap().to_string(), expected);
        }
        assert!(redirect_target(&base, "file://x/y").is_err());
    }

    /// Serves canned answers, one connection each, and tells the port.
    async fn serve(answers: Vec<String>) -> u16 {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(answer.replace("PORT", &port.to_string()).as_bytes()).await;
            }
        });
        port
    }

    fn client(allow: &[&str]) -> Egress {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ranges: Vec<String> = allow.iter().map(|range| (*range).to_owned()).collect();
        Egress::new(Arc::new(EgressRules::parse(&ranges).unwrap())).unwrap()
    }

    fn get(url: String) -> Fetch {
        Fetch {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(10),
            max_bytes: 100,
        }
    }

    #[tokio::test]
    async fn fetches_within_rules_and_bounds() {
        let answer = |body: &str| {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
        };
        let redirect = |to: &str| {
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        };
        let port =
            serve(vec![answer("hello"), redirect("/next"), answer("there"), answer(&"x".repeat(101))]).await;
        let url = format!("http://127.0.0.1:{port}/");
        let any = |_: &Uri| Ok(());
        let refused = client(&[]).fetch(get(url.clone()), &any).await.unwrap_err();
        assert!(matches!(refused, Error::Refused(_)), "{refused}");
        let egress = client(&["127.0.0.1"]);
        assert_eq!(egress.fetch(get(url.clone()), &any).await.unwrap().body, "hello");
        assert_eq!(egress.fetch(get(url.clone()), &any).await.unwrap().body, "there");
        assert!(matches!(egress.fetch(get(url), &any).await, Err(Error::TooLarge { .. })));
    }

    #[tokio::test]
    async fn checks_every_redirect() {
        let redirect = |to: &str| {
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        };
        let targets = ["http://127.0.0.2:PORT/", "http://169.254.169.254/latest", "file:///etc/passwd"];
        let port = serve(targets.iter().map(|to| redirect(to)).collect()).await;
        let egress = client(&["127.0.0.1"]);
        for _ in targets {
            let error =
                egress.fetch(get(format!("http://127.0.0.1:{port}/")), &|_: &Uri| Ok(())).await.unwrap_err();
            assert!(matches!(error, Error::Refused(_)), "{error}");
        }
        let denied = |_: &Uri| Err(Error::Refused("host not granted".into()));
        assert!(egress.fetch(get(format!("http://127.0.0.1:{port}/")), &denied).await.is_err());
    }
}
