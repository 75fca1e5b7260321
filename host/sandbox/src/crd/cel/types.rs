//! Values of rules that JSON does not have: times, durations, quantities and addresses.
//!
//! They are kept as objects with one field that no JSON text of a client can have.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Fault, Outcome};
use crate::quantity::Quantity;
use crate::value::Get;

const TIME: &str = "\u{0}time";
const DURATION: &str = "\u{0}duration";
const QUANTITY: &str = "\u{0}quantity";
const URL: &str = "\u{0}url";
const IP: &str = "\u{0}ip";

const NANOS: f64 = 1e9;

fn failed<T>(text: impl Into<String>) -> Outcome<T> {
    Err(Fault::Failed(text.into()))
}

/// Makes a value from a text. `None`: there is no such function.
pub(super) fn make(name: &str, text: &str) -> Option<Outcome> {
    Some(match name {
        "timestamp" => match text.parse::<Timestamp>() {
            Ok(time) => Ok(json!({TIME: time.to_string()})),
            Err(_) => failed(format!("invalid timestamp {text:?}")),
        },
        "duration" => match duration(text) {
            Some(seconds) => Ok(json!({DURATION: seconds})),
            None => failed(format!("invalid duration {text:?}")),
        },
        "quantity" => match Quantity::parse(text) {
            Some(_) => Ok(json!({QUANTITY: text})),
            None => failed(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ),
        },
        "url" => match text.contains("://") || text.starts_with('/') {
            true => Ok(json!({URL: text})),
            false => failed(format!(
                "URL parse error during conversion from string: parse {text:?}: invalid URI for request"
            )),
        },
        "ip" => match text.parse::<IpAddr>() {
            Ok(_) => Ok(json!({IP: text})),
            Err(_) => failed(format!(
                "IP Address {text:?} parse error during conversion from string: unable to parse IP"
            )),
        },
        _ => return None,
    })
}

/// The seconds of a duration in the form of Go.
pub(crate) fn duration(text: &str) -> Option<f64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut sum = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        sum += number
            * match &after[..end] {
                "ns" => 1.0 / NANOS,
                "us" | "µs" | "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &after[end..];
    }
    Some(if negative { -sum } else { sum })
}

fn time(value: &Value) -> Option<Timestamp> {
    value.get(TIME).or(Some(value))?.as_str()?.parse().ok()
}

fn seconds(value: &Value) -> Option<f64> {
    match value.get(DURATION) {
        Some(seconds) => seconds.as_f64(),
        None => duration(value.as_str()?),
    }
}

fn amount(value: &Value) -> Option<i128> {
    Quantity::parse(value.get(QUANTITY)?.as_str()?).map(|q| q.nano())
}

/// The order of two values of which one is of a type that JSON does not have.
pub(super) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    let either = |key: &str| a.get(key).is_some() || b.get(key).is_some();
    if either(TIME) {
        return time(a)?.partial_cmp(&time(b)?);
    }
    if either(DURATION) {
        return seconds(a)?.partial_cmp(&seconds(b)?);
    }
    None
}

/// True if the two are the same, if one is of a type that JSON does not have.
pub(super) fn equal(a: &Value, b: &Value) -> Option<bool> {
    if let Some(order) = compare(a, b) {
        return Some(order == Ordering::Equal);
    }
    Some(amount(a)? == amount(b)?)
}

/// A method of a value.
pub(super) fn method(target: &Value, name: &str, arguments: &[&Value]) -> Option<Outcome> {
    if let Some(own) = amount(target) {
        let other =
            arguments.first().and_then(|a| amount(a).or(a.as_i64().map(|n| i128::from(n) * 1_000_000_000)));
        let order = other.map(|other| own.cmp(&other));
        return Some(match (name, order) {
            ("isGreaterThan", Some(order)) => Ok(order.is_gt().into()),
            ("isLessThan", Some(order)) => Ok(order.is_lt().into()),
            ("compareTo", Some(order)) => Ok((order as i64).into()),
            ("sign", None) => Ok((own.signum() as i64).into()),
            ("isInteger", None) => Ok((own % 1_000_000_000 == 0).into()),
            ("asInteger", None) if own % 1_000_000_000 == 0 => i64::try_from(own / 1_000_000_000)
                .map(Value::from)
                .map_err(|_| Fault::Failed("overflow".into())),
            ("asInteger", None) => failed("cannot convert value to integer"),
            ("asApproximateFloat", None) => Ok((own as f64 / NANOS).into()),
            _ => Err(Fault::Unknown),
        });
    }
    if let Some(url) = target.get(URL).and_then(Value::as_str) {
        return Some(part_of_url(url, name));
    }
    if let Some(ip) = target.get(IP).and_then(Value::as_str).and_then(|ip| ip.parse::<IpAddr>().ok()) {
        return Some(match name {
            "family" => Ok(if ip.is_ipv4() { 4 } else { 6 }.into()),
            "isLoopback" => Ok(ip.is_loopback().into()),
            "isUnspecified" => Ok(ip.is_unspecified().into()),
            _ => Err(Fault::Unknown),
        });
    }
    if target.get(DURATION).is_some() {
        let own = seconds(target)?;
        let scale = match name {
            "getSeconds" => 1.0,
            "getMinutes" => 60.0,
            "getHours" => 3600.0,
            "getMilliseconds" => 1e-3,
            _ => return Some(Err(Fault::Unknown)),
        };
        return Some(Ok(((own / scale) as i64).into()));
    }
    if target.get(TIME).is_some() {
        let own = time(target)?.in_tz("UTC").ok()?;
        return Some(Ok(match name {
            "getFullYear" => i64::from(own.year()),
            "getMonth" => i64::from(own.month()) - 1,
            "getDate" => i64::from(own.day()),
            "getDayOfMonth" => i64::from(own.day()) - 1,
            "getHours" => i64::from(own.hour()),
            "getMinutes" => i64::from(own.minute()),
            "getSeconds" => i64::from(own.second()),
            _ => return Some(Err(Fault::Unknown)),
        }
        .into()));
    }
    None
}

fn part_of_url(url: &str, name: &str) -> Outcome {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, _) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) =
        if scheme.is_empty() { ("", rest) } else { rest.find('/').map_or((rest, ""), |i| rest.split_at(i)) };
    let host = authority.rsplit('@').next().unwrap_or_default();
    let port = host.rsplit_once(':').map(|(_, port)| port).filter(|p| p.chars().all(|c| c.is_ascii_digit()));
    Ok(match name {
        "getScheme" => scheme.into(),
        "getHost" => host.into(),
        "getHostname" => host[..host.len() - port.map_or(0, |p| p.len() + 1)].into(),
        "getPort" => port.unwrap_or_default().into(),
        "getEscapedPath" => path.into(),
        "getQuery" if query.is_empty() => json!({}),
        _ => return Err(Fault::Unknown),
    })
}

/// True if the value is of a type that JSON does not have.
pub(super) fn is_special(value: &Value) -> bool {
    [TIME, DURATION, QUANTITY, URL, IP].iter().any(|key| !value.at(&[key]).is_none_or(Value::is_null))
}
