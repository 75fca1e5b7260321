//! Verbs of numbers.

use super::{Flags, bad_verb, pad};
use crate::golang::number::format_float;
use crate::text::{is_print, quote};
use crate::value::Value;

pub(super) fn format_integer(
    out: &mut String,
    value: &Value,
    n: i64,
    unsigned: bool,
    verb: char,
    flags: &Flags,
) {
    let magnitude = if unsigned { n as u64 } else { n.unsigned_abs() };
    let digits = match verb {
        'v' | 'd' => magnitude.to_string(),
        'b' => format!("{magnitude:b}"),
        'o' | 'O' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 's' | 't' | 'p' => return bad_verb(out, value, verb, flags),
        'c' | 'q' | 'U' => {
            let c = u32::try_from(n).ok().and_then(char::from_u32).unwrap_or('\u{FFFD}');
            let magnitude = n as u64;
            return match verb {
                'c' => pad(out, &c.to_string(), flags),
                'q' => pad(out, &quote_char(c, flags.plus), flags),
                _ => {
                    let digits = flags.precision.unwrap_or(0).max(4);
                    let is_shown = flags.sharp && magnitude <= u64::from(u32::from(char::MAX)) && is_print(c);
                    let shown = if is_shown { format!(" '{c}'") } else { String::new() };
                    let blank = Flags { zero: false, ..flags.clone() };
                    let code = format!("{magnitude:X}");
                    let zeros = "0".repeat(digits.saturating_sub(code.len()));
                    pad(out, &format!("U+{zeros}{code}{shown}"), &blank)
                }
            };
        }
        _ => return bad_verb(out, value, verb, flags),
    };
    let negative = !unsigned && n < 0;
    let digits = if flags.sharp_v && unsigned && verb == 'v' { format!("{magnitude:x}") } else { digits };
    let sign = if negative {
        "-"
    } else if flags.plus {
        "+"
    } else if flags.space {
        " "
    } else {
        ""
    };
    let mut body = digits;
    if let Some(precision) = flags.precision {
        if precision == 0 && n == 0 {
            let blank = Flags { zero: false, ..flags.clone() };
            return pad(out, "", &blank);
        }
        body = "0".repeat(precision.saturating_sub(body.len())) + &body;
    } else if flags.zero && !flags.minus {
        let width = flags.width.unwrap_or(0).saturating_sub(sign.len());
        body = "0".repeat(width.saturating_sub(body.len())) + &body;
    }
    let prefix = match verb {
        'b' if flags.sharp => "0b",
        'o' if flags.sharp && !body.starts_with('0') => "0",
        'x' if flags.sharp => "0x",
        'X' if flags.sharp => "0X",
        'v' if flags.sharp_v && unsigned => "0x",
        'O' if flags.sharp && !body.starts_with('0') => "0o0",
        'O' => "0o",
        _ => "",
    };
    let blank = Flags { zero: false, ..flags.clone() };
    pad(out, &format!("{sign}{prefix}{body}"), &blank);
}

