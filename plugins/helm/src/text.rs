//! Text as Go prints it.

use std::collections::HashSet;
use std::fmt::Write;

use serde_json::Value;

use crate::golang::bytes::stray;
use crate::golang::number::format_float;

/// A string in Go's double quotes, as `%q` prints it.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            _ if is_print(letter) => out.push(letter),
            _ => {
                // A byte that is no text stands as itself.
                if let Some(byte) = stray(letter) {
                    let _ = write!(out, "\\x{byte:02x}");
                    continue;
                }
                let code = u32::from(letter);
                // Writing to a string cannot fail.
                let _ = match code {
                    0..=0x7f => write!(out, "\\x{code:02x}"),
                    0x80..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

/// A character in Go's single quotes, as `%q` prints it.
pub(crate) fn quote_char(letter: char) -> String {
    match letter {
        '\'' => "'\\''".to_owned(),
        '"' => "'\"'".to_owned(),
        _ => {
            let quoted = quote(&letter.to_string());
            format!("'{}'", &quoted[1..quoted.len() - 1])
        }
    }
}

/// Whether Go's `unicode.IsPrint` holds: letters, marks, numbers, punctuation, symbols and the plain blank.
pub(crate) fn is_print(letter: char) -> bool {
    if letter.is_ascii() {
        return (' '..='~').contains(&letter);
    }
    // The debug form escapes what is not printable, and also marks that combine.
    letter.is_alphanumeric() || letter.escape_debug().count() == 1
}

/// Go's `filepath.Match`: `*` and `?` stop at slashes, `[a-z]` and `[^a]` are classes, `\` escapes.
/// `None` stands for a malformed pattern.
pub(crate) fn glob_match(pattern: &str, text: &str) -> Option<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    check_glob(&pattern)?;
    Some(glob_at(&pattern, &text))
}

fn check_glob(pattern: &[char]) -> Option<()> {
    let mut at = 0;
    while at < pattern.len() {
        at += match pattern[at] {
            '\\' => {
                pattern.get(at + 1)?;
                2
            }
            '[' => class_length(&pattern[at..])?,
            _ => 1,
        };
    }
    Some(())
}

/// The length of a class with its brackets; `None` if it is malformed.
fn class_length(pattern: &[char]) -> Option<usize> {
    let mut at = if pattern.get(1) == Some(&'^') { 2 } else { 1 };
    let mut ranges = 0;
    loop {
        if pattern.get(at) == Some(&']') && ranges > 0 {
            return Some(at + 1);
        }
        at += escaped(pattern, at)?.1;
        if pattern.get(at) == Some(&'-') {
            at += 1;
            at += escaped(pattern, at)?.1;
        }
        ranges += 1;
    }
}

fn escaped(pattern: &[char], at: usize) -> Option<(char, usize)> {
    match pattern.get(at)? {
        '-' | ']' => None,
        '\\' => Some((*pattern.get(at + 1)?, 2)),
        letter => Some((*letter, 1)),
    }
}

fn class_holds(class: &[char], letter: char) -> bool {
    let negated = class.get(1) == Some(&'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    while at + 1 < class.len() {
        let Some((low, width)) = escaped(class, at) else { return false };
        at += width;
        let mut high = low;
        if class.get(at) == Some(&'-') {
            let Some((end, width)) = escaped(class, at + 1) else { return false };
            high = end;
            at += 1 + width;
        }
        found |= (low..=high).contains(&letter);
    }
    found != negated
}

fn glob_at(pattern: &[char], text: &[char]) -> bool {
    // Positions to go back to: behind the last star, and what it has eaten.
    let (mut at, mut pos, mut star) = (0, 0, None);
    loop {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, pos));
                at += 1;
                continue;
            }
            None if pos == text.len() => return true,
            None => None,
            Some(sign) => text.get(pos).and_then(|letter| match sign {
                '?' => (*letter != '/').then_some(1),
                '[' => {
                    let length = class_length(&pattern[at..])?;
                    class_holds(&pattern[at..at + length], *letter).then_some(length)
                }
                '\\' => (pattern.get(at + 1) == Some(letter)).then_some(2),
                _ => (sign == letter).then_some(1),
            }),
        };
        match (step, star) {
            (Some(width), _) => {
                at += width;
                pos += 1;
            }
            (None, Some((after, from))) if text.get(from).is_some_and(|letter| *letter != '/') => {
                star = Some((after, from + 1));
                at = after;
                pos = from + 1;
            }
            _ => return false,
        }
    }
}

/// A string, number or boolean as the YAML library turns it into text where a string is wanted.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(match number.as_f64() {
            Some(float) if number.is_f64() => format_float(float, b'g', -1, true),
            _ => number.to_string(),
        }),
        _ => None,
    }
}

/// Drops what was said before; the order stays.
pub(crate) fn say_once(texts: &mut Vec<String>) {
    let mut seen = HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
}
