//! From nodes to JSON values: types, merge keys, aliases, keys as text.

use serde_json::{Map, Number, Value};

use super::YamlError;
use super::parser::{Document, Kind, NodeId};
use super::resolve::{Resolved, resolve};
use crate::golang::number::format_float;
use crate::text::quote;

/// Nodes that one document may expand to, aliases counted each time.
const MAX_NODES: usize = 4_000_000;

/// Levels of a key that a message shows.
const MAX_SHOWN: usize = 20;

/// How numbers come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// As Helm's values: everything is a float.
    Float,
    /// As the API server's objects: what is written as an integer stays one.
    Exact,
}

pub(super) struct Decoder<'a> {
    document: &'a Document,
    numbers: Numbers,
    decoded: usize,
    through_alias: usize,
    alias_depth: usize,
    open_aliases: Vec<NodeId>,
    /// A key that JSON cannot have; only a problem when all of the YAML is right.
    bad_key: Option<YamlError>,
}

type Decode<T> = Result<T, YamlError>;

impl<'a> Decoder<'a> {
    pub(super) fn new(document: &'a Document, numbers: Numbers) -> Self {
        Self {
            document,
            numbers,
            decoded: 0,
            through_alias: 0,
            alias_depth: 0,
            open_aliases: Vec::new(),
            bad_key: None,
        }
    }

    pub(super) fn run(mut self) -> Decode<Value> {
        let value = self.value(self.document.root)?;
        match self.bad_key {
            Some(error) => Err(error),
            None => Ok(value),
        }
    }

    /// go-yaml's guard against documents that grow by repeating aliases.
    fn count(&mut self) -> Decode<()> {
        self.decoded += 1;
        if self.alias_depth > 0 {
            self.through_alias += 1;
        }
        let allowed = match self.decoded {
            0..=400_000 => 0.99,
            4_000_000.. => 0.10,
            n => 0.99 - 0.89 * ((n - 400_000) as f64 / 3_600_000.0),
        };
        let excessive = self.through_alias > 100
            && self.decoded > 1000
            && self.through_alias as f64 / self.decoded as f64 > allowed;
        if excessive || self.decoded > MAX_NODES {
            return Err(YamlError::new("document contains excessive aliasing"));
        }
        Ok(())
    }