fn quote_char(c: char, is_ascii: bool) -> String {
    match c {
        '\'' => "'\\''".into(),
        '"' => "'\"'".into(),
        _ => {
            let text = c.to_string();
            let quoted = if is_ascii { super::quote_ascii(&text) } else { quote(&text) };
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}

pub(super) fn format_float_verb(out: &mut String, value: &Value, f: f64, verb: char, flags: &Flags) {
    let (format, precision) = match verb {
        'v' => ('g', -1),
        'b' | 'g' | 'G' | 'x' | 'X' => (verb, -1),
        'e' | 'E' | 'f' => (verb, 6),
        'F' => ('f', 6),
        _ => return bad_verb(out, value, verb, flags),
    };
    let precision = flags.precision.map_or(precision, |p| p as i32);
    let mut text = match format {
        'b' => binary_float(f),
        'x' | 'X' if f.is_finite() => hex_float(f, format, precision),
        _ => format_float(f, format as u8, precision, false),
    };
    if !text.starts_with(['+', '-']) {
        text.insert(0, '+');
    }
    if flags.space && text.starts_with('+') && !flags.plus {
        text.replace_range(..1, " ");
    }
    if !f.is_finite() {
        let text = if f.is_nan() && !flags.plus && !flags.space { &text[1..] } else { &text };
        return pad(out, text, &Flags { zero: false, ..flags.clone() });
    }
    if flags.sharp && format != 'b' {
        text = with_point(&text, format, precision);
    }
    if flags.plus || !text.starts_with('+') {
        if flags.zero && !flags.minus && flags.width.is_some_and(|w| w > text.len()) {
            // The sign goes before the zeros.
            out.push_str(&text[..1]);
            let rest = Flags { width: flags.width.map(|w| w - 1), ..flags.clone() };
            return pad(out, &text[1..], &rest);
        }
        return pad(out, &text, flags);
    }
    pad(out, &text[1..], flags);
}

/// `%#`: a decimal point in any case, and the zeros behind it that the format dropped.
fn with_point(text: &str, format: char, precision: i32) -> String {
    let mut missing = match format {
        'g' | 'G' | 'x' if precision == -1 => 6,
        'g' | 'G' | 'x' => precision,
        _ => 0,
    };
    let is_tail = |c: char| match c {
        'p' | 'P' => true,
        'e' | 'E' => !matches!(format, 'x' | 'X'),
        _ => false,
    };
    let (number, tail) = text.split_at(text.find(is_tail).unwrap_or(text.len()));
    let digits = number[1..].chars().filter(|c| *c != '.');
    missing -= digits.skip_while(|c| *c == '0').count() as i32;
    let mut out = number.to_owned();
    if !number.contains('.') {
        if &number[1..] == "0" {
            missing -= 1;
        }
        out.push('.');
    }
    (0..missing.max(0)).for_each(|_| out.push('0'));
    out + tail
}

/// `%b` of a float: the mantissa as it is and a power of two.
fn binary_float(f: f64) -> String {
    if !f.is_finite() {
        return format_float(f, b'g', -1, false);
    }
    let bits = f.to_bits();
    let sign = if bits >> 63 == 1 { "-" } else { "" };
    let exponent = ((bits >> 52) & 0x7FF) as i64;
    let fraction = bits & ((1 << 52) - 1);
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    let power = exponent.max(1) - 1075;
    format!("{sign}{mantissa}p{power:+}")
}

/// `%x` of a float: hexadecimal digits, rounded to the precision, and a power of two.
fn hex_float(f: f64, format: char, precision: i32) -> String {
    let bits = f.to_bits();
    let sign = if bits >> 63 == 1 { "-" } else { "" };
    let mut exponent = ((bits >> 52) & 0x7FF) as i64 - 1023;
    let mut mantissa = bits & ((1 << 52) - 1);
    if exponent == -1023 {
        exponent = -1022;
    } else {
        mantissa |= 1 << 52;
    }
    if mantissa == 0 {
        exponent = 0;
    }
    // One bit before the point, 60 behind it.
    mantissa <<= 8;
    while mantissa != 0 && mantissa & (1 << 60) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if (0..15).contains(&precision) {
        let shift = precision as u32 * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut text = format!("{sign}0x{}", (mantissa >> 60) & 1);
    let mut fraction = mantissa << 4;
    if precision > 0 || precision < 0 && fraction != 0 {
        text.push('.');
        let mut left = if precision < 0 { i32::MAX } else { precision };
        while left > 0 && (precision >= 0 || fraction != 0) {
            text.push(char::from_digit((fraction >> 60) as u32, 16).unwrap_or('0'));
            fraction <<= 4;
            left -= 1;
        }
    }
    let power_sign = if exponent < 0 { '-' } else { '+' };
    text.push_str(&format!("p{power_sign}{:02}", exponent.abs()));
    if format == 'X' { text.to_uppercase() } else { text }
}
