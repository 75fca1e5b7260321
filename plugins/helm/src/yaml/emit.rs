//! Writes YAML as go-yaml does: version 2 for `toYaml`, version 3 for `toYamlPretty`.
//!
//! Collections are block style unless empty. Every quirk here (folding at 80 columns, natural key order,
//! the choice between plain, quoted and literal scalars) is visible in the manifests of real charts.

mod scalars;

use self::scalars::string_style;

/// Which version of go-yaml is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Version 2: sequences are not indented inside mappings, lines fold at 80.
    V2,
    /// Version 3 with indent 2: sequences are indented, lines do not fold.
    V3,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Root,
    Item,
    Value,
}

/// The value cannot be written.
#[derive(Debug)]
pub(crate) struct Unwritable;

/// Something that can write itself into an emitter.
pub(crate) trait Source {
    fn emit(&self, emitter: &mut Emitter, place: Place) -> Result<(), Unwritable>;
}

/// Depth of nested values; a map that contains itself ends here.
const MAX_DEPTH: usize = 1000;
const BEST_INDENT: usize = 2;
const MAX_SIMPLE_KEY: usize = 128;

pub(crate) struct Emitter {
    out: String,
    flavour: Flavour,
    width: usize,
    indent: Option<usize>,
    indents: Vec<Option<usize>>,
    column: usize,
    whitespace: bool,
    indention: bool,
    depth: usize,
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Emitter {
    pub(crate) fn new(flavour: Flavour) -> Self {
        Self {
            out: String::new(),
            flavour,
            width: if flavour == Flavour::V2 { 80 } else { usize::MAX },
            indent: None,
            indents: Vec::new(),
            column: 0,
            whitespace: true,
            indention: true,
            depth: 0,
        }
    }

    pub(crate) fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Writes one document and ends its last line.
    pub(crate) fn document<S: Source + ?Sized>(mut self, root: &S) -> Result<String, Unwritable> {
        root.emit(&mut self, Place::Root)?;
        self.write_indent();
        Ok(self.out)
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.indention = true;
    }

    /// A line break of the text itself.
    fn write_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indention = true;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }

    fn increase_indent(&mut self, flow: bool, indentless: bool) {
        self.indents.push(self.indent);
        self.indent = match self.indent {
            None => Some(if flow { BEST_INDENT } else { 0 }),
            Some(n) if indentless => Some(n),
            Some(n) => Some(n + BEST_INDENT),
        };
    }

    fn restore_indent(&mut self) {
        self.indent = self.indents.pop().flatten();
    }

    fn enter(&mut self) -> Result<(), Unwritable> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Unwritable) } else { Ok(()) }
    }

    pub(crate) fn sequence<'a, S, I>(&mut self, place: Place, items: I) -> Result<(), Unwritable>
    where
        S: Source + 'a,
        I: ExactSizeIterator<Item = &'a S>,
    {
        if items.len() == 0 {
            self.indicator("[", true, true, false);
            self.indicator("]", false, false, false);
            return Ok(());
        }
        self.enter()?;
        let indentless = self.flavour == Flavour::V2 && place == Place::Value && !self.indention;
        self.increase_indent(false, indentless);
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            item.emit(self, Place::Item)?;
        }
        self.restore_indent();
        self.depth -= 1;
        Ok(())
    }

    /// Writes the entries sorted as go-yaml sorts keys.
    pub(crate) fn mapping<K, S>(&mut self, entries: &mut [(K, &S)]) -> Result<(), Unwritable>
    where
        K: AsRef<str>,
        S: Source,
    {
        if entries.is_empty() {
            self.indicator("{", true, true, false);
            self.indicator("}", false, false, false);
            return Ok(());
        }
        self.enter()?;
        let flavour = self.flavour;
        entries.sort_by(|(a, _), (b, _)| key_order(a.as_ref(), b.as_ref(), flavour));
        self.increase_indent(false, false);
        for (key, value) in entries.iter() {
            let key = key.as_ref();
            self.write_indent();
            let style = string_style(key);
            let analysis = self.analyze(key);
            if !analysis.multiline && key.len() <= MAX_SIMPLE_KEY {
                self.scalar(key, style, &analysis, true);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.scalar(key, style, &analysis, false);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            value.emit(self, Place::Value)?;
        }
        self.restore_indent();
        self.depth -= 1;
        Ok(())
    }

    /// A text, quoted where it would read as something else.
    pub(crate) fn string(&mut self, text: &str) {
        let style = string_style(text);
        let analysis = self.analyze(text);
        self.scalar(text, style, &analysis, false);
    }

    /// A number, boolean or null as it is to be written.
    pub(crate) fn plain(&mut self, text: &str) {
        if !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(text);
        self.column += text.len();
        self.whitespace = false;
        self.indention = false;
    }
}

/// go-yaml's natural order: letters after everything else, runs of digits by their value.
fn key_order(a: &str, b: &str, flavour: Flavour) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    if natural_less(a, b, flavour) {
        Ordering::Less
    } else if natural_less(b, a, flavour) {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

fn natural_less(a: &str, b: &str, flavour: Flavour) -> bool {
    let mut common = 0;
    let mut digits_before = false;
    let (mut left, mut right) = (a.chars(), b.chars());
    let (x, y) = loop {
        match (left.next(), right.next()) {
            (Some(x), Some(y)) if x == y => {
                digits_before = x.is_ascii_digit();
                common += x.len_utf8();
            }
            (Some(x), Some(y)) => break (x, y),
            (None, Some(_)) => return true,
            _ => return false,
        }
    };
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x < y,
        (false, false) => {}
        (x_letter, y_letter) => {
            return if digits_before && flavour == Flavour::V3 { x_letter } else { y_letter };
        }
    }
    let mut start = 0i64;
    if x == '0' || y == '0' {
        let run = a[..common].bytes().rev().take_while(u8::is_ascii_digit);
        start = i64::from(run.into_iter().any(|c| c != b'0'));
    }
    let value = |s: &str| {
        s[common..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .fold((start, 0), |(n, len), c| (n.wrapping_mul(10).wrapping_add(i64::from(c - b'0')), len + 1))
    };
    let ((a_value, a_len), (b_value, b_len)) = (value(a), value(b));
    if a_value != b_value {
        return a_value < b_value;
    }
    if a_len != b_len {
        return a_len < b_len;
    }
    x < y
}
