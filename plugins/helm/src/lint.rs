//! The rules of `helm lint`, in Helm's order and words, with lines where they are known.

mod addresses;
mod chart_file;
mod crds;
mod deprecated;
mod names;
mod place;
mod templates;

use osc_plugin_api::documents::finding::{Finding, Severity};
use serde_json::{Map, Value};

use crate::chart::File;
use crate::coalesce::{Nulls, Tree, coalesce_tables};
use crate::load::{self, ignore};
use crate::schema;
use crate::values::{self, read_yaml, to_floats};

/// How much a message matters to Helm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Info,
    Warning,
    Error,
}

impl Level {
    /// As Helm prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// One thing that Helm would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub level: Level,
    /// File or folder in the chart; empty for the chart as a whole.
    pub path: String,
    pub text: String,
    /// Which group of rules says it.
    rule: &'static str,
    line: Option<u32>,
}

/// Collects messages; mirrors the order in which Helm finds them.
#[derive(Debug, Default)]
struct Report {
    messages: Vec<Message>,
}

impl Report {
    /// Takes the outcome of a rule; whether it passed.
    fn check(&mut self, level: Level, rule: &'static str, path: &str, outcome: Result<(), String>) -> bool {
        self.check_at(level, rule, path, None, outcome)
    }

    fn check_at(
        &mut self,
        level: Level,
        rule: &'static str,
        path: &str,
        line: Option<u32>,
        outcome: Result<(), String>,
    ) -> bool {
        let Err(text) = outcome else { return true };
        self.messages.push(Message { level, path: path.to_owned(), text, rule, line });
        false
    }
}

/// Lints the files of a chart's folder with values on top of its own.
pub fn lint(files: &[File], overrides: &Value) -> Vec<Message> {
    let mut report = Report::default();
    let find = |name: &str| files.iter().find(|file| file.name == name);
    chart_file::check(&mut report, find("Chart.yaml"));
    check_values(&mut report, find("values.yaml"), find("values.schema.json"), overrides);
    let loaded = ignore::filter(files.to_vec()).and_then(|mut files| {
        files.sort_by(|left, right| left.name.split('/').cmp(right.name.split('/')));
        load::load_files(files)
    });
    templates::check(&mut report, files, &loaded, overrides);
    match &loaded {
        Ok(chart) => check_dependencies(&mut report, chart),
        Err(error) => {
            let outcome = Err(format!("unable to load chart\n\t{error}"));
            report.check(Level::Error, "dependencies", "", outcome);
        }
    }
    crds::check(&mut report, files, &loaded);
    report.messages
}

/// Whether Helm would say that linting failed.
pub fn failed(messages: &[Message]) -> bool {
    messages.iter().any(|message| message.level == Level::Error)
}

fn check_values(report: &mut Report, file: Option<&File>, schema: Option<&File>, overrides: &Value) {
    let path = "values.yaml";
    let Some(file) = file else {
        report.check(Level::Info, "values", path, Err("file does not exist".to_owned()));
        return;
    };
    let outcome = values_outcome(file, schema, overrides);
    let line = outcome.as_ref().err().and_then(|text| place::yaml_line(text));
    report.check_at(Level::Error, "values", path, line, outcome);
}

fn values_outcome(file: &File, schema: Option<&File>, overrides: &Value) -> Result<(), String> {
    let own = match read_yaml(&values::text_of(&file.data)) {
        Ok(Value::Null) => Value::Object(Map::new()),
        Ok(value @ Value::Object(_)) => to_floats(value),
        Ok(other) => {
            return Err(format!(
                "unable to parse YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go \
                 value of type common.Values",
                values::json_kind(&other)
            ));
        }
        Err(error) => return Err(format!("unable to parse YAML: {error}")),
    };
    let Some(schema) = schema.filter(|schema| !schema.data.is_empty()) else { return Ok(()) };
    let (merged, own) = (Tree::new(overrides), Tree::new(&own));
    let merged = if overrides.is_object() { merged } else { Tree::empty() };
    if let (Some(merged), Some(own)) = (merged.table(), own.table()) {
        coalesce_tables(merged, own, "", Nulls::Delete, &mut Vec::new());
    }
    schema::validate_single(&merged.value(), &schema.data)
}

