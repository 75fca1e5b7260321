//! Values of templates: Go's dynamic types as far as templates can tell them apart.
//!
//! Maps are shared and mutable, because `set` and `merge` change them under everybody's eyes; lists and
//! texts are shared and immutable.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::golang::time::GoTime;
use crate::semver::Version;

/// The content of a map, in Go's order of keys.
pub type Entries = BTreeMap<Rc<str>, Value>;

/// A map that several values may share.
#[derive(Debug, Default)]
pub struct Map(RefCell<Entries>);

impl Map {
    /// A new shared map.
    pub fn new(entries: Entries) -> Rc<Self> {
        Rc::new(Self(RefCell::new(entries)))
    }

    /// Reads the map; nothing may change it meanwhile.
    pub fn borrow(&self) -> Ref<'_, Entries> {
        self.0.borrow()
    }

    /// Changes the map; nothing may read it meanwhile.
    pub fn borrow_mut(&self) -> RefMut<'_, Entries> {
        self.0.borrow_mut()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.0.borrow().get(key).cloned()
    }

    /// Sets a key.
    pub fn insert(&self, key: impl Into<Rc<str>>, value: Value) {
        self.0.borrow_mut().insert(key.into(), value);
    }
}

/// Integer types that differ in name or methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntKind {
    Int,
    Int64,
    Uint8,
    Uint64,
    /// Nanoseconds.
    Duration,
    Month,
    Weekday,
}

/// Element types of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    Any,
    /// A list of no known length at all, which JSON writes as `null`.
    NilAny,
    String,
    NilString,
    Int,
    /// Lists of anything, from `chunk`.
    Lists,
    /// `.Capabilities.APIVersions`.
    Versions,
}

/// Types of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    Any,
    /// What a parameter becomes that was given nothing.
    NilAny,
    /// `.Values` and the top of everything.
    Values,
    /// Texts by name, from `split` and annotations.
    Strings,
    /// The annotations of a chart that has none.
    NilStrings,
    /// `.Files`.
    Files,
}

/// A value of a template. `Nil` is the empty interface.
#[derive(Clone, Debug, Default)]
pub enum Value {
    #[default]
    Nil,
    Bool(bool),
    /// Unsigned numbers are kept as the same bits.
    Int(IntKind, i64),
    Float(f64),
    Str(Rc<str>),
    Bytes(Rc<[u8]>),
    List(ListKind, Rc<Vec<Value>>),
    Map(MapKind, Rc<Map>),
    Object(Rc<Object>),
}

/// Values with fields or methods.
#[derive(Debug)]
pub enum Object {
    Capabilities(Rc<Capabilities>),
    KubeVersion(Rc<Capabilities>),
    HelmVersion(Rc<Capabilities>),
    Time(GoTime),
    Version(Version),
    Certificate { cert: Rc<str>, key: Rc<str> },
}

/// What templates may learn about the cluster and about Helm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// As `v1.36.0`.
    pub kube_version: String,
    /// Groups and versions, and kinds below them, as `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
    /// As `v4.3.1`.
    pub helm_version: String,
}

impl Capabilities {
    /// Major and minor number of the cluster.
    pub fn major_minor(&self) -> (String, String) {
        let mut parts = self.kube_version.trim_start_matches('v').split('.');
        let mut number = || -> String {
            parts.next().unwrap_or_default().chars().take_while(char::is_ascii_digit).collect()
        };
        (number(), number())
    }

    /// The version without what a vendor added, as it prints itself.
    pub fn normalized(&self) -> String {
        let body = self.kube_version.trim_start_matches('v');
        let end = body.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(body.len());
        format!("v{}", body[..end].trim_end_matches('.'))
    }
}

impl Value {
    /// A text.
    pub fn str(text: impl AsRef<str>) -> Self {
        Self::Str(Rc::from(text.as_ref()))
    }

    /// An `int`.
    pub fn int(n: i64) -> Self {
        Self::Int(IntKind::Int, n)
    }

    /// An `int64`.
    pub fn int64(n: i64) -> Self {
        Self::Int(IntKind::Int64, n)
    }

