//! `regexp`: RE2 patterns on the `regex` crate, which differs in classes, flags and words of errors.

use regex::{Regex, RegexBuilder};

/// Bytes that a compiled expression may take.
const SIZE_LIMIT: usize = 4 << 20;
/// Length of an expression.
const MAX_PATTERN: usize = 64 << 10;

/// A compiled expression.
#[derive(Debug)]
pub struct Regexp {
    regex: Regex,
}

impl Regexp {
    /// Compiles; the error is Go's.
    pub fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_PATTERN {
            return Err("error parsing regexp: expression too large".into());
        }
        let translated = Translator { chars: pattern.chars().collect(), at: 0, out: String::new() }.run()?;
        RegexBuilder::new(&translated)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .build()
            .map(|regex| Self { regex })
            .map_err(|error| describe(pattern, &error))
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.regex.find(text).map(|found| found.as_str())
    }

    /// At most that many matches, all if negative.
    pub fn find_all<'t>(&self, text: &'t str, limit: i64) -> Vec<&'t str> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.matches(text).take(limit).map(|found| found.as_str()).collect()
    }

    /// Matches as Go finds them: an empty one right after another match does not count.
    fn matches<'r, 't>(&'r self, text: &'t str) -> impl Iterator<Item = regex::Match<'t>> + use<'r, 't> {
        let mut last_end = None;
        self.regex.find_iter(text).filter(move |found| {
            let counts = !(found.is_empty() && last_end == Some(found.start()));
            last_end = Some(found.end());
            counts
        })
    }

    /// `ReplaceAllString`: `$1` and `${name}` stand for groups.
    pub fn replace_all(&self, text: &str, replacement: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        let mut last_end = None;
        for captures in self.regex.captures_iter(text) {
            let Some(found) = captures.get(0) else { continue };
            if found.is_empty() && last_end == Some(found.start()) {
                continue;
            }
            last_end = Some(found.end());
            out.push_str(&text[at..found.start()]);
            self.expand(&mut out, replacement, &captures);
            at = found.end();
        }
        out.push_str(&text[at..]);
        out
    }

    /// `ReplaceAllLiteralString`.
    pub fn replace_all_literal(&self, text: &str, replacement: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for found in self.matches(text) {
            out.push_str(&text[at..found.start()]);
            out.push_str(replacement);
            at = found.end();
        }
        out.push_str(&text[at..]);
        out
    }

    /// `Split`; `None` for a limit of 0.
    pub fn split<'t>(&self, text: &'t str, limit: i64) -> Option<Vec<&'t str>> {
        if limit == 0 {
            return None;
        }
        if !self.regex.as_str().is_empty() && text.is_empty() {
            return Some(vec![""]);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut parts = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for found in self.matches(text).take(limit) {
            if parts.len() + 1 == limit {
                break;
            }
            end = found.start();
            if found.end() != 0 {
                parts.push(&text[begin..end]);
            }
            begin = found.end();
        }
        if end != text.len() {
            parts.push(&text[begin..]);
        }
        Some(parts)
    }

    fn expand(&self, out: &mut String, template: &str, captures: &regex::Captures<'_>) {
        let mut rest = template;
        while let Some(dollar) = rest.find('$') {
            out.push_str(&rest[..dollar]);
            rest = &rest[dollar + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let (name, after) = match rest.strip_prefix('{') {
                Some(inner) => match inner.find('}') {
                    Some(end) => (&inner[..end], &inner[end + 1..]),
                    None => ("", rest),
                },
                None => {
                    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                    rest.split_at(end)
                }
            };
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                out.push('$');
                continue;
            }
            rest = after;
            let group = match name.parse::<usize>() {
                Ok(number) => captures.get(number),
                Err(_) => captures.name(name),
            };
            if let Some(group) = group {
                out.push_str(group.as_str());
            }
        }
        out.push_str(rest);
    }
}

/// Go's words for what is wrong with a pattern.
fn describe(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        return "error parsing regexp: expression too large".into();
    }
    if let Some(range) = reversed_range(pattern).filter(|_| text.contains("invalid character class range")) {
        return format!("error parsing regexp: invalid character class range: `{range}`");
    }
    let (reason, part) = if text.contains("unclosed group") {
        ("missing closing )", pattern)
    } else if text.contains("unopened group") {
        ("unexpected )", pattern)
    } else if text.contains("unclosed character class") {
        ("missing closing ]", pattern.find('[').map_or(pattern, |at| &pattern[at..]))
    } else if text.contains("repetition operator missing expression") {
        let at = pattern.find(['*', '+', '?']).unwrap_or(0);
        ("missing argument to repetition operator", pattern.get(at..=at).unwrap_or(pattern))
    } else if text.contains("invalid repetition count range") {
        ("invalid repeat count", pattern)
    } else if text.contains("look-around") {
        let at = pattern.find("(?").unwrap_or(0);
        ("invalid or unsupported Perl syntax", pattern.get(at..at + 3).unwrap_or(pattern))
    } else {
        ("invalid or unsupported Perl syntax", pattern)
    };
    format!("error parsing regexp: {reason}: `{part}`")
}

