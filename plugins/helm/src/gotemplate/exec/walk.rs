//! Statements: text, actions, branches, loops, and the pipelines in them.

use std::rc::Rc;

use super::{Engine, Exec, Fault, Flow, Rv};
use crate::golang::printf::{text_of, write_value};
use crate::gotemplate::ast::{Branch, Cmd, Expr, NodeRef, Number, Pipe, Stmt, Tree};
use crate::gotemplate::error::Chain;
use crate::text::quote;
use crate::value::{IntKind, ListKind, MapKind, Object, Value};

/// One execution of a template.
pub(super) struct State<'a, 'e, 'c> {
    pub(super) engine: &'e mut Engine<'c>,
    pub(super) tree: &'a Tree,
    pub(super) node: Option<NodeRef<'a>>,
    pub(super) vars: Vec<(Rc<str>, Rv)>,
    pub(super) out: String,
    /// Certificates asked for in this execution.
    pub(super) certified: usize,
}

impl<'a> State<'a, '_, '_> {
    pub(super) fn at(&mut self, node: NodeRef<'a>) {
        self.node = Some(node);
    }

    #[cold]
    fn located(&self, message: &str) -> String {
        let Some(node) = self.node else {
            return format!("template: {}: {message}", self.tree.name);
        };
        let pos = node.pos().min(self.tree.text.len());
        let before = &self.tree.text[..pos];
        let line = 1 + before.matches('\n').count();
        let column = before.rfind('\n').map_or(pos, |at| pos - at - 1);
        format!(
            "template: {}:{line}:{column}: executing {} at <{node}>: {message}",
            self.tree.parse_name,
            quote(&self.tree.name)
        )
    }

    #[cold]
    pub(super) fn error<T>(&self, message: impl AsRef<str>) -> Exec<T> {
        Err(Chain::new(self.located(message.as_ref())))
    }

    #[cold]
    pub(super) fn wrapped(&self, name: &str, cause: Fault) -> Fault {
        Chain::caused(self.located(&format!("error calling {name}: ")), cause)
    }

    fn write(&mut self, text: &str) -> Exec<()> {
        if self.out.len() + text.len() > self.engine.limits.output {
            return self.error(format!("output is larger than {} bytes", self.engine.limits.output));
        }
        self.out.push_str(text);
        Ok(())
    }

