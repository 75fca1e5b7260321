//! The round trip through Go types: what decoding refuses or drops, and which zero values encoding writes.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Field, Node, Shape, Type};
use crate::quantity::Quantity;

/// Deepest nesting of an object.
const DEPTH: usize = 200;

/// What decoding found besides errors.
#[derive(Debug, Default)]
pub struct Findings {
    /// Paths of undeclared fields.
    pub unknown: Vec<String>,
}

/// Decodes an object of a built-in kind and encodes it again. The error is the text of Go's decoder.
pub fn round_trip(ty: &Type, value: Value, findings: &mut Findings) -> Result<Value, String> {
    let mut decoder = Decoder { findings, path: Vec::new(), depth: 0 };
    decoder.structure(ty, value)
}

struct Decoder<'a> {
    findings: &'a mut Findings,
    path: Vec<Part>,
    depth: usize,
}

enum Part {
    /// A field, and the struct that Go embeds around it.
    Key(String, Option<&'static str>),
    Index(usize),
}

impl Decoder<'_> {
    /// The path with or without indices.
    fn path(&self, indices: bool) -> String {
        let mut out = String::new();
        for part in &self.path {
            match part {
                Part::Key(key, inner) => {
                    // Structs of Go are named only where a value does not fit.
                    for name in inner.filter(|_| !indices).into_iter().chain([key.as_str()]) {
                        if !out.is_empty() {
                            out.push('.');
                        }
                        out.push_str(name);
                    }
                }
                Part::Index(i) if indices => out.push_str(&format!("[{i}]")),
                Part::Index(_) => {}
            }
        }
        out
    }

    fn mismatch(&self, owner: &Type, value: &Value, wanted: &str) -> String {
        let found = match value {
            Value::Null => "null".into(),
            Value::Bool(_) => "bool".into(),
            Value::Number(n) if wanted.starts_with("int") && !fits(n, wanted) => format!("number {n}"),
            Value::Number(_) => "number".to_string(),
            Value::String(_) => "string".into(),
            Value::Array(_) => "array".into(),
            Value::Object(_) => "object".into(),
        };
        let path = self.path(false);
        if path.is_empty() {
            return format!("json: cannot unmarshal {found} into Go value of type {wanted}");
        }
        format!(
            "json: cannot unmarshal {found} into Go struct field {}.{path} of type {wanted}",
            owner.short_name()
        )
    }

