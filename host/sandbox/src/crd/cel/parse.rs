//! The grammar of rules.

use serde_json::{Number, Value};

/// Deepest nesting of brackets and choices.
const DEPTH: usize = 60;
/// Most levels of an expression, which long chains of operators and steps make too.
const LEVELS: usize = 120;
/// Most letters of an expression, as in the real parser.
const LETTERS: usize = 100_000;
/// Most mistakes that are told.
const MISTAKES: usize = 100;

/// An expression, and where in the text it is: at its operator, at the bracket of its call, or at its beginning.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
    /// How many levels it has.
    levels: usize,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Literal(Value),
    Name(String),
    Field(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    /// `a.?b`
    MaybeField(Box<Expr>, String),
    /// `a[?b]`
    MaybeIndex(Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Call(Option<Box<Expr>>, String, Vec<Expr>),
}

impl Expr {
    fn new(at: usize, kind: Kind) -> Self {
        let levels = 1 + kind.inner().map(|inner| inner.levels).max().unwrap_or(0);
        Expr { at, kind, levels }
    }
}

impl Kind {
    /// The expressions that it is made of.
    fn inner(&self) -> Box<dyn Iterator<Item = &Expr> + '_> {
        match self {
            Kind::Literal(_) | Kind::Name(_) => Box::new(std::iter::empty()),
            Kind::Field(a, _) | Kind::MaybeField(a, _) | Kind::Not(a) | Kind::Negative(a) => {
                Box::new([&**a].into_iter())
            }
            Kind::Index(a, b) | Kind::MaybeIndex(a, b) | Kind::Binary(_, a, b) => {
                Box::new([&**a, &**b].into_iter())
            }
            Kind::Choice(a, b, c) => Box::new([&**a, &**b, &**c].into_iter()),
            Kind::List(items) => Box::new(items.iter()),
            Kind::Map(entries) => Box::new(entries.iter().flat_map(|(key, value)| [key, value])),
            Kind::Call(target, _, arguments) => Box::new(target.as_deref().into_iter().chain(arguments)),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Literal(Value),
    /// A number with the sign of unsigned ones.
    Unsigned(Value),
    Name(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 26] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}", "=", ";",
];

/// A mistake: where it is, and what the real compiler says of it; nothing if that is not known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mistake {
    pub(crate) at: usize,
    pub(crate) text: String,
}

impl Mistake {
    fn syntax(at: usize, text: &str) -> Self {
        Mistake { at, text: format!("Syntax error: {text}") }
    }

    fn unknown(at: usize) -> Self {
        Mistake { at, text: String::new() }
    }

    /// Too deep for the real parser too, though it counts otherwise.
    fn deep() -> Self {
        Mistake { at: 0, text: format!("expression recursion limit exceeded: {LEVELS}") }
    }
}

/// What may begin a value.
const VALUE: &str = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, \
                     BYTES, IDENTIFIER}";

/// Parses a rule.
pub(crate) fn parse(text: &str) -> Result<Expr, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let letters = text.chars().count();
    if letters > LETTERS {
        let text = format!("expression code point size exceeds limit: size: {letters}, limit {LETTERS}");
        return Err(vec![Mistake { at: 0, text }]);
    }
    let found = tokens(text, &mut mistakes);
    let (places, tokens) = found.into_iter().unzip();
    let mut parser = Parser { text, tokens, places, at: 0, depth: 0 };
    let expr = parser.choice();
    let (left, at) = (parser.tokens.len() - parser.at, parser.place());
    match expr {
        Err(mistake) => mistakes.push(mistake),
        Ok(expr) if left == 0 && mistakes.is_empty() => return Ok(expr),
        Ok(_) if left == 0 => {}
        Ok(_) if left == 1 => {
            let word = parser.word();
            mistakes.push(Mistake::syntax(at, &format!("extraneous input '{word}' expecting <EOF>")));
        }
        Ok(_) => mistakes.push(Mistake::unknown(at)),
    }
    Err(mistakes)
}

