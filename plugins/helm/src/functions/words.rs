//! Cases of words, wrapping and abbreviations, as goutils and xstrings do them; and random texts.

use super::strings::{is_title, lower, to_title, upper};
use super::{Function, Ty, fixed, int, text};
use crate::golang::bytes::{from_bytes, to_bytes};
use crate::gotemplate::exec::{Engine, Fault};
use crate::random;
use crate::value::Value;

use Ty::{Int, Str};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const DIGITS: &[u8] = b"0123456789";

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("title", &[Str], |_, a| Ok(Value::str(title(text(a, 0))))),
    fixed("untitle", &[Str], |_, a| Ok(Value::str(untitle(text(a, 0))))),
    fixed("swapcase", &[Str], |_, a| Ok(Value::str(swapcase(text(a, 0))))),
    fixed("nospace", &[Str], |_, a| {
        let kept: String = latin(text(a, 0)).filter(|c| !c.is_whitespace()).collect();
        // Without a blank in it a text stays as it is.
        Ok(if kept.chars().count() == text(a, 0).len() { a[0].clone() } else { Value::str(kept) })
    }),
    fixed("initials", &[Str], |_, a| Ok(Value::str(initials(text(a, 0))))),
    fixed("snakecase", &[Str], |_, a| Ok(Value::str(separated(text(a, 0), '_')))),
    fixed("kebabcase", &[Str], |_, a| Ok(Value::str(separated(text(a, 0), '-')))),
    fixed("camelcase", &[Str], |_, a| Ok(Value::str(camelcase(text(a, 0))))),
    fixed("wrap", &[Int, Str], |e, a| wrap(e, text(a, 1), int(a, 0), "\n", false)),
    fixed("wrapWith", &[Int, Str, Str], |e, a| {
        let separator = if text(a, 1).is_empty() { "\n" } else { text(a, 1) };
        wrap(e, text(a, 2), int(a, 0), separator, true)
    }),
    fixed("abbrev", &[Int, Str], |_, a| {
        let width = int(a, 0);
        Ok(if width < 4 { a[1].clone() } else { Value::str(abbreviate(text(a, 1), 0, width)) })
    }),
    fixed("abbrevboth", &[Int, Int, Str], |_, a| {
        let (left, right) = (int(a, 0), int(a, 1));
        let too_narrow = right < 4 || (left > 0 && right < 7);
        Ok(if too_narrow { a[2].clone() } else { Value::str(abbreviate(text(a, 2), left, right)) })
    }),
    fixed("shuffle", &[Str], |_, a| {
        let mut chars: Vec<char> = text(a, 0).chars().collect();
        for i in (1..chars.len()).rev() {
            chars.swap(i, random::below(i as u64 + 1) as usize);
        }
        Ok(Value::str(chars.into_iter().collect::<String>()))
    }),
    fixed("randAlphaNum", &[Int], |e, a| random_text(e, a, ALPHANUMERIC)),
    fixed("randAlpha", &[Int], |e, a| random_text(e, a, LETTERS)),
    fixed("randNumeric", &[Int], |e, a| random_text(e, a, DIGITS)),
    fixed("randAscii", &[Int], |e, a| {
        let printable: Vec<u8> = (b' '..=b'~').collect();
        random_text(e, a, &printable)
    }),
];

fn random_text(
    engine: &mut crate::gotemplate::exec::Engine<'_>,
    args: &[Value],
    alphabet: &[u8],
) -> Result<Value, crate::gotemplate::exec::Fault> {
    let length = usize::try_from(int(args, 0)).unwrap_or(0);
    engine.check_size(length)?;
    Ok(Value::str(random::text(alphabet, length)))
}

/// `strings.Title`: upper case at the start of each word.
fn title(text: &str) -> String {
    let mut before = ' ';
    text.chars()
        .map(|c| {
            let separated = match before {
                p if p.is_ascii() => !(p.is_ascii_alphanumeric() || p == '_'),
                p if p.is_alphanumeric() => false,
                p => p.is_whitespace(),
            };
            before = c;
            if separated { to_title(c) } else { c }
        })
        .collect()
}

