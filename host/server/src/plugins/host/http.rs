//! `osc:host/http`: requests to granted hosts, through the server's one way out.

use std::time::Duration;

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};

use crate::egress::Fetch;
use crate::error;
use crate::plugins::bindings::imports::osc::host::http::{Error, Header, Host, Request, Response};
use crate::plugins::call::State;
use crate::plugins::grants::Effective;

const ANSWER: usize = 16 << 20;
const TIMEOUT: Duration = Duration::from_secs(30);

impl Host for State {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, Error>> {
        let fetch =
            match fetch(request).and_then(|fetch| admitted(&fetch, &self.plugin.grants).map(|()| fetch)) {
                Ok(fetch) => fetch,
                Err(refusal) => return Ok(Err(refusal)),
            };
        let Some(egress) = self.environment.egress.clone() else {
            return Ok(Err(Error::Denied("there is no way out here".into())));
        };
        let plugin = self.plugin.clone();
        let answered = self.outside(async move {
            egress.fetch(fetch, &|uri| check(uri, &plugin.grants).map_err(error::Error::Refused)).await
        });
        Ok(match answered.await? {
            Ok(fetched) => {
                self.given += fetched.body.len();
                Ok(Response {
                    status: fetched.status.as_u16(),
                    headers: headers(&fetched.headers),
                    body: fetched.body.to_vec(),
                })
            }
            Err(error::Error::TooLarge { .. }) => Err(Error::TooLarge),
            Err(error @ error::Error::Refused(_)) => Err(Error::Denied(error.to_string())),
            Err(error) => Err(Error::Other(error.to_string())),
        })
    }
}

fn fetch(request: Request) -> Result<Fetch, Error> {
    let invalid = |what: &str| Error::Other(format!("`{what}` is not valid in a request"));
    let mut headers = HeaderMap::new();
    for Header { name, value } in request.headers {
        let parsed: HeaderName = name.parse().map_err(|_| invalid(&name))?;
        headers.append(parsed, HeaderValue::from_str(&value).map_err(|_| invalid(&name))?);
    }
    Ok(Fetch {
        method: request.method.parse::<Method>().map_err(|_| invalid(&request.method))?,
        url: request.url,
        headers,
        body: request.body.into(),
        timeout: TIMEOUT,
        max_bytes: ANSWER,
    })
}

fn admitted(fetch: &Fetch, grants: &Effective) -> Result<(), Error> {
    let uri = fetch.url.parse::<Uri>().map_err(|_| Error::Other(format!("`{}` is not a URL", fetch.url)))?;
    check(&uri, grants).map_err(Error::Denied)
}

fn check(uri: &Uri, grants: &Effective) -> Result<(), String> {
    let host = uri.host().unwrap_or_default();
    let own_port = match uri.scheme_str() {
        Some("https") => 443,
        Some("http") => 80,
        _ => return Err(format!("`{uri}` is neither http nor https")),
    };
    if grants.host(host, uri.port_u16().filter(|port| *port != own_port)) {
        return Ok(());
    }
    Err(format!("host `{host}` is not granted to the plugin"))
}

fn headers(map: &HeaderMap) -> Vec<Header> {
    let texts = map.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    texts.map(|(name, value)| Header { name: name.into(), value: value.into() }).collect()
}
