//! Schedules of five fields, as cron reads them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// A schedule that never comes, such as 30 February, is given up after so many days.
const HORIZON: usize = 366 * 5;

/// A parsed schedule; each field is a set of bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// With both days and weekdays given, either suffices.
    either: bool,
    /// `@every` in seconds.
    every: Option<i64>,
}

impl Schedule {
    /// Parses five fields or a name such as `@daily`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(period) = text.strip_prefix("@every ") {
            let seconds =
                go_duration(period.trim()).ok_or_else(|| format!("failed to parse duration {text}"))?;
            let every = Some(seconds.max(1));
            return Ok(Self { minutes: 0, hours: 0, days: 0, months: 0, weekdays: 0, either: false, every });
        }
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" ")));
        };
        let weekday_bits = field(weekdays, 0, 7, &DAYS)?;
        let starred = |field: &str| field.starts_with('*') || field.starts_with('?');
        Ok(Self {
            minutes: field(minutes, 0, 59, &[])?,
            hours: field(hours, 0, 23, &[])?,
            days: field(days, 1, 31, &[])?,
            months: field(months, 1, 12, &MONTHS)?,
            weekdays: weekday_bits & 0x7f | weekday_bits >> 7 & 1, // 7 is Sunday too
            either: !starred(days) && !starred(weekdays),
            every: None,
        })
    }

    fn is_on(&self, date: Date) -> bool {
        let has = |set: u64, number: i8| set >> number & 1 == 1;
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        has(self.months, date.month()) && if self.either { day || weekday } else { day && weekday }
    }

    /// The first time after a moment.
    pub(super) fn after(&self, moment: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if let Some(every) = self.every {
            return Timestamp::from_second(moment.as_second() + every).ok();
        }
        let local = zone.to_datetime(moment);
        let start = local.checked_add(1.minute()).ok()?;
        let start = DateTime::from_parts(start.date(), jiff::civil::time(start.hour(), start.minute(), 0, 0));
        let mut date = start.date();
        for _ in 0..HORIZON {
            if self.is_on(date) {
                let first = if date == start.date() { (start.hour(), start.minute()) } else { (0, 0) };
                if let Some(found) = self.within(date, first, zone, moment) {
                    return Some(found);
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn within(&self, date: Date, first: (i8, i8), zone: &TimeZone, moment: Timestamp) -> Option<Timestamp> {
        for hour in first.0..24 {
            if self.hours >> hour & 1 == 0 {
                continue;
            }
            let from = if hour == first.0 { first.1 } else { 0 };
            for minute in (from..60).filter(|minute| self.minutes >> minute & 1 == 1) {
                let found = zone.to_timestamp(date.at(hour, minute, 0, 0)).ok();
                if let Some(found) = found.filter(|found| *found > moment) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The last time after `from` and not after `to`.
    pub(super) fn last_between(&self, from: Timestamp, to: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if let Some(every) = self.every {
            let periods = (to.as_second() - from.as_second()) / every;
            return (periods > 0).then(|| Timestamp::from_second(from.as_second() + periods * every).ok())?;
        }
        // Backwards by growing steps until a time lies between: long pauses cost little.
        let mut last = None;
        for minutes in [2_i64, 90, 60 * 25, 60 * 24 * 32, 60 * 24 * 366] {
            let start = Timestamp::from_second(to.as_second() - minutes * 60).ok()?.max(from);
            let mut at = self.after(start, zone);
            while let Some(found) = at.filter(|found| *found <= to) {
                last = Some(found);
                at = self.after(found, zone);
            }
            if last.is_some() || start == from {
                return last;
            }
        }
        last
    }
}

/// A field: lists of `*`, numbers, ranges and names, each with a step.
fn field(text: &str, low: i64, high: i64, names: &[&str]) -> Result<u64, String> {
    let bad = || format!("failed to parse `{text}`");
    let number = |part: &str| -> Result<i64, String> {
        let lower = part.to_lowercase();
        if let Some(at) = names.iter().position(|name| *name == lower) {
            return Ok(low + at as i64);
        }
        part.parse().map_err(|_| bad())
    };
    let mut bits = 0_u64;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<i64>().map_err(|_| bad())?)),
            None => (part, None),
        };
        let (first, last) = match range {
            "*" | "?" => (low, high),
            _ => match range.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(range)?, if step.is_some() { high } else { number(range)? }),
            },
        };
        let step = step.unwrap_or(1);
        if first < low || last > high || first > last || step < 1 {
            return Err(bad());
        }
        (first..=last).step_by(step as usize).for_each(|value| bits |= 1 << value);
    }
    Ok(bits)
}

/// `1h30m` and the like in seconds.
fn go_duration(text: &str) -> Option<i64> {
    let (mut total, mut digits) = (0_i64, String::new());
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let unit = match letter {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<i64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    (digits.is_empty() && total > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, from: &str) -> String {
        let found = Schedule::parse(schedule).unwrap().after(from.parse().unwrap(), &TimeZone::UTC);
        found.map_or_else(|| "never".to_owned(), |found| found.to_string())
    }

    #[test]
    fn times_are_found() {
        let from = "2026-11-24T10:30:20Z"; // a Tuesday
        for (schedule, wanted) in [
            ("* * * * *", "2026-11-24T10:31:00Z"),
            ("*/15 * * * *", "2026-11-24T10:45:00Z"),
            ("0 2 * * 6", "2026-11-28T02:00:00Z"),
            ("0 2 * * sat", "2026-11-28T02:00:00Z"),
            ("0 0 * * 7", "2026-11-29T00:00:00Z"),
            ("0 0 1 1 *", "2027-01-01T00:00:00Z"),
            ("30 10 24 jan,nov *", "2027-01-24T10:30:00Z"),
            ("0 0 13 * 5", "2026-11-27T00:00:00Z"),
            ("0 0 30 2 *", "never"),
            ("@hourly", "2026-11-24T11:00:00Z"),
            ("@every 90s", "2026-11-24T10:31:50Z"),
        ] {
            assert_eq!(next(schedule, from), wanted, "{schedule}");
        }
    }

    #[test]
    fn the_last_missed_time_is_found() {
        let last = |schedule: &str, from: &str, to: &str| {
            let schedule = Schedule::parse(schedule).unwrap();
            schedule
                .last_between(from.parse().unwrap(), to.parse().unwrap(), &TimeZone::UTC)
                .map(|at| at.to_string())
        };
        let found = last("0 * * * *", "2026-11-24T01:00:00Z", "2026-11-24T10:30:00Z");
        assert_eq!(found.as_deref(), Some("2026-11-24T10:00:00Z"));
        assert_eq!(last("0 * * * *", "2026-11-24T10:00:00Z", "2026-11-24T10:30:00Z"), None);
        let found = last("0 0 1 1 *", "2020-06-01T00:00:00Z", "2026-11-24T10:30:00Z");
        assert_eq!(found.as_deref(), Some("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn nonsense_is_refused() {
        for schedule in ["", "* * * *", "60 * * * *", "5-1 * * * *", "*/0 * * * *", "x * * * *", "@never"] {
            assert!(Schedule::parse(schedule).is_err(), "{schedule}");
        }
    }
}