fn check_dependencies(report: &mut Report, chart: &crate::chart::Chart) {
    let wanted: Vec<_> = chart.metadata.dependencies.iter().flatten().collect();
    let listed = |names: Vec<&str>, what: &str| match names.is_empty() {
        true => Ok(()),
        false => Err(format!("{what}: {}", names.join(","))),
    };
    let present: Vec<&str> = chart.dependencies.iter().map(|dependency| dependency.name()).collect();
    let unlisted =
        present.iter().copied().filter(|name| !wanted.iter().any(|wanted| wanted.name == *name)).collect();
    report.check(
        Level::Error,
        "dependencies",
        "",
        listed(unlisted, "chart metadata is missing these dependencies"),
    );
    let mut seen: Vec<&str> = Vec::new();
    let mut twice: Vec<&str> = Vec::new();
    for dependency in &wanted {
        let key = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
        if seen.contains(&key.as_str()) {
            twice.push(key);
        }
        seen.push(key);
    }
    report.check(Level::Error, "dependencies", "", listed(twice, "multiple dependencies with name or alias"));
    let missing =
        wanted.iter().map(|wanted| wanted.name.as_str()).filter(|name| !present.contains(name)).collect();
    report.check(
        Level::Warning,
        "dependencies",
        "",
        listed(missing, "chart directory is missing these dependencies"),
    );
}

