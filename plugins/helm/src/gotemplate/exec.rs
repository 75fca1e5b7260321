//! Runs trees against values, as Go does with reflection: interfaces, nils and missing keys included.

mod call;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::ast::{Branch, Cmd, Expr, NodeRef, Number, Pipe, Stmt, Tree};
use super::error::Chain;
use crate::functions::methods;
use crate::golang::printf::{text_of, write_value};
use crate::text::quote;
use crate::value::{IntKind, Map, MapKind, Object, Value};

/// What a rendering may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes executed.
    pub steps: u64,
    /// Bytes of one output.
    pub output: usize,
    /// Templates inside of templates.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // A component has less stack than a thread; Helm itself gives up after 1000 includes of one name.
        let depth = if cfg!(target_arch = "wasm32") { 1100 } else { 2200 };
        Self { steps: 200_000_000, output: 32 << 20, depth }
    }
}

/// Parts of a value, those of its parts included.
const MAX_PARTS: u64 = 1_000_000;
/// Bytes that an item of a list takes.
const LIST_ITEM: usize = std::mem::size_of::<Value>();

/// Counts the parts of a value; whether they are few enough.
fn count_parts(value: &Value, depth: usize, left: &mut u64) -> bool {
    let Some(rest) = left.checked_sub(1) else { return false };
    *left = rest;
    match value {
        // What contains itself is noticed by those who write it.
        _ if depth > 1000 => true,
        Value::List(_, items) => items.iter().all(|item| count_parts(item, depth + 1, left)),
        Value::Map(_, map) => map.borrow().values().all(|item| count_parts(item, depth + 1, left)),
        _ => true,
    }
}

/// Asks the cluster for an object or a list: version, kind, namespace, name.
pub type Lookup<'c> = dyn Fn(&str, &str, &str, &str) -> Result<serde_json::Value, String> + 'c;

/// Templates by name; those of a `tpl` text lie over those of the chart.
#[derive(Debug, Default)]
pub struct Set {
    pub trees: HashMap<Rc<str>, Rc<Tree>>,
    pub below: Option<Rc<Set>>,
}

impl Set {
    pub fn get(&self, name: &str) -> Option<&Rc<Tree>> {
        match self.trees.get(name) {
            Some(tree) => Some(tree),
            None => self.below.as_ref().and_then(|below| below.get(name)),
        }
    }

    /// Adds trees; one without content does not replace one that is there.
    pub fn add(&mut self, trees: impl IntoIterator<Item = Rc<Tree>>) {
        for tree in trees {
            if !(tree.is_empty() && self.get(&tree.name).is_some()) {
                self.trees.insert(Rc::clone(&tree.name), tree);
            }
        }
    }
}

/// Everything that templates and functions share while a chart is rendered.
pub struct Engine<'c> {
    pub set: Rc<Set>,
    /// Lint lets `required` and `fail` pass.
    pub lint: bool,
    pub lookup: &'c Lookup<'c>,
    pub limits: Limits,
    /// How often each name is being included right now.
    pub included: HashMap<Rc<str>, usize>,
    /// Parsed texts of `tpl`.
    pub parsed: HashMap<Rc<str>, Rc<Vec<Rc<Tree>>>>,
    pub regexes: RefCell<HashMap<Rc<str>, Rc<crate::golang::regexp::Regexp>>>,
    /// Certificates by the place and the request that they were made for.
    certificates: HashMap<String, Value>,
    steps: u64,
    depth: usize,
}

/// Errors of functions; the text of a cause is part of the text.
pub type Fault = Box<Chain>;

/// A value with what reflection knows about where it came from.
#[derive(Clone, Debug)]
pub enum Rv {
    /// Nothing at all.
    Invalid,
    /// From a place that may hold anything; possibly nil.
    Iface(Value),
    Concrete(Value),
}

impl Rv {
    fn value(&self) -> &Value {
        const NIL: &Value = &Value::Nil;
        match self {
            Self::Invalid => NIL,
            Self::Iface(value) | Self::Concrete(value) => value,
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Invalid => Value::Nil,
            Self::Iface(value) | Self::Concrete(value) => value,
        }
    }

    /// A value as a variable holds it.
    pub fn of(value: Value) -> Self {
        match value {
            Value::Nil => Self::Invalid,
            value => Self::Concrete(value),
        }
    }

    fn type_name(&self) -> &'static str {
        match self {
            Self::Iface(_) => "interface {}",
            Self::Invalid => "<nil>",
            Self::Concrete(value) => value.type_name(),
        }
    }
}

enum Flow {
    Next,
    Break,
    Continue,
}

