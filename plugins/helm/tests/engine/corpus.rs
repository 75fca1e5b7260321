//! Whole charts, against what real Helm printed for them.

use std::path::Path;

use osc_plugin_helm::template::{Options, Output, Printed, template};
use osc_plugin_helm::{load, values, yaml};
use serde_json::Value;

use crate::shared::{self, with_stack};

const MASK: &str = "<volatile>";

/// The documents of a manifest; one that does not parse stays text.
fn documents(text: &str) -> Value {
    let mut parts = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty()) {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push_str(line);
        }
    }
    let parse = |part: &String| yaml::parse_object(part).unwrap_or_else(|_| Value::String(part.clone()));
    Value::Array(parts.iter().filter(|part| !part.trim().is_empty()).map(parse).collect())
}

fn mask(documents: &mut Value, paths: &Value) {
    for path in paths.as_array().into_iter().flatten() {
        if let Some(node) = path.as_array().and_then(|path| descend(documents, path)) {
            *node = Value::String(MASK.to_owned());
        }
    }
}

fn descend<'a>(node: &'a mut Value, path: &[Value]) -> Option<&'a mut Value> {
    let Some((key, rest)) = path.split_first() else { return Some(node) };
    let next = match key {
        Value::Number(n) => node.get_mut(usize::try_from(n.as_u64()?).ok()?),
        key => node.get_mut(key.as_str()?),
    };
    descend(next?, rest)
}

/// The first line in which two texts differ.
fn first_difference(want: &str, got: &str) -> String {
    for (n, (want, got)) in want.lines().zip(got.lines()).enumerate() {
        if want != got {
            return format!("line {}: want {want:?}, got {got:?}", n + 1);
        }
    }
    format!("{} lines wanted, {} got", want.lines().count(), got.lines().count())
}

fn run(corpus: &Path, index: &Value, chart: &str, values_file: Option<&str>) -> Result<Output, String> {
    let chart = load::load_archive(&std::fs::read(corpus.join(chart)).unwrap()).map_err(|e| e.to_string())?;
    let user = match values_file {
        Some(file) => values::load_values(&std::fs::read_to_string(corpus.join(file)).unwrap())?,
        None => Value::Object(serde_json::Map::new()),
    };
    let options = Options {
        name: index["release_name"].as_str().unwrap().to_owned(),
        namespace: index["namespace"].as_str().unwrap().to_owned(),
        kube_version: index["kube_version"].as_str().unwrap().to_owned(),
        ..Options::default()
    };
    template(chart, &user, &options).map_err(|error| error.message)
}

#[test]
fn charts_print_what_helm_prints() {
    let Some(file) = shared::file("helm-corpus/index.json") else { return };
    let (misses, total, bytes) = with_stack(move || {
        let corpus = file.parent().unwrap();
        let index: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let (mut misses, mut total, mut bytes) = (Vec::new(), 0, 0);
        for chart in index["charts"].as_array().unwrap() {
            for case in chart["cases"].as_array().unwrap() {
                total += 1;
                let name = case["case"].as_str().unwrap();
                let want = std::fs::read_to_string(corpus.join(case["expected"].as_str().unwrap())).unwrap();
                let output =
                    match run(corpus, &index, chart["chart"].as_str().unwrap(), case["values"].as_str()) {
                        Ok(output) => output,
                        Err(error) => {
                            misses.push(format!("{name}: {error}"));
                            continue;
                        }
                    };
                // The recording has no carriage returns, which real Helm keeps.
                let got = output.text(Printed::default()).replace("\r\n", "\n");
                if got == want {
                    bytes += 1;
                } else {
                    let (mut left, mut right) = (documents(&want), documents(&got));
                    mask(&mut left, &case["volatile"]);
                    mask(&mut right, &case["volatile"]);
                    if left != right {
                        misses.push(format!("{name}: {}", first_difference(&want, &got)));
                    } else if case["volatile"].as_array().is_none_or(Vec::is_empty) {
                        misses.push(format!("{name}: bytes differ, {}", first_difference(&want, &got)));
                    }
                }
                if let Some(notes) = case["notes"].as_str() {
                    let want = std::fs::read_to_string(corpus.join(notes)).unwrap();
                    let got = output.notes.unwrap_or_default();
                    if want.trim() != got.trim() {
                        misses.push(format!("{name}: notes, {}", first_difference(&want, &got)));
                    }
                }
            }
        }
        (misses, total, bytes)
    });
    eprintln!("{bytes} of {total} equal in bytes");
    shared::expect_none(&misses, total);
}

#[test]
fn charts_are_refused_with_helms_words() {
    let Some(file) = shared::file("helm-corpus/index.json") else { return };
    let (misses, total) = with_stack(move || {
        let corpus = file.parent().unwrap();
        let index: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let mut misses = Vec::new();
        let refusals = index["errors"].as_array().unwrap();
        for chart in refusals {
            let want = chart["error"].as_str().unwrap();
            // A warning about a deprecated chart stands before the error.
            let want = want.rsplit_once("\nError: ").map_or(want, |(_, error)| error);
            match run(corpus, &index, chart["chart"].as_str().unwrap(), chart["values"].as_str()) {
                Ok(_) => misses.push(format!("{}: accepted", chart["id"])),
                // What the network says is another matter.
                Err(_) if want.contains("HTTP request failed") => {}
                Err(error) if error.trim() == want.trim() => {}
                Err(error) => misses.push(format!("{}\n  want {want:?}\n  got  {error:?}", chart["id"])),
            }
        }
        (misses, refusals.len())
    });
    shared::expect_none(&misses, total);
}
