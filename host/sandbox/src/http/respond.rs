//! Answers: content negotiation, encodings, streams.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context as Poller, Poll};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::status::{Result, Status};
use crate::value::serialize;

/// Answers from this size on are compressed if the client likes that.
const GZIP_FROM: usize = 128 * 1024;

/// A whole answer or a stream.
pub(crate) enum Body {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Poller<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Body::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Body::Stream(receiver) => receiver.poll_recv(cx).map(|next| next.map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Body::Stream(_) => SizeHint::default(),
        }
    }
}

/// What an answer may be converted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    /// The object itself.
    Plain,
    /// Only its metadata.
    Partial,
    /// Rows for people.
    Table,
    /// Aggregated discovery.
    Discovery,
}

/// What a client accepts, best first.
#[derive(Debug, Clone)]
pub(crate) struct Accept {
    choices: Vec<Choice>,
}

#[derive(Debug, Clone)]
struct Choice {
    media: String,
    parameters: Vec<(String, String)>,
}

/// What an answer is sent as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) view: View,
    pub(crate) yaml: bool,
}

impl Accept {
    pub(crate) fn parse(headers: &HeaderMap) -> Self {
        let mut choices = Vec::new();
        for value in headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok()) {
            for part in value.split(',') {
                let mut pieces = part.split(';').map(str::trim);
                let media = pieces.next().unwrap_or_default().to_lowercase();
                let parameters = pieces
                    .filter_map(|p| p.split_once('='))
                    .map(|(k, v)| (k.trim().to_string(), v.trim().to_string()))
                    .collect();
                if !media.is_empty() {
                    choices.push(Choice { media, parameters });
                }
            }
        }
        if choices.is_empty() {
            choices.push(Choice { media: "*/*".into(), parameters: Vec::new() });
        }
        Accept { choices }
    }

    /// The first choice that can be served; `views` are those that this answer has besides the plain one.
    pub(crate) fn choose(&self, views: &[View]) -> Result<Chosen> {
        for choice in &self.choices {
            let yaml = match choice.media.as_str() {
                "application/json" | "*/*" => false,
                "application/yaml" => true,
                _ => continue,
            };
            let parameter =
                |key: &str| choice.parameters.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v.as_str());
            let view = match (parameter("as"), parameter("g"), parameter("v")) {
                ("", _, _) => View::Plain,
                ("Table", "meta.k8s.io", "v1") => View::Table,
                ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1") => View::Partial,
                ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2") => View::Discovery,
                _ => continue,
            };
            if view == View::Plain || views.contains(&view) {
                return Ok(Chosen { view, yaml });
            }
        }
        Err(Status::not_acceptable("application/json, application/yaml, application/vnd.kubernetes.protobuf"))
    }

    /// Errors are YAML only for those who want nothing else.
    fn wants_yaml(&self) -> bool {
        self.choices.first().is_some_and(|c| c.media == "application/yaml")
    }
}

/// True if the client takes gzip.
pub(crate) fn wants_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|v| v.split(';').next().is_some_and(|c| c.trim() == "gzip"))
}

/// An answer before it is encoded.
pub(crate) struct Answer {
    code: u16,
    content_type: &'static str,
    body: Body,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    fn new(code: u16, content_type: &'static str, body: Body) -> Self {
        Answer { code, content_type, body, headers: Vec::new() }
    }

    /// Text.
    pub(crate) fn text(code: u16, text: impl Into<Bytes>) -> Self {
        Self::new(code, "text/plain; charset=utf-8", Body::Whole(Some(text.into())))
    }

    /// JSON that is ready.
    pub(crate) fn json_bytes(code: u16, text: Bytes) -> Self {
        Self::new(code, "application/json", Body::Whole(Some(text)))
    }

    /// JSON or YAML, as chosen.
    pub(crate) fn value(code: u16, value: &Value, yaml: bool) -> Self {
        if yaml {
            let text = crate::yaml::write(value);
            return Self::new(code, "application/yaml", Body::Whole(Some(text.into())));
        }
        Self::json_bytes(code, serialize(value).into())
    }

    /// A refusal.
    pub(crate) fn status(status: &Status, accept: &Accept) -> Self {
        let mut answer = Self::value(status.code, &status.to_value(), accept.wants_yaml());
        if let Some(seconds) = status.retry_after {
            answer = answer.with("retry-after", seconds.to_string());
        }
        answer
    }

    /// A stream of JSON documents.
    pub(crate) fn stream(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self::new(200, "application/json", Body::Stream(receiver))
    }

    /// A stream of text.
    pub(crate) fn text_stream(receiver: mpsc::Receiver<Bytes>) -> Self {
        Self::new(200, "text/plain", Body::Stream(receiver))
    }

    /// Nothing but a code.
    pub(crate) fn empty(code: u16) -> Self {
        Self::new(code, "", Body::Whole(None))
    }

    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn with_content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    pub(crate) fn with_warnings(mut self, warnings: &[String]) -> Self {
        let headers = warnings.iter().map(|warning| {
            let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
            ("warning", format!("299 - \"{text}\""))
        });
        self.headers.splice(0..0, headers);
        self
    }

    pub(crate) fn into_response(mut self, gzip: bool, head: bool) -> Response<Body> {
        let mut encoding = None;
        if gzip
            && let Body::Whole(Some(bytes)) = &self.body
            && bytes.len() >= GZIP_FROM
        {
            let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::new(4));
            if encoder.write_all(bytes).is_ok()
                && let Ok(packed) = encoder.finish()
            {
                self.body = Body::Whole(Some(packed.into()));
                encoding = Some(HeaderValue::from_static("gzip"));
            }
        }
        if head {
            self.body = Body::Whole(None);
        }
        let mut response = Response::new(self.body);
        *response.status_mut() = hyper::StatusCode::from_u16(self.code).unwrap_or_default();
        let headers = response.headers_mut();
        if !self.content_type.is_empty() {
            headers.insert("content-type", HeaderValue::from_static(self.content_type));
        }
        headers.insert("cache-control", HeaderValue::from_static("no-cache, private"));
        if let Some(encoding) = encoding {
            headers.insert("content-encoding", encoding);
            headers.append("vary", HeaderValue::from_static("Accept-Encoding"));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                if name == "warning" {
                    headers.append(HeaderName::from_static(name), value);
                } else {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
        }
        response
    }
}
