//! Tables and lists of facts that a person likes to read.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::plain;

/// Whether colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Colour,
}

impl Paint {
    /// Colours `text` by what `state` means.
    pub(crate) fn state(self, text: &str, state: &str) -> String {
        let code = match (self, state) {
            (Paint::Plain, _) => return text.to_owned(),
            (
                _,
                "running" | "ready" | "available" | "active" | "enabled" | "succeeded" | "done" | "published"
                | "ok" | "deployed" | "create" | "pass",
            ) => "32",
            (
                _,
                "failed" | "rejected" | "unreachable" | "faulted" | "critical" | "high" | "refused"
                | "delete" | "fail",
            ) => "31",
            (
                _,
                "degraded" | "progressing" | "installing" | "adopting" | "updating" | "upgrading"
                | "rolling-back" | "deleting" | "queued" | "planning" | "started" | "paused" | "cancelled"
                | "frozen" | "ending" | "disabled" | "medium" | "update" | "replace" | "validating"
                | "scanning" | "stale" | "expired",
            ) => "33",
            _ => return text.to_owned(),
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    fn dim(self, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Colour => format!("\x1b[2m{text}\x1b[0m"),
        }
    }
}

/// One column: a heading and what stands below it.
pub(crate) struct Column {
    heading: &'static str,
    cell: Cell,
}

/// Where a cell's text comes from; names are JSON pointers.
pub(crate) enum Cell {
    Text(&'static str),
    /// Coloured by its meaning.
    State(&'static str),
    /// How long ago, in one unit.
    Age(&'static str),
    With(fn(&Value) -> String),
}

pub(crate) const fn column(heading: &'static str, cell: Cell) -> Column {
    Column { heading, cell }
}

/// A table with two blanks between columns, or `nothing to show`.
pub(crate) fn render(items: &[Value], columns: &[Column], now: Timestamp, paint: Paint) -> String {
    if items.is_empty() {
        return "nothing to show\n".to_owned();
    }
    let rows: Vec<Vec<String>> =
        items.iter().map(|item| columns.iter().map(|column| column.cell.text(item, now)).collect()).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|i| rows.iter().map(|row| width(&row[i])).chain([columns[i].heading.len()]).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    let headings: Vec<String> = columns.iter().map(|column| column.heading.to_owned()).collect();
    let _ = writeln!(text, "{}", paint.dim(&line(&headings, &widths, |_, cell| cell.to_owned())));
    for row in &rows {
        let painted = line(row, &widths, |i, cell| match columns[i].cell {
            Cell::State(_) => paint.state(cell, cell.trim_end()),
            _ => cell.to_owned(),
        });
        let _ = writeln!(text, "{painted}");
    }
    text
}

fn line(cells: &[String], widths: &[usize], paint: impl Fn(usize, &str) -> String) -> String {
    let mut text = String::new();
    for (i, cell) in cells.iter().enumerate() {
        let last = i + 1 == cells.len();
        let padding = if last { 0 } else { widths[i] - width(cell) + 2 };
        text.push_str(&paint(i, cell));
        text.push_str(&" ".repeat(padding));
    }
    text.trim_end().to_owned()
}

impl Cell {
    fn text(&self, item: &Value, now: Timestamp) -> String {
        let text = match self {
            Cell::Text(pointer) | Cell::State(pointer) => scalar(item.pointer(pointer)),
            Cell::Age(pointer) => {
                item.pointer(pointer).and_then(Value::as_str).map_or_else(String::new, |time| age(time, now))
            }
            Cell::With(show) => show(item),
        };
        let text = plain(&text);
        if text.is_empty() { "-".to_owned() } else { text }
    }
}

/// A value in a cell: text as it is, lists joined.
pub(crate) fn scalar(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            items.iter().map(|item| scalar(Some(item))).collect::<Vec<_>>().join(",")
        }
        Some(other) => other.to_string(),
    }
}

/// Facts, one a line, names aligned; empty ones are left out.
pub(crate) fn facts(pairs: &[(&str, String)], paint: Paint) -> String {
    let shown: Vec<(&str, String)> = pairs
        .iter()
        .map(|(name, value)| (*name, plain(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let wide = shown.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in shown {
        let value = if name == "state" { paint.state(&value, &value) } else { value };
        let _ = writeln!(text, "{name}:{:pad$} {value}", "", pad = wide - name.len());
    }
    text
}

/// How long ago a time was, in its largest unit; the time itself when it is not RFC 3339.
pub(crate) fn age(time: &str, now: Timestamp) -> String {
    let Ok(time) = time.parse::<Timestamp>() else { return time.to_owned() };
    span(now.as_second().saturating_sub(time.as_second()).max(0))
}

fn span(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / MINUTE),
        7200..172_800 => format!("{}h", seconds / HOUR),
        172_800..63_072_000 => format!("{}d", seconds / DAY),
        _ => format!("{}y", seconds / (365 * DAY)),
    }
}

/// How long something took, from two times.
pub(crate) fn duration(from: Option<&str>, to: Option<&str>) -> Option<String> {
    let from = from?.parse::<Timestamp>().ok()?;
    let to = to?.parse::<Timestamp>().ok()?;
    let millis = to.as_millisecond().saturating_sub(from.as_millisecond()).max(0);
    Some(match millis {
        0..1000 => format!("{millis}ms"),
        1000..10_000 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
        _ => span(millis / 1000),
    })
}

/// Columns that a text takes in a terminal: two for East Asian wide characters.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c as u32 {
            0x0300..=0x036F | 0x200B..=0x200F | 0xFE00..=0xFE0F => 0,
            0x1100..=0x115F
            | 0x2E80..=0xA4CF
            | 0xAC00..=0xD7A3
            | 0xF900..=0xFAFF
            | 0xFE30..=0xFE4F
            | 0xFF00..=0xFF60
            | 0xFFE0..=0xFFE6
            | 0x1F300..=0x1F64F
            | 0x1F900..=0x1F9FF
            | 0x20000..=0x3FFFD => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        column("NAME", Cell::Text("/name")),
        column("STATE", Cell::State("/state")),
        column("ROLES", Cell::Text("/roles")),
        column("AGE", Cell::Age("/created_at")),
    ];

