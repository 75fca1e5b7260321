//! JSON, YAML, TOML, base64 and base32.

use std::rc::Rc;

use super::json::read::from_json;
use super::json::{Style, to_json};
use super::{Function, Ty, deep, fault, fixed, text, toml};
use crate::golang::bytes::{from_bytes, to_bytes};
use crate::golang::number::format_float;
use crate::golang::printf::stringer;
use crate::gotemplate::exec::{Engine, Fault};
use crate::value::{Entries, ListKind, MapKind, Object, Value};
use crate::yaml::emit::{Emitter, Flavour, Place, Source, Unwritable};
use crate::yaml::{self, LONG_KEY, is_odd_text};

use Ty::{Any, Str};

const PLAIN: Style = Style { html: true, pretty: false };
const PRETTY: Style = Style { html: true, pretty: true };
const RAW: Style = Style { html: false, pretty: false };

pub(super) static FUNCTIONS: &[Function] = &[
    deep(fixed("toJson", &[Any], |_, a| Ok(Value::str(to_json(&a[0], PLAIN).unwrap_or_default())))),
    deep(fixed("mustToJson", &[Any], |_, a| to_json(&a[0], PLAIN).map(Value::str).or_else(fault))),
    deep(fixed("toPrettyJson", &[Any], |_, a| Ok(Value::str(to_json(&a[0], PRETTY).unwrap_or_default())))),
    deep(fixed("mustToPrettyJson", &[Any], |_, a| to_json(&a[0], PRETTY).map(Value::str).or_else(fault))),
    deep(fixed("toRawJson", &[Any], |_, a| to_json(&a[0], RAW).map(Value::str).or_else(fault))),
    deep(fixed("mustToRawJson", &[Any], |_, a| to_json(&a[0], RAW).map(Value::str).or_else(fault))),
    fixed("mustFromJson", &[Str], |_, a| from_json(text(a, 0)).or_else(fault)),
    fixed("fromJson", &[Str], |_, a| Ok(as_map(from_json(text(a, 0)), ""))),
    fixed("fromJsonArray", &[Str], |_, a| Ok(as_list(from_json(text(a, 0)), ""))),
    deep(fixed("toYaml", &[Any], |e, a| sized(e, to_yaml(&a[0]).unwrap_or_default()))),
    deep(fixed("mustToYaml", &[Any], |e, a| match to_yaml(&a[0]) {
        Some(out) => sized(e, out),
        None => match to_json(&a[0], PLAIN) {
            Err(error) => fault(format!("error marshaling into JSON: {error}")),
            Ok(_) => fault("yaml: control characters are not allowed"),
        },
    })),
    deep(fixed("toYamlPretty", &[Any], |e, a| {
        let out = Emitter::new(Flavour::V3).document(&a[0]).unwrap_or_default();
        sized(e, trim_newline(out))
    })),
    fixed("fromYaml", &[Str], |_, a| {
        Ok(as_map(from_yaml(text(a, 0), Value::map(Entries::new())), YAML_MISMATCH))
    }),
    fixed("fromYamlArray", &[Str], |_, a| {
        Ok(as_list(from_yaml(text(a, 0), Value::list(Vec::new())), YAML_MISMATCH))
    }),
    deep(fixed("toToml", &[Any], |_, a| match toml::to_toml(&a[0]) {
        Err(error) if error.starts_with("toml: ") => Ok(Value::str(error)),
        other => other.map(Value::str).or_else(fault),
    })),
    deep(fixed("mustToToml", &[Any], |_, a| toml::to_toml(&a[0]).map(Value::str).or_else(fault))),
    fixed("fromToml", &[Str], |_, a| {
        Ok(toml::from_toml(text(a, 0)).unwrap_or_else(|error| Value::pairs([("Error", Value::str(error))])))
    }),
    fixed("b64enc", &[Str], |_, a| Ok(Value::str(encode(&to_bytes(text(a, 0)), BASE64, 6)))),
    fixed("b64dec", &[Str], |_, a| {
        Ok(match decode(text(a, 0), BASE64, 6) {
            Ok(bytes) => Value::str(from_bytes(&bytes)),
            Err(at) => Value::str(format!("illegal base64 data at input byte {at}")),
        })
    }),
    fixed("b32enc", &[Str], |_, a| Ok(Value::str(encode(&to_bytes(text(a, 0)), BASE32, 5)))),
    fixed("b32dec", &[Str], |_, a| {
        Ok(match decode(text(a, 0), BASE32, 5) {
            Ok(bytes) => Value::str(from_bytes(&bytes)),
            Err(at) => Value::str(format!("illegal base32 data at input byte {at}")),
        })
    }),
];