    fn structure(&mut self, ty: &Type, value: Value) -> Result<Value, String> {
        let Value::Object(map) = value else {
            return Err(self.mismatch(ty, &value, &go_type_name(ty)));
        };
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("the object is nested too deeply".into());
        }
        let mut out = Map::new();
        for (key, value) in map {
            let Some(field) = ty.fields.get(key.as_str()) else {
                self.path.push(Part::Key(key, None));
                self.findings.unknown.push(self.path(true));
                self.path.pop();
                continue;
            };
            if value.is_null() {
                continue;
            }
            self.path.push(Part::Key(key.clone(), embedded(ty, &key)));
            let value = self.value(ty, &field.node, field.go.as_deref(), value)?;
            self.path.pop();
            if !is_dropped(field, &value) {
                out.insert(key, value);
            }
        }
        for (key, field) in &ty.fields {
            if !out.contains_key(&**key)
                && let Some(zero) = zero_of_absent(field)
            {
                out.insert(key.to_string(), zero);
            }
        }
        self.depth -= 1;
        Ok(Value::Object(out))
    }

    fn value(&mut self, owner: &Type, node: &Node, go: Option<&str>, value: Value) -> Result<Value, String> {
        let integer = |bits: &str| go.map_or_else(|| bits.to_string(), str::to_string);
        match (&node.shape, value) {
            (Shape::Text, value @ Value::String(_)) => Ok(value),
            (Shape::Text, value) => Err(self.mismatch(owner, &value, go.unwrap_or("string"))),
            (Shape::Int32, Value::Number(n)) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
                Ok(Value::Number(n))
            }
            (Shape::Int32, value) => Err(self.mismatch(owner, &value, &integer("int32"))),
            (Shape::Int64, Value::Number(n)) if n.is_i64() => Ok(Value::Number(n)),
            (Shape::Int64, value) => Err(self.mismatch(owner, &value, &integer("int64"))),
            (Shape::Number, value @ Value::Number(_)) => Ok(value),
            (Shape::Number, value) => Err(self.mismatch(owner, &value, "float64")),
            (Shape::Bool, value @ Value::Bool(_)) => Ok(value),
            (Shape::Bool, value) => Err(self.mismatch(owner, &value, "bool")),
            (Shape::Quantity, value) => quantity(&value),
            (Shape::IntOrString, Value::Number(n))
                if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) =>
            {
                Ok(Value::Number(n))
            }
            (Shape::IntOrString, value @ Value::String(_)) => Ok(value),
            (Shape::IntOrString, value) => Err(match value {
                Value::Number(n) => format!("json: cannot unmarshal number {n} into Go value of type int32"),
                other => format!("json: cannot unmarshal {} into Go value of type int32", kind_name(&other)),
            }),
            (Shape::Time, Value::String(text)) => time(&text, false),
            (Shape::MicroTime, Value::String(text)) => time(&text, true),
            (Shape::MicroTime, value) => Err(self.mismatch(owner, &value, "string")),
            (Shape::Time, value) => {
                Err(format!("json: cannot unmarshal {} into Go value of type string", kind_name(&value)))
            }
            (Shape::Bytes, Value::String(text)) => bytes(&text),
            (Shape::Bytes, value) => Err(self.mismatch(owner, &value, "[]uint8")),
            (Shape::Any, value) => Ok(value),
            (Shape::Struct(ty), value @ Value::Object(_)) => self.structure(ty.get(), value),
            (Shape::Struct(ty), value) => Err(self.mismatch(owner, &value, &go_type_name(ty.get()))),
            (Shape::List(item), Value::Array(items)) => {
                let mut out = Vec::with_capacity(items.len());
                for (i, value) in items.into_iter().enumerate() {
                    self.path.push(Part::Index(i));
                    let value = match value {
                        Value::Null => zero(item),
                        value => self.value(owner, item, None, value)?,
                    };
                    self.path.pop();
                    out.push(value);
                }
                Ok(Value::Array(out))
            }
            (Shape::List(item), value) => {
                let wanted = format!("[]{}", go_name_of(item));
                Err(self.mismatch(owner, &value, &wanted))
            }
            (Shape::Map(item), Value::Object(map)) => {
                let mut out = Map::new();
                for (key, value) in map {
                    let value = match value {
                        Value::Null => zero(item),
                        value => {
                            // Go names the field that holds the map, not its key.
                            self.value(owner, item, None, value)?
                        }
                    };
                    out.insert(key, value);
                }
                Ok(Value::Object(out))
            }
            (Shape::Map(item), value) => {
                let wanted = format!("map[string]{}", go_name_of(item));
                Err(self.mismatch(owner, &value, &wanted))
            }
        }
    }
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn go_name_of(node: &Node) -> String {
    match &node.shape {
        Shape::Text => "string".into(),
        Shape::Int32 => "int32".into(),
        Shape::Int64 => "int64".into(),
        Shape::Bool => "bool".into(),
        Shape::Quantity => "resource.Quantity".into(),
        Shape::Bytes => "[]uint8".into(),
        Shape::Struct(ty) => go_type_name(ty.get()),
        _ => "interface {}".into(),
    }
}

/// `io.k8s.api.apps.v1.DeploymentSpec` is `v1.DeploymentSpec`.
fn go_type_name(ty: &Type) -> String {
    let parts: Vec<&str> = ty.name.rsplit('.').take(2).collect();
    match parts[..] {
        [kind, version] => format!("{version}.{kind}"),
        _ => ty.name.clone(),
    }
}

