//! Times and durations. `Local` is UTC, so that a rendering does not depend on the machine.

use super::{Function, Ty, fault, fixed, text};
use crate::golang::number::{float_text, parse_float, parse_int};
use crate::golang::time::{
    GoTime, Zone, duration_text, load_zone, parse_duration, parse_time, round_duration,
};
use crate::text::quote;
use crate::value::{IntKind, Object, Value};

use Ty::{Any, Str, Time};

const SECOND: i64 = 1_000_000_000;

const DATE_IN_ZONE: super::Call = |_, a| Ok(Value::str(date_in_zone(text(a, 0), &a[1], text(a, 2))));
const MODIFY: super::Call = |_, a| {
    let time = time_of(&a[1]);
    Ok(of_time(match parse_duration(text(a, 0)) {
        Ok(nanos) => time.add(nanos),
        Err(_) => time,
    }))
};
const MUST_MODIFY: super::Call = |_, a| match parse_duration(text(a, 0)) {
    Ok(nanos) => Ok(of_time(time_of(&a[1]).add(nanos))),
    Err(error) => fault(error),
};

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("now", &[], |_, _| Ok(of_time(GoTime::now()))),
    fixed("ago", &[Any], |_, a| {
        let since = GoTime::now().since(&any_time(&a[0]));
        Ok(Value::str(duration_text(round_duration(since, SECOND))))
    }),
    fixed("date", &[Str, Any], |_, a| Ok(Value::str(date_in_zone(text(a, 0), &a[1], "Local")))),
    fixed("dateInZone", &[Str, Any, Str], DATE_IN_ZONE),
    fixed("date_in_zone", &[Str, Any, Str], DATE_IN_ZONE),
    fixed("htmlDate", &[Any], |_, a| Ok(Value::str(date_in_zone("2006-01-02", &a[0], "Local")))),
    fixed("htmlDateInZone", &[Any, Str], |_, a| {
        Ok(Value::str(date_in_zone("2006-01-02", &a[0], text(a, 1))))
    }),
    fixed("dateModify", &[Str, Time], MODIFY),
    fixed("date_modify", &[Str, Time], MODIFY),
    fixed("mustDateModify", &[Str, Time], MUST_MODIFY),
    fixed("must_date_modify", &[Str, Time], MUST_MODIFY),
    fixed("toDate", &[Str, Str], |_, a| {
        Ok(of_time(parse_time(text(a, 0), text(a, 1)).unwrap_or_else(|_| GoTime::zero())))
    }),
    fixed("mustToDate", &[Str, Str], |_, a| parse_time(text(a, 0), text(a, 1)).map(of_time).or_else(fault)),
    fixed("unixEpoch", &[Time], |_, a| Ok(Value::str(time_of(&a[0]).unix.to_string()))),
    fixed("duration", &[Any], |_, a| {
        let seconds = match &a[0] {
            Value::Str(text) => parse_int(text, 10).unwrap_or(0),
            Value::Int(IntKind::Int64, n) => *n,
            _ => 0,
        };
        Ok(Value::str(duration_text(seconds.wrapping_mul(SECOND))))
    }),
    fixed("durationRound", &[Any], |_, a| Ok(Value::str(duration_round(&a[0])))),
    fixed("mustToDuration", &[Any], |_, a| as_duration(&a[0]).map(of_duration).or_else(fault)),
    fixed("durationSeconds", &[Any], |_, a| Ok(in_units(&a[0], SECOND))),
    fixed("durationMinutes", &[Any], |_, a| Ok(in_units(&a[0], 60 * SECOND))),
    fixed("durationHours", &[Any], |_, a| Ok(in_units(&a[0], 3600 * SECOND))),
    fixed("durationDays", &[Any], |_, a| Ok(Value::Float(hours(&a[0]) / 24.0))),
    fixed("durationWeeks", &[Any], |_, a| Ok(Value::Float(hours(&a[0]) / 24.0 / 7.0))),
    fixed("durationMilliseconds", &[Any], |_, a| {
        Ok(Value::int64(as_duration(&a[0]).unwrap_or(0) / 1_000_000))
    }),
    fixed("durationMicroseconds", &[Any], |_, a| Ok(Value::int64(as_duration(&a[0]).unwrap_or(0) / 1_000))),
    fixed("durationNanoseconds", &[Any], |_, a| Ok(Value::int64(as_duration(&a[0]).unwrap_or(0)))),
    fixed("durationRoundTo", &[Any, Any], |_, a| Ok(to_multiple(a, round_duration))),
    fixed("durationTruncateTo", &[Any, Any], |_, a| {
        Ok(to_multiple(a, |nanos, multiple| if multiple <= 0 { nanos } else { nanos - nanos % multiple }))
    }),
];

