//! The part of the parser that reads what stands inside of actions: pipelines and operands.

use std::rc::Rc;

use super::{Parse, Parser};
use crate::functions;
use crate::golang::number::{parse_float, parse_int, parse_uint};
use crate::golang::quote::{Unit, unquote, unquote_char};
use crate::gotemplate::ast::{Cmd, Expr, Number, Pipe};
use crate::gotemplate::lex::Kind;
use crate::text::quote;

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parse<Pipe> {
        let mut pipe =
            Pipe { pos: self.peek_non_space().pos, decl: Vec::new(), is_assign: false, cmds: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let cmd = self.command()?;
                    pipe.cmds.push(cmd);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        if pipe.cmds.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        for (i, cmd) in pipe.cmds.iter().enumerate().skip(1) {
            let fixed = matches!(
                cmd.args[0],
                Expr::Bool(..) | Expr::Dot(_) | Expr::Nil(_) | Expr::Number(..) | Expr::Str { .. }
            );
            if fixed {
                return self.error(format!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(pipe)
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parse<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.next();
            let after = self.peek();
            let next = self.peek_non_space();
            let name: Rc<str> = Rc::from(variable.text(&self.text));
            match next.kind {
                Kind::Assign | Kind::Declare => {
                    pipe.is_assign = next.kind == Kind::Assign;
                    self.next_non_space();
                    pipe.decl.push(Rc::clone(&name));
                    self.vars.push(name);
                    return Ok(());
                }
                Kind::Char if next.text(&self.text) == "," => {
                    self.next_non_space();
                    pipe.decl.push(Rc::clone(&name));
                    self.vars.push(name);
                    if context == "range" && pipe.decl.len() < 2 {
                        match self.peek_non_space().kind {
                            Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                            _ => return self.error("range can only initialize variables"),
                        }
                    }
                    return self.error(format!("too many declarations in {context}"));
                }
                _ if after.kind == Kind::Space => self.backup3(variable, after),
                _ => self.backup2(variable),
            }
            return Ok(());
        }
    }

    fn command(&mut self) -> Parse<Cmd> {
        let pos = self.peek_non_space().pos;
        let mut args = Vec::new();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                args.push(operand);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if args.is_empty() {
            return self.error("empty command");
        }
        Ok(Cmd { pos, args })
    }

    fn operand(&mut self) -> Parse<Option<Expr>> {
        let Some(node) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(node));
        }
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.next();
            fields.push(Rc::from(&token.text(&self.text)[1..]));
        }
        Ok(Some(match node {
            Expr::Field(_, mut all) => {
                all.append(&mut fields);
                Expr::Field(first.pos, all)
            }
            Expr::Variable(_, mut all) => {
                all.append(&mut fields);
                Expr::Variable(first.pos, all)
            }
            Expr::Bool(..) | Expr::Str { .. } | Expr::Number(..) | Expr::Nil(_) | Expr::Dot(_) => {
                return self.error(format!("unexpected . after term {}", quote(&node.to_string())));
            }
            node => Expr::Chain(first.pos, Box::new(node), fields),
        }))
    }

    fn term(&mut self) -> Parse<Option<Expr>> {
        let token = self.next_non_space();
        let pos = token.pos;
        let text = Rc::clone(&self.text);
        let word = token.text(&text);
        Ok(Some(match token.kind {
            Kind::Identifier => match functions::find(word) {
                Some(function) => Expr::Ident(pos, function),
                None => return self.error(format!("function {} not defined", quote(word))),
            },
            Kind::Dot => Expr::Dot(pos),
            Kind::Nil => Expr::Nil(pos),
            Kind::Variable => {
                if !self.vars.iter().any(|name| **name == *word) {
                    return self.error(format!("undefined variable {}", quote(word)));
                }
                Expr::Variable(pos, vec![Rc::from(word)])
            }
            Kind::Field => Expr::Field(pos, vec![Rc::from(&word[1..])]),
            Kind::Bool => Expr::Bool(pos, word == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => match number(word, token.kind) {
                Ok(number) => Expr::Number(pos, Box::new(number)),
                Err(message) => return self.error(message),
            },
            Kind::LeftParen => {
                self.nest()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.depth -= 1;
                Expr::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => match unquote(word) {
                Some(value) => Expr::Str { pos, quoted: word.into(), text: Rc::from(value) },
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        }))
    }
}

fn number(text: &str, kind: Kind) -> Result<Number, String> {
    let mut number = Number { text: text.into(), ..Number::default() };
    if kind == Kind::CharConstant {
        let (unit, tail) = unquote_char(&text[1..], '\'').ok_or("invalid syntax")?;
        if tail != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let code = match unit {
            Unit::Byte(b) => i64::from(b),
            Unit::Char(c) => i64::from(u32::from(c)),
        };
        number.int = Some(code);
        number.uint = Some(code as u64);
        number.float = Some(code as f64);
        return Ok(number);
    }
    if kind == Kind::Complex || text.ends_with('i') {
        number.complex = true;
        return Ok(number);
    }
    number.uint = parse_uint(text, 0).ok();
    number.int = parse_int(text, 0).ok();
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    number.float = number.int.map(|n| n as f64).or(number.uint.map(|n| n as f64));
    if number.float.is_none()
        && let Ok(f) = parse_float(text)
    {
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quote(text)));
        }
        number.float = Some(f);
        if f.fract() == 0.0 && f.abs() < 9.2e18 {
            number.int = Some(f as i64);
            number.uint = (f >= 0.0).then_some(f as u64);
        }
    }
    match number.float {
        Some(_) => Ok(number),
        None => Err(format!("illegal number syntax: {}", quote(text))),
    }
}
