//! JSON as a real server writes a patched object into its complaints: what the patch did not touch has the order of
//! its Go types, the rest is sorted.

use serde_json::{Map, Value, json};

use super::{Node, Shape};

/// The text of an object of a built-in kind. `touched` holds the maps that the patch went through.
pub(crate) fn text(node: &Node, value: &Value, touched: &Value) -> String {
    let mut out = String::new();
    write(Some(node), value, Some(touched), &mut out);
    out
}

/// The maps that a JSON patch goes through, in the form of a merge patch.
pub(crate) fn touched_by(operations: &Value) -> Value {
    let mut tree = json!({});
    for operation in operations.as_array().into_iter().flatten() {
        for key in ["path", "from"] {
            let Some(path) = operation.get(key).and_then(Value::as_str) else { continue };
            let mut here = &mut tree;
            let steps: Vec<&str> = path.split('/').skip(1).collect();
            for step in steps.iter().take(steps.len().saturating_sub(1)) {
                let step = step.replace("~1", "/").replace("~0", "~");
                here = crate::value::object(here).entry(step).or_insert_with(|| json!({}));
            }
        }
    }
    tree
}

fn write(node: Option<&Node>, value: &Value, touched: Option<&Value>, out: &mut String) {
    match value {
        Value::Object(map) => {
            let inner = touched.and_then(Value::as_object);
            out.push('{');
            for (i, key) in keys(node, map, inner.is_some()).into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                let below = inner.and_then(|inner| inner.get(key));
                let child =
                    node.and_then(|node| child(node, key)).filter(|_| below.is_none_or(Value::is_object));
                write(child, &map[key], below, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            let item = node.and_then(|node| match &node.shape {
                Shape::List(item) => Some(&**item),
                _ => None,
            });
            out.push('[');
            for (i, value) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, value, None, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn child<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    match &node.shape {
        Shape::Struct(ty) => ty.get().child(key),
        Shape::Map(item) => Some(item),
        _ => None,
    }
}

fn keys<'a>(node: Option<&Node>, map: &'a Map<String, Value>, sorted: bool) -> Vec<&'a String> {
    let mut keys: Vec<&String> = map.keys().collect();
    if let Some(Shape::Struct(ty)) = node.map(|node| &node.shape).filter(|_| !sorted) {
        let fields = &ty.get().fields;
        // Kind and version have no tags and come first, in this order.
        let place = |key: &String| match key.as_str() {
            "kind" => (0, 0),
            "apiVersion" if fields.contains_key("kind") => (0, 1),
            key => {
                let field = fields.get(key);
                let tag = field.map_or(u32::MAX, |f| if f.outer > 0 { f.outer } else { f.tag });
                (tag, field.map_or(0, |f| f.tag))
            }
        };
        keys.sort_by_key(|key| place(key));
    }
    keys
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{text, touched_by};
    use crate::schema::{Node, Shape, table};

    #[test]
    fn untouched_parts_have_the_order_of_go_types() {
        let ty = table().named("io.k8s.api.core.v1.ConfigMap").unwrap();
        let node = Node::plain(Shape::Struct(ty));
        let value = json!({"kind": "ConfigMap", "data": {"b": "1", "a": "2"},
            "metadata": {"labels": {"x": "y"}, "name": "n", "uid": "u"}});
        let raw = text(&node, &value, &json!({"data": {"a": 2}}));
        assert_eq!(
            raw,
            r#"{"data":{"a":"2","b":"1"},"kind":"ConfigMap","metadata":{"name":"n","uid":"u","labels":{"x":"y"}}}"#
        );
        let touched = touched_by(&json!([{"op": "add", "path": "/metadata/labels/q~1r"}]));
        assert_eq!(touched, json!({"metadata": {"labels": {}}}));
        assert!(text(&node, &value, &touched).contains(r#""metadata":{"labels":{"x":"y"},"name":"n""#));
    }
}
