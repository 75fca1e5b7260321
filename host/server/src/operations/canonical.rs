//! One way to write a plan, so that equal plans have equal hashes.

use osc_plugin_api::documents::plan::Plan;
use serde_json::Value;

use crate::error::Result;
use crate::secrets::{Sealer, hex};

/// HMAC over the canonical JSON of a plan, because plans hold secrets that a plain hash would let people guess.
pub fn hash(plan: &Plan, sealer: &Sealer) -> Result<String> {
    let document = serde_json::to_value(plan).map_err(anyhow::Error::from)?;
    Ok(hex(&sealer.mac("plan", to_string(&document).as_bytes())))
}

/// JSON without spaces, keys in the order of their bytes.
pub fn to_string(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use osc_plugin_api::documents::plan::{Action, Policy, Step};
    use serde_json::json;

    use super::*;

    fn plan(object: &str) -> Plan {
        let mut plan = Plan::new("osc");
        let objects = vec![serde_json::from_str(object).unwrap()];
        plan.steps.push(Step::new("apply", Action::Apply { objects, policy: Policy::Owned }));
        plan
    }

    #[test]
    fn writes_keys_in_order() {
        assert_eq!(
            to_string(&json!({"b": [1, {"z": null, "a": "\n\""}], "a": 1.5})),
            r#"{"a":1.5,"b":[1,{"a":"\n\"","z":null}]}"#
        );
    }

    #[test]
    fn equal_plans_have_equal_hashes() {
        let sealer = Sealer::new([7; 32]);
        let hash_of = |object: &str| hash(&plan(object), &sealer).unwrap();
        let first = hash_of(r#"{"kind":"A","metadata":{"name":"x","labels":{"a":"1","b":"2"}}}"#);
        assert_eq!(first, hash_of(r#"{"metadata":{"labels":{"b":"2","a":"1"},"name":"x"},"kind":"A"}"#));
        assert_ne!(first, hash_of(r#"{"kind":"A","metadata":{"name":"y"}}"#));
        assert_ne!(first, hash(&plan(r#"{"kind":"A"}"#), &Sealer::new([8; 32])).unwrap());
    }
}