fn quantity(value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(n) => n.to_string(),
        other => {
            return Err(format!("json: cannot unmarshal {} into Go value of type string", kind_name(other)));
        }
    };
    match Quantity::parse(&text) {
        Some(quantity) => Ok(quantity.to_string().into()),
        None => Err("quantities must match the regular expression \
                     '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            .into()),
    }
}

fn time(text: &str, micro: bool) -> Result<Value, String> {
    let layout = if micro { "2006-01-02T15:04:05.000000Z07:00" } else { "2006-01-02T15:04:05Z07:00" };
    let refuse = || {
        // Go names the first part that does not fit; a bare date is the usual case.
        let rest = text.get(10..).unwrap_or(text);
        let (rest, part) = if jiff::civil::Date::strptime("%Y-%m-%d", text.get(..10).unwrap_or("")).is_ok() {
            (rest, "T")
        } else {
            (text, "2006")
        };
        format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as {part:?}")
    };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if text.as_bytes().get(10) != Some(&b'T') {
        return Err(refuse());
    }
    // Go takes microseconds in exactly six digits.
    if micro && let Some(rest) = text.get(19..) {
        let digits =
            rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        if digits != 6 {
            return Err(format!("parsing time {text:?} as {layout:?}: cannot parse {rest:?} as \".000000\""));
        }
    }
    let stamp: Timestamp = text.parse().map_err(|_| refuse())?;
    Ok(if micro { format_micro(stamp) } else { format_seconds(stamp) }.into())
}

/// A time as `metav1.Time` writes it.
pub fn format_seconds(stamp: Timestamp) -> String {
    stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A time as `metav1.MicroTime` writes it.
pub fn format_micro(stamp: Timestamp) -> String {
    format!("{}.{:06}Z", stamp.strftime("%Y-%m-%dT%H:%M:%S"), stamp.subsec_nanosecond() / 1000)
}

fn bytes(text: &str) -> Result<Value, String> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let clean: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    match STANDARD.decode(&clean) {
        Ok(data) => Ok(STANDARD.encode(data).into()),
        Err(_) => {
            let at = corrupt_at(clean.as_bytes());
            Err(format!("illegal base64 data at input byte {at}"))
        }
    }
}

/// Where Go's decoder finds that base64 is broken.
fn corrupt_at(text: &[u8]) -> usize {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut at = 0;
    loop {
        for place in 0..4 {
            match text.get(at) {
                None => return at - place,
                Some(byte) if letter(*byte) => at += 1,
                Some(b'=') if place == 2 => {
                    return match text.get(at + 1) {
                        None => text.len(),
                        Some(b'=') => at + 2,
                        Some(_) => at,
                    };
                }
                Some(b'=') if place == 3 => return at + 1,
                Some(_) => return at,
            }
        }
        if at >= text.len() {
            // Only unused bits of the last letter are left to complain about.
            return text.len().saturating_sub(1);
        }
    }
}

/// True if a number can be of an integer type.
fn fits(number: &serde_json::Number, ty: &str) -> bool {
    number.as_i64().is_some_and(|n| ty != "int32" || i32::try_from(n).is_ok())
}

