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
                'q' => pad(out, &quote_char(c), flags),
                _ if flags.sharp && is_print(c) => pad(out, &format!("U+{magnitude:04X} '{c}'"), flags),
                _ => pad(out, &format!("U+{magnitude:04X}"), flags),
            };
        }
        _ => return bad_verb(out, value, verb, flags),
    };
    let negative = !unsigned && n < 0;
    let prefix = match verb {
        'b' if flags.sharp => "0b",
        'o' if flags.sharp && !digits.starts_with('0') => "0",
        'x' if flags.sharp => "0x",
        'X' if flags.sharp => "0X",
        'v' if flags.sharp_v && unsigned => "0x",
        'O' => "0o",
        _ => "",
    };
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
        while body.len() < precision {
            body.insert(0, '0');
        }
    } else if flags.zero && !flags.minus {
        let width = flags.width.unwrap_or(0).saturating_sub(sign.len());
        while body.len() < width {
            body.insert(0, '0');
        }
    }
    let blank = Flags { zero: false, ..flags.clone() };
    pad(out, &format!("{sign}{prefix}{body}"), &blank);
}

fn quote_char(c: char) -> String {
    match c {
        '\'' => "'\\''".into(),
        '"' => "'\"'".into(),
        _ => {
            let quoted = quote(&c.to_string());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}

pub(super) fn format_float_verb(out: &mut String, value: &Value, f: f64, verb: char, flags: &Flags) {
    let (format, precision) = match verb {
        'v' | 'g' => (b'g', -1),
        'G' => (b'G', -1),
        'e' => (b'e', 6),
        'E' => (b'E', 6),
        'f' | 'F' => (b'f', 6),
        'x' | 'X' | 'b' => return pad(out, &hex_float(f, verb), flags),
        _ => return bad_verb(out, value, verb, flags),
    };
    let precision = flags.precision.map_or(precision, |p| p as i32);
    let mut text = format_float(f, format, precision, false);
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
    if flags.sharp && matches!(verb, 'g' | 'G' | 'e' | 'E' | 'f' | 'F') && !text.contains('.') {
        let at = text.find(['e', 'E']).unwrap_or(text.len());
        text.insert(at, '.');
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

/// `%x` and `%b` of a float: mantissa and a power of two.
fn hex_float(f: f64, verb: char) -> String {
    let bits = f.to_bits();
    let sign = if bits >> 63 == 1 { "-" } else { "" };
    let exponent = ((bits >> 52) & 0x7FF) as i64;
    let fraction = bits & ((1 << 52) - 1);
    if verb == 'b' {
        let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
        let power = exponent.max(1) - 1075;
        return format!("{sign}{mantissa}p{power:+}");
    }
    if f == 0.0 {
        let text = format!("{sign}0x0p+00");
        return if verb == 'X' { text.to_uppercase() } else { text };
    }
    let digits = format!("{fraction:013x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    let power = exponent - 1023;
    let power_sign = if power < 0 { '-' } else { '+' };
    let text = format!("{sign}0x1{point}{digits}p{power_sign}{:02}", power.abs());
    if verb == 'X' { text.to_uppercase() } else { text }
}