    pub(super) fn list(&mut self, dot: &Rv, list: &'a [Stmt]) -> Exec<Flow> {
        for stmt in list {
            match self.walk(dot, stmt)? {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Rv, stmt: &'a Stmt) -> Exec<Flow> {
        self.at(NodeRef::Stmt(stmt));
        if let Err(stopped) = self.engine.step(1) {
            return self.error(stopped.to_string());
        }
        match stmt {
            Stmt::Text(_, text) => self.write(text)?,
            Stmt::Action(_, pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.decl.is_empty() {
                    self.at(NodeRef::Stmt(stmt));
                    self.print(&value)?;
                }
            }
            Stmt::If(branch) => return self.branch(dot, branch, false),
            Stmt::With(branch) => return self.branch(dot, branch, true),
            Stmt::Range(branch) => return self.range(dot, branch),
            Stmt::Template { name, pipe, .. } => self.template(dot, name, pipe.as_ref())?,
            Stmt::Break(_) => return Ok(Flow::Break),
            Stmt::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Rv) -> Exec<()> {
        match value {
            Rv::Invalid => self.write("<no value>"),
            Rv::Iface(Value::Str(text)) | Rv::Concrete(Value::Str(text)) => self.write(text),
            Rv::Concrete(Value::Object(object)) => match &**object {
                // A pointer prints what it points at.
                Object::Capabilities(_) => self.write(&text_of(value.value())[1..]),
                // Only what can be pointed at has this type's method.
                Object::KubeVersion(capabilities) => self.write(&capabilities.normalized()),
                _ => self.write(&text_of(value.value())),
            },
            Rv::Iface(value) | Rv::Concrete(value) => {
                write_value(&mut self.out, value);
                self.write("")
            }
        }
    }

    fn branch(&mut self, dot: &Rv, branch: &'a Branch, with: bool) -> Exec<Flow> {
        let mark = self.vars.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if value.value().is_true() {
            self.list(if with { &value } else { dot }, &branch.list)?
        } else if let Some(list) = &branch.else_list {
            self.list(dot, list)?
        } else {
            Flow::Next
        };
        self.vars.truncate(mark);
        Ok(flow)
    }

    fn range(&mut self, dot: &Rv, branch: &'a Branch) -> Exec<Flow> {
        let outer = self.vars.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let mut ran = false;
        match value.value() {
            Value::Int(kind, count) => {
                if branch.pipe.decl.len() > 1 {
                    let text = text_of(value.value());
                    return self.error(format!("can't use {text} to iterate over more than one variable"));
                }
                let (kind, count) = (*kind, *count);
                for i in 0..count {
                    ran = true;
                    let item = Rv::Concrete(Value::Int(kind, i));
                    if self.iteration(branch, Rv::Invalid, item)? {
                        break;
                    }
                }
            }
            Value::List(kind, items) => {
                let items = Rc::clone(items);
                let concrete = !matches!(kind, ListKind::Any | ListKind::NilAny);
                for (i, item) in items.iter().enumerate() {
                    ran = true;
                    let item = if concrete { Rv::Concrete(item.clone()) } else { Rv::Iface(item.clone()) };
                    if self.iteration(branch, Rv::Concrete(Value::int(i as i64)), item)? {
                        break;
                    }
                }
            }
            Value::Bytes(bytes) => {
                let bytes = Rc::clone(bytes);
                for (i, byte) in bytes.iter().enumerate() {
                    ran = true;
                    let item = Rv::Concrete(Value::Int(IntKind::Uint8, i64::from(*byte)));
                    if self.iteration(branch, Rv::Concrete(Value::int(i as i64)), item)? {
                        break;
                    }
                }
            }
            Value::Map(kind, map) => {
                let concrete = matches!(kind, MapKind::Strings | MapKind::Files);
                let entries: Vec<(Rc<str>, Value)> =
                    map.borrow().iter().map(|(k, v)| (Rc::clone(k), v.clone())).collect();
                for (key, item) in entries {
                    ran = true;
                    let item = if concrete { Rv::Concrete(item) } else { Rv::Iface(item) };
                    if self.iteration(branch, Rv::Concrete(Value::Str(key)), item)? {
                        break;
                    }
                }
            }
            Value::Nil => {}
            other => {
                let text = text_of(other);
                return self.error(format!("range can't iterate over {text}"));
            }
        }
        let flow = match &branch.else_list {
            Some(list) if !ran => self.list(dot, list)?,
            _ => Flow::Next,
        };
        self.vars.truncate(outer);
        Ok(flow)
    }

    /// Runs the body once; whether the loop ends.
    fn iteration(&mut self, branch: &'a Branch, index: Rv, item: Rv) -> Exec<bool> {
        if let Err(stopped) = self.engine.step(1) {
            return self.error(stopped.to_string());
        }
        let mark = self.vars.len();
        let decl = &branch.pipe.decl;
        if branch.pipe.is_assign {
            match decl.as_slice() {
                [only] => self.assign(only, item.clone())?,
                [first, second] => {
                    self.assign(first, index)?;
                    self.assign(second, item.clone())?;
                }
                _ => {}
            }
        } else {
            match decl.len() {
                1 => self.vars[mark - 1].1 = item.clone(),
                2 => {
                    self.vars[mark - 1].1 = item.clone();
                    self.vars[mark - 2].1 = index;
                }
                _ => {}
            }
        }
        let flow = self.list(&item, &branch.list)?;
        self.vars.truncate(mark);
        Ok(matches!(flow, Flow::Break))
    }

    fn template(&mut self, dot: &Rv, name: &str, pipe: Option<&'a Pipe>) -> Exec<()> {
        let Some(tree) = self.engine.set.get(name).cloned() else {
            return self.error(format!("template {} not defined", quote(name)));
        };
        let dot = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Rv::Invalid,
        };
        let out = std::mem::take(&mut self.out);
        self.out = self.engine.run(&tree, dot, out)?;
        Ok(())
    }

    pub(super) fn assign(&mut self, name: &str, value: Rv) -> Exec<()> {
        match self.vars.iter_mut().rev().find(|(known, _)| **known == *name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    pub(super) fn pipeline(&mut self, dot: &Rv, pipe: &'a Pipe) -> Exec<Rv> {
        self.at(NodeRef::Pipe(pipe));
        let mut last = None;
        for cmd in &pipe.cmds {
            let value = self.command(dot, cmd, last.take())?;
            last = Some(match value {
                Rv::Iface(Value::Nil) => Rv::Invalid,
                Rv::Iface(value) => Rv::Concrete(value),
                other => other,
            });
        }
        let value = last.unwrap_or(Rv::Invalid);
        for name in &pipe.decl {
            if pipe.is_assign {
                self.assign(name, value.clone())?;
            } else {
                self.vars.push((Rc::clone(name), value.clone()));
            }
        }
        Ok(value)
    }

    pub(super) fn not_a_function(&self, args: &'a [Expr], last: &Option<Rv>) -> Exec<()> {
        if args.len() > 1 || last.is_some() {
            return self.error(format!("can't give argument to non-function {}", args[0]));
        }
        Ok(())
    }

    fn command(&mut self, dot: &Rv, cmd: &'a Cmd, last: Option<Rv>) -> Exec<Rv> {
        let first = &cmd.args[0];
        let args = &cmd.args[1..];
        match first {
            Expr::Field(_, fields) => {
                self.at(NodeRef::Expr(first));
                self.chain(dot, dot.clone(), first, fields, args, last)
            }
            Expr::Chain(_, node, fields) => self.chain_node(dot, first, node, fields, args, last),
            Expr::Ident(_, function) => {
                self.at(NodeRef::Expr(first));
                self.call(dot, function, NodeRef::Cmd(cmd), args, last)
            }
            Expr::Pipe(pipe) => {
                self.not_a_function(&cmd.args, &last)?;
                self.pipeline(dot, pipe)
            }
            Expr::Variable(_, idents) => self.variable(dot, first, idents, &cmd.args, last),
            _ => {
                self.at(NodeRef::Expr(first));
                self.not_a_function(&cmd.args, &last)?;
                match first {
                    Expr::Bool(_, b) => Ok(Rv::Concrete(Value::Bool(*b))),
                    Expr::Dot(_) => Ok(dot.clone()),
                    Expr::Number(_, number) => self.constant(first, number),
                    Expr::Str { text, .. } => Ok(Rv::Concrete(Value::Str(Rc::clone(text)))),
                    _ => self.error("nil is not a command"),
                }
            }
        }
    }

    pub(super) fn constant(&mut self, node: &'a Expr, number: &Number) -> Exec<Rv> {
        self.at(NodeRef::Expr(node));
        let text = &number.text;
        if number.complex {
            return self.error(format!("complex number {text} is not supported"));
        }
        let is_rune = text.starts_with('\'');
        let is_hex = text.len() > 2
            && (text.starts_with("0x") || text.starts_with("0X"))
            && !text.contains(['p', 'P']);
        if let Some(f) = number.float
            && !is_rune
            && !is_hex
            && text.contains(['.', 'e', 'E', 'p', 'P'])
        {
            return Ok(Rv::Concrete(Value::Float(f)));
        }
        match (number.int, number.uint) {
            (Some(n), _) => Ok(Rv::Concrete(Value::int(n))),
            (None, Some(_)) => self.error(format!("{text} overflows int")),
            _ => Ok(Rv::Invalid),
        }
    }
}