/// The first range of a class that runs backwards.
fn reversed_range(pattern: &str) -> Option<String> {
    let chars: Vec<char> = pattern.chars().collect();
    let found = chars.windows(3).find(|w| w[1] == '-' && w[0] > w[2])?;
    Some(found.iter().collect())
}

/// Rewrites a pattern for the `regex` crate.
struct Translator {
    chars: Vec<char>,
    at: usize,
    out: String,
}

impl Translator {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn run(mut self) -> Result<String, String> {
        while let Some(c) = self.peek(0) {
            match c {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '{' if !self.is_repetition() => {
                    self.out.push_str("\\{");
                    self.at += 1;
                }
                '}' => {
                    self.out.push_str("\\}");
                    self.at += 1;
                }
                '{' => {
                    self.check_repetition()?;
                    while let Some(c) = self.peek(0) {
                        self.out.push(c);
                        self.at += 1;
                        if c == '}' {
                            break;
                        }
                    }
                    if matches!(self.peek(0), Some('*' | '+' | '?' | '{')) && self.peek(0) != Some('?') {
                        return Err(self.bad_repetition());
                    }
                }
                '*' | '+' | '?' => {
                    self.out.push(c);
                    self.at += 1;
                    if self.peek(0) == Some('?') {
                        self.out.push('?');
                        self.at += 1;
                    }
                    if matches!(self.peek(0), Some('*' | '+' | '?')) {
                        return Err(self.bad_repetition());
                    }
                }
                '$' => {
                    // Without `(?m)` Go's dollar is the very end, and so is this crate's.
                    self.out.push('$');
                    self.at += 1;
                }
                '#' | ' ' | '&' | '~' | '-' => {
                    self.out.push(c);
                    self.at += 1;
                }
                c => {
                    self.out.push(c);
                    self.at += 1;
                }
            }
        }
        Ok(self.out)
    }