    /// A list of anything.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(ListKind::Any, Rc::new(items))
    }

    /// A list of texts.
    pub fn strings<I, S>(items: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        Self::List(ListKind::String, Rc::new(items.into_iter().map(Self::str).collect()))
    }

    /// A map of anything.
    pub fn map(entries: Entries) -> Self {
        Self::Map(MapKind::Any, Map::new(entries))
    }

    /// A map from pairs.
    pub fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Value)>) -> Self {
        Self::map(pairs.into_iter().map(|(k, v)| (Rc::from(k), v)).collect())
    }

    /// An object.
    pub fn object(object: Object) -> Self {
        Self::Object(Rc::new(object))
    }

    /// The name Go has for the type, as `%T` prints it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(IntKind::Int, _) => "int",
            Self::Int(IntKind::Int64, _) => "int64",
            Self::Int(IntKind::Uint8, _) => "uint8",
            Self::Int(IntKind::Uint64, _) => "uint64",
            Self::Int(IntKind::Duration, _) => "time.Duration",
            Self::Int(IntKind::Month, _) => "time.Month",
            Self::Int(IntKind::Weekday, _) => "time.Weekday",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::List(ListKind::Any | ListKind::NilAny, _) => "[]interface {}",
            Self::List(ListKind::String | ListKind::NilString, _) => "[]string",
            Self::List(ListKind::Int, _) => "[]int",
            Self::List(ListKind::Lists, _) => "[][]interface {}",
            Self::List(ListKind::Versions, _) => "common.VersionSet",
            Self::Map(MapKind::Any | MapKind::NilAny, _) => "map[string]interface {}",
            Self::Map(MapKind::Values, _) => "common.Values",
            Self::Map(MapKind::Strings | MapKind::NilStrings, _) => "map[string]string",
            Self::Map(MapKind::Files, _) => "engine.files",
            Self::Object(object) => match &**object {
                Object::Capabilities(_) => "*common.Capabilities",
                Object::KubeVersion(_) => "common.KubeVersion",
                Object::HelmVersion(_) => "version.BuildInfo",
                Object::Time(_) => "time.Time",
                Object::Version(_) => "*semver.Version",
                Object::Certificate { .. } => "sprig.certificate",
            },
        }
    }

    /// The kind of the type, as `kindOf` prints it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Nil => "invalid",
            Self::Bool(_) => "bool",
            Self::Int(IntKind::Int | IntKind::Month | IntKind::Weekday, _) => "int",
            Self::Int(IntKind::Int64 | IntKind::Duration, _) => "int64",
            Self::Int(IntKind::Uint8, _) => "uint8",
            Self::Int(IntKind::Uint64, _) => "uint64",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Bytes(_) | Self::List(..) => "slice",
            Self::Map(..) => "map",
            Self::Object(object) => match &**object {
                Object::Capabilities(_) | Object::Version(_) => "ptr",
                _ => "struct",
            },
        }
    }

    /// Whether `if` takes the value for true.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(_, n) => *n != 0,
            Self::Float(f) => *f != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(_, items) => !items.is_empty(),
            Self::Map(_, map) => !map.borrow().is_empty(),
            Self::Object(_) => true,
        }
    }

    /// Whether this is the empty interface.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a list, as values of their own.
    pub fn items(&self) -> Option<Rc<Vec<Value>>> {
        match self {
            Self::List(_, items) => Some(Rc::clone(items)),
            Self::Bytes(bytes) => {
                Some(Rc::new(bytes.iter().map(|b| Self::Int(IntKind::Uint8, i64::from(*b))).collect()))
            }
            _ => None,
        }
    }

    /// The map, whichever type it has.
    pub fn as_map(&self) -> Option<&Rc<Map>> {
        match self {
            Self::Map(_, map) => Some(map),
            _ => None,
        }
    }

    /// From JSON: floats for floats, `int64` for integers, as values come from YAML and from `--set`.
    pub fn from_json(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Nil,
            Json::Bool(b) => Self::Bool(*b),
            Json::Number(n) if n.is_f64() => Self::Float(n.as_f64().unwrap_or_default()),
            Json::Number(n) => match n.as_i64() {
                Some(n) => Self::int64(n),
                None => Self::Float(n.as_f64().unwrap_or_default()),
            },
            Json::String(text) => Self::str(text),
            Json::Array(items) => Self::list(items.iter().map(Self::from_json).collect()),
            Json::Object(map) => {
                Self::map(map.iter().map(|(k, v)| (Rc::from(k.as_str()), Self::from_json(v))).collect())
            }
        }
    }

    /// From JSON as Go's decoder reads it into nothing in particular: all numbers are floats.
    pub fn from_json_floats(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Number(n) => Self::Float(n.as_f64().unwrap_or_default()),
            Json::Array(items) => Self::list(items.iter().map(Self::from_json_floats).collect()),
            Json::Object(map) => Self::map(
                map.iter().map(|(k, v)| (Rc::from(k.as_str()), Self::from_json_floats(v))).collect(),
            ),
            other => Self::from_json(other),
        }
    }
}

/// Depth at which values are taken to contain themselves.
const MAX_DEPTH: usize = 1000;

/// `reflect.DeepEqual`.
pub fn deep_equal(a: &Value, b: &Value) -> bool {
    equal_at(a, b, 0)
}

fn equal_at(a: &Value, b: &Value, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return true;
    }
    match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(k, a), Value::Int(l, b)) => k == l && a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(k, a), Value::List(l, b)) => {
            k == l && a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal_at(a, b, depth + 1))
        }
        (Value::Map(k, a), Value::Map(l, b)) => {
            if k != l {
                return false;
            }
            if Rc::ptr_eq(a, b) {
                return true;
            }
            let (a, b) = (a.borrow(), b.borrow());
            a.len() == b.len()
                && a.iter().zip(b.iter()).all(|((j, v), (k, w))| j == k && equal_at(v, w, depth + 1))
        }
        (Value::Object(a), Value::Object(b)) => match (&**a, &**b) {
            (Object::Time(a), Object::Time(b)) => a == b,
            (Object::Version(a), Object::Version(b)) => a.to_string() == b.to_string(),
            (Object::Certificate { cert: a, key: k }, Object::Certificate { cert: b, key: l }) => {
                a == b && k == l
            }
            _ => Rc::ptr_eq(a, b),
        },
        _ => false,
    }
}
