//! The grammar of rules.

use serde_json::{Number, Value};

/// Deepest nesting of an expression.
const DEPTH: usize = 100;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Literal(Value),
    Name(String),
    Field(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Call(Option<Box<Expr>>, String, Vec<Expr>),
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(Value),
    Name(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 26] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}", "=", ";",
];

/// Parses a rule.
pub(crate) fn parse(text: &str) -> Result<Expr, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, at: 0, depth: 0 };
    let expr = parser.choice()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some(token) => Err(format!("unexpected {token:?}")),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let c = bytes[i];
        if c.is_ascii_whitespace() {
            i += 1;
        } else if text[i..].starts_with("//") {
            i += text[i..].find('\n').unwrap_or(text.len() - i);
        } else if c == b'"' || c == b'\'' {
            let (value, length) = string(&text[i..], false)?;
            out.push(Token::Literal(value.into()));
            i += length;
        } else if (c == b'r' || c == b'R') && matches!(bytes.get(i + 1), Some(b'"' | b'\'')) {
            let (value, length) = string(&text[i + 1..], true)?;
            out.push(Token::Literal(value.into()));
            i += length + 1;
        } else if c.is_ascii_digit() {
            let rest = &text[i..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
            let word = &rest[..end];
            let plain = word.trim_end_matches(['u', 'U']);
            let number = match plain.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16).ok().map(Number::from),
                None => plain
                    .parse::<i64>()
                    .ok()
                    .map(Number::from)
                    .or_else(|| Number::from_f64(plain.parse().ok()?)),
            };
            out.push(Token::Literal(Value::Number(number.ok_or_else(|| format!("bad number `{word}`"))?)));
            i += end;
        } else if c.is_ascii_alphabetic() || c == b'_' {
            let rest = &text[i..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            out.push(match &rest[..end] {
                "true" => Token::Literal(true.into()),
                "false" => Token::Literal(false.into()),
                "null" => Token::Literal(Value::Null),
                "in" => Token::Symbol("in"),
                name => Token::Name(name.into()),
            });
            i += end;
        } else {
            let symbol = SYMBOLS.iter().find(|s| text[i..].starts_with(**s));
            let symbol = symbol.ok_or_else(|| format!("unexpected letter {:?}", text[i..].chars().next()))?;
            out.push(Token::Symbol(symbol));
            i += symbol.len();
        }
    }
    Ok(out)
}

fn string(text: &str, raw: bool) -> Result<(String, usize), String> {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let (open, close) = if text.starts_with(&triple) { (3, triple.as_str()) } else { (1, quote) };
    let mut out = String::new();
    let mut rest = &text[open..];
    loop {
        if rest.starts_with(close) {
            return Ok((out, text.len() - rest.len() + close.len()));
        }
        let mut chars = rest.chars();
        match chars.next() {
            None => return Err("unterminated text".into()),
            Some('\\') if !raw => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(c) => out.push(c),
                None => return Err("unterminated text".into()),
            },
            Some(c) => out.push(c),
        }
        rest = chars.as_str();
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

const LEVELS: [&[&str]; 5] =
    [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.accept(symbol) { Ok(()) } else { Err(format!("expected `{symbol}`")) }
    }

    fn choice(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("nested too deeply".into());
        }
        let condition = self.level(0)?;
        let result = if self.accept("?") {
            let yes = self.choice()?;
            self.expect(":")?;
            let no = self.choice()?;
            Expr::Choice(Box::new(condition), Box::new(yes), Box::new(no))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(result)
    }

    fn level(&mut self, level: usize) -> Result<Expr, String> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        while let Some(Token::Symbol(symbol)) = self.peek() {
            let Some(operator) = operators.iter().find(|o| *o == symbol) else { break };
            self.at += 1;
            let right = self.level(level + 1)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, String> {
        let mut signs = Vec::new();
        while let Some(Token::Symbol(symbol @ ("!" | "-"))) = self.peek() {
            signs.push(*symbol);
            self.at += 1;
        }
        let mut expr = self.member()?;
        for sign in signs.into_iter().rev() {
            expr = if sign == "!" { Expr::Not(Box::new(expr)) } else { Expr::Negative(Box::new(expr)) };
        }
        Ok(expr)
    }

    fn member(&mut self) -> Result<Expr, String> {
        let mut expr = self.primary()?;
        loop {
            if self.accept(".") {
                let Some(Token::Name(name)) = self.peek().cloned() else {
                    return Err("expected a name after `.`".into());
                };
                self.at += 1;
                expr = if self.accept("(") {
                    Expr::Call(Some(Box::new(expr)), name, self.list(")")?)
                } else {
                    Expr::Field(Box::new(expr), name)
                };
            } else if self.accept("[") {
                let at = self.choice()?;
                self.expect("]")?;
                expr = Expr::Index(Box::new(expr), Box::new(at));
            } else {
                return Ok(expr);
            }
        }
    }

    fn list(&mut self, close: &str) -> Result<Vec<Expr>, String> {
        let mut out = Vec::new();
        while !self.accept(close) {
            out.push(self.choice()?);
            if !self.accept(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(out)
    }

    fn primary(&mut self) -> Result<Expr, String> {
        let Some(token) = self.peek().cloned() else { return Err("unexpected end".into()) };
        self.at += 1;
        match token {
            Token::Literal(value) => Ok(Expr::Literal(value)),
            Token::Name(name) => {
                if self.accept("(") {
                    return Ok(Expr::Call(None, name, self.list(")")?));
                }
                Ok(Expr::Name(name))
            }
            Token::Symbol("(") => {
                let expr = self.choice()?;
                self.expect(")")?;
                Ok(expr)
            }
            Token::Symbol("[") => Ok(Expr::List(self.list("]")?)),
            Token::Symbol("{") => {
                let mut entries = Vec::new();
                while !self.accept("}") {
                    let key = self.choice()?;
                    self.expect(":")?;
                    entries.push((key, self.choice()?));
                    if !self.accept(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                Ok(Expr::Map(entries))
            }
            Token::Symbol(symbol) => Err(format!("unexpected `{symbol}`")),
        }
    }
}
