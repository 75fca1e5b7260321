//! Snippets with the answers of real Helm 4.3.1 (`snippets/answers.json`), kept here so that no corpus is needed.
//!
//! A new snippet takes its answer from `helm template` of the chart below. Errors stand behind `ERR `.

use osc_plugin_helm::chart::File;
use osc_plugin_helm::load;
use osc_plugin_helm::template::{Options, template_files};
use serde_json::Value;

use crate::shared;

const CHART: &str = "apiVersion: v2\nname: fn\nversion: 1.2.3\nappVersion: \"4.5\"\ntype: application\nkeywords: [k1, k2]\n\
annotations: {a/b: c}\nmaintainers:\n- name: M\n  email: m@x.y\n";

/// What the only template of a chart renders to.
pub(crate) fn render(snippet: &str) -> String {
    let files = [
        ("Chart.yaml", CHART),
        ("values.yaml", include_str!("snippets/values.yaml")),
        ("config/a.conf", "k=v\nx=y\n"),
        ("config/b.conf", "b"),
        ("templates/_h.tpl", include_str!("snippets/helpers.tpl")),
        ("templates/t.txt", snippet),
    ];
    render_files(&files, "fn/templates/t.txt")
}

/// What one template of a chart renders to.
pub(crate) fn render_files(files: &[(&str, &str)], path: &str) -> String {
    let files = files.iter().map(|(name, text)| File::new(*name, (*text).to_owned()));
    let chart = load::load_files(files).unwrap();
    let options = Options { name: "rel".to_owned(), namespace: "ns1".to_owned(), ..Options::default() };
    match template_files(chart, &Value::Null, &options) {
        Ok(mut files) => files.remove(path).unwrap_or_else(|| "ERR nothing rendered".to_owned()),
        Err(error) => format!("ERR {error}"),
    }
}

fn check(group: &str) {
    let answers: Value = serde_json::from_str(include_str!("snippets/answers.json")).unwrap();
    let cases = answers[group].as_array().unwrap();
    let mut misses = Vec::new();
    for case in cases {
        let (template, want) = (case["template"].as_str().unwrap(), case["answer"].as_str().unwrap());
        let got = render(template);
        if got != want {
            misses.push(format!("{template}\n  want {want:?}\n  got  {got:?}"));
        }
    }
    shared::expect_none(&misses, cases.len());
}

#[test]
fn control_flow() {
    check("control_flow");
}

#[test]
fn errors_name_place_and_node() {
    check("errors_name_place_and_node");
}

#[test]
fn parsing_errors_name_the_line() {
    check("parsing_errors_name_the_line");
}

#[test]
fn includes_and_tpl() {
    check("includes_and_tpl");
}

#[test]
fn texts() {
    check("texts");
}

#[test]
fn lists() {
    check("lists");
}

#[test]
fn numbers() {
    check("numbers");
}

#[test]
fn printing() {
    check("printing");
}

#[test]
fn maps() {
    check("maps");
}

#[test]
fn formats() {
    check("formats");
}

#[test]
fn regular_expressions() {
    check("regular_expressions");
}

#[test]
fn dates() {
    check("dates");
}