fn untitle(text: &str) -> String {
    let mut start = true;
    text.chars()
        .map(|c| {
            let first = std::mem::replace(&mut start, c.is_whitespace());
            if first && !c.is_whitespace() { lower(c) } else { c }
        })
        .collect()
}

fn swapcase(text: &str) -> String {
    let mut after_blank = true;
    text.chars()
        .map(|c| {
            if c.is_uppercase() || is_title(c) {
                after_blank = false;
                lower(c)
            } else if c.is_lowercase() {
                after_blank = false;
                upper(c)
            } else {
                after_blank = c.is_whitespace();
                c
            }
        })
        .collect()
}

/// goutils takes every byte for a character.
fn latin(text: &str) -> impl Iterator<Item = char> {
    text.bytes().map(char::from)
}

fn initials(text: &str) -> String {
    let mut start = true;
    latin(text)
        .filter(|c| {
            let first = std::mem::replace(&mut start, c.is_whitespace());
            first && !c.is_whitespace()
        })
        .collect()
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || c.is_whitespace()
}

fn camelcase(text: &str) -> String {
    let mut chars = text.chars();
    let mut out = String::new();
    let mut upper_run = false;
    let mut current = None;
    for c in chars.by_ref() {
        if is_connector(c) {
            out.push(c);
        } else {
            upper_run = c.is_uppercase();
            current = Some(upper(c));
            break;
        }
    }
    let Some(mut current) = current else { return out };
    for c in chars {
        let before = std::mem::replace(&mut current, c);
        if is_connector(c) && is_connector(before) {
            out.push(before);
            continue;
        }
        if is_connector(before) {
            upper_run = c.is_uppercase();
            current = upper(c);
        } else {
            if upper_run {
                if c.is_uppercase() {
                    current = lower(c);
                } else {
                    upper_run = false;
                }
            }
            out.push(before);
        }
    }
    out.push(current);
    out
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    End,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punct,
    Other,
}

fn is_punct(c: char) -> bool {
    // Go counts `$+<=>^`|~` as symbols.
    if c.is_ascii() { c.is_ascii_punctuation() && !"$+<=>^`|~".contains(c) } else { false }
}

fn is_alphabet(c: char) -> bool {
    c.is_alphabetic() && (c.is_uppercase() || c.is_lowercase())
}

/// The first word of a text by its kind of characters.
fn next_word(text: &str) -> (Word, &str, &str) {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let Some(&(_, first)) = chars.first() else { return (Word::End, "", "") };
    let run = |from: usize, keep: &dyn Fn(char) -> bool| {
        chars[from..].iter().find(|(_, c)| !keep(*c)).map_or(text.len(), |(at, _)| *at)
    };
    let lower_letter = |c: char| is_alphabet(c) && !c.is_uppercase();
    let (kind, end) = if is_connector(first) {
        (Word::Connector, run(1, &is_connector))
    } else if is_punct(first) {
        (Word::Punct, run(1, &is_punct))
    } else if first.is_uppercase() {
        let end = match chars.get(1) {
            Some((_, c)) if c.is_uppercase() => {
                let end = run(1, &|c: char| c.is_uppercase());
                // The last capital belongs to the word that follows.
                if text[end..].chars().next().is_some_and(is_alphabet) {
                    text[..end].char_indices().next_back().map_or(end, |(at, _)| at)
                } else {
                    end
                }
            }
            Some((_, c)) if is_alphabet(*c) => run(1, &lower_letter),
            Some((at, _)) => *at,
            None => text.len(),
        };
        (Word::Upper, end)
    } else if is_alphabet(first) {
        (Word::Alphabet, run(1, &lower_letter))
    } else if first.is_numeric() {
        (Word::Number, run(1, &char::is_numeric))
    } else {
        let other = |c: char| !(is_connector(c) || is_alphabet(c) || c.is_numeric() || is_punct(c));
        (Word::Other, run(1, &other))
    };
    (kind, &text[..end], &text[end..])
}

