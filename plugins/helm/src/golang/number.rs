//! Numbers as Go's `strconv` reads and writes them.

/// Why a text is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// Not written like a number.
    Syntax,
    /// Written like one, but too large.
    Range,
}

impl NumberError {
    /// The words Go uses.
    pub fn text(self) -> &'static str {
        match self {
            Self::Syntax => "invalid syntax",
            Self::Range => "value out of range",
        }
    }
}

fn underscores_fit(s: &str) -> bool {
    let mut rest = s.strip_prefix(['+', '-']).unwrap_or(s).as_bytes();
    let mut saw = b'^';
    let mut hex = false;
    if rest.len() >= 2 && rest[0] == b'0' && matches!(rest[1] | 0x20, b'b' | b'o' | b'x') {
        hex = rest[1] | 0x20 == b'x';
        rest = &rest[2..];
        saw = b'0';
    }
    for &c in rest {
        if c.is_ascii_digit() || (hex && c.is_ascii_hexdigit()) {
            saw = b'0';
        } else if c == b'_' {
            if saw != b'0' {
                return false;
            }
            saw = b'_';
        } else {
            if saw == b'_' {
                return false;
            }
            saw = b'!';
        }
    }
    saw != b'_'
}

/// `strconv.ParseUint` for 64 bits; base 0 follows Go's literals.
pub fn parse_uint(s: &str, base: u32) -> Result<u64, NumberError> {
    let (mut digits, mut radix) = (s, base);
    if base == 0 {
        radix = 10;
        if let Some(rest) = s.strip_prefix('0') {
            let prefix = rest.as_bytes().first().map(|c| c | 0x20);
            (digits, radix) = match prefix {
                Some(b'x') if rest.len() > 1 => (&rest[1..], 16),
                Some(b'b') if rest.len() > 1 => (&rest[1..], 2),
                Some(b'o') if rest.len() > 1 => (&rest[1..], 8),
                None => (s, 10),
                _ => (rest, 8),
            };
        }
    }
    if digits.is_empty() {
        return Err(NumberError::Syntax);
    }
    let (mut value, mut over, mut underscores) = (0u64, false, false);
    for c in digits.chars() {
        if c == '_' && base == 0 {
            underscores = true;
            continue;
        }
        let digit = c.to_digit(36).filter(|d| *d < radix).ok_or(NumberError::Syntax)?;
        match value.checked_mul(u64::from(radix)).and_then(|v| v.checked_add(u64::from(digit))) {
            Some(next) => value = next,
            None => over = true,
        }
    }
    if underscores && !underscores_fit(s) {
        return Err(NumberError::Syntax);
    }
    if over { Err(NumberError::Range) } else { Ok(value) }
}

/// `strconv.ParseInt` for 64 bits.
pub fn parse_int(s: &str, base: u32) -> Result<i64, NumberError> {
    let (negative, digits) = match s.as_bytes().first() {
        Some(b'-') => (true, &s[1..]),
        Some(b'+') => (false, &s[1..]),
        _ => (false, s),
    };
    let value = parse_uint(digits, base)?;
    match (negative, value) {
        (false, v) => i64::try_from(v).map_err(|_| NumberError::Range),
        (true, v) if v <= 1 << 63 => Ok((v as i64).wrapping_neg()),
        _ => Err(NumberError::Range),
    }
}

/// `strconv.ParseFloat` for 64 bits.
pub fn parse_float(s: &str) -> Result<f64, NumberError> {
    let (negative, body) = match s.as_bytes().first() {
        Some(b'-') => (true, &s[1..]),
        Some(b'+') => (false, &s[1..]),
        _ => (false, s),
    };
    let signed = |f: f64| if negative { -f } else { f };
    match body.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Ok(signed(f64::INFINITY)),
        "nan" => return Ok(f64::NAN),
        _ => {}
    }
    if body.contains('_') && !underscores_fit(s) {
        return Err(NumberError::Syntax);
    }
    let plain = body.replace('_', "");
    let value = match plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X")) {
        Some(hex) => parse_hex_float(hex)?,
        None => {
            let shaped = plain.bytes().all(|c| c.is_ascii_digit() || b".eE+-".contains(&c));
            if !shaped || !plain.bytes().any(|c| c.is_ascii_digit()) {
                return Err(NumberError::Syntax);
            }
            plain.parse::<f64>().map_err(|_| NumberError::Syntax)?
        }
    };
    if value.is_infinite() { Err(NumberError::Range) } else { Ok(signed(value)) }
}

