//! The part of the scanner that reads scalars: block, quoted and plain.

use super::{Mark, Scan, Scanner, Token, text};

impl Scanner<'_> {
    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Scan<()> {
        let start = self.mark;
        self.skip();
        let mut chomping = 0i8;
        let mut increment = 0isize;
        for _ in 0..2 {
            match self.at(0) {
                c @ (b'+' | b'-') if chomping == 0 => {
                    chomping = if c == b'+' { 1 } else { -1 };
                    self.skip();
                }
                b'0' if increment == 0 => {
                    return self.error(start, "found an indentation indicator equal to 0");
                }
                c if c.is_ascii_digit() && increment == 0 => {
                    increment = isize::from(c - b'0');
                    self.skip();
                }
                _ => break,
            }
        }
        self.finish_line(start)?;
        let mut indent = match increment {
            0 => 0,
            n if self.indent >= 0 => self.indent + n,
            n => n,
        };
        let (mut value, mut leading, mut trailing) = (Vec::new(), Vec::new(), Vec::new());
        self.scan_block_breaks(&mut indent, &mut trailing, start)?;
        let mut leading_blank = false;
        while self.mark.column as isize == indent && !self.is_end() {
            let blank = self.is_blank();
            if !literal && !leading_blank && !blank && leading.first() == Some(&b'\n') {
                if trailing.is_empty() {
                    value.push(b' ');
                }
            } else {
                value.append(&mut leading);
            }
            leading.clear();
            value.append(&mut trailing);
            leading_blank = self.is_blank();
            let from = self.pos;
            while !self.is_breakz() {
                self.skip();
            }
            value.extend_from_slice(&self.text[from..self.pos]);
            self.read_line(&mut leading);
            self.scan_block_breaks(&mut indent, &mut trailing, start)?;
        }
        if chomping != -1 {
            value.append(&mut leading);
        }
        if chomping == 1 {
            value.append(&mut trailing);
        }
        self.push(Token::Scalar { value: text(value), plain: false }, start);
        Ok(())
    }

    fn scan_block_breaks(&mut self, indent: &mut isize, breaks: &mut Vec<u8>, start: Mark) -> Scan<()> {
        let mut widest = 0;
        loop {
            while (*indent == 0 || (self.mark.column as isize) < *indent) && self.at(0) == b' ' {
                self.skip();
            }
            widest = widest.max(self.mark.column as isize);
            if (*indent == 0 || (self.mark.column as isize) < *indent) && self.at(0) == b'\t' {
                return self.error(start, "found a tab character where an indentation space is expected");
            }
            if !self.is_break() {
                break;
            }
            self.read_line(breaks);
        }
        if *indent == 0 {
            *indent = widest.max(self.indent + 1).max(1);
        }
        Ok(())
    }

    pub(super) fn scan_flow_scalar(&mut self, single: bool) -> Scan<()> {
        let start = self.mark;
        self.skip();
        let mut value = Vec::new();
        let (mut leading, mut trailing, mut blanks) = (Vec::new(), Vec::new(), Vec::new());
        let quote = if single { b'\'' } else { b'"' };
        loop {
            if self.mark.column == 0 && (self.is_document_indicator(b'-') || self.is_document_indicator(b'.'))
            {
                return self.error(start, "found unexpected document indicator");
            }
            if self.is_end() {
                return self.error(start, "found unexpected end of stream");
            }
            let mut leading_blanks = false;
            while !self.is_blankz_at(0) {
                let c = self.at(0);
                if single && c == b'\'' && self.at(1) == b'\'' {
                    value.push(b'\'');
                    self.skip();
                    self.skip();
                } else if c == quote {
                    break;
                } else if !single && c == b'\\' && self.break_width(1) > 0 {
                    self.skip();
                    self.skip_line();
                    leading_blanks = true;
                    break;
                } else if !single && c == b'\\' {
                    self.scan_escape(&mut value, start)?;
                } else {
                    self.read(&mut value);
                }
            }
            if self.at(0) == quote {
                break;
            }
            while self.is_blank() || self.is_break() {
                if self.is_blank() {
                    if leading_blanks {
                        self.skip();
                    } else {
                        self.read(&mut blanks);
                    }
                } else if leading_blanks {
                    self.read_line(&mut trailing);
                } else {
                    blanks.clear();
                    self.read_line(&mut leading);
                    leading_blanks = true;
                }
            }
            if leading_blanks {
                fold(&mut value, &mut leading, &mut trailing);
            } else {
                value.append(&mut blanks);
            }
        }
        self.skip();
        self.push(Token::Scalar { value: text(value), plain: false }, start);
        Ok(())
    }

    fn scan_escape(&mut self, value: &mut Vec<u8>, start: Mark) -> Scan<()> {
        let simple = match self.at(1) {
            b'0' => "\0",
            b'a' => "\x07",
            b'b' => "\x08",
            b't' | b'\t' => "\t",
            b'n' => "\n",
            b'v' => "\x0B",
            b'f' => "\x0C",
            b'r' => "\r",
            b'e' => "\x1B",
            b' ' => " ",
            b'"' => "\"",
            b'\'' => "'",
            b'\\' => "\\",
            b'N' => "\u{85}",
            b'_' => "\u{A0}",
            b'L' => "\u{2028}",
            b'P' => "\u{2029}",
            b'x' => return self.scan_code(2, value, start),
            b'u' => return self.scan_code(4, value, start),
            b'U' => return self.scan_code(8, value, start),
            _ => return self.error(start, "found unknown escape character"),
        };
        value.extend_from_slice(simple.as_bytes());
        self.skip();
        self.skip();
        Ok(())
    }

    fn scan_code(&mut self, digits: usize, value: &mut Vec<u8>, start: Mark) -> Scan<()> {
        self.skip();
        self.skip();
        let mut code = 0u32;
        for k in 0..digits {
            match (self.at(k) as char).to_digit(16) {
                Some(digit) => code = (code << 4) | digit,
                None => return self.error(start, "did not find expected hexdecimal number"),
            }
        }
        let Some(c) = char::from_u32(code) else {
            return self.error(start, "found invalid Unicode character escape code");
        };
        value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        (0..digits).for_each(|_| self.skip());
        Ok(())
    }

    pub(super) fn scan_plain_scalar(&mut self) -> Scan<()> {
        let start = self.mark;
        let indent = self.indent + 1;
        let mut value = Vec::new();
        let (mut leading, mut trailing, mut blanks) = (Vec::new(), Vec::new(), Vec::new());
        let mut leading_blanks = false;
        loop {
            if self.mark.column == 0 && (self.is_document_indicator(b'-') || self.is_document_indicator(b'.'))
            {
                break;
            }
            if self.at(0) == b'#' {
                break;
            }
            while !self.is_blankz_at(0) {
                let c = self.at(0);
                let ends_in_flow =
                    self.flow_level > 0 && matches!(c, b',' | b'?' | b'[' | b']' | b'{' | b'}');
                if (c == b':' && self.is_blankz_at(1)) || ends_in_flow {
                    break;
                }
                if leading_blanks {
                    fold(&mut value, &mut leading, &mut trailing);
                    leading_blanks = false;
                } else {
                    value.append(&mut blanks);
                }
                self.read(&mut value);
            }
            if !(self.is_blank() || self.is_break()) {
                break;
            }
            while self.is_blank() || self.is_break() {
                if self.is_blank() {
                    if leading_blanks && (self.mark.column as isize) < indent && self.at(0) == b'\t' {
                        return self.error(start, "found a tab character that violates indentation");
                    }
                    if leading_blanks {
                        self.skip();
                    } else {
                        self.read(&mut blanks);
                    }
                } else if leading_blanks {
                    self.read_line(&mut trailing);
                } else {
                    blanks.clear();
                    self.read_line(&mut leading);
                    leading_blanks = true;
                }
            }
            if self.flow_level == 0 && (self.mark.column as isize) < indent {
                break;
            }
        }
        self.push(Token::Scalar { value: text(value), plain: true }, start);
        if leading_blanks {
            self.key_allowed = true;
        }
        Ok(())
    }
}

/// Joins two lines: one break becomes a space, more stay as they are but for the first.
fn fold(value: &mut Vec<u8>, leading: &mut Vec<u8>, trailing: &mut Vec<u8>) {
    if leading.first() == Some(&b'\n') {
        if trailing.is_empty() {
            value.push(b' ');
        }
    } else {
        value.append(leading);
    }
    value.append(trailing);
    leading.clear();
}
