//! Charts of the recorded corpus: linted against what real Helm 4.3.1 said, and made into forms.
//!
//! Without the corpus (`OSC_SHARED`, or `shared` beside the repository) the tests pass and say what they skipped.

use std::path::PathBuf;

use osc_plugin_helm::chart::File;
use osc_plugin_helm::release::Record;
use osc_plugin_helm::{form, inspect, lint, load};
use serde_json::Value;

fn corpus() -> Option<(PathBuf, Value)> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("OSC_SHARED").map_or(beside, PathBuf::from).join("helm-corpus");
    let Ok(index) = std::fs::read_to_string(root.join("index.json")) else {
        eprintln!("skipped: no corpus at {}", root.display());
        return None;
    };
    Some((root, serde_json::from_str(&index).expect("the index is JSON")))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn expect_none(misses: &[String], total: usize) {
    let shown: Vec<&str> = misses.iter().take(20).map(String::as_str).collect();
    assert!(misses.is_empty(), "{} of {total} differ:\n{}", misses.len(), shown.join("\n"));
}

#[test]
fn lint_says_what_helm_says() {
    let Some((root, index)) = corpus() else { return };
    let entries = list(&index, "charts");
    let mut misses = Vec::new();
    for entry in entries {
        let path = root.join(entry["chart"].as_str().expect("the chart has a file"));
        let mut budget = load::archive::Budget::default();
        let files: Vec<File> =
            load::archive::unpack(&std::fs::read(path).expect("the chart is there"), &mut budget)
                .expect("the chart unpacks");
        let messages = lint::lint(&files, &Value::Null);
        let show = |level: &str, path: &str, text: &str| format!("[{level}] {path}: {}", text.trim_end());
        let got: Vec<String> =
            messages.iter().map(|message| show(message.level.name(), &message.path, &message.text)).collect();
        let want: Vec<String> = list(entry, "lint")
            .iter()
            .map(|message| {
                let text = |index: usize| message[index].as_str().unwrap_or_default();
                show(text(0), text(1), text(2))
            })
            .collect();
        if got != want || Some(lint::failed(&messages)) != entry["lint_failed"].as_bool() {
            misses.push(format!("{}: got {got:#?}, want {want:#?}", entry["id"]));
        }
    }
    expect_none(&misses, entries.len());
}

#[test]
fn every_chart_has_a_form_and_facts() {
    let Some((root, index)) = corpus() else { return };
    for entry in list(&index, "charts") {
        let path = root.join(entry["chart"].as_str().expect("the chart has a file"));
        let chart =
            load::load_archive(&std::fs::read(path).expect("the chart is there")).expect("the chart loads");
        let made = form::form(&chart);
        let text = made.json_schema.to_string();
        assert!(made.defaults.is_object() && made.json_schema["type"] == "object", "{}", entry["id"]);
        assert!(
            !text.contains("\"$ref\"") && text.len() < 4 * 1024 * 1024,
            "{}: {}",
            entry["id"],
            text.len()
        );
        let facts = inspect::facts(&chart);
        assert_eq!(Value::from(facts.name), entry["name"]);
    }
}

#[test]
fn records_of_real_helm_are_read() {
    let Some((root, _)) = corpus() else { return };
    let text = std::fs::read_to_string(root.join("releases/demo.json")).expect("the recording is text");
    let recording: Value = serde_json::from_str(&text).expect("the recording is JSON");
    for secret in list(&recording, "secrets") {
        let record = Record::from_secret(secret).expect("a release");
        let version = secret["metadata"]["labels"]["version"].as_str();
        assert_eq!(Some(record.version().to_string().as_str()), version);
        assert_eq!(Some(record.state().name()), secret["metadata"]["labels"]["status"].as_str());
        let again = record.to_secret(jiff::Timestamp::UNIX_EPOCH);
        assert_eq!(Record::from_secret(&again).expect("a release").hooks(), record.hooks());
        assert_eq!(again["metadata"]["name"], secret["metadata"]["name"]);
        assert_eq!(again["metadata"]["labels"]["team"], secret["metadata"]["labels"]["team"]);
    }
}
