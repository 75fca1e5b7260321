//! Parsed templates, and how nodes print themselves in errors.

use std::fmt::{self, Display as _};
use std::rc::Rc;

use crate::functions::Function;
use crate::text::quote;

/// One template: a file, a definition, or a text given to `tpl`.
#[derive(Debug)]
pub struct Tree {
    /// The name it is called by.
    pub name: Rc<str>,
    /// The file it stands in.
    pub parse_name: Rc<str>,
    /// The whole text of that file.
    pub text: Rc<str>,
    pub root: Vec<Stmt>,
}

impl Tree {
    /// Whether there is nothing but blanks and comments.
    pub fn is_empty(&self) -> bool {
        self.root.iter().all(|stmt| matches!(stmt, Stmt::Text(_, text) if text.trim().is_empty()))
    }
}

/// A part of a template.
#[derive(Debug)]
pub enum Stmt {
    Text(usize, Rc<str>),
    Action(usize, Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { pos: usize, name: Rc<str>, pipe: Option<Pipe> },
    Break(usize),
    Continue(usize),
}

/// `if`, `with` and `range`.
#[derive(Debug)]
pub struct Branch {
    pub pos: usize,
    pub pipe: Pipe,
    pub list: Vec<Stmt>,
    pub else_list: Option<Vec<Stmt>>,
}

/// Commands, each fed with the result of the one before.
#[derive(Debug)]
pub struct Pipe {
    pub pos: usize,
    /// Variables that take the result.
    pub decl: Vec<Rc<str>>,
    /// Whether the variables exist already.
    pub is_assign: bool,
    pub cmds: Vec<Cmd>,
}

/// A function with arguments, or a value.
#[derive(Debug)]
pub struct Cmd {
    pub pos: usize,
    pub args: Vec<Expr>,
}

/// A number literal, which takes the type that is asked for.
#[derive(Clone, Debug, Default)]
pub struct Number {
    pub int: Option<i64>,
    pub uint: Option<u64>,
    pub float: Option<f64>,
    /// Has an imaginary part; there is no use for it.
    pub complex: bool,
    pub text: Box<str>,
}

/// An operand.
#[derive(Debug)]
pub enum Expr {
    Bool(usize, bool),
    Chain(usize, Box<Expr>, Vec<Rc<str>>),
    Dot(usize),
    Field(usize, Vec<Rc<str>>),
    Ident(usize, &'static Function),
    Nil(usize),
    Number(usize, Box<Number>),
    Pipe(Box<Pipe>),
    Str {
        pos: usize,
        quoted: Box<str>,
        text: Rc<str>,
    },
    /// The name with its `$`, then fields.
    Variable(usize, Vec<Rc<str>>),
}

impl Expr {
    pub fn pos(&self) -> usize {
        match self {
            Self::Bool(pos, _)
            | Self::Chain(pos, ..)
            | Self::Dot(pos)
            | Self::Field(pos, _)
            | Self::Ident(pos, _)
            | Self::Nil(pos)
            | Self::Number(pos, _)
            | Self::Str { pos, .. }
            | Self::Variable(pos, _) => *pos,
            Self::Pipe(pipe) => pipe.pos,
        }
    }
}

/// Any node, for errors.
#[derive(Clone, Copy)]
pub enum NodeRef<'a> {
    Stmt(&'a Stmt),
    Pipe(&'a Pipe),
    Cmd(&'a Cmd),
    Expr(&'a Expr),
}

impl NodeRef<'_> {
    pub fn pos(&self) -> usize {
        match self {
            Self::Stmt(stmt) => match stmt {
                Stmt::Text(pos, _)
                | Stmt::Action(pos, _)
                | Stmt::Template { pos, .. }
                | Stmt::Break(pos)
                | Stmt::Continue(pos) => *pos,
                Stmt::If(branch) | Stmt::With(branch) | Stmt::Range(branch) => branch.pos,
            },
            Self::Pipe(pipe) => pipe.pos,
            Self::Cmd(cmd) => cmd.pos,
            Self::Expr(expr) => expr.pos(),
        }
    }
}

impl fmt::Display for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stmt(stmt) => stmt.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Cmd(cmd) => cmd.fmt(f),
            Self::Expr(expr) => expr.fmt(f),
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, list: &[Stmt]) -> fmt::Result {
    list.iter().try_for_each(|stmt| stmt.fmt(f))
}

fn write_branch(f: &mut fmt::Formatter<'_>, name: &str, branch: &Branch) -> fmt::Result {
    write!(f, "{{{{{name} {}}}}}", branch.pipe)?;
    write_list(f, &branch.list)?;
    if let Some(list) = &branch.else_list {
        f.write_str("{{else}}")?;
        write_list(f, list)?;
    }
    f.write_str("{{end}}")
}

impl fmt::Display for Stmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_, text) => f.write_str(text),
            Self::Action(_, pipe) => write!(f, "{{{{{pipe}}}}}"),
            Self::If(branch) => write_branch(f, "if", branch),
            Self::With(branch) => write_branch(f, "with", branch),
            Self::Range(branch) => write_branch(f, "range", branch),
            Self::Template { name, pipe: Some(pipe), .. } => {
                write!(f, "{{{{template {} {pipe}}}}}", quote(name))
            }
            Self::Template { name, pipe: None, .. } => write!(f, "{{{{template {}}}}}", quote(name)),
            Self::Break(_) => f.write_str("{{break}}"),
            Self::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.decl.is_empty() {
            let separator = if self.is_assign { "=" } else { ":=" };
            write!(f, "{} {separator} ", self.decl.join(", "))?;
        }
        for (i, cmd) in self.cmds.iter().enumerate() {
            if i > 0 {
                f.write_str(" | ")?;
            }
            cmd.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            match arg {
                Expr::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => arg.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(_, b) => b.fmt(f),
            Self::Chain(_, node, fields) => {
                match &**node {
                    Self::Pipe(pipe) => write!(f, "({pipe})")?,
                    node => node.fmt(f)?,
                }
                fields.iter().try_for_each(|field| write!(f, ".{field}"))
            }
            Self::Dot(_) => f.write_str("."),
            Self::Field(_, fields) => fields.iter().try_for_each(|field| write!(f, ".{field}")),
            Self::Ident(_, function) => f.write_str(function.name),
            Self::Nil(_) => f.write_str("nil"),
            Self::Number(_, number) => f.write_str(&number.text),
            Self::Pipe(pipe) => pipe.fmt(f),
            Self::Str { quoted, .. } => f.write_str(quoted),
            Self::Variable(_, idents) => f.write_str(&idents.join(".")),
        }
    }
}
