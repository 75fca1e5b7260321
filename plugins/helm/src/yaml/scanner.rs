//! Turns YAML text into tokens, with the quirks of go-yaml v2: YAML 1.1 line breaks, simple keys of at
//! most 1024 characters on one line, colons inside plain scalars of flow collections.

mod scalars;
mod tags;

use std::collections::{HashMap, VecDeque};

use super::YamlError;

/// Nesting that the scanner follows before it gives up.
const MAX_DEPTH: usize = 1000;
const MAX_SIMPLE_KEY: usize = 1024;

/// A place in the text; lines and columns count from 0, in characters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    StreamEnd,
    Version(u32, u32),
    TagDirective(String, String),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag(String, String),
    Scalar { value: String, plain: bool },
}

#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    mark: Mark,
}

/// Produces tokens on demand, so that text after the first document is never looked at.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    pos: usize,
    mark: Mark,
    tokens: VecDeque<(Token, Mark)>,
    taken: usize,
    ready: bool,
    ended: bool,
    indent: isize,
    indents: Vec<isize>,
    flow_level: usize,
    key_allowed: bool,
    keys: Vec<SimpleKey>,
    keys_by_token: HashMap<usize, usize>,
}

type Scan<T> = Result<T, YamlError>;

fn is_alpha(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c == b'-'
}