const YAML_MISMATCH: &str = "error unmarshaling JSON: while decoding JSON: ";

fn sized(engine: &Engine<'_>, out: String) -> Result<Value, Fault> {
    engine.check_size(out.len())?;
    Ok(Value::str(out))
}

fn from_yaml(text: &str, empty: Value) -> Result<Value, String> {
    if let std::borrow::Cow::Owned(_) = to_bytes(text) {
        return Err("error converting YAML to JSON: yaml: invalid leading UTF-8 octet".into());
    }
    match yaml::parse(text) {
        // The null of an empty document leaves alone what is there, unlike that of JSON.
        Ok(serde_json::Value::Null) => Ok(empty),
        Ok(value) => Ok(Value::from_json(&value)),
        Err(error) => Err(format!("error converting YAML to JSON: {error}")),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Float(_) | Value::Int(..) => "number",
        Value::Str(_) => "string",
        Value::Map(..) => "object",
        _ => "array",
    }
}

/// What was read as a map; errors become an entry of it.
fn as_map(read: Result<Value, String>, prefix: &str) -> Value {
    let error = match read {
        Ok(value @ Value::Map(..)) => return value,
        Ok(Value::Nil) => return Ty::Map.nil().unwrap_or_default(),
        Ok(other) => format!(
            "{prefix}json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            kind_of(&other)
        ),
        Err(error) => error,
    };
    Value::pairs([("Error", Value::str(error))])
}

/// What was read as a list; errors become its only item.
fn as_list(read: Result<Value, String>, prefix: &str) -> Value {
    let error = match read {
        Ok(value @ Value::List(..)) => return value,
        Ok(Value::Nil) => return Ty::List.nil().unwrap_or_default(),
        Ok(other) => {
            format!(
                "{prefix}json: cannot unmarshal {} into Go value of type []interface {{}}",
                kind_of(&other)
            )
        }
        Err(error) => error,
    };
    Value::list(vec![Value::str(error)])
}

fn trim_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
    }
    text
}

/// A value as YAML without the last line break; `None` for what cannot be written.
pub(super) fn to_yaml(value: &Value) -> Option<String> {
    let out = if is_odd(value, 0) {
        // Through JSON and back, as Helm goes, where the way shows.
        let json = to_json(value, PLAIN).ok()?;
        let value = yaml::parse_object(&json).ok()?;
        Emitter::new(Flavour::V2).document(&value).ok()?
    } else {
        Emitter::new(Flavour::V2).document(value).ok()?
    };
    Some(trim_newline(out))
}

fn is_odd(value: &Value, depth: usize) -> bool {
    if depth > 1000 {
        return false;
    }
    let odd_text = |text: &str| {
        text.as_bytes().iter().any(|b| *b >= 0x7F) && {
            is_odd_text(text) || matches!(to_bytes(text), std::borrow::Cow::Owned(_))
        }
    };
    match value {
        Value::Str(text) => odd_text(text),
        Value::List(_, items) => items.iter().any(|item| is_odd(item, depth + 1)),
        Value::Map(_, map) => map
            .borrow()
            .iter()
            .any(|(key, item)| key.len() > LONG_KEY || odd_text(key) || is_odd(item, depth + 1)),
        _ => false,
    }
}

