//! From tokens to trees.

mod expressions;

use std::rc::Rc;

use super::ast::{Branch, Stmt, Tree};
use super::lex::{Kind, Lexer, Token};
use crate::golang::quote::unquote;
use crate::text::quote;

/// Depth of parentheses and of nested blocks.
const MAX_DEPTH: usize = 500;

type Parse<T> = Result<T, String>;

/// The trees of a text: definitions in the order they stand, the text itself last.
pub fn parse(name: &str, text: &str) -> Result<Vec<Rc<Tree>>, String> {
    let name: Rc<str> = Rc::from(name);
    let text: Rc<str> = Rc::from(text);
    let mut parser = Parser {
        name: Rc::clone(&name),
        text: Rc::clone(&text),
        lexer: Lexer::new(&text),
        tokens: [None, None, None],
        peeked: 0,
        last: 0,
        vars: vec![Rc::from("$")],
        trees: Vec::new(),
        action_line: 0,
        range_depth: 0,
        depth: 0,
    };
    let root = parser.top()?;
    parser.add(name, root)?;
    Ok(parser.trees)
}

struct Parser<'a> {
    name: Rc<str>,
    text: Rc<str>,
    lexer: Lexer<'a>,
    tokens: [Option<Token>; 3],
    peeked: usize,
    /// Where the token lexed last starts; errors name its line.
    last: usize,
    vars: Vec<Rc<str>>,
    trees: Vec<Rc<Tree>>,
    action_line: usize,
    range_depth: usize,
    depth: usize,
}

/// What ended a list.
enum End {
    End,
    Else,
}

enum Item {
    Stmt(Stmt),
    End(End),
}

