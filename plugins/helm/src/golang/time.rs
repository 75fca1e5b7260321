//! `time`: instants, zones, layouts and durations.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

mod layout;

pub use layout::read::parse_time;

const NANOS: i64 = 1_000_000_000;

/// Where a time is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Zone {
    /// UTC, which is also what `Local` means here.
    Utc,
    /// A zone of the time zone database.
    Named(TimeZone),
    /// An offset in seconds with a name, from a parsed text.
    Fixed(i32, String),
}

/// An instant, shown in a zone.
#[derive(Clone, Debug)]
pub struct GoTime {
    /// Seconds since 1970.
    pub unix: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
    /// Where it is shown.
    pub zone: Zone,
}

impl PartialEq for GoTime {
    fn eq(&self, other: &Self) -> bool {
        (self.unix, self.nanos) == (other.unix, other.nanos)
    }
}

/// The fields of a time in its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    /// Sunday is 0.
    pub weekday: u32,
    pub year_day: u32,
    pub offset: i32,
    pub zone: String,
}

/// Days since 1970 of a date.
fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * shifted + 2) / 5 + 1) as u32;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Days of a month.
pub(crate) fn days_in(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The English name of a month from 1 on.
pub fn month_name(month: i64) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|i| MONTHS.get(i)).copied().unwrap_or("%!Month")
}

/// The English name of a day of the week; Sunday is 0.
pub fn weekday_name(day: i64) -> &'static str {
    usize::try_from(day).ok().and_then(|i| DAYS.get(i)).copied().unwrap_or("%!Weekday")
}

/// The zone of a name; `None` if the database does not know it.
pub fn load_zone(name: &str) -> Option<Zone> {
    match name {
        "" | "UTC" | "Local" => Some(Zone::Utc),
        _ => TimeZone::get(name).ok().map(Zone::Named),
    }
}

impl GoTime {
    /// The time that Go has before anybody set one.
    pub fn zero() -> Self {
        Self { unix: -62_135_596_800, nanos: 0, zone: Zone::Utc }
    }

    /// The clock, which the host of a plan holds still.
    pub fn now() -> Self {
        let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { unix: elapsed.as_secs() as i64, nanos: elapsed.subsec_nanos(), zone: Zone::Utc }
    }

    /// Seconds since 1970 as a time.
    pub fn from_unix(unix: i64) -> Self {
        Self { unix, nanos: 0, zone: Zone::Utc }
    }

    /// From fields; days and months beyond their range carry over.
    pub fn from_civil(fields: (i64, i64, i64), clock: (i64, i64, i64), nanos: u32, zone: Zone) -> Self {
        let (year, month, day) = fields;
        let year = year + (month - 1).div_euclid(12);
        let month = (month - 1).rem_euclid(12) as u32 + 1;
        let days = days_from_civil(year, month, 1) + day - 1;
        let local = days * 86_400 + clock.0 * 3600 + clock.1 * 60 + clock.2;
        let mut time = Self { unix: local, nanos, zone };
        // The offset at the local time taken as UTC, then at the result: right but for the hours of a change.
        for _ in 0..2 {
            time.unix = local - i64::from(time.offset().0);
        }
        time
    }

    /// The same instant shown elsewhere.
    pub fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    fn offset(&self) -> (i32, String) {
        match &self.zone {
            Zone::Utc => (0, "UTC".into()),
            Zone::Fixed(offset, name) => (*offset, name.clone()),
            Zone::Named(zone) => match Timestamp::from_second(self.unix) {
                Ok(at) => {
                    let info = zone.to_offset_info(at);
                    (info.offset().seconds(), info.abbreviation().to_owned())
                }
                Err(_) => (0, "UTC".into()),
            },
        }
    }

    /// As Go writes it in programs, for `%#v`.
    pub fn go_string(&self) -> String {
        let c = self.civil();
        let zone = match &self.zone {
            Zone::Utc if *self == Self::zero() => "time.UTC".to_owned(),
            // Sprig reads times in the zone of the machine, which is this one here.
            Zone::Utc => "time.Local".to_owned(),
            Zone::Fixed(_, name) => format!("time.Location({})", quote(name)),
            Zone::Named(zone) => format!("time.Location({})", quote(zone.iana_name().unwrap_or_default())),
        };
        format!(
            "time.Date({}, time.{}, {}, {}, {}, {}, {}, {zone})",
            c.year,
            month_name(i64::from(c.month)),
            c.day,
            c.hour,
            c.minute,
            c.second,
            self.nanos
        )
    }

