//! Decimal arithmetic for `addf` and its relatives, so that `0.1 + 0.2` is `0.3`.

use crate::golang::number::format_float;

/// `mantissa * 10^exponent`. Where it would not fit, floats take over.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decimal {
    Exact { mantissa: i128, exponent: i32 },
    Float(f64),
}

/// Digits after the point that a division keeps.
const DIVISION_DIGITS: i32 = 16;

impl Decimal {
    pub(super) fn new(f: f64) -> Self {
        let text = format_float(f, b'e', -1, false);
        let parse = || {
            let (digits, exponent) = text.split_once('e')?;
            let exponent: i32 = exponent.parse().ok()?;
            let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
            let mantissa = format!("{whole}{part}").parse().ok()?;
            Some(Self::Exact { mantissa, exponent: exponent - part.len() as i32 })
        };
        parse().unwrap_or(Self::Float(f))
    }

    pub(super) fn float(self) -> f64 {
        match self {
            Self::Float(f) => f,
            Self::Exact { mantissa, exponent } => {
                format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN)
            }
        }
    }

    /// Both with the smaller exponent.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let (Self::Exact { mantissa: a, exponent: x }, Self::Exact { mantissa: b, exponent: y }) =
            (self, other)
        else {
            return None;
        };
        let exponent = x.min(y);
        Some((scale(a, x - exponent)?, scale(b, y - exponent)?, exponent))
    }

    pub(super) fn add(self, other: Self) -> Self {
        self.aligned(other)
            .and_then(|(a, b, exponent)| Some(Self::Exact { mantissa: a.checked_add(b)?, exponent }))
            .unwrap_or_else(|| Self::Float(self.float() + other.float()))
    }

    pub(super) fn sub(self, other: Self) -> Self {
        self.aligned(other)
            .and_then(|(a, b, exponent)| Some(Self::Exact { mantissa: a.checked_sub(b)?, exponent }))
            .unwrap_or_else(|| Self::Float(self.float() - other.float()))
    }

    pub(super) fn mul(self, other: Self) -> Self {
        match (self, other) {
            (Self::Exact { mantissa: a, exponent: x }, Self::Exact { mantissa: b, exponent: y }) => {
                match a.checked_mul(b) {
                    Some(mantissa) => Self::Exact { mantissa, exponent: x + y },
                    None => Self::Float(self.float() * other.float()),
                }
            }
            _ => Self::Float(self.float() * other.float()),
        }
    }

    /// `None` for a division by zero.
    pub(super) fn div(self, other: Self) -> Option<Self> {
        if other.float() == 0.0 {
            return None;
        }
        let exact = || {
            let (Self::Exact { mantissa: a, exponent: x }, Self::Exact { mantissa: b, exponent: y }) =
                (self, other)
            else {
                return None;
            };
            // a*10^x / b*10^y, as a whole number of 10^-16.
            let shift = x - y + DIVISION_DIGITS;
            let (a, b) = if shift >= 0 { (scale(a, shift)?, b) } else { (a, scale(b, -shift)?) };
            let (quotient, rest) = (a / b, a % b);
            let up = rest.unsigned_abs().checked_mul(2)? >= b.unsigned_abs();
            let sign = if (a < 0) == (b < 0) { 1 } else { -1 };
            let mantissa = quotient + if up { sign } else { 0 };
            Some(Self::Exact { mantissa, exponent: -DIVISION_DIGITS })
        };
        Some(exact().unwrap_or_else(|| Self::Float(self.float() / other.float())))
    }
}

fn scale(mantissa: i128, by: i32) -> Option<i128> {
    10i128.checked_pow(u32::try_from(by).ok()?)?.checked_mul(mantissa)
}
