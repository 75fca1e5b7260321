//! The types of objects: built-in kinds from a generated table, custom kinds from their definitions.
//!
//! One form serves decoding, field ownership, strategic merge, protobuf and OpenAPI.

pub(crate) mod go_json;
mod table;
pub mod typed;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

pub use table::{Table, descriptions, enums, table};

/// The schema of one value.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it may be.
    pub shape: Shape,
    /// True for a map or struct that has one owner as a whole, false for one that has not although its type says so.
    pub atomic: Option<bool>,
    /// How items of a list are told apart.
    pub list: ListKind,
}

impl Node {
    /// A node that is neither atomic nor an associative list.
    pub fn plain(shape: Shape) -> Self {
        Node { shape, atomic: None, list: ListKind::Atomic }
    }

    /// The struct that this node is, if any.
    pub fn fields(&self) -> Option<&Type> {
        match &self.shape {
            Shape::Struct(ty) => Some(ty.get()),
            _ => None,
        }
    }

    /// True if nothing in it has more than one owner.
    pub fn is_atomic_map(&self) -> bool {
        self.atomic.unwrap_or_else(|| self.fields().is_some_and(|t| t.atomic))
    }
}

/// How items of a list are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// Not at all: the list is one value.
    Atomic,
    /// By their value.
    Set,
    /// By these keys.
    Map(Vec<Box<str>>),
}

/// What a value may be.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Text.
    Text,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// Floating point.
    Number,
    /// Truth.
    Bool,
    /// Text or number that means an amount.
    Quantity,
    /// Integer or text.
    IntOrString,
    /// Time in seconds.
    Time,
    /// Time in microseconds.
    MicroTime,
    /// Base64.
    Bytes,
    /// Anything; the schema is deduced from the value.
    Any,
    /// Named fields.
    Struct(TypeRef),
    /// Items.
    List(Box<Node>),
    /// Free keys.
    Map(Box<Node>),
}

/// A reference to a struct: types of the table may refer to themselves.
#[derive(Debug, Clone)]
pub enum TypeRef {
    /// Index in the table.
    Builtin(u16),
    /// A type of a custom resource.
    Own(Arc<Type>),
}

impl TypeRef {
    /// The type.
    pub fn get(&self) -> &Type {
        match self {
            TypeRef::Builtin(index) => table().at(*index),
            TypeRef::Own(ty) => ty,
        }
    }
}

/// A struct.
#[derive(Debug, Clone, Default)]
pub struct Type {
    /// Name of the definition, empty for inline types.
    pub name: String,
    /// Group, version and kind of top-level types.
    pub gvks: Vec<[String; 3]>,
    /// One owner as a whole.
    pub atomic: bool,
    /// Declared fields.
    pub fields: BTreeMap<Box<str>, Field>,
    /// Schema of undeclared keys, if these are allowed.
    pub extra: Option<Box<Node>>,
    /// From a custom resource: values are kept as they came.
    pub custom: bool,
}

impl Type {
    /// The schema of what lies under a key.
    pub fn child(&self, key: &str) -> Option<&Node> {
        self.fields.get(key).map(|f| &f.node).or(self.extra.as_deref())
    }

    /// Kind, for errors: the last part of the name.
    pub fn short_name(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or("")
    }
}

/// A field of a struct, with the way Go encodes it.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its schema.
    pub node: Node,
    /// Zero values are left out.
    pub omit_empty: bool,
    /// A zero struct is left out.
    pub omit_zero: bool,
    /// A Go pointer: zero differs from absent.
    pub pointer: bool,
    /// Required by the OpenAPI document.
    pub required: bool,
    /// Protobuf tag, 0 if it is not in the message.
    pub tag: u32,
    /// Protobuf tag of the message it is inlined from.
    pub outer: u32,
    /// Go type of a scalar that is not the plain one.
    pub go: Option<Box<str>>,
    /// Strategic merge: merge key, or empty for plain values.
    pub merge: Option<Box<str>>,
    /// Strategic merge: patches name the keys to keep.
    pub retain_keys: bool,
    /// Default, as far as field ownership needs it.
    pub default: Option<Value>,
}

impl Field {
    /// A field of a custom type.
    pub fn custom(node: Node, required: bool, default: Option<Value>) -> Self {
        Field {
            node,
            omit_empty: true,
            omit_zero: false,
            pointer: true,
            required,
            tag: 0,
            outer: 0,
            go: None,
            merge: None,
            retain_keys: false,
            default,
        }
    }

    /// The default that a missing list key has.
    pub fn key_default(&self) -> Option<Value> {
        if self.default.is_some() {
            return self.default.clone();
        }
        if self.omit_empty || self.pointer {
            return None;
        }
        match self.node.shape {
            Shape::Text => Some("".into()),
            Shape::Int32 | Shape::Int64 => Some(0.into()),
            Shape::Bool => Some(false.into()),
            _ => None,
        }
    }
}