    fn value(&mut self, id: NodeId) -> Decode<Value> {
        self.count()?;
        let document = self.document;
        match &document.nodes[id].kind {
            Kind::Scalar(_) => self.scalar(id),
            Kind::Sequence(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.push(self.value(*item)?);
                }
                Ok(Value::Array(list))
            }
            Kind::Mapping(_) => {
                let mut map = Map::new();
                self.mapping_into(id, &mut map)?;
                Ok(Value::Object(map))
            }
            Kind::Alias { name, target } => {
                self.enter_alias(id, name)?;
                let value = self.value(*target);
                self.leave_alias();
                value
            }
        }
    }

    fn enter_alias(&mut self, id: NodeId, name: &str) -> Decode<()> {
        if self.open_aliases.contains(&id) {
            return Err(YamlError::new(format!("anchor '{name}' value contains itself")));
        }
        self.open_aliases.push(id);
        self.alias_depth += 1;
        Ok(())
    }

    fn leave_alias(&mut self) {
        self.open_aliases.pop();
        self.alias_depth -= 1;
    }

    fn mapping_into(&mut self, id: NodeId, map: &mut Map<String, Value>) -> Decode<()> {
        let document = self.document;
        let Kind::Mapping(entries) = &document.nodes[id].kind else { return Ok(()) };
        for (key, value) in entries {
            if self.is_merge(*key) {
                self.merge(*value, map)?;
                continue;
            }
            let name = self.key(*key)?;
            let value = self.value(*value)?;
            match name {
                Some(name) => {
                    map.insert(name, value);
                }
                None if self.bad_key.is_none() => self.bad_key = Some(self.unsupported_key(*key, &value)),
                None => {}
            }
        }
        Ok(())
    }

    fn is_merge(&self, id: NodeId) -> bool {
        let node = &self.document.nodes[id];
        matches!(&node.kind, Kind::Scalar(text) if text == "<<")
            && (node.implicit || node.tag == "tag:yaml.org,2002:merge")
    }

    fn merge(&mut self, id: NodeId, map: &mut Map<String, Value>) -> Decode<()> {
        let document = self.document;
        let unfit = || YamlError::new("map merge requires map or sequence of maps as the value");
        match &document.nodes[id].kind {
            Kind::Mapping(_) => {
                self.count()?;
                self.mapping_into(id, map)
            }
            Kind::Alias { name, target } => {
                if !matches!(document.nodes[*target].kind, Kind::Mapping(_)) {
                    return Err(unfit());
                }
                self.count()?;
                self.enter_alias(id, name)?;
                self.count()?;
                let merged = self.mapping_into(*target, map);
                self.leave_alias();
                merged
            }
            Kind::Sequence(items) => {
                for item in items.iter().rev() {
                    match &document.nodes[*item].kind {
                        Kind::Mapping(_) | Kind::Alias { .. } => self.merge(*item, map)?,
                        _ => return Err(unfit()),
                    }
                }
                Ok(())
            }
            Kind::Scalar(_) => Err(unfit()),
        }
    }

    /// The text of a key; none for null and for numbers that are too large.
    fn key(&mut self, id: NodeId) -> Decode<Option<String>> {
        self.count()?;
        let document = self.document;
        match &document.nodes[id].kind {
            Kind::Scalar(_) => {}
            Kind::Alias { name, target } => {
                self.enter_alias(id, name)?;
                let key = self.key(*target);
                self.leave_alias();
                return key;
            }
            _ => {
                let written = self.go_syntax(id, 0)?;
                return Err(YamlError::new(format!("invalid map key: {written}")));
            }
        }
        let node = &document.nodes[id];
        let Kind::Scalar(text) = &node.kind else { return Ok(None) };
        Ok(Some(match self.resolved(id)? {
            Resolved::String | Resolved::Timestamp => match self.scalar(id)? {
                Value::String(text) => text,
                _ => text.clone(),
            },
            Resolved::Int(n) => n.to_string(),
            Resolved::Bool(b) => b.to_string(),
            Resolved::Float(f) if f.is_nan() => ".nan".into(),
            Resolved::Float(f) if f.is_infinite() => if f > 0.0 { ".inf" } else { "-.inf" }.into(),
            Resolved::Float(f) => format_float(f, b'g', -1, true),
            Resolved::Null | Resolved::Uint(_) => return Ok(None),
        }))
    }

    /// A node as Go writes it in a program, for the message about keys that are no scalars.
    fn go_syntax(&mut self, id: NodeId, depth: usize) -> Decode<String> {
        self.count()?;
        let document = self.document;
        let nil = || "interface {}(nil)".to_owned();
        Ok(match &document.nodes[id].kind {
            _ if depth > MAX_SHOWN => nil(),
            Kind::Alias { target, .. } => self.go_syntax(*target, depth + 1)?,
            Kind::Sequence(items) => {
                let items = items.iter().map(|item| self.go_syntax(*item, depth + 1));
                format!("[]interface {{}}{{{}}}", items.collect::<Decode<Vec<_>>>()?.join(", "))
            }
            Kind::Mapping(entries) => {
                let mut shown = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let (key, value) = (self.go_syntax(*key, depth + 1)?, self.go_syntax(*value, depth + 1)?);
                    shown.push(format!("{key}:{value}"));
                }
                shown.sort();
                format!("map[interface {{}}]interface {{}}{{{}}}", shown.join(", "))
            }
            Kind::Scalar(text) => match self.resolved(id)? {
                Resolved::Null => nil(),
                Resolved::Bool(truth) => truth.to_string(),
                Resolved::Int(number) => number.to_string(),
                Resolved::Uint(number) => format!("{number:#x}"),
                Resolved::Float(number) => format_float(number, b'g', -1, false),
                Resolved::String | Resolved::Timestamp => quote(text),
            },
        })
    }

    fn unsupported_key(&self, id: NodeId, value: &Value) -> YamlError {
        let shown = match value {
            Value::Null => "<nil>".into(),
            Value::String(text) => crate::text::quote(text),
            Value::Number(number) => {
                number.as_f64().map(crate::golang::number::float_text).unwrap_or_default()
            }
            other => other.to_string(),
        };
        let (kind, key) = match self.resolved(id) {
            Ok(Resolved::Uint(n)) => ("uint64", format!("0x{n:x}")),
            _ => ("%!s(<nil>)", "<nil>".into()),
        };
        YamlError::plain(format!("unsupported map key of type: {kind}, key: {key}, value: {shown}"))
    }

    fn resolved(&self, id: NodeId) -> Decode<Resolved> {
        let node = &self.document.nodes[id];
        let Kind::Scalar(text) = &node.kind else { return Ok(Resolved::String) };
        if node.tag.is_empty() {
            return Ok(if node.implicit { resolve(text, true) } else { Resolved::String });
        }
        let wanted = match node.tag.strip_prefix("tag:yaml.org,2002:") {
            Some(name @ ("bool" | "int" | "float" | "null" | "timestamp")) => name,
            // Text, and tags nobody knows, which read as text.
            _ => return Ok(Resolved::String),
        };
        let found = resolve(text, wanted == "timestamp");
        if &found.tag()[2..] == wanted {
            return Ok(found);
        }
        match (wanted, found) {
            ("float", Resolved::Int(n)) => Ok(Resolved::Float(n as f64)),
            _ => Err(YamlError::new(format!("cannot decode {} `{text}` as a !!{wanted}", found.tag()))),
        }
    }

    fn scalar(&self, id: NodeId) -> Decode<Value> {
        let node = &self.document.nodes[id];
        let Kind::Scalar(text) = &node.kind else { return Ok(Value::Null) };
        if node.tag == "tag:yaml.org,2002:binary" {
            let bytes = crate::functions::encoding::decode(text, crate::functions::encoding::BASE64, 6)
                .map_err(|_| YamlError::new("!!binary value contains invalid base64 data"))?;
            return Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
        let float = |f: f64| match Number::from_f64(f) {
            Some(number) => Ok(Value::Number(number)),
            None => {
                let name = if f.is_nan() {
                    "NaN"
                } else if f > 0.0 {
                    "+Inf"
                } else {
                    "-Inf"
                };
                Err(YamlError::plain(format!("json: unsupported value: {name}")))
            }
        };
        let exact = self.numbers == Numbers::Exact;
        match self.resolved(id)? {
            Resolved::Null => Ok(Value::Null),
            Resolved::Bool(b) => Ok(Value::Bool(b)),
            Resolved::Int(n) if exact => Ok(Value::from(n)),
            Resolved::Uint(n) if exact => Ok(Value::from(n)),
            Resolved::Int(n) => float(n as f64),
            Resolved::Uint(n) => float(n as f64),
            Resolved::Float(f)
                if exact && f.fract() == 0.0 && f.abs() < 1e15 && !(f == 0.0 && f.is_sign_negative()) =>
            {
                Ok(Value::from(f as i64))
            }
            Resolved::Float(f) => float(f),
            Resolved::Timestamp | Resolved::String => Ok(Value::String(text.clone())),
        }
    }
}