/// The struct that Go embeds in another for a field.
fn embedded(owner: &Type, field: &str) -> Option<&'static str> {
    Some(match (owner.short_name(), field) {
        ("Volume", key) if key != "name" => "VolumeSource",
        ("IngressRule", "http") => "IngressRuleValue",
        ("RuleWithOperations", key) if key != "operations" => "Rule",
        ("NamedRuleWithOperations", "operations") => "RuleWithOperations",
        ("NamedRuleWithOperations", key) if key != "resourceNames" => "RuleWithOperations.Rule",
        ("Probe", "exec" | "httpGet" | "tcpSocket" | "grpc") => "ProbeHandler",
        ("EphemeralContainer", key) if key != "targetContainerName" => "EphemeralContainerCommon",
        (
            "ConfigMapEnvSource"
            | "SecretEnvSource"
            | "ConfigMapKeySelector"
            | "SecretKeySelector"
            | "ConfigMapVolumeSource"
            | "ConfigMapProjection"
            | "SecretProjection",
            "name",
        ) => "LocalObjectReference",
        (
            "PersistentVolumeSpec",
            "hostPath"
            | "nfs"
            | "csi"
            | "local"
            | "iscsi"
            | "rbd"
            | "cephfs"
            | "fc"
            | "flexVolume"
            | "cinder"
            | "glusterfs"
            | "gcePersistentDisk"
            | "awsElasticBlockStore"
            | "azureDisk"
            | "azureFile"
            | "vsphereVolume"
            | "portworxVolume"
            | "scaleIO"
            | "storageos"
            | "quobyte"
            | "flocker"
            | "photonPersistentDisk",
        ) => "PersistentVolumeSource",
        _ => return None,
    })
}

/// True if encoding leaves this value out.
fn is_dropped(field: &Field, value: &Value) -> bool {
    if field.pointer {
        return false;
    }
    if field.omit_zero && value.is_null() {
        return true;
    }
    field.omit_empty
        && match (&field.node.shape, value) {
            (Shape::Struct(_) | Shape::IntOrString | Shape::Quantity | Shape::Time | Shape::MicroTime, _) => {
                false
            }
            (_, Value::String(text)) => text.is_empty(),
            (_, Value::Number(n)) => n.as_f64() == Some(0.0),
            (_, Value::Bool(b)) => !b,
            (_, Value::Array(items)) => items.is_empty(),
            (Shape::Any, _) => false,
            (_, Value::Object(map)) => map.is_empty(),
            (_, Value::Null) => true,
        }
}

/// What encoding writes for a field that is not there.
fn zero_of_absent(field: &Field) -> Option<Value> {
    if field.omit_zero {
        return None;
    }
    if field.pointer {
        return if field.omit_empty { None } else { Some(Value::Null) };
    }
    match &field.node.shape {
        // `omitempty` has no effect on Go structs.
        Shape::Struct(_) | Shape::IntOrString | Shape::Quantity | Shape::Time | Shape::MicroTime => {
            Some(zero(&field.node))
        }
        Shape::Any => Some(Value::Null),
        _ if field.omit_empty => None,
        _ => Some(zero(&field.node)),
    }
}

/// The zero value of a type, encoded.
pub fn zero(node: &Node) -> Value {
    match &node.shape {
        Shape::Text => "".into(),
        Shape::Int32 | Shape::Int64 | Shape::Number | Shape::IntOrString => 0.into(),
        Shape::Bool => false.into(),
        Shape::Quantity => "0".into(),
        Shape::Struct(ty) => zero_struct(ty.get()),
        Shape::Time | Shape::MicroTime | Shape::Bytes | Shape::Any | Shape::List(_) | Shape::Map(_) => {
            Value::Null
        }
    }
}

/// The zero value of a struct, encoded.
pub fn zero_struct(ty: &Type) -> Value {
    let fields = ty.fields.iter();
    Value::Object(fields.filter_map(|(key, field)| Some((key.to_string(), zero_of_absent(field)?))).collect())
}

/// Makes null of empty lists whose fields are always written.
pub fn drop_empty_lists(ty: &Type, value: &mut Value) {
    let Some(map) = value.as_object_mut() else { return };
    for (key, inner) in map {
        let Some(field) = ty.fields.get(key.as_str()) else { continue };
        match inner {
            Value::Array(items) if items.is_empty() && !field.omit_empty => *inner = Value::Null,
            Value::Array(items) => {
                if let Shape::List(item) = &field.node.shape
                    && let Some(ty) = item.fields()
                {
                    items.iter_mut().for_each(|item| drop_empty_lists(ty, item));
                }
            }
            Value::Object(_) => {
                if let Some(ty) = field.node.fields() {
                    drop_empty_lists(ty, inner);
                }
            }
            _ => {}
        }
    }
}
