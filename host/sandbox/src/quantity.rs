//! Amounts such as `500m`, `1.5Gi`: parsing, comparing and the canonical text that a real server stores.

use std::fmt;

/// An amount in units of 10⁻⁹, with the family of suffixes it was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    nano: i128,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Binary,
    Decimal,
    Exponent,
}

const NANO: i128 = 1_000_000_000;
const LIMIT: i128 = (i64::MAX as i128) * NANO;
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

impl Quantity {
    /// Parses the text of a quantity.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let (form, exponent, binary) = parse_suffix(suffix)?;
        // digits × 10^exponent × 2^binary, rounded up to 10⁻⁹
        let digits: String = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        if digits.len() > 30 {
            return Some(Quantity { nano: if negative { -LIMIT } else { LIMIT }, form });
        }
        let mut value: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        for _ in 0..binary {
            value = value.checked_mul(2).unwrap_or(i128::MAX).min(i128::MAX / 4);
        }
        let scale = exponent - i32::try_from(fraction.len()).ok()? + 9;
        for _ in 0..scale.max(0) {
            value = value.checked_mul(10).unwrap_or(i128::MAX / 16).min(i128::MAX / 16);
        }
        let mut lost = false;
        for _ in 0..(-scale).max(0) {
            lost |= value % 10 != 0;
            value /= 10;
        }
        let nano = (value + i128::from(lost)).min(LIMIT);
        Some(Quantity { nano: if negative { -nano } else { nano }, form })
    }

    /// The amount in units of 10⁻⁹.
    pub fn nano(&self) -> i128 {
        self.nano
    }

    /// The amount in thousandths, rounded up.
    pub fn milli(&self) -> i128 {
        self.nano.div_euclid(NANO / 1000) + i128::from(self.nano.rem_euclid(NANO / 1000) != 0)
    }

    /// The sum of two amounts, in the form of the first that is not nought.
    pub fn plus(self, other: Self) -> Self {
        let form = if self.nano == 0 { other.form } else { self.form };
        Quantity { nano: self.nano.saturating_add(other.nano), form }
    }

    /// True if the amount is a whole number.
    pub fn is_whole(&self) -> bool {
        self.nano % NANO == 0
    }
}

fn parse_suffix(suffix: &str) -> Option<(Form, i32, u32)> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((Form::Decimal, *exponent, 0));
    }
    if let Some((_, bits)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some((Form::Binary, 0, *bits));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok().filter(|e| (-60..=60).contains(e))?;
    Some((Form::Exponent, exponent, 0))
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nano == 0 {
            return f.write_str("0");
        }
        if self.form == Form::Binary && self.nano.abs() >= 1024 * NANO && self.is_whole() {
            let mut value = self.nano / NANO;
            let mut suffix = "";
            for (name, _) in BINARY {
                if value % 1024 != 0 {
                    break;
                }
                value /= 1024;
                suffix = name;
            }
            return write!(f, "{value}{suffix}");
        }
        let mut value = self.nano;
        let mut at = 0;
        while at + 1 < DECIMAL.len() && value % 1000 == 0 {
            value /= 1000;
            at += 1;
        }
        let (suffix, exponent) = DECIMAL[at];
        match self.form {
            Form::Exponent if exponent != 0 => write!(f, "{value}e{exponent}"),
            _ => write!(f, "{value}{suffix}"),
        }
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Quantity { nano: 0, form: Form::Decimal }
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.nano.partial_cmp(&other.nano)
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    fn canonical(text: &str) -> String {
        Quantity::parse(text).map_or_else(|| "refused".into(), |q| q.to_string())
    }

    #[test]
    fn texts_become_canonical() {
        let pairs = [
            ("0.5", "500m"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("1000m", "1"),
            ("1e3", "1e3"),
            ("05", "5"),
            ("-1", "-1"),
            ("100Gi", "100Gi"),
            ("1000Mi", "1000Mi"),
            ("0.1", "100m"),
            ("1500", "1500"),
            ("1000", "1k"),
            ("1e3Mi", "refused"),
            ("lots", "refused"),
            ("", "refused"),
            ("0.5Gi", "512Mi"),
            ("1.5Ki", "1536"),
            ("0Gi", "0"),
            ("512", "512"),
            ("1.1.1", "refused"),
        ];
        for (text, wanted) in pairs {
            assert_eq!(canonical(text), wanted, "{text}");
        }
    }
}