    fn table(items: Value, paint: Paint) -> String {
        let now = "2026-05-04T12:00:00Z".parse().unwrap();
        render(items.as_array().unwrap(), COLUMNS, now, paint)
    }

    #[test]
    fn columns_are_aligned_with_wide_characters_too() {
        let items = json!([
            {"name": "shop", "state": "running", "roles": ["a", "b"], "created_at": "2026-05-04T11:59:30Z"},
            {"name": "缓存服务", "state": null, "created_at": "2026-05-01T12:00:00Z"},
        ]);
        assert_snapshot!(table(items, Paint::Plain), @r"
        NAME      STATE    ROLES  AGE
        shop      running  a,b    30s
        缓存服务  -        -      3d
        ");
    }

    #[test]
    fn colours_do_not_move_columns() {
        let items =
            json!([{"name": "a", "state": "failed", "roles": [], "created_at": "2026-05-04T09:00:00Z"}]);
        assert_eq!(
            table(items, Paint::Colour),
            "\x1b[2mNAME  STATE   ROLES  AGE\x1b[0m\na     \x1b[31mfailed\x1b[0m  -      3h\n"
        );
    }

    #[test]
    fn ages_and_durations_are_short() {
        let spans = [0, 119, 120, 7199, 7200, 172_799, 172_800, 63_072_000].map(span);
        assert_eq!(spans, ["0s", "119s", "2m", "119m", "2h", "47h", "2d", "2y"]);
        assert_eq!(duration(Some("2026-05-04T12:00:00Z"), Some("2026-05-04T12:00:01.25Z")).unwrap(), "1.2s");
    }

    #[test]
    fn nothing_is_said_as_such() {
        assert_eq!(table(json!([]), Paint::Plain), "nothing to show\n");
    }

    #[test]
    fn facts_leave_out_what_is_empty() {
        let pairs = [("name", "shop".to_owned()), ("namespace", String::new()), ("revision", "3".to_owned())];
        assert_eq!(facts(&pairs, Paint::Plain), "name:     shop\nrevision: 3\n");
    }
}
