//! Request bodies in protobuf: the envelope, and messages decoded by the schema's tags.

use serde_json::{Map, Number, Value};

use crate::schema::typed::{format_micro, format_seconds};
use crate::schema::{Field, Node, Shape, Type, table};

/// Deepest nesting of messages.
const DEPTH: usize = 100;

/// Why a body is refused.
#[derive(Debug)]
pub(crate) enum Error {
    /// Not the envelope.
    Unrecognized(String),
    /// The message inside is broken.
    Broken(String),
}

/// Decodes an enveloped object. `expected` is used if the envelope names no known kind.
pub(crate) fn decode(body: &[u8], expected: Option<&Type>) -> Result<Value, Error> {
    let Some(rest) = body.strip_prefix(b"k8s\0") else {
        const TEXT: &str =
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
        return Err(Error::Unrecognized(TEXT.into()));
    };
    let end = || Error::Unrecognized("unexpected EOF".into());
    let mut api_version = String::new();
    let mut kind = String::new();
    let mut raw: &[u8] = &[];
    for (tag, wire) in fields(rest).map_err(|()| end())? {
        match (tag, wire) {
            (1, Wire::Bytes(meta)) => {
                for (tag, wire) in fields(meta).map_err(|()| end())? {
                    if let Wire::Bytes(text) = wire {
                        let text = String::from_utf8_lossy(text).into_owned();
                        match tag {
                            1 => api_version = text,
                            2 => kind = text,
                            _ => {}
                        }
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (group, version) = crate::resources::split_api_version(&api_version);
    let named = table().kind(group, version, &kind);
    let generic = || table().named(&format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}"));
    let found = named.or_else(generic);
    let ty = found.as_ref().map(crate::schema::TypeRef::get).or(expected);
    let Some(ty) = ty else {
        return Err(Error::Broken(format!("no kind {kind:?} is registered for version {api_version:?}")));
    };
    let broken =
        || Error::Broken(format!("{kind} in version {version:?} cannot be handled: proto: unexpected EOF"));
    let mut value = message(ty, raw, 0).map_err(|()| broken())?;
    let map = crate::value::object(&mut value);
    map.insert("apiVersion".into(), api_version.into());
    map.insert("kind".into(), kind.into());
    Ok(value)
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed(u64),
}

fn varint(data: &mut &[u8]) -> Result<u64, ()> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (first, rest) = data.split_first().ok_or(())?;
        *data = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift).unwrap_or(0);
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(())
}

fn take<'a>(data: &mut &'a [u8], length: usize) -> Result<&'a [u8], ()> {
    let (taken, rest) = data.split_at_checked(length).ok_or(())?;
    *data = rest;
    Ok(taken)
}

fn fields(mut data: &[u8]) -> Result<Vec<(u32, Wire<'_>)>, ()> {
    let mut out = Vec::new();
    while !data.is_empty() {
        let key = varint(&mut data)?;
        let tag = u32::try_from(key >> 3).map_err(|_| ())?;
        let wire = match key & 7 {
            0 => Wire::Number(varint(&mut data)?),
            1 => {
                let bytes = take(&mut data, 8)?;
                Wire::Fixed(u64::from_le_bytes(bytes.try_into().map_err(|_| ())?))
            }
            2 => {
                let length = usize::try_from(varint(&mut data)?).map_err(|_| ())?;
                Wire::Bytes(take(&mut data, length)?)
            }
            5 => {
                take(&mut data, 4)?;
                continue;
            }
            _ => return Err(()),
        };
        out.push((tag, wire));
    }
    Ok(out)
}

fn message(ty: &Type, data: &[u8], depth: usize) -> Result<Value, ()> {
    if depth > DEPTH {
        return Err(());
    }
    let mut out = Map::new();
    fill(ty, 0, data, depth, &mut out)?;
    Ok(Value::Object(out))
}

/// Reads the fields that lie directly in a message (`outer` 0) or in one that Go inlines.
fn fill(ty: &Type, outer: u32, data: &[u8], depth: usize, out: &mut Map<String, Value>) -> Result<(), ()> {
    for (tag, wire) in fields(data)? {
        let direct = ty.fields.iter().find(|(_, f)| f.tag == tag && f.outer == outer);
        if let Some((key, field)) = direct {
            put(key, field, wire, depth, out)?;
            continue;
        }
        if outer == 0
            && let Wire::Bytes(inner) = wire
            && ty.fields.values().any(|f| f.outer == tag)
        {
            fill(ty, tag, inner, depth + 1, out)?;
        }
    }
    Ok(())
}

fn put(
    key: &str,
    field: &Field,
    wire: Wire<'_>,
    depth: usize,
    out: &mut Map<String, Value>,
) -> Result<(), ()> {
    match (&field.node.shape, wire) {
        (Shape::List(item), wire) => {
            let list = out.entry(key).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(items) = list {
                items.push(value(item, wire, depth)?);
            }
        }
        (Shape::Map(item), Wire::Bytes(entry)) => {
            let mut name = String::new();
            let mut inner = crate::schema::typed::zero(item);
            for (tag, wire) in fields(entry)? {
                match (tag, wire) {
                    (1, Wire::Bytes(text)) => name = String::from_utf8_lossy(text).into_owned(),
                    (2, wire) => inner = value(item, wire, depth)?,
                    _ => {}
                }
            }
            let map = out.entry(key).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(map) = map {
                map.insert(name, inner);
            }
        }
        (_, wire) => {
            let new = value(&field.node, wire, depth)?;
            // Zero scalars are always on the wire; only behind pointers do they mean something.
            let zero = matches!(&new, Value::String(t) if t.is_empty())
                || new.as_i64() == Some(0)
                || new == Value::Bool(false);
            if field.pointer || !zero || !field.omit_empty {
                out.insert(key.into(), new);
            }
        }
    }
    Ok(())
}

fn value(node: &Node, wire: Wire<'_>, depth: usize) -> Result<Value, ()> {
    use base64::Engine;
    Ok(match (&node.shape, wire) {
        (Shape::Text, Wire::Bytes(text)) => String::from_utf8_lossy(text).into_owned().into(),
        (Shape::Bytes, Wire::Bytes(data)) => base64::engine::general_purpose::STANDARD.encode(data).into(),
        (Shape::Bool, Wire::Number(n)) => (n != 0).into(),
        (Shape::Int32 | Shape::Int64, Wire::Number(n)) => n.cast_signed().into(),
        (Shape::Number, Wire::Fixed(bits)) => {
            Number::from_f64(f64::from_bits(bits)).map_or(Value::Null, Value::Number)
        }
        (Shape::Quantity, Wire::Bytes(data)) => text_field(data, 1)?.into(),
        (Shape::IntOrString, Wire::Bytes(data)) => int_or_string(data)?,
        (Shape::Time, Wire::Bytes(data)) => time(data)?.map_or(Value::Null, |t| format_seconds(t).into()),
        (Shape::MicroTime, Wire::Bytes(data)) => time(data)?.map_or(Value::Null, |t| format_micro(t).into()),
        (Shape::Any, Wire::Bytes(data)) => {
            // RawExtension and FieldsV1 hold JSON in their first field.
            let mut inner = Value::Null;
            for (tag, wire) in fields(data)? {
                if let (1, Wire::Bytes(text)) = (tag, wire) {
                    inner = serde_json::from_slice(text).unwrap_or(Value::Null);
                }
            }
            inner
        }
        (Shape::Struct(ty), Wire::Bytes(data)) => message(ty.get(), data, depth + 1)?,
        // Lists and maps inside maps are messages with one field.
        (Shape::List(item), Wire::Bytes(data)) => {
            let mut items = Vec::new();
            for (tag, wire) in fields(data)? {
                if tag == 1 {
                    items.push(value(item, wire, depth + 1)?);
                }
            }
            Value::Array(items)
        }
        _ => return Err(()),
    })
}

fn text_field(data: &[u8], wanted: u32) -> Result<String, ()> {
    for (tag, wire) in fields(data)? {
        if let Wire::Bytes(text) = wire
            && tag == wanted
        {
            return Ok(String::from_utf8_lossy(text).into_owned());
        }
    }
    Ok(String::new())
}

fn int_or_string(data: &[u8]) -> Result<Value, ()> {
    let (mut kind, mut number) = (0, 0);
    for (tag, wire) in fields(data)? {
        if let Wire::Number(n) = wire {
            match tag {
                1 => kind = n,
                2 => number = n.cast_signed(),
                _ => {}
            }
        }
    }
    Ok(if kind == 0 { number.into() } else { text_field(data, 3)?.into() })
}

fn time(data: &[u8]) -> Result<Option<jiff::Timestamp>, ()> {
    let (mut seconds, mut nanos) = (0i64, 0i32);
    for (tag, wire) in fields(data)? {
        if let Wire::Number(n) = wire {
            match tag {
                1 => seconds = n.cast_signed(),
                2 => nanos = i32::try_from(n).unwrap_or(0),
                _ => {}
            }
        }
    }
    if data.is_empty() {
        return Ok(None);
    }
    Ok(jiff::Timestamp::new(seconds, nanos).ok())
}