fn write_lower(out: &mut String, kind: Word, word: &str, connector: char) {
    if kind != Word::Upper && kind != Word::Connector {
        out.push_str(word);
        return;
    }
    for c in word.chars() {
        out.push(if is_connector(c) { connector } else { lower(c) });
    }
}

/// xstrings' snake and kebab case.
fn separated(text: &str, connector: char) -> String {
    let mut out = String::new();
    let joins = |kind: Word| !matches!(kind, Word::End | Word::Punct | Word::Connector);
    let letters = |kind: Word| matches!(kind, Word::Alphabet | Word::Number);
    let (mut kind, mut word, mut rest) = next_word(text);
    while !rest.is_empty() {
        if kind != Word::Connector {
            write_lower(&mut out, kind, word, connector);
        }
        let (before, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match before {
            Word::Number => {
                while letters(kind) {
                    write_lower(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if joins(kind) {
                    out.push(connector);
                }
            }
            Word::Connector => write_lower(&mut out, before, last, connector),
            Word::Punct => {}
            _ if kind != Word::Number => {
                if kind != Word::Connector && kind != Word::Punct {
                    out.push(connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind != Word::Alphabet {
                    write_lower(&mut out, Word::Number, number, connector);
                    if kind != Word::Connector && kind != Word::Punct {
                        out.push(connector);
                    }
                } else {
                    out.push(connector);
                    write_lower(&mut out, Word::Number, number, connector);
                    while letters(kind) {
                        write_lower(&mut out, kind, word, connector);
                        (kind, word, rest) = next_word(rest);
                    }
                    if joins(kind) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    write_lower(&mut out, kind, word, connector);
    out
}

/// goutils' wrapping, which counts bytes.
fn wrap(
    engine: &mut Engine<'_>,
    text: &str,
    width: i64,
    newline: &str,
    long_words: bool,
) -> Result<Value, Fault> {
    let bytes = to_bytes(text);
    let width = width.max(1) as usize;
    let mut out: Vec<u8> = Vec::with_capacity(bytes.len() + 16);
    let mut at = 0;
    while bytes.len() - at > width {
        if bytes[at] == b' ' {
            at += 1;
            continue;
        }
        engine.check_size(out.len())?;
        let window = &bytes[at..at + width + 1];
        if let Some(space) = window.iter().rposition(|b| *b == b' ') {
            out.extend_from_slice(&bytes[at..at + space]);
            out.extend_from_slice(newline.as_bytes());
            at += space + 1;
        } else if long_words {
            out.extend_from_slice(&bytes[at..at + width]);
            out.extend_from_slice(newline.as_bytes());
            at += width;
        } else if let Some(space) = bytes[at + width..].iter().position(|b| *b == b' ') {
            out.extend_from_slice(&bytes[at..at + width + space]);
            out.extend_from_slice(newline.as_bytes());
            at += width + space + 1;
        } else {
            out.extend_from_slice(&bytes[at..]);
            at = bytes.len();
        }
    }
    out.extend_from_slice(&bytes[at..]);
    Ok(Value::str(from_bytes(&out)))
}

/// goutils' abbreviation, which counts bytes.
fn abbreviate(text: &str, offset: i64, width: i64) -> String {
    let bytes = to_bytes(text);
    let (length, width) = (bytes.len() as i64, width);
    let part = |from: i64, to: i64| {
        let (from, to) = (from.clamp(0, length) as usize, to.clamp(0, length) as usize);
        from_bytes(&bytes[from.min(to)..to]).into_owned()
    };
    if length <= width {
        return text.to_owned();
    }
    let mut offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    if offset <= 4 {
        return format!("{}...", part(0, width - 3));
    }
    if width < 7 {
        return String::new();
    }
    if offset + width - 3 < length {
        let rest = part(offset, length);
        return format!("...{}", abbreviate(&rest, 0, width - 3));
    }
    format!("...{}", part(length - (width - 3), length))
}
