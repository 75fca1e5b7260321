//! The part of the scanner that reads directives and tags.

use super::{Mark, Scan, Scanner, Token, is_alpha, text};

impl Scanner<'_> {
    pub(super) fn scan_directive(&mut self) -> Scan<()> {
        let start = self.mark;
        self.skip();
        let mut name = Vec::new();
        while is_alpha(self.at(0)) {
            self.read(&mut name);
        }
        if name.is_empty() {
            return self.error(start, "could not find expected directive name");
        }
        if !self.is_blankz_at(0) {
            return self.error(start, "found unexpected non-alphabetical character");
        }
        let token = match name.as_slice() {
            b"YAML" => {
                self.skip_blanks();
                let major = self.scan_version_number(start)?;
                if self.at(0) != b'.' {
                    return self.error(start, "did not find expected digit or '.' character");
                }
                self.skip();
                Token::Version(major, self.scan_version_number(start)?)
            }
            b"TAG" => {
                self.skip_blanks();
                let handle = self.scan_tag_handle(true, start)?;
                if !self.is_blank() {
                    return self.error(start, "did not find expected whitespace");
                }
                self.skip_blanks();
                let prefix = self.scan_tag_uri(&[], start)?;
                if !self.is_blankz_at(0) {
                    return self.error(start, "did not find expected whitespace or line break");
                }
                Token::TagDirective(text(handle), text(prefix))
            }
            _ => return self.error(start, "found unknown directive name"),
        };
        self.finish_line(start)?;
        self.push(token, start);
        Ok(())
    }

    fn scan_version_number(&mut self, start: Mark) -> Scan<u32> {
        let (mut value, mut digits) = (0, 0);
        while self.at(0).is_ascii_digit() {
            digits += 1;
            if digits > 2 {
                return self.error(start, "found extremely long version number");
            }
            value = value * 10 + u32::from(self.at(0) - b'0');
            self.skip();
        }
        if digits == 0 {
            return self.error(start, "did not find expected version number");
        }
        Ok(value)
    }

    pub(super) fn scan_tag(&mut self) -> Scan<()> {
        let start = self.mark;
        let (mut handle, mut suffix);
        if self.at(1) == b'<' {
            self.skip();
            self.skip();
            handle = Vec::new();
            suffix = self.scan_tag_uri(&[], start)?;
            if self.at(0) != b'>' {
                return self.error(start, "did not find the expected '>'");
            }
            self.skip();
        } else {
            handle = self.scan_tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with(b"!") {
                suffix = self.scan_tag_uri(&[], start)?;
            } else {
                suffix = self.scan_tag_uri(&handle, start)?;
                handle = vec![b'!'];
                if suffix.is_empty() {
                    std::mem::swap(&mut handle, &mut suffix);
                }
            }
        }
        if !self.is_blankz_at(0) {
            return self.error(start, "did not find expected whitespace or line break");
        }
        self.push(Token::Tag(text(handle), text(suffix)), start);
        Ok(())
    }

    fn scan_tag_handle(&mut self, directive: bool, start: Mark) -> Scan<Vec<u8>> {
        if self.at(0) != b'!' {
            return self.error(start, "did not find expected '!'");
        }
        let mut handle = Vec::new();
        self.read(&mut handle);
        while is_alpha(self.at(0)) {
            self.read(&mut handle);
        }
        if self.at(0) == b'!' {
            self.read(&mut handle);
        } else if directive && handle != b"!" {
            return self.error(start, "did not find expected '!'");
        }
        Ok(handle)
    }

    fn scan_tag_uri(&mut self, head: &[u8], start: Mark) -> Scan<Vec<u8>> {
        let mut found = !head.is_empty();
        let mut uri = head.get(1..).unwrap_or_default().to_vec();
        while is_alpha(self.at(0)) || b";/?:@&=+$,.!~*'()[]%".contains(&self.at(0)) {
            if self.at(0) == b'%' {
                let hex = self.text.get(self.pos + 1..self.pos + 3).and_then(|h| std::str::from_utf8(h).ok());
                match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
                    Some(octet) => uri.push(octet),
                    None => return self.error(start, "did not find URI escaped octet"),
                }
                (0..3).for_each(|_| self.skip());
            } else {
                self.read(&mut uri);
            }
            found = true;
        }
        if !found {
            return self.error(start, "did not find expected tag URI");
        }
        Ok(uri)
    }
}