/// A message as the server shows it.
pub fn finding(message: &Message) -> Finding {
    let severity = match message.level {
        Level::Error => Severity::High,
        Level::Warning => Severity::Medium,
        Level::Info => Severity::Info,
    };
    let (path, line) = place::of(&message.path, message.line, &message.text);
    Finding {
        path,
        line,
        blocking: message.level == Level::Error,
        ..Finding::new(format!("helm/{}", message.rule), severity, message.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(files: &[(&str, &str)]) -> String {
        let files: Vec<File> =
            files.iter().map(|(name, text)| File::new(*name, (*text).to_owned())).collect();
        let messages = lint(&files, &Value::Null);
        let lines = messages.iter().map(|message| {
            let finding = finding(message);
            let line = finding.line.map_or(String::new(), |line| format!(" (line {line})"));
            format!("[{}] {}: {}{line}", message.level.name(), message.path, message.text)
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn chart_yaml_is_checked() {
        let chart = "apiVersion: v3\nname: a/b\nversion: 1.2\nappVersion: 1.10\ntype: application\nunknown: 1\n\
                     sources: [x, 'https://example.org/a']\nicon: http://a b\nmaintainers:\n- name: m\n  email: nobody\n";
        insta::assert_snapshot!(shown(&[("Chart.yaml", chart), ("values.yaml", "a: 1\n")]), @r#"
        [WARNING] Chart.yaml: failed to strictly parse chart metadata file
        	error unmarshaling JSON: while decoding JSON: json: unknown field "unknown" (line 6)
        [ERROR] Chart.yaml: chart name "a/b" is invalid (line 2)
        [ERROR] Chart.yaml: apiVersion 'v3' is not valid. The value must be either "v1" or "v2" (line 1)
        [ERROR] Chart.yaml: version should be of type string but it's of type float64 (line 3)
        [ERROR] Chart.yaml: appVersion should be of type string but it's of type float64 (line 4)
        [ERROR] Chart.yaml: invalid email 'nobody' for maintainer 'm' (line 9)
        [ERROR] Chart.yaml: invalid source URL 'x' (line 7)
        [ERROR] Chart.yaml: invalid icon URL 'http://a b' (line 8)
        [ERROR] Chart.yaml: chart type is not valid in apiVersion 'v3'. It is valid in apiVersion 'v2' (line 5)
        [WARNING] Chart.yaml: version '1.2' is not a valid SemVerV2 (line 3)
        [WARNING] templates/: directory does not exist
        [ERROR] : unable to load chart
        	validation: chart.metadata.name "a/b" is invalid
        "#);
        insta::assert_snapshot!(shown(&[("Chart.yaml", "name: [\n")]), @r#"
        [ERROR] Chart.yaml: unable to parse YAML
        	error converting YAML to JSON: yaml: line 1: did not find expected node content (line 1)
        [INFO] values.yaml: file does not exist
        [WARNING] templates/: directory does not exist
        [ERROR] : unable to load chart
        	cannot load Chart.yaml: error converting YAML to JSON: yaml: line 1: did not find expected node content
        "#);
        insta::assert_snapshot!(shown(&[("Chart.yaml", "apiVersion: v1\nname: x\nversion: v0.0.0-1\ndependencies: [{name: a}]\n")]), @r#"
        [INFO] Chart.yaml: icon is recommended
        [ERROR] Chart.yaml: dependencies are not valid in the Chart file with apiVersion 'v1'. They are valid in apiVersion 'v2' (line 4)
        [WARNING] Chart.yaml: version 'v0.0.0-1' is not a valid SemVerV2 (line 3)
        [INFO] values.yaml: file does not exist
        [WARNING] templates/: directory does not exist
        [WARNING] : chart directory is missing these dependencies: a
        "#);
    }

    #[test]
    fn values_are_checked() {
        let chart =
            ("Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\nicon: https://example.org/x.png\n");
        insta::assert_snapshot!(shown(&[chart, ("values.yaml", "a: 1\nb: c: d\n")]), @r#"
        [ERROR] values.yaml: unable to parse YAML: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context (line 2)
        [WARNING] templates/: directory does not exist
        [ERROR] : unable to load chart
        	cannot load values.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 2: mapping values are not allowed in this context
        "#);
        let schema = ("values.schema.json", r#"{"properties": {"a": {"type": "string"}}}"#);
        insta::assert_snapshot!(shown(&[chart, ("values.yaml", "a: 1\n"), schema]), @r#"
        [ERROR] values.yaml: - at '/a': got number, want string

        [WARNING] templates/: directory does not exist
        "#);
    }

    #[test]
    fn findings_about_an_object_name_its_line() {
        let chart =
            ("Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\nicon: https://example.org/x.png\n");
        let template = "{{- $name := \"A_b\" }}\napiVersion: extensions/v1beta1\nkind: 'Deployment'\nmetadata: {name: {{ $name }}}\n\
                        ---\n{{ range until 2 }}\n---\napiVersion: apps/v1\nkind: {{ print \"DaemonSet\" }}\n\
                        metadata: {name: x}\n{{ end }}\n";
        let said = shown(&[chart, ("values.yaml", ""), ("templates/t.yaml", template)]);
        let line = |part: &str| said.lines().find(|line| line.contains(part)).unwrap_or_default();
        assert!(line("does not conform").ends_with("(line 3)"), "{said}");
        assert!(line("is deprecated").ends_with("(line 2)"), "{said}");
        assert!(line("a Deployment must contain").ends_with("(line 3)"), "{said}");
        // What the template computes stands nowhere.
        assert!(line("a DaemonSet must contain").ends_with("does not"), "{said}");
    }

    #[test]
    fn definitions_are_checked() {
        let chart =
            ("Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0\nicon: https://example.org/x.png\n");
        let crds = ("crds/a.yaml", "apiVersion: v1\nkind: ConfigMap\n---\n# none\n---\na: b: c\n");
        insta::assert_snapshot!(shown(&[chart, ("values.yaml", ""), crds]), @r#"
        [WARNING] templates/: directory does not exist
        [ERROR] crds/a.yaml: apiVersion is not in 'apiextensions.k8s.io'
        [ERROR] crds/a.yaml: object kind is not 'CustomResourceDefinition'
        [ERROR] crds/a.yaml: unable to parse YAML: error converting YAML to JSON: yaml: mapping values are not allowed in this context
        "#);
    }
}
