//! What the comments of a values file say about its keys: help, order, sections.
//!
//! Three habits are understood: plain comments above a key, `# -- help` of helm-docs, and `## @param KEY help` with
//! `## @section TITLE` of Bitnami's generator.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::join;

const MAX_HELP: usize = 600;

/// What is known about fields by their pointers.
#[derive(Debug, Default)]
pub(super) struct Comments {
    help: HashMap<String, String>,
    order: HashMap<String, usize>,
    sections: HashMap<String, String>,
}

static KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_./-]+))\s*:(?:\s+(.*))?$"#)
        .expect("the pattern is constant")
});
/// A comment that is a key switched off rather than help.
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:- |[A-Za-z0-9_./-]+:(?:\s|$)|[\[{}\]])").expect("the pattern is constant")
});
static MODIFIERS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s*\[[^\]]*\]\s*").expect("the pattern is constant"));

impl Comments {
    /// Reads a values file whose root lies at a pointer.
    pub(super) fn read(text: &str, root: &str) -> Self {
        let mut reader = Reader { comments: Self::default(), root, ..Reader::default() };
        text.lines().for_each(|line| reader.line(line));
        for (pointer, help) in reader.params {
            reader.comments.help.insert(pointer, help);
        }
        reader.comments
    }

    pub(super) fn help(&self, pointer: &str) -> Option<&str> {
        self.help.get(pointer).map(String::as_str)
    }

    /// The place in the file; fields that are not in it come last.
    pub(super) fn order(&self, pointer: &str) -> usize {
        self.order.get(pointer).copied().unwrap_or(self.order.len())
    }

    pub(super) fn section(&self, pointer: &str) -> Option<&str> {
        self.sections.get(pointer).map(String::as_str)
    }
}

#[derive(Default)]
struct Reader<'t> {
    comments: Comments,
    root: &'t str,
    /// Indents and pointers of the keys around the current line.
    stack: Vec<(usize, String)>,
    /// Comment lines since the last key or blank line.
    pending: Vec<&'t str>,
    params: Vec<(String, String)>,
    section: Option<String>,
    /// Lines deeper than this belong to a text or a list.
    skip: Option<(usize, bool)>,
}

impl<'t> Reader<'t> {
    fn line(&mut self, line: &'t str) {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        if let Some((limit, is_list)) = self.skip {
            let belongs = trimmed.is_empty()
                || indent > limit
                || (is_list && indent == limit && trimmed.starts_with('-'));
            if belongs {
                return;
            }
            self.skip = None;
        }
        if trimmed.is_empty() {
            self.pending.clear();
        } else if let Some(comment) = trimmed.strip_prefix('#') {
            self.comment(comment.trim_start_matches('#'));
        } else if trimmed.starts_with("- ") || trimmed == "-" {
            self.skip = Some((indent, true));
            self.pending.clear();
        } else if let Some(found) = KEY.captures(trimmed) {
            let key = (1..=3).find_map(|group| found.get(group)).map_or("", |key| key.as_str());
            let value = found.get(4).map_or("", |value| value.as_str());
            self.key(indent, key, value);
        }
    }

    fn comment(&mut self, comment: &'t str) {
        let comment = comment.strip_prefix(' ').unwrap_or(comment);
        let words = comment.trim();
        if let Some(rest) = words.strip_prefix("@param ").or_else(|| words.strip_prefix("@extra ")) {
            let (key, help) = rest.split_once(' ').unwrap_or((rest, ""));
            let pointer = key.split('.').fold(self.root.to_owned(), |pointer, part| join(&pointer, part));
            let help = MODIFIERS.replace(help, "").trim().to_owned();
            if !help.is_empty() {
                self.params.push((pointer, help));
            }
        } else if let Some(title) = words.strip_prefix("@section ") {
            self.section = Some(title.trim().to_owned());
        } else {
            self.pending.push(comment.trim_end());
        }
    }

    fn key(&mut self, indent: usize, key: &str, value: &str) {
        while self.stack.last().is_some_and(|(above, _)| *above >= indent) {
            self.stack.pop();
        }
        let above = self.stack.last().map_or(self.root, |(_, pointer)| pointer);
        let pointer = join(above, key);
        let order = self.comments.order.len();
        self.comments.order.entry(pointer.clone()).or_insert(order);
        if let (Some(section), true) = (&self.section, self.stack.is_empty()) {
            self.comments.sections.insert(pointer.clone(), section.clone());
        }
        let beside = value.split_once(" #").map(|(_, comment)| comment.trim_start_matches('#').trim());
        let pending = std::mem::take(&mut self.pending);
        let help = help_of(&pending).or_else(|| beside.filter(|text| !text.is_empty()).map(str::to_owned));
        if let Some(help) = help {
            self.comments.help.entry(pointer.clone()).or_insert(help);
        }
        let value = value.split(" #").next().unwrap_or_default().trim();
        if value.starts_with(['|', '>']) {
            self.skip = Some((indent, false));
        }
        self.stack.push((indent, pointer));
    }
}

/// The help in a block of comments.
fn help_of(lines: &[&str]) -> Option<String> {
    let start = lines.iter().rposition(|line| line.starts_with("-- ") || line.contains(" -- "));
    let lines: Vec<&str> = match start {
        Some(start) => {
            let first = lines[start].split_once("-- ").map_or(lines[start], |(_, help)| help);
            let first =
                first.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(first, |(_, rest)| rest);
            let rest = lines[start + 1..].iter().copied().filter(|line| !line.starts_with('@'));
            std::iter::once(first).chain(rest).collect()
        }
        None => lines
            .iter()
            .copied()
            .filter(|line| !CODE.is_match(line) && !line.starts_with(['@', ' ']))
            .collect(),
    };
    let mut text =
        lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    if text.chars().all(|letter| !letter.is_alphanumeric()) {
        return None;
    }
    if text.len() > MAX_HELP {
        let end = (0..=MAX_HELP).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    Some(text)
}