pub(super) fn of_time(time: GoTime) -> Value {
    Value::object(Object::Time(time))
}

pub(super) fn of_duration(nanos: i64) -> Value {
    Value::Int(IntKind::Duration, nanos)
}

/// The time of a value that the executor has checked to be one.
pub(super) fn time_of(value: &Value) -> GoTime {
    match value {
        Value::Object(object) => match &**object {
            Object::Time(time) => time.clone(),
            _ => GoTime::zero(),
        },
        _ => GoTime::zero(),
    }
}

/// A time, or seconds since 1970, or else now.
fn any_time(value: &Value) -> GoTime {
    match value {
        Value::Int(IntKind::Int | IntKind::Int64, n) => GoTime::from_unix(*n),
        Value::Object(object) if matches!(**object, Object::Time(_)) => time_of(value),
        _ => GoTime::now(),
    }
}

fn date_in_zone(layout: &str, date: &Value, zone: &str) -> String {
    any_time(date).in_zone(load_zone(zone).unwrap_or(Zone::Utc)).format(layout)
}

fn duration_round(value: &Value) -> String {
    let nanos = match value {
        Value::Str(text) => parse_duration(text).unwrap_or(0),
        Value::Int(IntKind::Int64, n) => *n,
        Value::Object(object) if matches!(**object, Object::Time(_)) => GoTime::now().since(&time_of(value)),
        _ => 0,
    };
    let n = nanos.unsigned_abs();
    let hour = 3600 * SECOND as u64;
    let units = [
        (hour * 24 * 365, "y"),
        (hour * 24 * 30, "mo"),
        (hour * 24, "d"),
        (hour, "h"),
        (60 * SECOND as u64, "m"),
        (SECOND as u64, "s"),
    ];
    match units.iter().find(|(unit, _)| n > *unit) {
        Some((unit, name)) => format!("{}{name}", n / unit),
        None => "0s".into(),
    }
}

/// Helm's reading of durations: texts of Go, or numbers of seconds.
fn as_duration(value: &Value) -> Result<i64, String> {
    let limit = i64::MAX / SECOND;
    match value {
        Value::Int(IntKind::Duration, n) => Ok(*n),
        Value::Int(_, n) if n.unsigned_abs() > limit.unsigned_abs() => {
            Err(format!("duration seconds overflow: {n}"))
        }
        Value::Int(_, n) => Ok(n * SECOND),
        Value::Float(f) => seconds(*f),
        Value::Str(text) => {
            let trimmed = text.trim();
            if trimmed.is_empty() {
                return Err("empty duration".into());
            }
            if let Ok(nanos) = parse_duration(trimmed) {
                return Ok(nanos);
            }
            match parse_float(trimmed) {
                Ok(f) => seconds(f),
                Err(_) => Err(format!("could not parse duration {}", quote(text))),
            }
        }
        Value::Nil => Err("invalid duration".into()),
        other => Err(format!("unsupported duration type {}", other.type_name())),
    }
}

fn seconds(f: f64) -> Result<i64, String> {
    if !f.is_finite() {
        return Err(format!("invalid duration seconds: {}", float_text(f)));
    }
    let limit = i64::MAX as f64 / SECOND as f64;
    if f.abs() > limit {
        return Err(format!("duration seconds overflow: {}", float_text(f)));
    }
    Ok((f * SECOND as f64) as i64)
}

fn in_units(value: &Value, unit: i64) -> Value {
    let nanos = as_duration(value).unwrap_or(0);
    Value::Float((nanos / unit) as f64 + (nanos % unit) as f64 / unit as f64)
}

fn hours(value: &Value) -> f64 {
    match in_units(value, 3600 * SECOND) {
        Value::Float(f) => f,
        _ => 0.0,
    }
}

fn to_multiple(args: &[Value], op: fn(i64, i64) -> i64) -> Value {
    let Ok(nanos) = as_duration(&args[0]) else { return of_duration(0) };
    match as_duration(&args[1]) {
        Ok(multiple) => of_duration(op(nanos, multiple)),
        Err(_) => of_duration(nanos),
    }
}
