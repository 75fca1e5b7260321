//! `strconv.Unquote`: literals of templates.

/// The text of a quoted literal; `None` if it is malformed. Bytes that are no text are replaced.
pub fn unquote(literal: &str) -> Option<String> {
    let quote = literal.chars().next()?;
    let body = literal.get(1..literal.len().checked_sub(1)?)?;
    if !literal.ends_with(quote) || literal.len() < 2 {
        return None;
    }
    match quote {
        '`' => (!body.contains('`')).then(|| body.replace('\r', "")),
        '"' if !body.contains('\\') => Some(body.to_owned()),
        '"' => {
            let mut bytes = Vec::with_capacity(body.len());
            let mut rest = body;
            while !rest.is_empty() {
                let (unit, after) = unquote_char(rest, '"')?;
                match unit {
                    Unit::Byte(b) => bytes.push(b),
                    Unit::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
                rest = after;
            }
            Some(super::bytes::from_bytes(&bytes).into_owned())
        }
        _ => None,
    }
}

/// What one escape stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Byte(u8),
    Char(char),
}

/// Reads one character or escape of a literal in the given quotes.
pub fn unquote_char(text: &str, quote: char) -> Option<(Unit, &str)> {
    let c = text.chars().next()?;
    if c == quote || c == '\n' {
        return None;
    }
    if c != '\\' {
        return Some((Unit::Char(c), &text[c.len_utf8()..]));
    }
    let escape = text[1..].chars().next()?;
    let rest = &text[1 + escape.len_utf8()..];
    let simple = match escape {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0C',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0B',
        '\\' => '\\',
        '\'' | '"' if escape == quote => escape,
        'x' | 'u' | 'U' => {
            let digits = match escape {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let hex = rest.get(..digits)?;
            if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let code = u32::from_str_radix(hex, 16).ok()?;
            let rest = &rest[digits..];
            return match escape {
                'x' => Some((Unit::Byte(code as u8), rest)),
                _ => Some((Unit::Char(char::from_u32(code)?), rest)),
            };
        }
        '0'..='7' => {
            let octal = text.get(1..4)?;
            let code = u32::from_str_radix(octal, 8).ok().filter(|n| *n <= 255)?;
            return Some((Unit::Byte(code as u8), &text[4..]));
        }
        _ => return None,
    };
    Some((Unit::Char(simple), rest))
}
