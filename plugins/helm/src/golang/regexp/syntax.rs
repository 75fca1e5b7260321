//! RE2's syntax: patterns rewritten for the `regex` crate, and Go's words for those that are wrong.

/// Names of classes inside of classes.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];
const BAD_RANGE: &str = "error parsing regexp: invalid character class range";

/// Go's words for what is wrong with a pattern.
pub(super) fn describe(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    if matches!(error, regex::Error::CompiledTooBig(_)) {
        return "error parsing regexp: expression too large".into();
    }
    if let Some(range) = reversed_range(pattern).filter(|_| text.contains("invalid character class range")) {
        return format!("{BAD_RANGE}: `{range}`");
    }
    if text.contains("Unicode property not found")
        && let Some(at) = pattern.find("\\p").or_else(|| pattern.find("\\P"))
    {
        let end = match pattern[at..].find('}') {
            Some(end) if pattern[at + 2..].starts_with('{') => at + end + 1,
            _ => pattern.char_indices().map(|(i, _)| i).find(|i| *i > at + 2).unwrap_or(pattern.len()),
        };
        return format!("{BAD_RANGE}: `{}`", &pattern[at..end]);
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
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    Translator { chars: pattern.chars().collect(), at: 0, out: String::new() }.run()
}

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
                '(' if self.peek(1) == Some('?') => self.group()?,
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

    /// The beginning of a group with a name or flags.
    fn group(&mut self) -> Result<(), String> {
        let rest: String = self.chars[self.at..].iter().collect();
        if let Some(named) = rest.strip_prefix("(?P<").or_else(|| rest.strip_prefix("(?<")) {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let part = match named.find('>') {
                Some(end) if end > 0 && named[..end].chars().all(is_word) => None,
                Some(end) => Some(&rest[..rest.len() - named.len() + end + 1]),
                None => Some(rest.as_str()),
            };
            if let Some(part) = part {
                return Err(format!("error parsing regexp: invalid named capture: `{part}`"));
            }
        } else {
            let flags = rest[2..].chars().take_while(|c| !matches!(c, ':' | ')'));
            if let Some(at) = flags.clone().position(|c| !"imsU-".contains(c)) {
                let part: String = rest.chars().take(at + 3).collect();
                return Err(format!("error parsing regexp: invalid or unsupported Perl syntax: `{part}`"));
            }
        }
        self.out.push_str("(?");
        self.at += 2;
        Ok(())
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

    /// Whether the number of an escaped character is one; Go stops where it gets too large.
    fn check_code(&self, letter: char) -> Result<(), String> {
        let mut code = 0;
        let digits = self.chars[self.at + 3..].iter().take_while(|c| **c != '}' && letter == 'x');
        for (count, digit) in digits.enumerate() {
            let Some(digit) = digit.to_digit(16) else { break };
            code = code * 16 + digit;
            if code > u32::from(char::MAX) {
                let part: String = self.chars[self.at..self.at + count + 4].iter().collect();
                return Err(format!("error parsing regexp: invalid escape sequence: `{part}`"));
            }
        }
        Ok(())
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
                    self.check_code(c)?;
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
            // These are the ends of words to the crate, and themselves to Go.
            '<' | '>' => self.out.push(c),
            c if c.is_ascii_punctuation() => {
                self.out.push('\\');
                self.out.push(c);
            }
            c => return Err(format!(r"error parsing regexp: invalid escape sequence: `\{c}`")),
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
        // Whether a single character stands before, with which a range may begin.
        let mut single = false;
        loop {
            let was_single = std::mem::take(&mut single);
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
                        Some(end) if !CLASSES.contains(&rest[2..end].trim_start_matches('^')) => {
                            let part = &rest[..end + 2];
                            return Err(format!("{BAD_RANGE}: `{part}`"));
                        }
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
                    single = !shorthand;
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
                    if let (true, Some(c)) = (was_single && before_shorthand, self.peek(2)) {
                        return Err(format!(r"error parsing regexp: invalid escape sequence: `\{c}`"));
                    }
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
                    // What ends a range begins none.
                    single = !(self.at >= 2 && self.chars[self.at - 2] == '-' && !was_single);
                }
            }
            first = false;
        }
    }
}
