//! Single template snippets, against Helm.

use osc_plugin_helm::chart::File;
use osc_plugin_helm::load;
use osc_plugin_helm::template::{Options, template_files};
use serde_json::Value;

use crate::shared;

#[test]
fn snippets_give_what_helm_gives() {
    let Some(corpus) = shared::json("helm-corpus/functions.json") else { return };
    let cases = corpus["cases"].as_array().unwrap();
    let mut misses = Vec::new();
    for case in cases {
        let snippet = case["t"].as_str().unwrap();
        let mut files: Vec<File> = corpus["files"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, text)| File::new(name, text.as_str().unwrap().to_owned()))
            .collect();
        files.push(File::new("templates/t.txt", snippet.to_owned()));
        let chart = load::load_files(files).unwrap();
        let options = Options { name: "rel".to_owned(), namespace: "ns1".to_owned(), ..Options::default() };
        let got = template_files(chart, &Value::Null, &options);
        let got = got.map(|mut files| files.remove("fn/templates/t.txt").unwrap());
        let (kind, want) = match &case["out"] {
            Value::String(out) => ("out", out.as_str()),
            _ => ("err", case["err"].as_str().unwrap()),
        };
        let same = match &got {
            Ok(out) => kind == "out" && want == out,
            Err(error) => kind == "err" && want == error,
        };
        if !same {
            misses.push(format!("{snippet}\n  want {kind} {want:?}\n  got  {got:?}"));
        }
    }
    shared::expect_none(&misses, cases.len());
}