fn parse_hex_float(s: &str) -> Result<f64, NumberError> {
    let at = s.find(['p', 'P']).ok_or(NumberError::Syntax)?;
    let exponent: i64 = s[at + 1..].parse().map_err(|_| NumberError::Syntax)?;
    let (whole, part) = s[..at].split_once('.').unwrap_or((&s[..at], ""));
    if whole.is_empty() && part.is_empty() {
        return Err(NumberError::Syntax);
    }
    let (mut mantissa, mut shift) = (0u128, exponent);
    for (c, fraction) in whole.chars().map(|c| (c, false)).chain(part.chars().map(|c| (c, true))) {
        let digit = c.to_digit(16).ok_or(NumberError::Syntax)?;
        if mantissa >> 100 == 0 {
            mantissa = mantissa << 4 | u128::from(digit);
            if fraction {
                shift -= 4;
            }
        } else if !fraction {
            shift += 4;
        }
    }
    let mut value = mantissa as f64;
    // Two steps, so that neither factor leaves the range on its own.
    let shift = shift.clamp(-2200, 2200) as i32;
    value *= 2f64.powi(shift / 2);
    value *= 2f64.powi(shift - shift / 2);
    Ok(value)
}

struct Digits {
    negative: bool,
    digits: Vec<u8>,
    /// Place of the decimal point: the value is 0.digits * 10^point.
    point: i32,
}

fn digits_of(formatted: &str) -> Digits {
    let negative = formatted.starts_with('-');
    let body = formatted.trim_start_matches('-');
    let (mantissa, exponent) = body.split_once('e').unwrap_or((body, "0"));
    let mut digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let mut point = exponent.parse::<i32>().unwrap_or(0) + 1;
    while digits.len() > 1 && digits.last() == Some(&b'0') {
        digits.pop();
    }
    if digits == b"0" {
        digits.clear();
        point = 0;
    }
    Digits { negative, digits, point }
}

/// Digits beyond these are zeros for every number.
const MAX_DIGITS: usize = 1100;

/// `strconv.FormatFloat(value, format, precision, 64)`, or for 32 bits; precision -1 is the shortest that
/// reads back the same. Formats: `e E f F g G`.
pub fn format_float(value: f64, format: u8, precision: i32, single: bool) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let shortest = precision < 0;
    let lower = format | 0x20;
    let scientific = |p: usize| {
        let p = p.min(MAX_DIGITS);
        match single {
            true => format!("{:.*e}", p, value as f32),
            false => format!("{value:.p$e}"),
        }
    };
    let digits = if shortest {
        digits_of(&if single { format!("{:e}", value as f32) } else { format!("{value:e}") })
    } else {
        match lower {
            b'e' => digits_of(&scientific(precision as usize)),
            b'g' => digits_of(&scientific((precision.max(1) - 1) as usize)),
            _ => {
                let p = (precision as usize).min(MAX_DIGITS);
                let mut text = match single {
                    true => format!("{:.*}", p, value as f32),
                    false => format!("{value:.p$}"),
                };
                text.extend(std::iter::repeat_n('0', precision as usize - p));
                return text;
            }
        }
    };
    let count = digits.digits.len() as i32;
    let precision = match lower {
        b'e' if shortest => (count - 1).max(0),
        b'f' if shortest => (count - digits.point).max(0),
        b'g' if shortest => count,
        b'g' => precision.max(1),
        _ => precision,
    };
    match lower {
        b'e' => exponent_form(&digits, precision, format),
        b'f' => plain_form(&digits, precision),
        _ => {
            let mut limit = precision;
            if limit > count && count >= digits.point {
                limit = count;
            }
            if shortest {
                limit = 6;
            }
            let exponent = digits.point - 1;
            if exponent < -4 || exponent >= limit {
                exponent_form(&digits, precision.min(count) - 1, if format == b'G' { b'E' } else { b'e' })
            } else {
                plain_form(&digits, (count - digits.point).max(0))
            }
        }
    }
}