impl Parser<'_> {
    fn lex(&mut self) -> Token {
        let token = self.lexer.next();
        self.last = token.pos;
        token
    }

    fn next(&mut self) -> Token {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = Some(self.lex());
        }
        self.tokens[self.peeked].clone().expect("a token was put there")
    }

    fn backup(&mut self) {
        self.peeked += 1;
    }

    fn backup2(&mut self, first: Token) {
        self.tokens[1] = Some(first);
        self.peeked = 2;
    }

    fn backup3(&mut self, first: Token, second: Token) {
        self.tokens[1] = Some(second);
        self.tokens[2] = Some(first);
        self.peeked = 3;
    }

    fn peek(&mut self) -> Token {
        if self.peeked == 0 {
            self.peeked = 1;
            self.tokens[0] = Some(self.lex());
        }
        self.tokens[self.peeked - 1].clone().expect("a token was put there")
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn line_of(&self, pos: usize) -> usize {
        1 + self.text.as_bytes()[..pos].iter().filter(|b| **b == b'\n').count()
    }

    fn error<T>(&self, message: impl AsRef<str>) -> Parse<T> {
        Err(format!("template: {}:{}: {}", self.name, self.line_of(self.last), message.as_ref()))
    }

    fn unexpected<T>(&self, token: &Token, context: &str) -> Parse<T> {
        if let Some(problem) = &token.problem {
            let mut extra = String::new();
            if self.action_line != 0 && self.action_line != self.line_of(token.pos) {
                extra = format!(" in action started at {}:{}", self.name, self.action_line);
                if problem.ends_with(" action") {
                    extra = extra[" in action".len()..].to_owned();
                }
            }
            return self.error(format!("{problem}{extra}"));
        }
        self.error(format!("unexpected {} in {context}", token.describe(&self.text)))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parse<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn nest(&mut self) -> Parse<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.error("max expression depth exceeded") } else { Ok(()) }
    }

    fn add(&mut self, name: Rc<str>, root: Vec<Stmt>) -> Parse<()> {
        let tree = Rc::new(Tree {
            name: Rc::clone(&name),
            parse_name: Rc::clone(&self.name),
            text: Rc::clone(&self.text),
            root,
        });
        match self.trees.iter().position(|known| known.name == name) {
            None => self.trees.push(tree),
            Some(at) if self.trees[at].is_empty() => self.trees[at] = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => {
                return self.error(format!("template: multiple definition of template {}", quote(&name)));
            }
        }
        Ok(())
    }

    fn top(&mut self) -> Parse<Vec<Stmt>> {
        let mut root = Vec::new();
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Eof => return Ok(root),
                Kind::LeftDelim => {
                    let delim = self.next();
                    if self.next_non_space().kind == Kind::Define {
                        self.definition()?;
                        continue;
                    }
                    self.backup2(delim);
                }
                _ => {}
            }
            match self.text_or_action()? {
                Item::Stmt(stmt) => root.push(stmt),
                Item::End(End::End) => return self.error("unexpected {{end}}"),
                Item::End(End::Else) => return self.error("unexpected {{else}}"),
            }
        }
    }

    fn definition(&mut self) -> Parse<()> {
        let context = "define clause";
        let token = self.next_non_space();
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(&token, context);
        }
        let Some(name) = unquote(token.text(&self.text)) else { return self.error("invalid syntax") };
        self.expect(Kind::RightDelim, context)?;
        let root = self.body(context)?;
        self.add(Rc::from(name), root)
    }

    /// The body of a definition or block, with variables of its own.
    fn body(&mut self, context: &str) -> Parse<Vec<Stmt>> {
        let vars = std::mem::replace(&mut self.vars, vec![Rc::from("$")]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let action_line = std::mem::take(&mut self.action_line);
        let (root, end) = self.item_list()?;
        if let End::Else = end {
            return self.error(format!("unexpected {{{{else}}}} in {context}"));
        }
        self.vars = vars;
        self.range_depth = range_depth;
        self.action_line = action_line;
        Ok(root)
    }

    fn item_list(&mut self) -> Parse<(Vec<Stmt>, End)> {
        self.nest()?;
        let mut list = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Item::Stmt(stmt) => list.push(stmt),
                Item::End(end) => {
                    self.depth -= 1;
                    return Ok((list, end));
                }
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parse<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Stmt(Stmt::Text(token.pos, Rc::from(token.text(&self.text))))),
            Kind::LeftDelim => {
                self.action_line = self.line_of(token.pos);
                let item = self.action()?;
                self.action_line = 0;
                Ok(item)
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parse<Item> {
        let token = self.next_non_space();
        let stmt = match token.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.loop_control(token.pos, "{{break}}", Stmt::Break)?,
            Kind::Continue => self.loop_control(token.pos, "{{continue}}", Stmt::Continue)?,
            Kind::Else => {
                let peeked = self.peek_non_space();
                if !matches!(peeked.kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Item::End(End::Else));
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::End(End::End));
            }
            Kind::If => Stmt::If(self.control("if")?),
            Kind::Range => Stmt::Range(self.control("range")?),
            Kind::With => Stmt::With(self.control("with")?),
            Kind::Template => self.template()?,
            _ => {
                self.backup();
                let pos = self.peek().pos;
                Stmt::Action(pos, self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Stmt(stmt))
    }

    fn loop_control(&mut self, pos: usize, name: &str, make: fn(usize) -> Stmt) -> Parse<Stmt> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, name);
        }
        if self.range_depth == 0 {
            return self.error(format!("{name} outside {{{{range}}}}"));
        }
        Ok(make(pos))
    }

    fn control(&mut self, context: &str) -> Parse<Branch> {
        let vars = self.vars.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        if context == "range" {
            self.range_depth += 1;
        }
        let (list, end) = self.item_list()?;
        if context == "range" {
            self.range_depth -= 1;
        }
        let mut else_list = None;
        if let End::Else = end {
            let next = self.peek().kind;
            if context == "if" && next == Kind::If {
                self.next();
                else_list = Some(vec![Stmt::If(self.nested_control("if")?)]);
            } else if context == "with" && next == Kind::With {
                self.next();
                else_list = Some(vec![Stmt::With(self.nested_control("with")?)]);
            } else {
                let (list, end) = self.item_list()?;
                if let End::Else = end {
                    return self.error("expected end; found {{else}}");
                }
                else_list = Some(list);
            }
        }
        self.vars.truncate(vars);
        Ok(Branch { pos: pipe.pos, pipe, list, else_list })
    }

    /// `else if`: one more level, which long chains reach.
    fn nested_control(&mut self, context: &str) -> Parse<Branch> {
        self.nest()?;
        let branch = self.control(context)?;
        self.depth -= 1;
        Ok(branch)
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Parse<Rc<str>> {
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(token, context);
        }
        match unquote(token.text(&self.text)) {
            Some(name) => Ok(Rc::from(name)),
            None => self.error("invalid syntax"),
        }
    }

    fn block(&mut self) -> Parse<Stmt> {
        let context = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let root = self.body(context)?;
        self.add(Rc::clone(&name), root)?;
        Ok(Stmt::Template { pos: token.pos, name, pipe: Some(pipe) })
    }

    fn template(&mut self) -> Parse<Stmt> {
        let context = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, context)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(context, Kind::RightDelim)?);
        }
        Ok(Stmt::Template { pos: token.pos, name, pipe })
    }
}
