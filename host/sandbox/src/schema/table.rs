//! The generated table of built-in types; see `schema/generate.py`.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::OnceLock;

use flate2::read::ZlibDecoder;
use serde_json::{Map, Value};

use super::{Field, ListKind, Node, Shape, Type, TypeRef};

const TABLE: &[u8] = include_bytes!("../../schema/table.json.z");
const DESCRIPTIONS: &[u8] = include_bytes!("../../schema/descriptions.json.z");
const ENUMS: &str = include_str!("../../schema/enums.json");

/// All built-in types.
pub struct Table {
    types: Vec<Type>,
    names: HashMap<String, u16>,
    kinds: HashMap<(String, String, String), u16>,
}

/// The table, inflated at the first use.
pub fn table() -> &'static Table {
    static TABLE_CELL: OnceLock<Table> = OnceLock::new();
    TABLE_CELL.get_or_init(|| Table::load(&inflate(TABLE)))
}

/// The values that texts may have, by definition and field, each with what descriptions say of them.
pub fn enums() -> Map<String, Value> {
    match parse(ENUMS.as_bytes()) {
        Value::Object(all) => all,
        _ => Map::new(),
    }
}

/// Descriptions by definition and field (empty: the definition itself); only `explain` needs them.
pub fn descriptions() -> BTreeMap<String, BTreeMap<String, String>> {
    let text = inflate(DESCRIPTIONS);
    let Value::Object(all) = parse(&text) else { return BTreeMap::new() };
    all.into_iter()
        .map(|(name, fields)| {
            let fields = match fields {
                Value::Object(map) => {
                    map.into_iter().filter_map(|(k, v)| Some((k, v.as_str()?.to_string()))).collect()
                }
                _ => BTreeMap::new(),
            };
            (name, fields)
        })
        .collect()
}

fn inflate(data: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    ZlibDecoder::new(data).read_to_end(&mut text).expect("a table of this build");
    text
}

fn parse(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("a table of this build")
}

impl Table {
    fn load(text: &[u8]) -> Self {
        let Value::Object(all) = parse(text) else { unreachable!("the table is an object") };
        let names: HashMap<String, u16> = all.keys().zip(0u16..).map(|(name, i)| (name.clone(), i)).collect();
        let mut kinds = HashMap::new();
        let types: Vec<Type> = all.iter().map(|(name, entry)| load_type(name, entry, &names)).collect();
        for (ty, index) in types.iter().zip(0u16..) {
            for [group, version, kind] in &ty.gvks {
                kinds.insert((group.clone(), version.clone(), kind.clone()), index);
            }
        }
        Table { types, names, kinds }
    }

    pub(super) fn at(&self, index: u16) -> &Type {
        &self.types[index as usize]
    }

    /// The type of a kind.
    pub fn kind(&self, group: &str, version: &str, kind: &str) -> Option<TypeRef> {
        self.kinds.get(&(group.into(), version.into(), kind.into())).map(|i| TypeRef::Builtin(*i))
    }

    /// The type of a definition.
    pub fn named(&self, name: &str) -> Option<TypeRef> {
        self.names.get(name).map(|i| TypeRef::Builtin(*i))
    }

    /// All types.
    pub fn types(&self) -> &[Type] {
        &self.types
    }
}

fn load_type(name: &str, entry: &Value, names: &HashMap<String, u16>) -> Type {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let gvks = entry["g"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|g| [text(&g[0]), text(&g[1]), text(&g[2])])
        .collect();
    let fields = entry["f"].as_object().into_iter().flatten();
    let fields = fields
        .filter_map(|(key, f)| Some((key.as_str().into(), load_field(f.as_object()?, names))))
        .collect();
    Type { name: name.into(), gvks, atomic: entry.get("a").is_some(), fields, extra: None, custom: false }
}

fn load_field(f: &Map<String, Value>, names: &HashMap<String, u16>) -> Field {
    let text = |key: &str| f.get(key).and_then(Value::as_str);
    let number =
        |key: &str| f.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let flags = text("o").unwrap_or_default();
    let mut node = load_node(text("t").unwrap_or("*"), names);
    // What has no schema has one owner as a whole.
    let untyped = matches!(node.shape, Shape::Any).then_some(true);
    node.atomic = f.get("a").map(|a| a == 1).or(untyped);
    node.list = match text("l") {
        None => ListKind::Atomic,
        Some("=") => ListKind::Set,
        Some(keys) => ListKind::Map(keys.split(',').map(Into::into).collect()),
    };
    Field {
        node,
        omit_empty: flags.contains('o'),
        omit_zero: flags.contains('z'),
        pointer: flags.contains('p'),
        required: f.contains_key("r"),
        tag: number("n"),
        outer: number("e"),
        go: text("k").map(Into::into),
        merge: text("m").map(Into::into),
        retain_keys: f.contains_key("R"),
        default: f.get("d").cloned(),
    }
}

fn load_node(kind: &str, names: &HashMap<String, u16>) -> Node {
    let rest = kind.get(1..).unwrap_or_default();
    Node::plain(match kind.as_bytes().first() {
        Some(b's') => Shape::Text,
        Some(b'i') => Shape::Int32,
        Some(b'l') => Shape::Int64,
        Some(b'n') => Shape::Number,
        Some(b'b') => Shape::Bool,
        Some(b'q') => Shape::Quantity,
        Some(b'x') => Shape::IntOrString,
        Some(b't') => Shape::Time,
        Some(b'u') => Shape::MicroTime,
        Some(b'y') => Shape::Bytes,
        Some(b'[') => Shape::List(Box::new(load_node(rest, names))),
        Some(b'{') => Shape::Map(Box::new(load_node(rest, names))),
        Some(b'@') => names.get(rest).map_or(Shape::Any, |i| Shape::Struct(TypeRef::Builtin(*i))),
        _ => Shape::Any,
    })
}
