//! The console's files, from inside the binary.
//!
//! Files with a hash in their name never change and are kept for a year; the page itself is never kept, since each
//! answer carries a fresh nonce for style tags.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rust_embed::RustEmbed;

use super::error::HttpError;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// Served while the console is not built into the binary.
const PLACEHOLDER: &str = include_str!("assets/placeholder.html");
const NONCE: &str = "__CSP_NONCE__";

/// Everything that no other route answers: a file, or the page for the console's own paths.
pub(super) async fn assets(request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") || path.starts_with("/v2/") || path == "/api" {
        let detail = format!("`{path}` is no resource of this server");
        return HttpError::new(StatusCode::NOT_FOUND, "not-found", detail).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "only GET")
            .into_response();
    }
    let name = path.trim_start_matches('/');
    if name.is_empty() || name == "index.html" {
        return page();
    }
    match file(name, request.headers()) {
        Some(response) => response,
        // A missing file is an error, a path of the console's router is the page.
        None if name.rsplit('/').next().is_some_and(|last| last.contains('.'))
            && name.starts_with("assets/") =>
        {
            HttpError::new(StatusCode::NOT_FOUND, "not-found", format!("there is no file `{name}`"))
                .into_response()
        }
        None => page(),
    }
}

fn page() -> Response {
    let page = Files::get("index.html");
    let page = page.as_ref().and_then(|file| std::str::from_utf8(&file.data).ok()).unwrap_or(PLACEHOLDER);
    let nonce = STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>());
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'none'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, page.replace(NONCE, &nonce)).into_response()
}

/// A file as it is, or as its precompressed neighbour if the browser takes it.
fn file(name: &str, headers: &HeaderMap) -> Option<Response> {
    let accepted =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let accepts = |coding: &str| {
        accepted.split(',').any(|part| part.split(';').next().is_some_and(|name| name.trim() == coding))
    };
    let packed = [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| accepts(coding))
        .find_map(|(coding, suffix)| Some((coding, Files::get(&format!("{name}.{suffix}"))?)));
    let (coding, found) = match packed {
        Some((coding, found)) => (Some(coding), found),
        None => (None, Files::get(name)?),
    };
    let cache = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    };
    let mut response = Bytes::from(found.data.into_owned()).into_response();
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, content_type(name).parse().ok()?);
    set.insert(header::CACHE_CONTROL, cache.parse().ok()?);
    set.insert(header::VARY, "accept-encoding".parse().ok()?);
    if let Some(coding) = coding {
        set.insert(header::CONTENT_ENCODING, coding.parse().ok()?);
    }
    Some(response)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "webmanifest" => "application/json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_fresh_nonce_and_is_never_kept() {
        let policy = |response: &Response| response.headers()[header::CONTENT_SECURITY_POLICY].clone();
        let (one, two) = (page(), page());
        assert_ne!(policy(&one), policy(&two));
        assert_eq!(one.headers()[header::CACHE_CONTROL], "no-store");
        assert!(!policy(&one).to_str().unwrap().contains("unsafe"));
    }
}
