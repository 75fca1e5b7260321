//! A thin client of the API: requests, paging, problems as failures, server-sent events.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use super::credentials::Credentials;
use super::failure::Failure;

/// No answer is larger than this.
const MAX_ANSWER: usize = 64 << 20;
/// The longest event of a stream.
const MAX_EVENT: usize = 8 << 20;

/// Talks to one server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    credentials: Credentials,
}

impl Client {
    pub(crate) fn new(credentials: Credentials) -> Result<Client, Failure> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("osc/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            // A token must not follow somebody else's redirect.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Failure::failed(format!("cannot make a client: {}", chain(&error))))?;
        Ok(Client { http, credentials })
    }

    pub(crate) fn server(&self) -> &str {
        &self.credentials.server
    }

    /// A request below `/api/v1`; parts of the path are escaped by [`path`].
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.credentials.server));
        if let Some(token) = &self.credentials.token {
            request = request.bearer_auth(token);
        }
        if let Some(tenant) = &self.credentials.tenant {
            request = request.header("OSC-Tenant", tenant);
        }
        request
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        self.send(self.request(Method::DELETE, path).query(query)).await
    }

    /// Sends a request and reads the JSON answer; an empty one is null.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.execute(request).await?;
        let status = response.status();
        let body = read_bounded(response).await?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|error| {
            Failure::failed(format!(
                "`{}` answered {status} with something that is no JSON: {error}",
                self.server()
            ))
            .hint("is this the address of an osc server?")
        })
    }

    /// Sends a request and reads the answer as text.
    pub(crate) async fn text(&self, path: &str, query: &[(&str, String)]) -> Result<String, Failure> {
        let response = self.execute(self.request(Method::GET, path).query(query)).await?;
        Ok(String::from_utf8_lossy(&read_bounded(response).await?).into_owned())
    }

    /// All items of a list, page by page, at most `limit` of them.
    pub(crate) async fn list(
        &self,
        path: &str,
        query: &[(&str, String)],
        limit: Option<usize>,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut request = self.request(Method::GET, path).query(query);
            if let Some(cursor) = &cursor {
                request = request.query(&[("cursor", cursor)]);
            }
            if let Some(limit) = limit {
                request = request.query(&[("limit", (limit - items.len()).min(200))]);
            }
            let page = match self.send(request).await? {
                Value::Array(all) => return Ok(all),
                page => page,
            };
            let found = page.get("items").and_then(Value::as_array).ok_or_else(|| {
                Failure::failed(format!("`{}` answered something that is no list", self.server()))
            })?;
            items.extend(found.iter().cloned());
            let next = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            let full = limit.is_some_and(|limit| items.len() >= limit);
            match next {
                Some(next) if !full && !found.is_empty() && Some(&next) != cursor.as_ref() => {
                    cursor = Some(next)
                }
                _ => break,
            }
        }
        if let Some(limit) = limit {
            items.truncate(limit);
        }
        Ok(items)
    }

    /// Signs in as a browser does; answers the cookies to send along.
    pub(crate) async fn cookie(&self, path: &str, body: &Value) -> Result<String, Failure> {
        let request = self.request(Method::POST, path).header("Origin", self.server()).json(body);
        let response = self.execute(request).await?;
        let cookies = response.headers().get_all("set-cookie").iter();
        let pairs: Vec<&str> = cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next()).collect();
        Ok(pairs.join("; "))
    }

    /// Opens an event stream.
    pub(crate) async fn events(&self, path: &str) -> Result<Events, Failure> {
        self.stream(self.request(Method::GET, path)).await
    }

    /// Sends a request that is answered by an event stream.
    pub(crate) async fn stream(&self, request: RequestBuilder) -> Result<Events, Failure> {
        let response = self.execute(request.header("Accept", "text/event-stream")).await?;
        Ok(Events { stream: Box::pin(response.bytes_stream()), buffer: Vec::new() })
    }

    async fn execute(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            return Err(Failure::failed(format!(
                "`{}` answered {status}, which is not followed",
                self.server()
            ))
            .hint("name the address it redirects to"));
        }
        let request_id =
            response.headers().get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let body = read_bounded(response).await?;
        let problem = serde_json::from_slice::<Value>(&body).unwrap_or_else(
            |_| serde_json::json!({ "detail": format!("`{}` answered {status}", self.server()) }),
        );
        let mut failure = Failure::from_problem(status.as_u16(), &problem);
        failure.request_id = failure.request_id.or(request_id);
        Err(failure)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let text = format!("cannot reach `{}`: {}", self.server(), chain(error));
        let failure = Failure::failed(text);
        if error.is_connect() {
            return failure
                .hint("is it running? start one with `osc sandbox`, or name another with OSC_SERVER");
        }
        failure
    }
}