impl Source for Value {
    fn emit(&self, emitter: &mut Emitter, place: Place) -> Result<(), Unwritable> {
        let v3 = emitter.flavour() == Flavour::V3;
        match self {
            Value::Nil => emitter.plain("null"),
            Value::Map(MapKind::NilAny | MapKind::NilStrings, _)
            | Value::List(ListKind::NilAny | ListKind::NilString, _)
                if !v3 =>
            {
                emitter.plain("null");
            }
            Value::Bool(b) => emitter.plain(if *b { "true" } else { "false" }),
            Value::Int(..) if v3 && stringer(self).is_some() && self.type_name() == "time.Duration" => {
                emitter.string(&stringer(self).unwrap_or_default());
            }
            Value::Int(crate::value::IntKind::Uint64, n) => emitter.plain(&(*n as u64).to_string()),
            Value::Int(_, n) => emitter.plain(&n.to_string()),
            Value::Float(f) if v3 => emitter.plain(&match format_float(*f, b'g', -1, false).as_str() {
                "+Inf" => ".inf".into(),
                "-Inf" => "-.inf".into(),
                "NaN" => ".nan".into(),
                text => String::from(text),
            }),
            Value::Float(f) => emitter.plain(&yaml::float_text(*f).ok_or(Unwritable)?),
            Value::Str(text) => emitter.string(text),
            Value::Bytes(_) if v3 => {
                let items = self.items().unwrap_or_default();
                return emitter.sequence(place, items.iter());
            }
            Value::Bytes(bytes) => emitter.string(&encode(bytes, BASE64, 6)),
            Value::List(_, items) => return emitter.sequence(place, items.iter()),
            Value::Map(_, map) => {
                let map = map.borrow();
                let mut entries: Vec<(&str, &Value)> = map.iter().map(|(k, v)| (&**k, v)).collect();
                return emitter.mapping(&mut entries);
            }
            Value::Object(object) => match &**object {
                Object::Time(time) if v3 => {
                    emitter.plain(&time.format("2006-01-02T15:04:05.999999999Z07:00"));
                }
                Object::Time(time) => emitter.string(&time.format("2006-01-02T15:04:05.999999999Z07:00")),
                Object::Version(version) => emitter.string(&version.to_string()),
                Object::Certificate { cert, key } => {
                    let fields = [("Cert", Value::Str(Rc::clone(cert))), ("Key", Value::Str(Rc::clone(key)))];
                    let mut entries: Vec<(&str, &Value)> = fields.iter().map(|(k, v)| (*k, v)).collect();
                    return emitter.mapping(&mut entries);
                }
                _ => {
                    let json = to_json(self, PLAIN).map_err(|_| Unwritable)?;
                    let value = yaml::parse_object(&json).map_err(|_| Unwritable)?;
                    return value.emit(emitter, place);
                }
            },
        }
        Ok(())
    }
}

pub(crate) const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Bytes in letters of so many bits, padded to whole groups.
pub(super) fn encode(bytes: &[u8], alphabet: &[u8], bits: usize) -> String {
    let (group_bytes, group_letters) = if bits == 6 { (3, 4) } else { (5, 8) };
    let mut out = String::with_capacity(bytes.len().div_ceil(group_bytes) * group_letters);
    for group in bytes.chunks(group_bytes) {
        let mut value = 0u64;
        for i in 0..group_bytes {
            value = value << 8 | u64::from(group.get(i).copied().unwrap_or(0));
        }
        let letters = (group.len() * 8).div_ceil(bits);
        for i in 0..group_letters {
            let shift = bits * (group_letters - 1 - i);
            let letter = alphabet[(value >> shift) as usize & ((1 << bits) - 1)];
            out.push(if i < letters { letter as char } else { '=' });
        }
    }
    out
}

/// The bytes, or where the text goes wrong as Go counts it.
pub(crate) fn decode(text: &str, alphabet: &[u8], bits: usize) -> Result<Vec<u8>, usize> {
    let group_letters = if bits == 6 { 4 } else { 8 };
    let mut table = [0xFFu8; 256];
    for (i, letter) in alphabet.iter().enumerate() {
        table[usize::from(*letter)] = i as u8;
    }
    let source = to_bytes(text);
    let mut out = Vec::with_capacity(source.len() * bits / 8);
    let mut at = 0;
    let skip = |at: &mut usize| {
        while matches!(source.get(*at), Some(b'\r' | b'\n')) {
            *at += 1;
        }
    };
    loop {
        let (mut value, mut letters) = (0u64, 0);
        while letters < group_letters {
            skip(&mut at);
            let Some(&byte) = source.get(at) else {
                return if letters == 0 { Ok(out) } else { Err(at - letters) };
            };
            if byte == b'=' {
                break;
            }
            let digit = table[usize::from(byte)];
            if digit == 0xFF {
                return Err(at);
            }
            value = value << bits | u64::from(digit);
            letters += 1;
            at += 1;
        }
        let whole = if bits == 6 { letters >= 2 } else { matches!(letters, 2 | 4 | 5 | 7 | 8) };
        if letters < group_letters {
            // Padding ends the text.
            if !whole {
                return Err(at);
            }
            for _ in letters..group_letters {
                skip(&mut at);
                if source.get(at) != Some(&b'=') {
                    return Err(at);
                }
                at += 1;
            }
            skip(&mut at);
            if at < source.len() {
                return Err(at);
            }
        }
        let total = letters * bits;
        let count = total / 8;
        value >>= total % 8;
        for i in (0..count).rev() {
            out.push((value >> (8 * i)) as u8);
        }
        if letters < group_letters {
            return Ok(out);
        }
    }
}
