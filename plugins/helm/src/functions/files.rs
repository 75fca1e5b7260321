//! `.Files` and `.Values`: maps that have methods.

use std::rc::Rc;

use super::encoding::{BASE64, encode, to_yaml};
use super::urls::base;
use super::{Function, Ty, fault, fixed, text};
use crate::golang::bytes::from_bytes;
use crate::golang::glob;
use crate::value::{Entries, Map, MapKind, Value};

use Ty::Str;

pub(super) static FILES: &[Function] = &[
    fixed("Get", &[Str], |_, a| Ok(Value::str(from_bytes(&bytes_of(&a[0], text(a, 1)))))),
    fixed("GetBytes", &[Str], |_, a| Ok(Value::Bytes(bytes_of(&a[0], text(a, 1))))),
    fixed("Glob", &[Str], |_, a| {
        let mut found = Entries::new();
        if let Some(map) = a[0].as_map() {
            for (name, data) in map.borrow().iter() {
                if glob::matches(text(a, 1), name) {
                    found.insert(Rc::clone(name), data.clone());
                }
            }
        }
        Ok(Value::Map(MapKind::Files, Map::new(found)))
    }),
    fixed("AsConfig", &[], |_, a| {
        let entries = by_base(&a[0], |bytes| from_bytes(bytes).into_owned());
        Ok(Value::str(to_yaml(&entries).unwrap_or_default()))
    }),
    fixed("AsSecrets", &[], |_, a| {
        let entries = by_base(&a[0], |bytes| encode(bytes, BASE64, 6));
        Ok(Value::str(to_yaml(&entries).unwrap_or_default()))
    }),
    fixed("Lines", &[Str], |_, a| {
        let data = bytes_of(&a[0], text(a, 1));
        let content = from_bytes(&data);
        if content.is_empty() {
            return Ok(Value::strings(Vec::<String>::new()));
        }
        Ok(Value::strings(content.strip_suffix('\n').unwrap_or(&content).split('\n')))
    }),
];

pub(super) static VALUES: &[Function] = &[
    fixed("AsMap", &[], |_, a| {
        Ok(match &a[0] {
            Value::Map(_, map) => Value::Map(MapKind::Any, Rc::clone(map)),
            other => other.clone(),
        })
    }),
    fixed("YAML", &[], |_, a| Ok(Value::str(to_yaml(&a[0]).map(|text| text + "\n").unwrap_or_default()))),
    fixed("Table", &[Str], |_, a| {
        let mut table = a[0].clone();
        for name in text(a, 1).split('.') {
            table = match table.as_map().and_then(|map| map.get(name)) {
                Some(Value::Map(_, map)) => Value::Map(MapKind::Values, map),
                _ => return fault(format!("{} is not a table", crate::text::quote(name))),
            };
        }
        Ok(table)
    }),
    fixed("PathValue", &[Str], |_, a| {
        let path = text(a, 1);
        if path.is_empty() {
            return fault("YAML path cannot be empty");
        }
        let mut value = a[0].clone();
        for name in path.split('.') {
            value = value.as_map().and_then(|map| map.get(name)).unwrap_or_default();
        }
        match value {
            Value::Nil | Value::Map(..) => {
                let last = path.rsplit('.').next().unwrap_or_default();
                fault(format!("{} is not a value", crate::text::quote(last)))
            }
            value => Ok(value),
        }
    }),
];

fn bytes_of(files: &Value, name: &str) -> Rc<[u8]> {
    match files.as_map().and_then(|map| map.get(name)) {
        Some(Value::Bytes(bytes)) => bytes,
        _ => Rc::from([]),
    }
}

fn by_base(files: &Value, content: impl Fn(&[u8]) -> String) -> Value {
    let mut entries = Entries::new();
    if let Some(map) = files.as_map() {
        for (name, data) in map.borrow().iter() {
            if let Value::Bytes(bytes) = data {
                entries.insert(base(name).into(), Value::str(content(bytes)));
            }
        }
    }
    Value::map(entries)
}
