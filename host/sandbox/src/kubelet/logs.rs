//! Made-up logs of simulated containers: the same pod always says the same, and says that it is simulated.

use jiff::Timestamp;
use serde_json::Value;

use super::stage::after;
use crate::clock;
use crate::object::{self, text};

/// How far two lines are apart.
const PERIOD: i64 = 10;
/// At most so many lines are made up, the newest ones.
const LIMIT: i64 = 2_000;

/// The lines of a container until now with their times. An annotation `sandbox.osc.io/logs` gives lines of one's own.
pub fn lines(pod: &Value, container: &str, now: Timestamp) -> Vec<(Timestamp, String)> {
    let statuses = object::items(pod, "/status/containerStatuses");
    let status = statuses.iter().find(|status| text(status, "/name") == container).unwrap_or(&Value::Null);
    let begun = object::time(status, "/state/running/startedAt")
        .or_else(|| object::time(status, "/state/terminated/startedAt"))
        .or_else(|| object::time(status, "/lastState/terminated/startedAt"));
    let Some(begun) = begun else { return Vec::new() };
    let end = object::time(status, "/state/terminated/finishedAt")
        .or_else(|| object::time(status, "/lastState/terminated/finishedAt").filter(|end| *end >= begun))
        .unwrap_or(now);

    let mut lines =
        vec![(begun, format!("[simulated] container `{container}` does not run; these lines are made up"))];
    if let Some(script) = object::annotation(pod, "sandbox.osc.io/logs") {
        lines.extend(script.lines().map(|line| (begun, format!("[simulated] {line}"))));
    }
    let count = end.duration_since(begun).as_secs().max(0) / PERIOD;
    for number in (count - LIMIT).max(0)..count {
        let moment = after(begun, (number + 1) * PERIOD);
        lines.push((moment, line(object::uid(pod), number)));
    }
    if let Some(code) = object::number(status, "/state/terminated/exitCode") {
        lines.push((end, format!("[simulated] ended with code {code}")));
    }
    lines
}

/// One line, chosen by pod and number.
fn line(seed: &str, number: i64) -> String {
    const SAYINGS: [&str; 6] = [
        "level=info msg=\"handled request\" status=200",
        "level=info msg=\"health check passed\"",
        "level=info msg=\"flushed cache\"",
        "level=debug msg=\"nothing to do\"",
        "level=info msg=\"connection accepted\"",
        "level=warn msg=\"slow request\"",
    ];
    // FNV-1a: the same on every machine and in every version.
    let bytes = seed.bytes().chain(number.to_le_bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let saying = SAYINGS[(hash % SAYINGS.len() as u64) as usize];
    format!("[simulated] {saying} duration_ms={} n={number}", hash >> 40 & 0x3ff)
}

/// Lines as the log subresource answers them.
pub fn text_of(lines: &[(Timestamp, String)], timestamps: bool) -> String {
    let mut out = String::new();
    for (moment, line) in lines {
        if timestamps {
            out.push_str(&clock::micros(*moment));
            out.push(' ');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}