type Exec<T> = Result<T, Fault>;

impl<'c> Engine<'c> {
    pub fn new(set: Set, lint: bool, lookup: &'c Lookup<'c>, limits: Limits) -> Self {
        Self {
            set: Rc::new(set),
            lint,
            lookup,
            limits,
            included: HashMap::new(),
            parsed: HashMap::new(),
            regexes: RefCell::default(),
            certificates: HashMap::new(),
            steps: 0,
            depth: 0,
        }
    }

    /// Counts work; everything that loops over input calls it.
    pub fn step(&mut self, count: u64) -> Exec<()> {
        self.steps += count;
        if self.steps > self.limits.steps {
            return Err(Chain::new(format!("rendering stopped after {} steps", self.limits.steps)));
        }
        Ok(())
    }

    /// Refuses texts that would not fit into the output.
    pub fn check_size(&self, bytes: usize) -> Exec<()> {
        if bytes > self.limits.output {
            return Err(Chain::new(format!("output is larger than {} bytes", self.limits.output)));
        }
        Ok(())
    }

    /// Refuses values that look small but are endless when they are written out or copied.
    pub(crate) fn check_parts(&mut self, value: &Value) -> Exec<()> {
        let mut left = MAX_PARTS;
        let is_bounded = count_parts(value, 0, &mut left);
        self.step(MAX_PARTS - left)?;
        if is_bounded {
            return Ok(());
        }
        Err(Chain::new(format!("a value has more than {MAX_PARTS} parts")))
    }

    /// Counts the work that arguments or a result stand for, and refuses what does not fit into memory.
    fn weigh<'v>(&mut self, values: impl IntoIterator<Item = &'v Value>, allowed: usize) -> Exec<()> {
        let mut bytes = 0usize;
        for value in values {
            bytes += match value {
                Value::Str(text) => text.len(),
                Value::Bytes(bytes) => bytes.len(),
                Value::List(_, items) => items.len() * LIST_ITEM,
                _ => 0,
            };
        }
        self.step(bytes as u64 / 64)?;
        if bytes > self.limits.output.saturating_mul(allowed) {
            return Err(Chain::new(format!("a value is larger than {} bytes", self.limits.output)));
        }
        Ok(())
    }

    /// Runs a template of the set.
    pub fn execute_named(&mut self, name: &str, dot: Value) -> Exec<String> {
        match self.set.get(name).cloned() {
            Some(tree) => self.execute(&tree, Rv::of(dot)),
            None => Err(Chain::new(format!(
                "template: no template {} associated with template \"gotpl\"",
                quote(name)
            ))),
        }
    }

    /// Runs a tree.
    pub fn execute(&mut self, tree: &Tree, dot: Rv) -> Exec<String> {
        self.run(tree, dot, String::new())
    }

    fn run(&mut self, tree: &Tree, dot: Rv, out: String) -> Exec<String> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            self.depth -= 1;
            return Err(Chain::new(format!(
                "template: {}: exceeded maximum template depth ({})",
                tree.name, self.limits.depth
            )));
        }
        let mut state = State {
            engine: self,
            tree,
            node: None,
            vars: vec![(Rc::from("$"), dot.clone())],
            out,
            certified: 0,
        };
        let result = state.list(&dot, &tree.root);
        let out = std::mem::take(&mut state.out);
        self.depth -= 1;
        result.map(|_| out)
    }
}

struct State<'a, 'e, 'c> {
    engine: &'e mut Engine<'c>,
    tree: &'a Tree,
    node: Option<NodeRef<'a>>,
    vars: Vec<(Rc<str>, Rv)>,
    out: String,
    /// Certificates asked for in this execution.
    certified: usize,
}

