//! `regexp`: RE2 patterns on the `regex` crate, which differs in classes, flags and words of errors.

mod syntax;

use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use self::syntax::{describe, translate};

/// Bytes that a compiled expression may take.
const SIZE_LIMIT: usize = 4 << 20;
/// Length of an expression.
const MAX_PATTERN: usize = 64 << 10;

/// A compiled expression.
#[derive(Debug)]
pub struct Regexp {
    regex: Regex,
    /// How many things the expression matches one after another, repetitions counted as often as they may occur.
    weight: u64,
}

impl Regexp {
    /// Compiles; the error is Go's.
    pub fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_PATTERN {
            return Err("error parsing regexp: expression too large".into());
        }
        let translated = translate(pattern)?;
        RegexBuilder::new(&translated)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .build()
            .map(|regex| Self { regex, weight: weight(&translated) })
            .map_err(|error| describe(pattern, &error))
    }

    /// What compiling costs, in steps of templates.
    pub fn compile_work(&self) -> u64 {
        15_000 + self.weight.saturating_mul(32)
    }

    /// What matching against a text of that length may cost, in steps of templates.
    pub fn match_work(&self, length: usize) -> u64 {
        self.weight.saturating_mul(length as u64) / 2
    }

    /// As other engines read it where they know the same, for names of properties, which they look up themselves.
    pub fn for_others(&self) -> String {
        let pattern = self.regex.as_str();
        let pattern = pattern.replace(r"(?-u:\b)", r"\b").replace(r"(?-u:\B)", r"\B");
        pattern.replace(r"\z", "$").replace(r"\A", "^")
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

/// An upper bound of the states that an expression has, which is what the time of matching grows with. Without counted
/// repetitions these are no more than its characters, and it need not be parsed once more.
fn weight(pattern: &str) -> u64 {
    if !pattern.contains('{') {
        return pattern.len() as u64;
    }
    regex_syntax::parse(pattern).map_or(pattern.len() as u64, |hir| weight_of(&hir))
}

fn weight_of(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            weight_of(&repetition.sub).saturating_mul(u64::from(times))
        }
        HirKind::Capture(capture) => weight_of(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(weight_of).sum(),
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
    fn weight_counts_repetitions() {
        let weight = |pattern: &str| Regexp::new(pattern).unwrap().weight;
        assert_eq!(weight("abc"), 3);
        assert_eq!(weight("^a*[b-d](e|ff){0,1}$"), 7);
        assert_eq!(weight("^a*$"), 4);
        assert_eq!(weight("(a{1,1000}){1,20}b"), 20_001);
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
