//! What type a plain scalar has: YAML 1.1 as go-yaml v2 understands it.

use crate::golang::number::{parse_float, parse_int, parse_uint};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date or time; it reads as its text.
    Timestamp,
    String,
}

impl Resolved {
    /// The short tag, for messages.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::String => "!!str",
        }
    }
}

/// The type of a scalar without a tag. `timestamps` is off for scalars tagged as another type.
pub(super) fn resolve(text: &str, timestamps: bool) -> Resolved {
    let Some(&first) = text.as_bytes().first() else { return Resolved::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" => Resolved::Float(f64::INFINITY),
            _ => parse_float(text).map_or(Resolved::String, Resolved::Float),
        },
        b'+' | b'-' | b'0'..=b'9' => number(text, timestamps),
        _ => Resolved::String,
    }
}

fn word(text: &str) -> Resolved {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        _ => Resolved::String,
    }
}

fn number(text: &str, timestamps: bool) -> Resolved {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if timestamps && is_timestamp(text) {
        return Resolved::Timestamp;
    }
    let without;
    let plain = if text.contains('_') {
        without = text.replace('_', "");
        &without
    } else {
        text
    };
    if let Ok(value) = parse_int(plain, 0) {
        return Resolved::Int(value);
    }
    if let Ok(value) = parse_uint(plain, 0) {
        return Resolved::Uint(value);
    }
    if looks_like_float(plain)
        && let Ok(value) = parse_float(plain)
    {
        return Resolved::Float(value);
    }
    Resolved::String
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn looks_like_float(text: &str) -> bool {
    fn digits(s: &[u8]) -> usize {
        s.iter().take_while(|c| c.is_ascii_digit()).count()
    }
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let whole = digits(rest);
    rest = &rest[whole..];
    if rest.first() == Some(&b'.') {
        let part = digits(&rest[1..]);
        if whole == 0 && part == 0 {
            return false;
        }
        rest = &rest[1 + part..];
    } else if whole == 0 {
        return false;
    }
    if matches!(rest.first(), Some(b'e' | b'E')) {
        rest = &rest[1..];
        if matches!(rest.first(), Some(b'+' | b'-')) {
            rest = &rest[1..];
        }
        let exponent = digits(rest);
        return exponent > 0 && exponent == rest.len();
    }
    rest.is_empty()
}

/// `2006-1-2`, optionally with a time; times after `T` need a zone, those after a space have none.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let year = bytes[..4].iter().fold(0u32, |n, c| n * 10 + u32::from(c - b'0'));
    let month_end = field_end(bytes, 5);
    let Some(month) = parse_field(&bytes[5..month_end], 13).filter(|m| *m > 0) else { return false };
    if bytes.get(month_end) != Some(&b'-') {
        return false;
    }
    let day_at = month_end + 1;
    let day_end = field_end(bytes, day_at);
    let Some(day) = parse_field(&bytes[day_at..day_end], 32) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day == 0 || day > days {
        return false;
    }
    let rest = &bytes[day_end..];
    match rest.first() {
        None => true,
        Some(b'T' | b't') => time_of_day(&rest[1..]).is_some_and(is_zone),
        Some(b' ') => time_of_day(&rest[1..]).is_some_and(<[u8]>::is_empty),
        _ => false,
    }
}

fn field_end(bytes: &[u8], from: usize) -> usize {
    let from = from.min(bytes.len());
    from + bytes[from..].iter().take(2).take_while(|c| c.is_ascii_digit()).count()
}

fn parse_field(bytes: &[u8], limit: u32) -> Option<u32> {
    let value = bytes.iter().fold(0u32, |n, c| n * 10 + u32::from(c - b'0'));
    (!bytes.is_empty() && value < limit).then_some(value)
}

/// Reads `15:4:5.999`; what follows it, or nothing if it is not a time.
fn time_of_day(bytes: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    for (i, limit) in [24, 60, 60].into_iter().enumerate() {
        if i > 0 {
            if bytes.get(at) != Some(&b':') {
                return None;
            }
            at += 1;
        }
        let end = field_end(bytes, at);
        parse_field(&bytes[at..end], limit)?;
        at = end;
    }
    if matches!(bytes.get(at), Some(b'.' | b',')) && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
        at += 1 + bytes[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
    }
    Some(&bytes[at..])
}

/// `Z` or `+07:00`.
fn is_zone(bytes: &[u8]) -> bool {
    match bytes {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => {
            [h1, h2, m1, m2].iter().all(|c| c.is_ascii_digit())
                && (h1 - b'0') * 10 + (h2 - b'0') <= 24
                && (m1 - b'0') * 10 + (m2 - b'0') < 60
        }
        _ => false,
    }
}

/// Numbers like `12:30:45`, which older YAML reads as base 60: never written plain.
pub(super) fn is_base60(text: &str) -> bool {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = rest.split(':');
    let first = parts.next().unwrap_or_default();
    if !first.starts_with(|c: char| c.is_ascii_digit())
        || !first.bytes().all(|c| c.is_ascii_digit() || c == b'_')
    {
        return false;
    }
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return false };
    let sixty = |p: &str| match p.as_bytes() {
        [a] => a.is_ascii_digit(),
        [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
        _ => false,
    };
    let (whole, fraction) = last.split_once('.').unwrap_or((last, ""));
    middle.iter().all(|p| sixty(p))
        && sixty(whole)
        && fraction.bytes().all(|c| c.is_ascii_digit() || c == b'_')
}
