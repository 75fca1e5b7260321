//! Every function that Helm gives to templates: Go's own, Sprig's and Helm's.
//!
//! A function declares the types of its parameters; the executor checks them as Go's reflection does
//! before the function sees its arguments.

mod builtin;
mod casts;
mod crypto;
mod dates;
mod decimal;
mod dicts;
pub(crate) mod encoding;
mod files;
pub(crate) mod helm;
pub mod json;
mod lists;
pub mod methods;
mod numbers;
mod regexes;
mod strings;
mod toml;
pub(crate) mod urls;
mod words;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use crate::gotemplate::error::Chain;
use crate::gotemplate::exec::{Engine, Fault};
use crate::value::{IntKind, ListKind, Map, MapKind, Object, Value};

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ty {
    Any,
    Str,
    Int,
    Uint32,
    Bool,
    Float,
    Map,
    List,
    Time,
    Duration,
    Version,
    Certificate,
}

impl Ty {
    /// The name in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Str => "string",
            Self::Int => "int",
            Self::Uint32 => "uint32",
            Self::Bool => "bool",
            Self::Float => "float64",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Version => "*semver.Version",
            Self::Certificate => "sprig.certificate",
        }
    }

    /// What nothing becomes as an argument of this type, if it may be nothing.
    pub fn nil(self) -> Option<Value> {
        match self {
            Self::Any => Some(Value::Nil),
            Self::Map => Some(Value::Map(MapKind::NilAny, Rc::new(Map::default()))),
            Self::List => Some(Value::List(ListKind::NilAny, Rc::new(Vec::new()))),
            _ => None,
        }
    }

    /// Whether a value can be an argument of this type.
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Str => matches!(value, Value::Str(_)),
            Self::Int => matches!(value, Value::Int(IntKind::Int, _)),
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Float => matches!(value, Value::Float(_)),
            Self::Map => matches!(value, Value::Map(MapKind::Any | MapKind::NilAny | MapKind::Values, _)),
            Self::List => matches!(value, Value::List(ListKind::Any | ListKind::NilAny, _)),
            Self::Duration => matches!(value, Value::Int(IntKind::Duration, _)),
            Self::Uint32 => false,
            Self::Time => matches!(value, Value::Object(o) if matches!(**o, Object::Time(_))),
            Self::Version => matches!(value, Value::Object(o) if matches!(**o, Object::Version(_))),
            Self::Certificate => {
                matches!(value, Value::Object(o) if matches!(**o, Object::Certificate { .. }))
            }
        }
    }
}

/// Functions that the executor treats in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    None,
    And,
    Or,
    /// Tells nothing at all from an empty interface.
    Length,
    /// Its message names the callee as it is written.
    Callee,
    /// Looks at all parts of its arguments.
    Deep,
    /// Makes a certificate, which takes long: a template that is included again gets the same one for the same request.
    Certificate,
}

/// What a function does with its checked arguments.
pub type Call = fn(&mut Engine<'_>, &[Value]) -> Result<Value, Fault>;

/// A function or method by name.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    pub params: &'static [Ty],
    /// The type of any number of further arguments.
    pub variadic: Option<Ty>,
    pub special: Special,
    pub call: Call,
}

const fn fixed(name: &'static str, params: &'static [Ty], call: Call) -> Function {
    Function { name, params, variadic: None, special: Special::None, call }
}

/// A function that looks at all parts of its arguments.
const fn deep(function: Function) -> Function {
    Function { special: Special::Deep, ..function }
}

/// A function that makes a certificate.
const fn certifying(function: Function) -> Function {
    Function { special: Special::Certificate, ..function }
}

const fn variadic(name: &'static str, params: &'static [Ty], rest: Ty, call: Call) -> Function {
    Function { name, params, variadic: Some(rest), special: Special::None, call }
}

static TABLES: [&[Function]; 13] = [
    builtin::FUNCTIONS,
    crypto::FUNCTIONS,
    dates::FUNCTIONS,
    dicts::FUNCTIONS,
    encoding::FUNCTIONS,
    helm::FUNCTIONS,
    lists::FUNCTIONS,
    numbers::FUNCTIONS,
    regexes::FUNCTIONS,
    strings::FUNCTIONS,
    urls::FUNCTIONS,
    words::FUNCTIONS,
    methods::VERSION_FUNCTIONS,
];

static NAMES: LazyLock<HashMap<&'static str, &'static Function>> =
    LazyLock::new(|| TABLES.iter().flat_map(|table| table.iter()).map(|f| (f.name, f)).collect());

/// The function of a name.
pub fn find(name: &str) -> Option<&'static Function> {
    NAMES.get(name).copied()
}

/// All names, for tools that list them.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = NAMES.keys().copied().collect();
    names.sort_unstable();
    names
}

fn fault<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Chain::new(message))
}

/// What Go says when it looks into nothing.
fn nil_dereference<T>() -> Result<T, Fault> {
    fault("runtime error: invalid memory address or nil pointer dereference")
}

/// A text argument, whose type the executor has checked.
fn text(args: &[Value], at: usize) -> &str {
    args.get(at).and_then(Value::as_str).unwrap_or_default()
}

fn int(args: &[Value], at: usize) -> i64 {
    match args.get(at) {
        Some(Value::Int(_, n)) => *n,
        _ => 0,
    }
}

fn map(args: &[Value], at: usize) -> Rc<Map> {
    args.get(at).and_then(Value::as_map).map_or_else(|| Rc::new(Map::default()), Rc::clone)
}
