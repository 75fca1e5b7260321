//! Reading times by a layout.

use super::{Part, next_part};
use crate::golang::time::quote;
use crate::golang::time::{DAYS, GoTime, MONTHS, Zone, days_in};

/// What parsing has found so far.
#[derive(Default)]
struct Found {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    pm: Option<bool>,
    offset: Option<i32>,
    zone: Option<String>,
}

/// `time.ParseInLocation` in UTC. The errors are Go's.
pub fn parse_time(layout: &str, value: &str) -> Result<GoTime, String> {
    let fail = |value_part: &str, layout_part: &str, message: &str| {
        if message.is_empty() {
            format!(
                "parsing time {} as {}: cannot parse {} as {}",
                quote(value),
                quote(layout),
                quote(value_part),
                quote(layout_part)
            )
        } else {
            format!("parsing time {}{message}", quote(value))
        }
    };
    let mut found = Found::default();
    let (mut rest_layout, mut rest) = (layout, value);
    loop {
        let (prefix, part, tail) = next_part(rest_layout);
        let part_text = &rest_layout[prefix.len()..rest_layout.len() - tail.len()];
        rest = skip_prefix(rest, prefix).ok_or_else(|| fail(rest, prefix, ""))?;
        let Some(part) = part else {
            if !rest.is_empty() {
                return Err(fail("", "", &format!(": extra text: {}", quote(rest))));
            }
            break;
        };
        rest_layout = tail;
        let next_is_fraction = matches!(next_part(tail), ("", Some(Part::Fraction { .. }), _));
        match read_part(part, rest, next_is_fraction, &mut found) {
            Ok(after) => rest = after,
            Err(Unread::Syntax) => return Err(fail(rest, part_text, "")),
            Err(Unread::Range(what)) => return Err(fail("", "", &format!(": {what} out of range"))),
        }
    }
    finish(found).map_err(|what| fail("", "", &format!(": {what} out of range")))
}

enum Unread {
    Syntax,
    Range(&'static str),
}

fn skip_prefix<'a>(mut value: &'a str, prefix: &str) -> Option<&'a str> {
    let mut prefix = prefix;
    while !prefix.is_empty() {
        if let Some(rest) = prefix.strip_prefix(' ') {
            if !value.is_empty() && !value.starts_with(' ') {
                return None;
            }
            prefix = rest.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
            continue;
        }
        let c = prefix.chars().next()?;
        value = value.strip_prefix(c)?;
        prefix = &prefix[c.len_utf8()..];
    }
    Some(value)
}

fn number(value: &str, min: usize, max: usize) -> Result<(i64, &str), Unread> {
    let n = value.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if n < min.max(1) {
        return Err(Unread::Syntax);
    }
    Ok((value[..n].parse().map_err(|_| Unread::Syntax)?, &value[n..]))
}

fn name<'a>(value: &'a str, names: &[&str], short: bool) -> Result<(i64, &'a str), Unread> {
    for (i, name) in names.iter().enumerate() {
        let name = if short { &name[..3] } else { name };
        if value.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            return Ok((i as i64, &value[name.len()..]));
        }
    }
    Err(Unread::Syntax)
}

