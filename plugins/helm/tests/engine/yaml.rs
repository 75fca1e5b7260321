//! YAML read and written, against go-yaml.

use osc_plugin_helm::yaml;
use serde_json::Value;

use crate::shared;

/// Numbers compared by value: the recording is JSON, where `1.0` and `1` are the same.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        _ => a == b,
    }
}

#[test]
fn emits_what_helm_emits() {
    let Some(corpus) = shared::json("helm-corpus/yaml.json") else { return };
    let cases = corpus["emit"].as_array().unwrap();
    let mut misses = Vec::new();
    for case in cases {
        let text = yaml::to_yaml(&case["in"]);
        let got = text.strip_suffix('\n').unwrap_or(&text);
        if Some(got) != case["toYaml"].as_str() {
            misses.push(format!("{}\n  want {}\n  got  {got:?}", case["in"], case["toYaml"]));
        }
    }
    shared::expect_none(&misses, cases.len());
}

#[test]
fn reads_what_helm_reads() {
    let Some(corpus) = shared::json("helm-corpus/yaml.json") else { return };
    let cases = corpus["parse"].as_array().unwrap();
    let mut misses = Vec::new();
    for case in cases {
        match yaml::parse(case["yaml"].as_str().unwrap()) {
            Ok(value) if same(&value, &case["json"]) => {}
            // The recording is of values, where an empty document is an empty map.
            Ok(Value::Null) if case["json"] == serde_json::json!({}) => {}
            other => misses.push(format!("{}\n  want {}\n  got  {other:?}", case["yaml"], case["json"])),
        }
    }
    shared::expect_none(&misses, cases.len());
}

#[test]
fn refuses_what_helm_refuses() {
    let Some(corpus) = shared::json("helm-corpus/yaml.json") else { return };
    let cases = corpus["parse_errors"].as_array().unwrap();
    let mut misses = Vec::new();
    for case in cases {
        // What parses but is no mapping is refused by those who need one.
        let want = case["error"].as_str().unwrap();
        let Some(want) = want.strip_prefix("error converting YAML to JSON: ") else { continue };
        match yaml::parse(case["yaml"].as_str().unwrap()) {
            Err(error) if error.to_string() == want => {}
            other => misses.push(format!("{}\n  want {want}\n  got  {other:?}", case["yaml"])),
        }
    }
    shared::expect_none(&misses, cases.len());
}