/// An error with its sources; reqwest's own text stops at the first.
fn chain(error: &reqwest::Error) -> String {
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut last = None;
    while let Some(inner) = source {
        last = Some(inner.to_string());
        source = inner.source();
    }
    last.unwrap_or_else(|| error.to_string())
}

async fn read_bounded(response: Response) -> Result<Vec<u8>, Failure> {
    let mut stream = response.bytes_stream();
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|error| Failure::failed(format!("the answer broke off: {}", chain(&error))))?;
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Failure::failed("the answer is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A path of fixed and variable parts: `path(&["instances", name, "values"])`.
pub(crate) fn path(parts: &[&str]) -> String {
    use std::fmt::Write as _;
    let mut path = String::new();
    for part in parts {
        path.push('/');
        for byte in part.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => path.push(byte.into()),
                _ => {
                    let _ = write!(path, "%{byte:02X}");
                }
            }
        }
    }
    path
}

/// One event of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its fields by name: `event`, `data`, `id`.
    pub(crate) fields: HashMap<String, String>,
}

/// A stream of server-sent events.
pub(crate) struct Events {
    stream: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event; none at the end. Comments, which keep connections alive, count as empty events.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some((event, rest)) = take_event(&self.buffer) {
                self.buffer.drain(..rest);
                return Ok(Some(event));
            }
            if self.buffer.len() > MAX_EVENT {
                return Err(Failure::failed("the server sent an event that is too large"));
            }
            match self.stream.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(error)) => return Err(Failure::failed(chain(&error))),
                None => return Ok(None),
            }
        }
    }
}

/// Splits the first event off; answers how many bytes it took with its empty line.
fn take_event(buffer: &[u8]) -> Option<(Event, usize)> {
    let mut event = Event::default();
    let mut start = 0;
    while let Some(length) = buffer[start..].iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&buffer[start..start + length]);
        let line = line.trim_end_matches('\r');
        start += length + 1;
        if line.is_empty() {
            return Some((event, start));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name.is_empty() {
            continue;
        }
        let value = value.strip_prefix(' ').unwrap_or(value);
        let field = event.fields.entry(name.to_owned()).or_default();
        if name == "data" && !field.is_empty() {
            field.push('\n');
            field.push_str(value);
        } else {
            value.clone_into(field);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_path_are_escaped() {
        assert_eq!(
            path(&["services", "acme/web app", "versions", "1.0.0+x"]),
            "/services/acme%2Fweb%20app/versions/1.0.0%2Bx"
        );
    }

    #[test]
    fn events_are_split_at_empty_lines() {
        let text = b": alive\n\nevent: step\r\ndata: 1\r\ndata: 2\r\n\r\nda";
        let (comment, taken) = take_event(text).unwrap();
        assert_eq!(comment, Event::default());
        let (event, more) = take_event(&text[taken..]).unwrap();
        assert_eq!(event.fields["event"], "step");
        assert_eq!(event.fields["data"], "1\n2");
        assert!(take_event(&text[taken + more..]).is_none());
    }
}
