//! `GET /metrics` in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::FromRequestParts as _;
use axum::extract::State;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::domain::principal::Principal;
use crate::error::Error;
use crate::store;

/// Upper bounds of the histogram of request durations, in seconds.
const BOUNDS: [f64; 8] = [0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

/// Counters of this process.
#[derive(Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(String, String, u16), u64>>,
    durations: Mutex<BTreeMap<String, Histogram>>,
}

#[derive(Default)]
struct Histogram {
    buckets: [u64; BOUNDS.len()],
    sum: f64,
    count: u64,
}

pub(super) fn count_request(
    metrics: &Metrics,
    method: &Method,
    route: &str,
    status: StatusCode,
    duration: Duration,
) {
    let method = match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE => {
            method.as_str()
        }
        _ => "other",
    };
    let key = (method.to_owned(), route.to_owned(), status.as_u16());
    *metrics.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    let mut durations = metrics.durations.lock().unwrap_or_else(PoisonError::into_inner);
    let histogram = durations.entry(route.to_owned()).or_default();
    let seconds = duration.as_secs_f64();
    for (bucket, bound) in histogram.buckets.iter_mut().zip(BOUNDS) {
        *bucket += u64::from(seconds <= bound);
    }
    histogram.sum += seconds;
    histogram.count += 1;
}

/// Off loopback only administrators may look.
pub(super) async fn metrics(State(app): State<Arc<App>>, request: Request<axum::body::Body>) -> Response {
    if !app.config.is_local() {
        let (mut parts, _) = request.into_parts();
        let allowed = match Principal::from_request_parts(&mut parts, &app).await {
            Ok(who) => who.administrator().map_err(super::error::HttpError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = allowed {
            return error.into_response();
        }
    }
    match render(&app).await {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => super::error::HttpError::from(error).into_response(),
    }
}

async fn render(app: &App) -> Result<String, Error> {
    let gauges = app.db.read(|conn| Ok::<_, Error>(store::gauges::read(conn)?)).await?;
    let mut text = String::new();
    let _ = writeln!(text, "# HELP osc_build_info Version of the server.\n# TYPE osc_build_info gauge");
    let _ = writeln!(text, "osc_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
    for gauge in gauges {
        let _ = writeln!(text, "# HELP osc_{0} {1}\n# TYPE osc_{0} gauge", gauge.name, gauge.help);
        for (state, count) in gauge.values {
            let _ = writeln!(text, "osc_{}{{state=\"{}\"}} {count}", gauge.name, escape(&state));
        }
    }
    let _ = writeln!(
        text,
        "# HELP osc_http_requests_total Answered requests.\n# TYPE osc_http_requests_total counter"
    );
    for ((method, route, status), count) in
        &*app.metrics.requests.lock().unwrap_or_else(PoisonError::into_inner)
    {
        let route = escape(route);
        let _ = writeln!(
            text,
            "osc_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} {count}"
        );
    }
    let name = "osc_http_request_duration_seconds";
    let _ = writeln!(text, "# HELP {name} Time to answer.\n# TYPE {name} histogram");
    for (route, Histogram { buckets, sum, count }) in
        &*app.metrics.durations.lock().unwrap_or_else(PoisonError::into_inner)
    {
        let route = escape(route);
        for (bucket, bound) in buckets.iter().zip(BOUNDS) {
            let _ = writeln!(text, "{name}_bucket{{route=\"{route}\",le=\"{bound}\"}} {bucket}");
        }
        let _ = writeln!(text, "{name}_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}");
        let _ = writeln!(
            text,
            "{name}_sum{{route=\"{route}\"}} {sum}\n{name}_count{{route=\"{route}\"}} {count}"
        );
    }
    Ok(text)
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