    /// The fields in the zone.
    pub fn civil(&self) -> Civil {
        let (offset, zone) = self.offset();
        let local = self.unix + i64::from(offset);
        let days = local.div_euclid(86_400);
        let seconds = local.rem_euclid(86_400) as u32;
        let (year, month, day) = civil_from_days(days);
        Civil {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            weekday: (days + 4).rem_euclid(7) as u32,
            year_day: (days - days_from_civil(year, 1, 1)) as u32 + 1,
            offset,
            zone,
        }
    }

    /// Later by nanoseconds.
    pub fn add(&self, nanos: i64) -> Self {
        let total = i128::from(self.unix) * i128::from(NANOS) + i128::from(self.nanos) + i128::from(nanos);
        Self {
            unix: total.div_euclid(i128::from(NANOS)) as i64,
            nanos: total.rem_euclid(i128::from(NANOS)) as u32,
            zone: self.zone.clone(),
        }
    }

    /// Nanoseconds since another time, as far as they can be counted.
    pub fn since(&self, earlier: &Self) -> i64 {
        let nanos = i128::from(self.unix - earlier.unix) * i128::from(NANOS) + i128::from(self.nanos)
            - i128::from(earlier.nanos);
        nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// By a Go layout.
    pub fn format(&self, layout: &str) -> String {
        layout::format(self, layout)
    }
}

impl fmt::Display for GoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

/// A duration as Go prints it: `1h2m3.5s`.
pub fn duration_text(nanos: i64) -> String {
    if nanos == 0 {
        return "0s".into();
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let fraction = |value: u64, digits: usize| -> String {
        let text = format!("{value:0digits$}");
        let text = text.trim_end_matches('0');
        if text.is_empty() { String::new() } else { format!(".{text}") }
    };
    if n < NANOS as u64 {
        let (unit, name, digits) = match n {
            0..1_000 => return format!("{sign}{n}ns"),
            1_000..1_000_000 => (1_000, "µs", 3),
            _ => (1_000_000, "ms", 6),
        };
        return format!("{sign}{}{}{name}", n / unit, fraction(n % unit, digits));
    }
    let seconds = n / NANOS as u64;
    let mut text = String::from(sign);
    if seconds >= 3600 {
        text.push_str(&format!("{}h", seconds / 3600));
    }
    if seconds >= 60 {
        text.push_str(&format!("{}m", seconds / 60 % 60));
    }
    text.push_str(&format!("{}{}s", seconds % 60, fraction(n % NANOS as u64, 9)));
    text
}

/// A text in quotes as this package of Go writes it: bytes beyond ASCII as numbers.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in super::bytes::to_bytes(text).iter() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=0x7F => out.push(char::from(*byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// `time.ParseDuration`.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut exact = 0i128;
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let mut number_end = digits(rest);
        if rest[number_end..].starts_with('.') {
            number_end += 1 + digits(&rest[number_end + 1..]);
        }
        let number = &rest[..number_end];
        if number.is_empty() || number == "." {
            return Err(invalid());
        }
        rest = &rest[number_end..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = &rest[..unit_end];
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => {
                return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text)));
            }
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if !whole.is_empty() {
            exact += whole.parse::<i64>().map_err(|_| invalid())? as i128 * scale;
        }
        if !part.is_empty() {
            let value: f64 = format!("0.{part}").parse().map_err(|_| invalid())?;
            exact += (value * scale as f64) as i128;
        }
        rest = &rest[unit_end..];
    }
    let limit = i128::from(i64::MAX) + i128::from(negative);
    if exact > limit {
        return Err(invalid());
    }
    Ok(if negative { -exact } else { exact } as i64)
}

/// `Duration.Round`: to the nearest multiple, halves away from zero.
pub fn round_duration(nanos: i64, multiple: i64) -> i64 {
    if multiple <= 0 {
        return nanos;
    }
    let rest = nanos % multiple;
    if nanos < 0 {
        let rest = -rest;
        if rest + rest < multiple { nanos + rest } else { nanos.saturating_sub(multiple - rest) }
    } else if rest + rest < multiple {
        nanos - rest
    } else {
        nanos.saturating_add(multiple - rest)
    }
}
