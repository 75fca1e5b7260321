//! Go's layouts: a reference time written the way the result should look.

pub(super) mod read;

use super::{Civil, DAYS, GoTime, MONTHS};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekDay,
    WeekDay,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    Zone,
    /// `Z0700` and its relatives: with `Z` for UTC, with a colon, with seconds, hours only.
    Offset {
        iso: bool,
        colon: bool,
        seconds: bool,
        short: bool,
    },
    /// Fraction of a second; digits are zeros or nines, after a point or comma.
    Fraction {
        digits: usize,
        nines: bool,
        comma: bool,
    },
}

/// The first part of a layout: the text before it, the part, the rest.
fn next_part(layout: &str) -> (&str, Option<Part>, &str) {
    let bytes = layout.as_bytes();
    let offset = |iso, colon, seconds, short| Part::Offset { iso, colon, seconds, short };
    for i in 0..bytes.len() {
        let rest = &layout.as_bytes()[i..];
        let starts = |text: &str| rest.starts_with(text.as_bytes());
        let lower_follows = |n: usize| rest.get(n).is_some_and(u8::is_ascii_lowercase);
        let found: Option<(Part, usize)> = match bytes[i] {
            b'J' if starts("January") => Some((Part::LongMonth, 7)),
            b'J' if starts("Jan") && !lower_follows(3) => Some((Part::Month, 3)),
            b'M' if starts("Monday") => Some((Part::LongWeekDay, 6)),
            b'M' if starts("Mon") && !lower_follows(3) => Some((Part::WeekDay, 3)),
            b'M' if starts("MST") => Some((Part::Zone, 3)),
            b'0' if starts("002") => Some((Part::ZeroYearDay, 3)),
            b'0' => match rest.get(1) {
                Some(b'1') => Some((Part::ZeroMonth, 2)),
                Some(b'2') => Some((Part::ZeroDay, 2)),
                Some(b'3') => Some((Part::ZeroHour12, 2)),
                Some(b'4') => Some((Part::ZeroMinute, 2)),
                Some(b'5') => Some((Part::ZeroSecond, 2)),
                Some(b'6') => Some((Part::Year, 2)),
                _ => None,
            },
            b'1' if starts("15") => Some((Part::Hour, 2)),
            b'1' => Some((Part::NumMonth, 1)),
            b'2' if starts("2006") => Some((Part::LongYear, 4)),
            b'2' => Some((Part::Day, 1)),
            b'_' if starts("_2006") => return (&layout[..=i], Some(Part::LongYear), &layout[i + 5..]),
            b'_' if starts("_2") => Some((Part::UnderDay, 2)),
            b'_' if starts("__2") => Some((Part::UnderYearDay, 3)),
            b'3' => Some((Part::Hour12, 1)),
            b'4' => Some((Part::Minute, 1)),
            b'5' => Some((Part::Second, 1)),
            b'P' if starts("PM") => Some((Part::UpperPm, 2)),
            b'p' if starts("pm") => Some((Part::LowerPm, 2)),
            b'-' if starts("-070000") => Some((offset(false, false, true, false), 7)),
            b'-' if starts("-07:00:00") => Some((offset(false, true, true, false), 9)),
            b'-' if starts("-0700") => Some((offset(false, false, false, false), 5)),
            b'-' if starts("-07:00") => Some((offset(false, true, false, false), 6)),
            b'-' if starts("-07") => Some((offset(false, false, false, true), 3)),
            b'Z' if starts("Z070000") => Some((offset(true, false, true, false), 7)),
            b'Z' if starts("Z07:00:00") => Some((offset(true, true, true, false), 9)),
            b'Z' if starts("Z0700") => Some((offset(true, false, false, false), 5)),
            b'Z' if starts("Z07:00") => Some((offset(true, true, false, false), 6)),
            b'Z' if starts("Z07") => Some((offset(true, false, false, true), 3)),
            c @ (b'.' | b',') if matches!(rest.get(1), Some(b'0' | b'9')) => {
                let digit = rest[1];
                let digits = rest[1..].iter().take_while(|d| **d == digit).count();
                match rest.get(1 + digits) {
                    Some(next) if next.is_ascii_digit() => None,
                    _ => {
                        Some((Part::Fraction { digits, nines: digit == b'9', comma: c == b',' }, 1 + digits))
                    }
                }
            }
            _ => None,
        };
        if let Some((part, len)) = found {
            return (&layout[..i], Some(part), &layout[i + len..]);
        }
    }
    (layout, None, "")
}

pub(super) fn format(time: &GoTime, layout: &str) -> String {
    let civil = time.civil();
    let mut out = String::new();
    let mut rest = layout;
    loop {
        let (prefix, part, tail) = next_part(rest);
        out.push_str(prefix);
        let Some(part) = part else { return out };
        out.push_str(&write_part(part, &civil, time.nanos));
        rest = tail;
    }
}

fn write_part(part: Part, c: &Civil, nanos: u32) -> String {
    let hour12 = match c.hour % 12 {
        0 => 12,
        h => h,
    };
    match part {
        Part::LongMonth => MONTHS[c.month as usize - 1].into(),
        Part::Month => MONTHS[c.month as usize - 1][..3].into(),
        Part::NumMonth => c.month.to_string(),
        Part::ZeroMonth => format!("{:02}", c.month),
        Part::LongWeekDay => DAYS[c.weekday as usize].into(),
        Part::WeekDay => DAYS[c.weekday as usize][..3].into(),
        Part::Day => c.day.to_string(),
        Part::UnderDay => format!("{:2}", c.day),
        Part::ZeroDay => format!("{:02}", c.day),
        Part::UnderYearDay => format!("{:3}", c.year_day),
        Part::ZeroYearDay => format!("{:03}", c.year_day),
        Part::Hour => format!("{:02}", c.hour),
        Part::Hour12 => hour12.to_string(),
        Part::ZeroHour12 => format!("{hour12:02}"),
        Part::Minute => c.minute.to_string(),
        Part::ZeroMinute => format!("{:02}", c.minute),
        Part::Second => c.second.to_string(),
        Part::ZeroSecond => format!("{:02}", c.second),
        Part::LongYear => format!("{:04}", c.year),
        Part::Year => format!("{:02}", c.year.rem_euclid(100)),
        Part::UpperPm => if c.hour >= 12 { "PM" } else { "AM" }.into(),
        Part::LowerPm => if c.hour >= 12 { "pm" } else { "am" }.into(),
        Part::Zone if c.zone.is_empty() => {
            let minutes = c.offset / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.abs();
            format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
        }
        Part::Zone => c.zone.clone(),
        Part::Offset { iso: true, .. } if c.offset == 0 => "Z".into(),
        Part::Offset { colon, seconds, short, .. } => {
            let sign = if c.offset < 0 { '-' } else { '+' };
            let all = c.offset.abs();
            let (h, m, s) = (all / 3600, all / 60 % 60, all % 60);
            let colon = if colon { ":" } else { "" };
            let mut text = format!("{sign}{h:02}");
            if !short {
                text.push_str(&format!("{colon}{m:02}"));
            }
            if seconds {
                text.push_str(&format!("{colon}{s:02}"));
            }
            text
        }
        Part::Fraction { digits, nines, comma } => {
            let all = format!("{nanos:09}");
            let mut text: String = all.chars().take(digits).collect();
            while text.len() < digits {
                text.push('0');
            }
            if nines {
                text.truncate(text.trim_end_matches('0').len());
                if text.is_empty() {
                    return text;
                }
            }
            format!("{}{text}", if comma { ',' } else { '.' })
        }
    }
}
