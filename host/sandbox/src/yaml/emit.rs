//! YAML as Go writes it: keys in order, lists not indented, quotes only where a plain text would mean something else.

use serde_json::Value;

use super::plain;
use crate::status::quoted;

/// The text of a value.
pub(super) fn document(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(map, 0, true, &mut out),
        Value::Array(items) if !items.is_empty() => sequence(items, 0, true, &mut out),
        other => {
            out.push_str(&scalar(other, 0, 0));
            out.push('\n');
        }
    }
    out
}

/// A map; `fresh` says that its first line must be indented.
fn mapping(map: &serde_json::Map<String, Value>, indent: usize, fresh: bool, out: &mut String) {
    for (i, (key, value)) in map.iter().enumerate() {
        if i > 0 || fresh {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str(&text(key, None));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(inner, indent + 2, true, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                sequence(items, indent, true, out);
            }
            other => {
                out.push(' ');
                out.push_str(&scalar(other, indent, column(out)));
                out.push('\n');
            }
        }
    }
}

fn sequence(items: &[Value], indent: usize, fresh: bool, out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 || fresh {
            out.push_str(&" ".repeat(indent));
        }
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(map, indent + 2, false, out),
            Value::Array(inner) if !inner.is_empty() => sequence(inner, indent + 2, false, out),
            other => {
                out.push_str(&scalar(other, indent, column(out)));
                out.push('\n');
            }
        }
    }
}

/// How wide the last line is.
fn column(out: &str) -> usize {
    out[out.rfind('\n').map_or(0, |end| end + 1)..].chars().count()
}

fn scalar(value: &Value, indent: usize, column: usize) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Object(_) => "{}".into(),
        Value::Array(_) => "[]".into(),
        Value::String(string) => text(string, Some((indent, column))),
        other => other.to_string(),
    }
}

/// A text at its indent and column; several lines make a block where one is possible, which keys (without a place)
/// are not.
fn text(text: &str, place: Option<(usize, usize)>) -> String {
    let printable = text.chars().all(|c| c == '\n' || is_printable(c));
    let block = printable && text.contains('\n') && !text.contains(" \n") && !text.ends_with(' ');
    if let Some((indent, _)) = place.filter(|_| block) {
        return literal(text, indent);
    }
    if !printable || text.contains('\n') || !means_text(text) {
        return folded(&double(text), place);
    }
    if is_plain(text) {
        folded(text, place)
    } else {
        folded(&format!("'{}'", text.replace('\'', "''")), place)
    }
}

/// A text of one line, with a break at the first lone space after each 80 columns.
fn folded(text: &str, place: Option<(usize, usize)>) -> String {
    const WIDTH: usize = 80;
    let Some((indent, mut column)) = place.filter(|(_, column)| column + text.len() > WIDTH) else {
        return text.into();
    };
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let last = text.len() - 1 - usize::from(quote.is_some());
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let next_is_space = text[at + c.len_utf8()..].starts_with(' ');
        let inside = quote.is_none() || (at > 1 && at < last);
        let may = quote == Some('"') || !next_is_space;
        if c == ' ' && before != ' ' && column > WIDTH && inside && may {
            out.push('\n');
            out.push_str(&" ".repeat(indent + 2));
            column = indent + 2;
            if next_is_space {
                out.push('\\');
                column += 1;
            }
        } else {
            out.push(c);
            column += 1;
        }
        before = c;
    }
    out
}

/// Whether a plain text would be read as a text again.
fn means_text(text: &str) -> bool {
    let nothing = matches!(text, "" | "~" | "null" | "Null" | "NULL");
    let truth = matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE");
    let odd =
        matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN");
    !nothing && !truth && !odd && plain::resolve(text).is_string() && !plain::is_time(text) && !is_sixty(text)
}

/// Numbers of base sixty, as in `1:30`.
fn is_sixty(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let mut parts = digits.split(':');
    let first = parts.next().is_some_and(|part| {
        part.starts_with(|c: char| c.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    });
    let rest: Vec<&str> = parts.collect();
    let within = |part: &&str| {
        let whole = part.split('.').next().unwrap_or_default();
        (1..=2).contains(&whole.len()) && whole.bytes().all(|b| b.is_ascii_digit()) && whole < "6"
    };
    first && !rest.is_empty() && rest.iter().all(within)
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

/// Whether a text of one line can stand without quotes.
fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return false };
    let second = chars.next();
    let begins = match first {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
            false
        }
        '-' | '?' | ':' => second.is_some_and(|c| c != ' '),
        _ => true,
    };
    let marker = text.starts_with("---") || text.starts_with("...");
    begins
        && !marker
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
}

fn literal(text: &str, indent: usize) -> String {
    let hint = if text.starts_with([' ', '\n']) { "2" } else { "" };
    let end = text.len() - text.trim_end_matches('\n').len();
    let chomp = match end {
        0 => "-",
        1 if text.len() > 1 => "",
        _ => "+",
    };
    let mut out = format!("|{hint}{chomp}");
    let body = if end == 0 { text } else { &text[..text.len() - 1] };
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(&" ".repeat(indent + 2));
            out.push_str(line);
        }
    }
    out
}

fn double(text: &str) -> String {
    quoted(text, |c, out| match c {
        '\u{0}' => out.push_str("\\0"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{b}' => out.push_str("\\v"),
        '\u{c}' => out.push_str("\\f"),
        '\u{1b}' => out.push_str("\\e"),
        c if is_printable(c) => out.push(c),
        c if (c as u32) <= 0xff => out.push_str(&format!("\\x{:02X}", c as u32)),
        c if (c as u32) <= 0xffff => out.push_str(&format!("\\u{:04X}", c as u32)),
        c => out.push_str(&format!("\\U{:08X}", c as u32)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_break_after_eighty_columns() {
        let value =
            json!({"a": ["it's ".repeat(18).trim_end(), "word ".repeat(18).trim_end(), "w".repeat(90)]});
        let wanted = format!(
            "a:\n- {}\n  it's it's\n- {}\n  word word\n- {}\n",
            ["it's"; 16].join(" "),
            ["word"; 16].join(" "),
            "w".repeat(90)
        );
        assert_eq!(document(&value), wanted);
    }

    #[test]
    fn texts_have_the_quotes_that_they_need() {
        let value = json!({
            "y": "1", "a": "yes", "b": "plain text", "c": "two\nlines\n", "d": "", "e": ["x", {"k": [1], "l": {}}],
            "f": "a: b", "g": "2020-01-01T00:00:00Z", "h": null, "i": "- x", "j": "-x", "k": "it's", "l": "'q",
            "m": "1:30", "n": "tab\there", "o": [], "p": "no newline\nat end", "q": "0x1f", "r": 1.5,
        });
        let wanted = "\
a: \"yes\"\nb: plain text\nc: |\n  two\n  lines\nd: \"\"\ne:\n- x\n- k:\n  - 1\n  l: {}\nf: 'a: b'\n\
g: \"2020-01-01T00:00:00Z\"\nh: null\ni: '- x'\nj: -x\nk: it's\nl: '''q'\nm: \"1:30\"\n\"n\": \"tab\\there\"\no: []\n\
p: |-\n  no newline\n  at end\nq: \"0x1f\"\nr: 1.5\n\"y\": \"1\"\n";
        assert_eq!(document(&value), wanted);
    }
}