fn read_part<'a>(
    part: Part,
    value: &'a str,
    fraction_next: bool,
    found: &mut Found,
) -> Result<&'a str, Unread> {
    let in_range = |n: i64, limit: i64, what: &'static str| {
        if n >= limit { Err(Unread::Range(what)) } else { Ok(n) }
    };
    let rest;
    match part {
        Part::LongYear => {
            let n;
            (n, rest) = number(value, 4, 4)?;
            found.year = n;
        }
        Part::Year => {
            let n;
            (n, rest) = number(value, 2, 2)?;
            found.year = if n >= 69 { 1900 + n } else { 2000 + n };
        }
        Part::LongMonth | Part::Month => {
            let n;
            (n, rest) = name(value, &MONTHS, part == Part::Month)?;
            found.month = Some(n + 1);
        }
        Part::NumMonth | Part::ZeroMonth => {
            let n;
            (n, rest) = number(value, if part == Part::ZeroMonth { 2 } else { 1 }, 2)?;
            if n == 0 || n > 12 {
                return Err(Unread::Range("month"));
            }
            found.month = Some(n);
        }
        Part::LongWeekDay | Part::WeekDay => (_, rest) = name(value, &DAYS, part == Part::WeekDay)?,
        Part::Day | Part::UnderDay | Part::ZeroDay => {
            let value = if part == Part::UnderDay { value.strip_prefix(' ').unwrap_or(value) } else { value };
            let n;
            (n, rest) = number(value, if part == Part::ZeroDay { 2 } else { 1 }, 2)?;
            found.day = Some(n);
        }
        Part::UnderYearDay | Part::ZeroYearDay => {
            let n;
            (n, rest) = number(value.trim_start_matches(' '), 1, 3)?;
            found.year_day = Some(n);
        }
        Part::Hour => {
            let n;
            (n, rest) = number(value, 1, 2)?;
            found.hour = in_range(n, 24, "hour")?;
        }
        Part::Hour12 | Part::ZeroHour12 => {
            let n;
            (n, rest) = number(value, if part == Part::ZeroHour12 { 2 } else { 1 }, 2)?;
            found.hour = in_range(n, 13, "hour")?;
        }
        Part::Minute | Part::ZeroMinute => {
            let n;
            (n, rest) = number(value, if part == Part::ZeroMinute { 2 } else { 1 }, 2)?;
            found.minute = in_range(n, 60, "minute")?;
        }
        Part::Second | Part::ZeroSecond => {
            let (n, after) = number(value, if part == Part::ZeroSecond { 2 } else { 1 }, 2)?;
            found.second = in_range(n, 60, "second")?;
            // A fraction may follow although the layout does not say so.
            rest = if !fraction_next { read_fraction(after, None, found).unwrap_or(after) } else { after };
        }
        Part::UpperPm | Part::LowerPm => {
            let (am, pm) = if part == Part::UpperPm { ("AM", "PM") } else { ("am", "pm") };
            if let Some(after) = value.strip_prefix(pm) {
                found.pm = Some(true);
                rest = after;
            } else {
                rest = value.strip_prefix(am).ok_or(Unread::Syntax)?;
                found.pm = Some(false);
            }
        }
        Part::Zone => {
            if let Some(after) = value.strip_prefix("UTC") {
                found.offset = Some(0);
                found.zone = Some("UTC".into());
                rest = after;
            } else {
                let n = value.bytes().take_while(u8::is_ascii_uppercase).count();
                if !(3..=5).contains(&n) {
                    return Err(Unread::Syntax);
                }
                found.zone = Some(value[..n].into());
                rest = &value[n..];
            }
        }
        Part::Offset { iso: true, .. } if value.starts_with('Z') => {
            found.offset = Some(0);
            found.zone = Some("UTC".into());
            rest = &value[1..];
        }
        Part::Offset { colon, seconds, short, .. } => {
            let sign = match value.as_bytes().first() {
                Some(b'+') => 1,
                Some(b'-') => -1,
                _ => return Err(Unread::Syntax),
            };
            let mut after = &value[1..];
            let mut total = 0;
            let fields = if short { 1 } else { 2 + usize::from(seconds) };
            for (i, unit) in [3600, 60, 1].into_iter().take(fields).enumerate() {
                if i > 0 && colon {
                    after = after.strip_prefix(':').ok_or(Unread::Syntax)?;
                }
                let (n, tail) = number(after, 2, 2)?;
                total += n as i32 * unit;
                after = tail;
            }
            found.offset = Some(sign * total);
            rest = after;
        }
        Part::Fraction { digits, nines, .. } => {
            rest = match read_fraction(value, (!nines).then_some(digits), found) {
                Some(after) => after,
                None if nines => value,
                None => return Err(Unread::Syntax),
            };
        }
    }
    Ok(rest)
}

fn read_fraction<'a>(value: &'a str, digits: Option<usize>, found: &mut Found) -> Option<&'a str> {
    if !value.starts_with(['.', ',']) {
        return None;
    }
    let n = value[1..].bytes().take_while(u8::is_ascii_digit).count();
    if n == 0 || digits.is_some_and(|d| d != n) {
        return None;
    }
    let text: String = value[1..=n].chars().chain("000000000".chars()).take(9).collect();
    found.nanos = text.parse().ok()?;
    Some(&value[1 + n..])
}

fn finish(found: Found) -> Result<GoTime, &'static str> {
    let hour = match found.pm {
        Some(true) if found.hour < 12 => found.hour + 12,
        Some(false) if found.hour == 12 => 0,
        _ => found.hour,
    };
    let (mut month, mut day) = (found.month.unwrap_or(1), found.day.unwrap_or(1));
    if let Some(n) = found.year_day {
        if n < 1 || n > 337 + i64::from(days_in(found.year, 2)) {
            return Err("day-of-year");
        }
        if found.month.is_none() && found.day.is_none() {
            (month, day) = (1, n);
        }
    } else if day < 1 || day > i64::from(days_in(found.year, month as u32)) {
        return Err("day");
    }
    let zone = match (found.offset, found.zone) {
        (Some(0), Some(name)) if name == "UTC" => Zone::Utc,
        (Some(0), None) => Zone::Utc,
        (Some(offset), name) => Zone::Fixed(offset, name.unwrap_or_default()),
        (None, Some(name)) => Zone::Fixed(0, name),
        (None, None) => Zone::Utc,
    };
    Ok(GoTime::from_civil((found.year, month, day), (hour, found.minute, found.second), found.nanos, zone))
}
