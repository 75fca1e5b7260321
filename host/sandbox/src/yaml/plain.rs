//! What plain texts of YAML 1.1 mean besides what the library knows of YAML 1.2.

use serde_json::{Number, Value};

/// The value of a text without quotes.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return true.into(),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return false.into(),
        _ => {}
    }
    let starts = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    if !starts || is_date(text) {
        return text.into();
    }
    let plain = text.replace('_', "");
    if let Some(number) = whole(&plain) {
        return number;
    }
    match is_float(&plain).then(|| plain.parse::<f64>().ok()).flatten() {
        Some(number) => float(number),
        None => text.into(),
    }
}

/// A number as it comes out of the JSON that Go makes of it: whole ones have no fraction.
pub(super) fn float(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return (number as i64).into();
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// A whole number as Go reads it: a leading nought means octal.
fn whole(text: &str) -> Option<Value> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_str() {
        digits if digits.starts_with("0x") => (16, &digits[2..]),
        digits if digits.starts_with("0o") => (8, &digits[2..]),
        digits if digits.starts_with("0b") => (2, &digits[2..]),
        digits if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        digits => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let number = i128::from_str_radix(digits, radix).ok()? * sign;
    i64::try_from(number).map(Value::from).or_else(|_| u64::try_from(number).map(Value::from)).ok()
}

/// Whether Go takes a text for a number with a fraction or an exponent.
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let some = !whole.is_empty() || !fraction.is_empty();
    some && digits(whole) && digits(fraction) && exponent.is_none_or(|e| !e.is_empty() && digits(e))
}

/// Whether Go takes a text for a time.
pub(super) fn is_time(text: &str) -> bool {
    let day = text.get(..10).unwrap_or(text);
    let date = jiff::civil::Date::strptime("%Y-%m-%d", day).is_ok();
    date && (text.len() == 10 || text[10..].starts_with(['T', 't', ' ']))
}

/// Dates stay texts.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}