/// The words of a text, and where they are.
fn tokens(text: &str, mistakes: &mut Vec<Mistake>) -> Vec<(usize, Token)> {
    let mut out = Vec::new();
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() && mistakes.len() < MISTAKES {
        let c = bytes[i];
        if c.is_ascii_whitespace() {
            i += 1;
        } else if text[i..].starts_with("//") {
            i += text[i..].find('\n').unwrap_or(text.len() - i);
        } else if c == b'"' || c == b'\'' {
            let Some((value, length)) = string(&text[i..], false) else {
                let shown = &text[i..];
                mistakes.push(Mistake::syntax(i, &format!("token recognition error at: '{shown}'")));
                break;
            };
            out.push((i, Token::Literal(value.into())));
            i += length;
        } else if (c == b'r' || c == b'R') && matches!(bytes.get(i + 1), Some(b'"' | b'\'')) {
            let Some((value, length)) = string(&text[i + 1..], true) else {
                mistakes.push(Mistake::unknown(i));
                break;
            };
            out.push((i, Token::Literal(value.into())));
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
            let Some(number) = number.map(Value::Number) else {
                mistakes.push(Mistake::unknown(i));
                i += end;
                continue;
            };
            out.push((i, if plain == word { Token::Literal(number) } else { Token::Unsigned(number) }));
            i += end;
        } else if c.is_ascii_alphabetic() || c == b'_' {
            let rest = &text[i..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let word = match &rest[..end] {
                "true" => Token::Literal(true.into()),
                "false" => Token::Literal(false.into()),
                "null" => Token::Literal(Value::Null),
                "in" => Token::Symbol("in"),
                name => Token::Name(name.into()),
            };
            out.push((i, word));
            i += end;
        } else {
            let symbol = SYMBOLS.iter().find(|s| text[i..].starts_with(**s));
            let letter = text[i..].chars().next().map_or(1, char::len_utf8);
            match symbol.filter(|symbol| !matches!(**symbol, "=" | ";")) {
                Some(symbol) => {
                    out.push((i, Token::Symbol(symbol)));
                    i += symbol.len();
                }
                // Half of an operator takes the letter after it along.
                None if matches!(c, b'=' | b'&' | b'|') => {
                    let after = text[i + 1..].chars().next().map_or(0, char::len_utf8);
                    let shown = &text[i..i + 1 + after];
                    mistakes.push(Mistake::syntax(i, &format!("token recognition error at: '{shown}'")));
                    i += 1 + after;
                }
                None => {
                    let shown = &text[i..i + letter];
                    mistakes.push(Mistake::syntax(i, &format!("token recognition error at: '{shown}'")));
                    i += letter;
                }
            }
        }
    }
    out
}

fn string(text: &str, raw: bool) -> Option<(String, usize)> {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let (open, close) = if text.starts_with(&triple) { (3, triple.as_str()) } else { (1, quote) };
    let mut out = String::new();
    let mut rest = &text[open..];
    loop {
        if rest.starts_with(close) {
            return Some((out, text.len() - rest.len() + close.len()));
        }
        let mut chars = rest.chars();
        match chars.next() {
            None => return None,
            Some('\\') if !raw => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some(c) => out.push(c),
                None => return None,
            },
            Some(c) => out.push(c),
        }
        rest = chars.as_str();
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    places: Vec<usize>,
    at: usize,
    depth: usize,
}

const OPERATORS: [&[&str]; 5] =
    [&["||"], &["&&"], &["==", "!=", "<=", ">=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    /// Where the next word is.
    fn place(&self) -> usize {
        self.places.get(self.at).copied().unwrap_or(self.text.len())
    }

    /// The next word as it is written.
    fn word(&self) -> &str {
        let end = self.places.get(self.at + 1).copied().unwrap_or(self.text.len());
        self.text[self.place()..end].trim_end()
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Mistake> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(match (self.peek(), symbol) {
            (None, ":") => Mistake::syntax(self.place(), "mismatched input '<EOF>' expecting ':'"),
            (None, ")") => Mistake::syntax(self.place(), "missing ')' at '<EOF>'"),
            _ => Mistake::unknown(self.place()),
        })
    }

    fn choice(&mut self) -> Result<Expr, Mistake> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Mistake::deep());
        }
        let condition = self.level(0)?;
        let at = self.place();
        let result = if self.accept("?") {
            let yes = self.choice()?;
            self.expect(":")?;
            let no = self.choice()?;
            shallow(Expr::new(at, Kind::Choice(Box::new(condition), Box::new(yes), Box::new(no))))?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(result)
    }

    fn level(&mut self, level: usize) -> Result<Expr, Mistake> {
        let Some(operators) = OPERATORS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        if level < 2 {
            let mut rest = Vec::new();
            while self.peek() == Some(&Token::Symbol(operators[0])) {
                let at = self.place();
                self.at += 1;
                rest.push((at, self.level(level + 1)?));
            }
            return shallow(balanced(operators[0], left, rest));
        }
        while let Some(Token::Symbol(symbol)) = self.peek() {
            let Some(operator) = operators.iter().find(|o| *o == symbol) else { break };
            let at = self.place();
            self.at += 1;
            let right = self.level(level + 1)?;
            left = shallow(Expr::new(at, Kind::Binary(operator, Box::new(left), Box::new(right))))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Mistake> {
        let mut signs = Vec::new();
        while let Some(Token::Symbol(symbol @ ("!" | "-"))) = self.peek() {
            signs.push((self.place(), *symbol));
            self.at += 1;
        }
        let mut expr = self.member()?;
        for (at, sign) in signs.into_iter().rev() {
            let inner = Box::new(expr);
            expr =
                shallow(Expr::new(at, if sign == "!" { Kind::Not(inner) } else { Kind::Negative(inner) }))?;
        }
        Ok(expr)
    }

    fn member(&mut self) -> Result<Expr, Mistake> {
        let mut expr = self.primary()?;
        loop {
            let dot = self.place();
            if self.accept(".") {
                let maybe = self.accept("?");
                let Some(Token::Name(name)) = self.peek().cloned() else {
                    let shown = format!("no viable alternative at input '.{}'", self.word());
                    return Err(Mistake::syntax(self.place(), &shown));
                };
                self.at += 1;
                let bracket = self.place();
                expr = if maybe {
                    Expr::new(dot, Kind::MaybeField(Box::new(expr), name))
                } else if self.accept("(") {
                    Expr::new(bracket, Kind::Call(Some(Box::new(expr)), name, self.list(")")?))
                } else {
                    Expr::new(dot, Kind::Field(Box::new(expr), name))
                };
            } else if self.accept("[") {
                let maybe = self.accept("?");
                let at = Box::new(self.choice()?);
                self.expect("]")?;
                let inner = Box::new(expr);
                expr =
                    Expr::new(dot, if maybe { Kind::MaybeIndex(inner, at) } else { Kind::Index(inner, at) });
            } else {
                return Ok(expr);
            }
            expr = shallow(expr)?;
        }
    }

    fn list(&mut self, close: &str) -> Result<Vec<Expr>, Mistake> {
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

    fn primary(&mut self) -> Result<Expr, Mistake> {
        let at = self.place();
        let Some(token) = self.peek().cloned() else {
            return Err(Mistake::syntax(at, &format!("mismatched input '<EOF>' expecting {VALUE}")));
        };
        self.at += 1;
        let kind = match token {
            Token::Literal(value) => Kind::Literal(value),
            Token::Unsigned(value) => {
                Kind::Call(None, "uint".into(), vec![Expr::new(at, Kind::Literal(value))])
            }
            Token::Name(name) => {
                let bracket = self.place();
                if self.accept("(") {
                    return shallow(Expr::new(bracket, Kind::Call(None, name, self.list(")")?)));
                }
                Kind::Name(name)
            }
            Token::Symbol("(") => {
                let expr = self.choice()?;
                self.expect(")")?;
                return Ok(expr);
            }
            Token::Symbol("[") => Kind::List(self.list("]")?),
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
                Kind::Map(entries)
            }
            Token::Symbol(symbol) => {
                // One operator too many is left out by the real parser, which then goes on.
                let text = format!("extraneous input '{symbol}' expecting {VALUE}");
                let more = self.at == 1 && matches!(self.peek(), Some(Token::Name(_) | Token::Literal(_)));
                return Err(if more { Mistake::syntax(at, &text) } else { Mistake::unknown(at) });
            }
        };
        shallow(Expr::new(at, kind))
    }
}

/// Refuses an expression of too many levels, which would need too much of the stack.
fn shallow(expr: Expr) -> Result<Expr, Mistake> {
    if expr.levels > LEVELS { Err(Mistake::deep()) } else { Ok(expr) }
}

/// A chain of `&&` or `||`, whose order matters to nobody, with few levels.
fn balanced(operator: &'static str, first: Expr, mut rest: Vec<(usize, Expr)>) -> Expr {
    if rest.is_empty() {
        return first;
    }
    let mut right = rest.split_off(rest.len() / 2);
    let (at, middle) = right.remove(0);
    let (left, right) = (balanced(operator, first, rest), balanced(operator, middle, right));
    Expr::new(at, Kind::Binary(operator, Box::new(left), Box::new(right)))
}
