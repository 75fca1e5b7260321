//! A JSON reader with the error texts of Go, which also reports duplicate fields.

use serde_json::{Map, Number, Value};

/// Deepest nesting that is read.
const DEPTH: usize = 512;

/// Reads one value. `duplicates` gets the paths of fields that occur twice; the last one wins.
pub(crate) fn parse(text: &[u8], duplicates: &mut Vec<String>) -> Result<Value, String> {
    let mut parser = Parser { text, at: 0, duplicates, path: Vec::new() };
    parser.space();
    let value = parser.value(0)?;
    parser.space();
    match parser.peek() {
        None => Ok(value),
        Some(c) => Err(format!("invalid character {} after top-level value", quote(c))),
    }
}

enum Part {
    Key(String),
    Index(usize),
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    duplicates: &'a mut Vec<String>,
    path: Vec<Part>,
}

const END: &str = "unexpected end of JSON input";

fn quote(c: u8) -> String {
    match c {
        b'\'' => r"'\''".into(),
        b'"' => "'\"'".into(),
        0x20..=0x7e => format!("'{}'", c as char),
        _ => format!("'\\x{c:02x}'"),
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn bad<T>(&self, context: &str) -> Result<T, String> {
        match self.peek() {
            None => Err(END.into()),
            Some(c) => Err(format!("invalid character {} {context}", quote(c))),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH {
            return Err("exceeded max depth".into());
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.bad("looking for beginning of value"),
        }
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for (i, wanted) in word.bytes().enumerate() {
            if self.peek() != Some(wanted) {
                return self.bad(&format!("in literal {word} (expecting {})", quote(word.as_bytes()[i])));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return self.bad("in numeric literal");
        }
        while matches!(self.peek(), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).unwrap_or_default();
        text.parse::<Number>().map(Value::Number).map_err(|_| "invalid number in numeric literal".to_string())
    }

    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        self.at += 1;
        let mut plain = true;
        loop {
            match self.peek() {
                None => return Err(END.into()),
                Some(b'"') => break,
                Some(b'\\') => {
                    plain = false;
                    self.at += 1;
                    match self.peek() {
                        None => return Err(END.into()),
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u') => self.at += 1,
                        Some(_) => return self.bad("in string escape code"),
                    }
                }
                Some(c) if c < 0x20 => return self.bad("in string literal"),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let raw = &self.text[start..self.at];
        if plain {
            return Ok(String::from_utf8_lossy(&raw[1..raw.len() - 1]).into_owned());
        }
        match serde_json::from_slice::<String>(raw) {
            Ok(text) => Ok(text),
            // Lone surrogates and broken UTF-8 become replacement characters, as in Go.
            Err(_) => Ok(String::from_utf8_lossy(&raw[1..raw.len() - 1]).into_owned()),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            self.path.push(Part::Index(items.len()));
            items.push(self.value(depth + 1)?);
            self.path.pop();
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return self.bad("after array element"),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut map = Map::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.bad("looking for beginning of object key string");
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return self.bad("after object key");
            }
            self.at += 1;
            self.space();
            self.path.push(Part::Key(key));
            if let Some(Part::Key(key)) = self.path.last()
                && map.contains_key(key)
            {
                let path = self.dotted();
                if !self.duplicates.contains(&path) {
                    self.duplicates.push(path);
                }
            }
            let value = self.value(depth + 1)?;
            if let Some(Part::Key(key)) = self.path.pop() {
                map.insert(key, value);
            }
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(map));
                }
                _ => return self.bad("after object key:value pair"),
            }
        }
    }

    fn dotted(&self) -> String {
        let mut out = String::new();
        for part in &self.path {
            match part {
                Part::Key(key) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(key);
                }
                Part::Index(i) => out.push_str(&format!("[{i}]")),
            }
        }
        out
    }
}