fn exponent_form(d: &Digits, precision: i32, letter: u8) -> String {
    let mut out = String::new();
    if d.negative {
        out.push('-');
    }
    out.push(d.digits.first().map_or('0', |c| *c as char));
    if precision > 0 {
        out.push('.');
        for i in 1..=precision as usize {
            out.push(d.digits.get(i).map_or('0', |c| *c as char));
        }
    }
    let exponent = if d.digits.is_empty() { 0 } else { d.point - 1 };
    out.push(letter as char);
    out.push(if exponent < 0 { '-' } else { '+' });
    out.push_str(&format!("{:02}", exponent.abs()));
    out
}

fn plain_form(d: &Digits, precision: i32) -> String {
    let mut out = String::new();
    if d.negative {
        out.push('-');
    }
    if d.point > 0 {
        for i in 0..d.point as usize {
            out.push(d.digits.get(i).map_or('0', |c| *c as char));
        }
    } else {
        out.push('0');
    }
    if precision > 0 {
        out.push('.');
        for i in 0..precision {
            let at = d.point + i;
            let digit = usize::try_from(at).ok().and_then(|at| d.digits.get(at));
            out.push(digit.map_or('0', |c| *c as char));
        }
    }
    out
}

/// A float as `fmt` prints it with `%v`.
pub fn float_text(value: f64) -> String {
    format_float(value, b'g', -1, false)
}

/// A float as `encoding/json` writes it; `None` for what JSON cannot say.
pub fn json_float(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = format_float(value, b'e', -1, false);
        // One digit is enough for a small negative exponent.
        let n = text.len();
        return Some(match text.as_bytes() {
            [.., b'e', b'-', b'0', _] => format!("{}{}", &text[..n - 2], &text[n - 1..]),
            _ => text,
        });
    }
    Some(format_float(value, b'f', -1, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_like_go() {
        let g = |f| format_float(f, b'g', -1, false);
        assert_eq!(g(1e6), "1e+06");
        assert_eq!(g(123456789.0), "1.23456789e+08");
        assert_eq!(g(100000.0), "100000");
        assert_eq!(g(0.0001), "0.0001");
        assert_eq!(g(0.00001), "1e-05");
        assert_eq!(g(0.0), "0");
        assert_eq!(g(-0.0), "-0");
        assert_eq!(g(1e100), "1e+100");
        assert_eq!(format_float(1234.5678, b'g', 3, false), "1.23e+03");
        assert_eq!(format_float(100.0, b'g', 3, false), "100");
        assert_eq!(format_float(1.0, b'e', 6, false), "1.000000e+00");
        assert_eq!(format_float(2.5, b'f', 0, false), "2");
        assert_eq!(format_float(0.1, b'g', -1, true), "0.1");
        assert_eq!(json_float(1e21).as_deref(), Some("1e+21"));
        assert_eq!(json_float(1e-7).as_deref(), Some("1e-7"));
        assert_eq!(json_float(1e6).as_deref(), Some("1000000"));
    }

    #[test]
    fn numbers_are_read_like_go() {
        assert_eq!(parse_int("010", 0), Ok(8));
        assert_eq!(parse_int("1_000", 0), Ok(1000));
        assert_eq!(parse_int("-0x1F", 0), Ok(-31));
        assert_eq!(parse_int("08", 0), Err(NumberError::Syntax));
        assert_eq!(parse_int("9223372036854775808", 0), Err(NumberError::Range));
        assert_eq!(parse_int("-9223372036854775808", 10), Ok(i64::MIN));
        assert_eq!(parse_float("0x1p-2"), Ok(0.25));
        assert_eq!(parse_float("1_000.5"), Ok(1000.5));
        assert_eq!(parse_float("1e400"), Err(NumberError::Range));
        assert_eq!(parse_float("."), Err(NumberError::Syntax));
    }
}