    /// RE2 allows at most 1000 repetitions.
    fn check_repetition(&self) -> Result<(), String> {
        let body: String = self.chars[self.at + 1..].iter().take_while(|c| **c != '}').collect();
        let counts: Vec<u32> =
            body.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().unwrap_or(u32::MAX)).collect();
        if counts.iter().any(|n| *n > 1000) || !counts.is_sorted() {
            return Err(format!("error parsing regexp: invalid repeat count: `{{{body}}}`"));
        }
        Ok(())
    }

    fn bad_repetition(&self) -> String {
        let from =
            (0..self.at).rev().find(|i| !matches!(self.chars[*i], '*' | '+' | '?')).map_or(0, |i| i + 1);
        let part: String = self.chars[from..=self.at].iter().collect();
        format!("error parsing regexp: invalid nested repetition operator: `{part}`")
    }

    /// `{2}`, `{2,}` or `{2,3}`; anything else is plain text.
    fn is_repetition(&self) -> bool {
        let body: String = self.chars[self.at + 1..].iter().take_while(|c| **c != '}').collect();
        if self.chars.get(self.at + 1 + body.chars().count()) != Some(&'}') {
            return false;
        }
        let (low, high) = body.split_once(',').unwrap_or((&body, ""));
        !low.is_empty() && low.bytes().all(|b| b.is_ascii_digit()) && high.bytes().all(|b| b.is_ascii_digit())
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(c) = self.peek(1) else {
            return Err("error parsing regexp: trailing backslash at end of expression: ``".into());
        };
        let mut take = 2;
        match c {
            'd' => self.out.push_str(if in_class { "0-9" } else { "[0-9]" }),
            'D' => self.out.push_str("[^0-9]"),
            's' => self.out.push_str(if in_class { r"\t\n\x0C\r " } else { r"[\t\n\x0C\r ]" }),
            'S' => self.out.push_str(r"[^\t\n\x0C\r ]"),
            'w' => self.out.push_str(if in_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            'b' if !in_class => self.out.push_str(r"(?-u:\b)"),
            'B' if !in_class => self.out.push_str(r"(?-u:\B)"),
            'z' if !in_class => self.out.push_str(r"\z"),
            'A' if !in_class => self.out.push_str(r"\A"),
            'C' => return Err(r"error parsing regexp: invalid escape sequence: `\C`".into()),
            'Q' => {
                self.at += 2;
                while let Some(c) = self.peek(0) {
                    if c == '\\' && self.peek(1) == Some('E') {
                        self.at += 2;
                        break;
                    }
                    self.out.push_str(&regex::escape(&c.to_string()));
                    self.at += 1;
                }
                return Ok(());
            }
            'E' => {}
            'p' | 'P' | 'x' => {
                self.out.push('\\');
                self.out.push(c);
                if self.peek(2) == Some('{') {
                    while let Some(c) = self.peek(take) {
                        self.out.push(c);
                        take += 1;
                        if c == '}' {
                            break;
                        }
                    }
                } else if c != 'x'
                    && let Some(c) = self.peek(2)
                {
                    self.out.push(c);
                    take = 3;
                }
            }
            'a' => self.out.push_str(r"\x07"),
            'f' | 't' | 'n' | 'r' | 'v' => {
                self.out.push('\\');
                self.out.push(c);
            }
            '0'..='7' => {
                let digits: String = self.chars[self.at + 1..]
                    .iter()
                    .take(3)
                    .take_while(|c| ('0'..='7').contains(*c))
                    .collect();
                if c != '0' && digits.len() == 1 {
                    return Err(format!(r"error parsing regexp: invalid escape sequence: `\{c}`"));
                }
                let code = u32::from_str_radix(&digits, 8).unwrap_or(0);
                self.out.push_str(&format!(r"\x{{{code:x}}}"));
                take = 1 + digits.len();
            }
            c if c.is_ascii_alphanumeric() => {
                return Err(format!(r"error parsing regexp: invalid escape sequence: `\{c}`"));
            }
            c if c.is_ascii_punctuation() => {
                self.out.push('\\');
                self.out.push(c);
            }
            c => self.out.push(c),
        }
        self.at += take;
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        let start = self.at;
        self.out.push('[');
        self.at += 1;
        if self.peek(0) == Some('^') {
            self.out.push('^');
            self.at += 1;
        }
        let mut first = true;
        loop {
            let Some(c) = self.peek(0) else {
                let part: String = self.chars[start..].iter().collect();
                return Err(format!("error parsing regexp: missing closing ]: `{part}`"));
            };
            match c {
                ']' if !first => {
                    self.out.push(']');
                    self.at += 1;
                    return Ok(());
                }
                '[' if self.peek(1) == Some(':') => {
                    let rest: String = self.chars[self.at..].iter().collect();
                    match rest.find(":]") {
                        Some(end) => {
                            self.out.push_str(&rest[..end + 2]);
                            self.at += rest[..end + 2].chars().count();
                        }
                        None => {
                            self.out.push_str("\\[");
                            self.at += 1;
                        }
                    }
                }
                '\\' => {
                    let negated = matches!(self.peek(1), Some('D' | 'S' | 'W'));
                    let shorthand = negated || matches!(self.peek(1), Some('d' | 's' | 'w'));
                    self.escape(true)?;
                    // After a shorthand a dash is itself, never a range.
                    if shorthand && self.peek(0) == Some('-') {
                        self.out.push_str("\\-");
                        self.at += 1;
                    }
                }
                '-' => {
                    let ends = self.peek(1) == Some(']');
                    let before_shorthand = self.peek(1) == Some('\\')
                        && matches!(self.peek(2), Some('d' | 's' | 'w' | 'D' | 'S' | 'W'));
                    self.out.push_str(if first || ends || before_shorthand { "\\-" } else { "-" });
                    self.at += 1;
                }
                '[' | '&' | '~' | ']' => {
                    self.out.push('\\');
                    self.out.push(c);
                    self.at += 1;
                }
                c => {
                    self.out.push(c);
                    self.at += 1;
                }
            }
            first = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_read_like_re2() {
        let is = |pattern: &str, text: &str| Regexp::new(pattern).unwrap().is_match(text);
        assert!(is(r"^[\w-.]+$", "a-b.c"));
        assert!(!is(r"^\w+$", "é"));
        assert!(is(r"^[a&&b]+$", "a&b"));
        assert!(is(r"a{,2}", "a{,2}"));
        assert!(is(r"{{ x }}", "{{ x }}"));
        assert!(is(r"^\d+\.\d+$", "1.2"));
        assert!(is(r"\Qa.b\E", "a.b"));
        assert_eq!(Regexp::new("(").unwrap_err(), "error parsing regexp: missing closing ): `(`");
        assert_eq!(Regexp::new("[a").unwrap_err(), "error parsing regexp: missing closing ]: `[a`");
    }

    #[test]
    fn replacements_expand_groups() {
        let replace = |p: &str, t: &str, r: &str| Regexp::new(p).unwrap().replace_all(t, r);
        assert_eq!(replace("a(x*)b", "-ab-axxb-", "${1}W"), "-W-xxW-");
        assert_eq!(replace("a(x*)b", "-ab-axxb-", "$1W"), "---");
        assert_eq!(replace("x*", "abc", "-"), "-a-b-c-");
        assert_eq!(Regexp::new("z+").unwrap().split("pizza", -1), Some(vec!["pi", "a"]));
        assert_eq!(Regexp::new("a").unwrap().split("banana", 2), Some(vec!["b", "nana"]));
    }
}