fn width(c: u8) -> usize {
    match c {
        0..=0x7F => 1,
        0x80..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Scan<Self> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let refused = |c: char| {
            !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}')
                && c < '\u{10000}'
        };
        // Plain ASCII, the usual case, is checked bytewise.
        let odd = |b: u8| b >= 0x7F || (b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r'));
        if text.bytes().any(odd) && text.contains(refused) {
            return Err(YamlError::new("control characters are not allowed"));
        }
        Ok(Self {
            text: text.as_bytes(),
            pos: 0,
            mark: Mark::default(),
            tokens: VecDeque::new(),
            taken: 0,
            ready: false,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            key_allowed: true,
            keys: vec![SimpleKey::default()],
            keys_by_token: HashMap::new(),
        })
    }

    /// The next token without taking it.
    pub(super) fn peek(&mut self) -> Scan<&(Token, Mark)> {
        if !self.ready {
            self.fetch_more()?;
        }
        Ok(self.tokens.front().expect("fetching leaves a token"))
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Scan<(Token, Mark)> {
        self.peek()?;
        if matches!(self.tokens.front(), Some((Token::StreamEnd, _))) {
            return Ok(self.tokens[0].clone());
        }
        self.taken += 1;
        self.ready = false;
        Ok(self.tokens.pop_front().expect("peeked before"))
    }

    fn at(&self, offset: usize) -> u8 {
        self.text.get(self.pos + offset).copied().unwrap_or(0)
    }

    fn is_end(&self) -> bool {
        self.pos >= self.text.len()
    }

    /// Bytes of the line break at the offset, 0 if there is none.
    fn break_width(&self, offset: usize) -> usize {
        match self.at(offset) {
            b'\r' | b'\n' => 1,
            0xC2 if self.at(offset + 1) == 0x85 => 2,
            0xE2 if self.at(offset + 1) == 0x80 && matches!(self.at(offset + 2), 0xA8 | 0xA9) => 3,
            _ => 0,
        }
    }

    fn is_break(&self) -> bool {
        self.break_width(0) > 0
    }

    fn is_blank(&self) -> bool {
        matches!(self.at(0), b' ' | b'\t')
    }

    fn is_breakz(&self) -> bool {
        self.is_end() || self.is_break()
    }

    fn is_blankz_at(&self, offset: usize) -> bool {
        self.pos + offset >= self.text.len()
            || matches!(self.at(offset), b' ' | b'\t')
            || self.break_width(offset) > 0
    }

    fn skip(&mut self) {
        if self.is_end() {
            return;
        }
        self.pos += width(self.at(0));
        self.mark.index += 1;
        self.mark.column += 1;
    }

    fn skip_line(&mut self) {
        let crlf = self.at(0) == b'\r' && self.at(1) == b'\n';
        let n = if crlf { 2 } else { self.break_width(0) };
        self.pos += n;
        self.mark.index += if crlf { 2 } else { 1 };
        self.mark.column = 0;
        self.mark.line += 1;
    }

    fn read(&mut self, into: &mut Vec<u8>) {
        let n = width(self.at(0)).min(self.text.len() - self.pos);
        into.extend_from_slice(&self.text[self.pos..self.pos + n]);
        self.skip();
    }

    fn read_line(&mut self, into: &mut Vec<u8>) {
        match self.break_width(0) {
            0 => return,
            3 => into.extend_from_slice(&self.text[self.pos..self.pos + 3]),
            _ => into.push(b'\n'),
        }
        self.skip_line();
    }

    fn error<T>(&self, context: Mark, problem: &str) -> Scan<T> {
        Err(YamlError::at_scan(self.mark, context, problem))
    }

    fn fetch_more(&mut self) -> Scan<()> {
        loop {
            if !self.tokens.is_empty() {
                match self.keys_by_token.get(&self.taken).copied() {
                    None => break,
                    Some(level) => {
                        if !self.key_is_valid(level)? {
                            break;
                        }
                    }
                }
            }
            if self.ended {
                break;
            }
            self.fetch_next()?;
        }
        self.ready = true;
        Ok(())
    }

    fn push(&mut self, token: Token, mark: Mark) {
        self.tokens.push_back((token, mark));
    }

    fn fetch_next(&mut self) -> Scan<()> {
        self.skip_to_token();
        self.unroll_indent(self.mark.column as isize);
        if self.is_end() {
            return self.fetch_stream_end();
        }
        let c = self.at(0);
        let first_column = self.mark.column == 0;
        if first_column && c == b'%' {
            self.unroll_indent(-1);
            self.remove_key()?;
            self.key_allowed = false;
            return self.scan_directive();
        }
        if first_column && self.is_document_indicator(b'-') {
            return self.fetch_document_indicator(Token::DocumentStart);
        }
        if first_column && self.is_document_indicator(b'.') {
            return self.fetch_document_indicator(Token::DocumentEnd);
        }
        let flow = self.flow_level > 0;
        let blank_next = self.is_blankz_at(1);
        match c {
            b'[' => self.fetch_flow_start(Token::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Token::FlowMappingStart),
            b']' => self.fetch_flow_end(Token::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Token::FlowMappingEnd),
            b',' => {
                self.remove_key()?;
                self.key_allowed = true;
                self.single(Token::FlowEntry);
                Ok(())
            }
            b'-' if blank_next => self.fetch_block_entry(),
            b'?' if flow || blank_next => self.fetch_key(),
            b':' if flow || blank_next => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(c == b'*'),
            b'!' => {
                self.save_key()?;
                self.key_allowed = false;
                self.scan_tag()
            }
            b'|' | b'>' if !flow => {
                self.remove_key()?;
                self.key_allowed = true;
                self.scan_block_scalar(c == b'|')
            }
            b'\'' | b'"' => {
                self.save_key()?;
                self.key_allowed = false;
                self.scan_flow_scalar(c == b'\'')
            }
            _ => {
                let starts_plain = match c {
                    b'-' => true,
                    b'?' | b':' => !flow && !blank_next,
                    b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => false,
                    _ => !self.is_blankz_at(0),
                };
                if starts_plain {
                    self.save_key()?;
                    self.key_allowed = false;
                    self.scan_plain_scalar()
                } else {
                    self.error(self.mark, "found character that cannot start any token")
                }
            }
        }
    }

    fn is_document_indicator(&self, c: u8) -> bool {
        self.at(0) == c && self.at(1) == c && self.at(2) == c && self.is_blankz_at(3)
    }

    fn single(&mut self, token: Token) {
        let mark = self.mark;
        self.skip();
        self.push(token, mark);
    }

    fn key_is_valid(&mut self, level: usize) -> Scan<bool> {
        let key = self.keys[level];
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < self.mark.line || key.mark.index + MAX_SIMPLE_KEY < self.mark.index {
            if key.required {
                return self.error(key.mark, "could not find expected ':'");
            }
            self.keys[level].possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    fn save_key(&mut self) -> Scan<()> {
        if self.key_allowed {
            let required = self.flow_level == 0 && self.indent == self.mark.column as isize;
            let key = SimpleKey {
                possible: true,
                required,
                token: self.taken + self.tokens.len(),
                mark: self.mark,
            };
            self.remove_key()?;
            let level = self.keys.len() - 1;
            self.keys[level] = key;
            self.keys_by_token.insert(key.token, level);
        }
        Ok(())
    }

    fn remove_key(&mut self) -> Scan<()> {
        let level = self.keys.len() - 1;
        let key = self.keys[level];
        if key.possible {
            if key.required {
                return self.error(key.mark, "could not find expected ':'");
            }
            self.keys[level].possible = false;
            self.keys_by_token.remove(&key.token);
        }
        Ok(())
    }

    fn roll_indent(&mut self, column: usize, at: Option<usize>, token: Token, mark: Mark) -> Scan<()> {
        if self.flow_level > 0 || self.indent >= column as isize {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column as isize;
        if self.indents.len() > MAX_DEPTH {
            return self.error(self.mark, &format!("exceeded max depth of {MAX_DEPTH}"));
        }
        match at {
            Some(number) => self.tokens.insert(number - self.taken, (token, mark)),
            None => self.push(token, mark),
        }
        Ok(())
    }

    fn unroll_indent(&mut self, column: isize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(Token::BlockEnd, self.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Scan<()> {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_key()?;
        self.key_allowed = false;
        self.push(Token::StreamEnd, self.mark);
        self.ended = true;
        Ok(())
    }

    fn fetch_document_indicator(&mut self, token: Token) -> Scan<()> {
        self.unroll_indent(-1);
        self.remove_key()?;
        self.key_allowed = false;
        let mark = self.mark;
        (0..3).for_each(|_| self.skip());
        self.push(token, mark);
        Ok(())
    }

    fn fetch_flow_start(&mut self, token: Token) -> Scan<()> {
        self.save_key()?;
        self.keys.push(SimpleKey {
            token: self.taken + self.tokens.len(),
            mark: self.mark,
            ..Default::default()
        });
        self.flow_level += 1;
        if self.flow_level > MAX_DEPTH {
            return self.error(self.mark, &format!("exceeded max depth of {MAX_DEPTH}"));
        }
        self.key_allowed = true;
        self.single(token);
        Ok(())
    }

    fn fetch_flow_end(&mut self, token: Token) -> Scan<()> {
        self.remove_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            if let Some(key) = self.keys.pop() {
                self.keys_by_token.remove(&key.token);
            }
        }
        self.key_allowed = false;
        self.single(token);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan<()> {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return self.error(self.mark, "block sequence entries are not allowed in this context");
            }
            self.roll_indent(self.mark.column, None, Token::BlockSequenceStart, self.mark)?;
        }
        self.remove_key()?;
        self.key_allowed = true;
        self.single(Token::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan<()> {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return self.error(self.mark, "mapping keys are not allowed in this context");
            }
            self.roll_indent(self.mark.column, None, Token::BlockMappingStart, self.mark)?;
        }
        self.remove_key()?;
        self.key_allowed = self.flow_level == 0;
        self.single(Token::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan<()> {
        let level = self.keys.len() - 1;
        if self.key_is_valid(level)? {
            let key = self.keys[level];
            self.tokens.insert(key.token - self.taken, (Token::Key, key.mark));
            self.roll_indent(key.mark.column, Some(key.token), Token::BlockMappingStart, key.mark)?;
            self.keys[level].possible = false;
            self.keys_by_token.remove(&key.token);
            self.key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.key_allowed {
                    return self.error(self.mark, "mapping values are not allowed in this context");
                }
                self.roll_indent(self.mark.column, None, Token::BlockMappingStart, self.mark)?;
            }
            self.key_allowed = self.flow_level == 0;
        }
        self.single(Token::Value);
        Ok(())
    }

    fn fetch_anchor(&mut self, alias: bool) -> Scan<()> {
        self.save_key()?;
        self.key_allowed = false;
        let start = self.mark;
        self.skip();
        let mut name = Vec::new();
        while is_alpha(self.at(0)) {
            self.read(&mut name);
        }
        let ends = self.is_blankz_at(0)
            || matches!(self.at(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            return self.error(start, "did not find expected alphabetic or numeric character");
        }
        let name = text(name);
        self.push(if alias { Token::Alias(name) } else { Token::Anchor(name) }, start);
        Ok(())
    }

    fn skip_to_token(&mut self) {
        loop {
            while self.at(0) == b' ' || ((self.flow_level > 0 || !self.key_allowed) && self.at(0) == b'\t') {
                self.skip();
            }
            if self.at(0) == b'#' {
                self.skip_comment();
            }
            if !self.is_break() {
                return;
            }
            self.skip_line();
            if self.flow_level == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn skip_comment(&mut self) {
        while !self.is_breakz() {
            self.skip();
        }
    }

    fn skip_blanks(&mut self) {
        while self.is_blank() {
            self.skip();
        }
    }

    /// Blanks, a comment and the line break after a directive or the header of a block scalar.
    fn finish_line(&mut self, start: Mark) -> Scan<()> {
        self.skip_blanks();
        if self.at(0) == b'#' {
            self.skip_comment();
        }
        if !self.is_breakz() {
            return self.error(start, "did not find expected comment or line break");
        }
        if self.is_break() {
            self.skip_line();
        }
        Ok(())
    }
}

/// The bytes come from valid text, cut at characters; only `%` escapes of tags can break them.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}
