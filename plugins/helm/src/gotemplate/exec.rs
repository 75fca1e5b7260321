//! Runs trees against values, as Go does with reflection: interfaces, nils and missing keys included.

mod call;
mod fields;
mod walk;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use self::walk::State;
use super::ast::Tree;
use super::error::Chain;
use crate::text::quote;
use crate::value::Value;

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
        self.owe(count);
        if self.steps > self.limits.steps {
            return Err(Chain::new(format!("rendering stopped after {} steps", self.limits.steps)));
        }
        Ok(())
    }

    /// Counts work that the next step answers for.
    pub fn owe(&mut self, count: u64) {
        self.steps = self.steps.saturating_add(count);
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