impl<'a> State<'a, '_, '_> {
    fn at(&mut self, node: NodeRef<'a>) {
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
    fn error<T>(&self, message: impl AsRef<str>) -> Exec<T> {
        Err(Chain::new(self.located(message.as_ref())))
    }

    #[cold]
    fn wrapped(&self, name: &str, cause: Fault) -> Fault {
        Chain::caused(self.located(&format!("error calling {name}: ")), cause)
    }

    fn write(&mut self, text: &str) -> Exec<()> {
        if self.out.len() + text.len() > self.engine.limits.output {
            return self.error(format!("output is larger than {} bytes", self.engine.limits.output));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn list(&mut self, dot: &Rv, list: &'a [Stmt]) -> Exec<Flow> {
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
                let concrete = !matches!(kind, crate::value::ListKind::Any | crate::value::ListKind::NilAny);
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

    fn assign(&mut self, name: &str, value: Rv) -> Exec<()> {
        match self.vars.iter_mut().rev().find(|(known, _)| **known == *name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.error(format!("undefined variable: {name}")),
        }
    }

    fn pipeline(&mut self, dot: &Rv, pipe: &'a Pipe) -> Exec<Rv> {
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

    fn not_a_function(&self, args: &'a [Expr], last: &Option<Rv>) -> Exec<()> {
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

    fn constant(&mut self, node: &'a Expr, number: &Number) -> Exec<Rv> {
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

    fn chain_node(
        &mut self,
        dot: &Rv,
        node: &'a Expr,
        inner: &'a Expr,
        fields: &'a [Rc<str>],
        args: &'a [Expr],
        last: Option<Rv>,
    ) -> Exec<Rv> {
        self.at(NodeRef::Expr(node));
        if let Expr::Nil(_) = inner {
            return self.error(format!("indirection through explicit nil in {node}"));
        }
        let receiver = self.untyped_argument(dot, inner)?;
        self.chain(dot, receiver, node, fields, args, last)
    }

    fn variable(
        &mut self,
        dot: &Rv,
        node: &'a Expr,
        idents: &'a [Rc<str>],
        args: &'a [Expr],
        last: Option<Rv>,
    ) -> Exec<Rv> {
        self.at(NodeRef::Expr(node));
        let name = &idents[0];
        let Some(value) = self.vars.iter().rev().find(|(known, _)| known == name).map(|(_, v)| v.clone())
        else {
            return self.error(format!("undefined variable: {name}"));
        };
        if idents.len() == 1 {
            if !args.is_empty() {
                self.not_a_function(args, &last)?;
            } else if last.is_some() {
                return self.error(format!("can't give argument to non-function {node}"));
            }
            return Ok(value);
        }
        let rest = args.get(1..).unwrap_or_default();
        self.chain(dot, value, node, &idents[1..], rest, last)
    }

    /// `.X.Y.Z`; only the last may be a method with arguments.
    fn chain(
        &mut self,
        dot: &Rv,
        mut receiver: Rv,
        node: &'a Expr,
        fields: &'a [Rc<str>],
        args: &'a [Expr],
        last: Option<Rv>,
    ) -> Exec<Rv> {
        let Some((end, before)) = fields.split_last() else { return Ok(receiver) };
        for field in before {
            receiver = self.field(dot, field, node, &[], None, receiver)?;
        }
        self.field(dot, end, node, args, last, receiver)
    }

    fn field(
        &mut self,
        dot: &Rv,
        name: &Rc<str>,
        node: &'a Expr,
        args: &'a [Expr],
        last: Option<Rv>,
        receiver: Rv,
    ) -> Exec<Rv> {
        let value = match &receiver {
            Rv::Invalid => return Ok(Rv::Invalid),
            Rv::Iface(Value::Nil) => {
                return self.error(format!("nil pointer evaluating interface {{}}.{name}"));
            }
            Rv::Iface(value) | Rv::Concrete(value) => value,
        };
        let has_args = !args.is_empty() || last.is_some();
        // Maps of anything have no methods; they are most of what charts look into.
        if !matches!(value, Value::Map(MapKind::Any | MapKind::NilAny | MapKind::Strings, _))
            && let Some(method) = methods::find(value, name)
        {
            let receiver = value.clone();
            return self.invoke(dot, method, Some(receiver), NodeRef::Expr(node), args, last);
        }
        match value {
            Value::Map(kind, map) => {
                if has_args {
                    return self.error(format!("{name} is not a method but has arguments"));
                }
                Ok(lookup_key(*kind, map, name))
            }
            _ => match methods::struct_field(value, name) {
                Some(_) if has_args => {
                    self.error(format!("{name} has arguments but cannot be invoked as function"))
                }
                Some(field) => Ok(Rv::Concrete(field)),
                None => self.error(format!("can't evaluate field {name} in type {}", receiver.type_name())),
            },
        }
    }
}

/// The value of a key: missing ones are nil, or empty where the type says what they are.
fn lookup_key(kind: MapKind, map: &Map, key: &str) -> Rv {
    match (kind, map.get(key)) {
        (MapKind::Strings | MapKind::Files, Some(value)) => Rv::Concrete(value),
        (MapKind::Strings, None) => Rv::Concrete(Value::str("")),
        (MapKind::Files, None) => Rv::Concrete(Value::Bytes(Rc::from([]))),
        (_, Some(value)) => Rv::Iface(value),
        (_, None) => Rv::Iface(Value::Nil),
    }
}
