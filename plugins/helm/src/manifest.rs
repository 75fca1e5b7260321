//! Splits what templates printed into documents, tells hooks from the rest, and puts both in order.

mod order;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::golang::number::parse_int;
use crate::text::scalar_text;
use crate::values::read_yaml;

pub use order::{Order, rank};

/// One document that is not a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The template, with the chart's name in front.
    pub path: String,
    pub content: String,
    pub head: Head,
}

/// What the order and the policies of a document depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub annotations: BTreeMap<String, String>,
}

/// A document that runs at certain events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hook {
    pub name: String,
    pub kind: String,
    pub path: String,
    pub content: String,
    pub events: Vec<Event>,
    pub weight: i64,
    /// As written, in lower case: `before-hook-creation`, `hook-succeeded`, `hook-failed`.
    pub delete_policies: Vec<String>,
    /// As written, in lower case: `hook-succeeded`, `hook-failed`.
    pub output_log_policies: Vec<String>,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

const EVENTS: [(&str, Event); 10] = [
    ("pre-install", Event::PreInstall),
    ("post-install", Event::PostInstall),
    ("pre-delete", Event::PreDelete),
    ("post-delete", Event::PostDelete),
    ("pre-upgrade", Event::PreUpgrade),
    ("post-upgrade", Event::PostUpgrade),
    ("pre-rollback", Event::PreRollback),
    ("post-rollback", Event::PostRollback),
    ("test", Event::Test),
    ("test-success", Event::Test),
];

impl Event {
    /// The name in annotations and release records.
    pub fn name(self) -> &'static str {
        EVENTS.iter().find(|(_, event)| *event == self).map_or("", |(name, _)| name)
    }

    /// The event of a name in lower case.
    pub fn parse(name: &str) -> Option<Self> {
        EVENTS.iter().find(|(known, _)| *known == name).map(|(_, event)| *event)
    }
}

/// Everything that templates printed, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sorted {
    pub hooks: Vec<Hook>,
    pub manifests: Vec<Manifest>,
}

static SEPARATOR: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^---[ \t]*").expect("the pattern is constant"));

/// The documents of a file. A separator needs no line of its own, as in Helm.
pub fn split(text: &str) -> Vec<&str> {
    SEPARATOR.split(text.trim_start()).map(str::trim_start).filter(|document| !document.is_empty()).collect()
}

/// Sorts rendered files (path to text) into hooks and other documents.
pub fn sort(files: &BTreeMap<String, String>, order: Order) -> Result<Sorted, String> {
    let mut sorted = Sorted::default();
    for (path, text) in files {
        if path.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
            continue;
        }
        for document in split(text) {
            let head =
                Head::parse(document).map_err(|error| format!("YAML parse error on {path}: {error}"))?;
            match head.annotations.get("helm.sh/hook") {
                None => {
                    sorted.manifests.push(Manifest {
                        path: path.clone(),
                        content: document.to_owned(),
                        head,
                    });
                }
                Some(events) => sorted.hooks.extend(Hook::parse(events, &head, path, document)),
            }
        }
    }
    sorted.manifests.sort_by(|left, right| order.compare(&left.head.kind, &right.head.kind));
    sorted.hooks.sort_by(|left, right| order.compare(&left.kind, &right.kind));
    Ok(sorted)
}

impl Head {
    /// Reads the head of a document; the error is worded as Helm's.
    pub fn parse(document: &str) -> Result<Self, String> {
        let value = read_yaml(document)?;
        Self::of(&value)
    }

    /// The head of an object.
    pub fn of(value: &Value) -> Result<Self, String> {
        let mut head = Self::default();
        let Some(fields) = fields(value, "value of type util.SimpleHead")? else { return Ok(head) };
        for (name, value) in fields {
            match name.as_str() {
                "apiversion" => set(&mut head.api_version, value, "struct field SimpleHead.apiVersion")?,
                "kind" => set(&mut head.kind, value, "struct field SimpleHead.kind")?,
                "metadata" => head.read_metadata(value)?,
                _ => {}
            }
        }
        Ok(head)
    }

    fn read_metadata(&mut self, value: &Value) -> Result<(), String> {
        let place = "struct field SimpleHead.metadata of type struct { Name string \"json:\\\"name\\\"\"; \
                     Annotations map[string]string \"json:\\\"annotations\\\"\" }";
        let Some(metadata) = fields(value, place)? else { return Ok(()) };
        for (name, value) in metadata {
            match (name.as_str(), value) {
                ("name", value) => set(&mut self.name, value, "struct field .metadata.name")?,
                ("annotations", Value::Object(map)) => {
                    for (key, value) in map {
                        let mut text = String::new();
                        set(&mut text, value, "struct field .metadata.annotations")?;
                        self.annotations.insert(key.clone(), text);
                    }
                }
                ("annotations", Value::Null) => {}
                ("annotations", other) => {
                    return Err(mismatch(
                        other,
                        "struct field .metadata.annotations of type map[string]string",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The fields of an object by their names in lower case, exact names last so that they win.
fn fields<'v>(value: &'v Value, place: &str) -> Result<Option<Vec<(String, &'v Value)>>, String> {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            Ok(Some(entries.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect()))
        }
        Value::Null => Ok(None),
        other => Err(mismatch(other, place)),
    }
}

fn set(target: &mut String, value: &Value, place: &str) -> Result<(), String> {
    match scalar_text(value) {
        Some(text) => *target = text,
        None if value.is_null() => {}
        None => return Err(mismatch(value, &format!("{place} of type string"))),
    }
    Ok(())
}

fn mismatch(value: &Value, place: &str) -> String {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {got} into Go {place}")
}

impl Hook {
    /// `None` if an event is unknown: Helm drops such a document.
    fn parse(events: &str, head: &Head, path: &str, document: &str) -> Option<Self> {
        let events = listed(events).map(|event| Event::parse(&event)).collect::<Option<Vec<_>>>()?;
        let list = |annotation: &str| {
            head.annotations.get(annotation).map(|text| listed(text).collect()).unwrap_or_default()
        };
        let weight = head.annotations.get("helm.sh/hook-weight").map_or("", String::as_str);
        Some(Self {
            name: head.name.clone(),
            kind: head.kind.clone(),
            path: path.to_owned(),
            content: document.to_owned(),
            events,
            weight: parse_int(weight, 10).unwrap_or_default(),
            delete_policies: list("helm.sh/hook-delete-policy"),
            output_log_policies: list("helm.sh/hook-output-log-policy"),
        })
    }

    /// Whether the hook runs at an event.
    pub fn runs_at(&self, event: Event) -> bool {
        self.events.contains(&event)
    }
}

/// Items between commas, trimmed, in lower case.
fn listed(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(',').map(|item| item.trim().to_lowercase())
}

/// The hooks of an event in the order in which they run: by weight, then name, else as sorted by kind.
pub fn hooks_at(hooks: &[Hook], event: Event) -> Vec<&Hook> {
    let mut found: Vec<&Hook> = hooks.iter().filter(|hook| hook.runs_at(event)).collect();
    found.sort_by(|left, right| left.weight.cmp(&right.weight).then_with(|| left.name.cmp(&right.name)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(files: &[(&str, &str)]) -> String {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        match sort(&files, Order::Install) {
            Err(error) => error,
            Ok(sorted) => {
                let manifests = sorted
                    .manifests
                    .iter()
                    .map(|item| format!("{} {}/{}", item.path, item.head.kind, item.head.name));
                let hooks = sorted.hooks.iter().map(|hook| {
                    format!(
                        "hook {} {}/{} {:?} {} {:?} {:?}",
                        hook.path,
                        hook.kind,
                        hook.name,
                        hook.events,
                        hook.weight,
                        hook.delete_policies,
                        hook.output_log_policies
                    )
                });
                manifests.chain(hooks).collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn separators_need_no_line_of_their_own() {
        insta::assert_debug_snapshot!(split("\n---\na: 1\n--- \n\n---b: 2\n----\nc: |\n  ---\n---\n"), @r#"
        [
            "a: 1\n",
            "b: 2\n",
            "-\nc: |\n  ---\n",
        ]
        "#);
    }

    #[test]
    fn documents_sort_by_kind() {
        let text = "kind: Zebra\nmetadata: {name: z}\n---\nkind: Deployment\nmetadata: {name: d}\n---\nkind: Ape\n\
                    metadata: {name: a}\n---\nkind: Secret\nmetadata: {name: 1}\n---\nKIND: Service\n---\n# none\n";
        insta::assert_snapshot!(sorted(&[("c/t/b.yaml", text), ("c/t/_x.yaml", "a: b: c"), ("c/t/a.yaml", "kind: Secret")]), @r#"
        c/t/a.yaml Secret/
        c/t/b.yaml Secret/1
        c/t/b.yaml Service/
        c/t/b.yaml Deployment/d
        c/t/b.yaml /
        c/t/b.yaml Ape/a
        c/t/b.yaml Zebra/z
        "#);
    }

    #[test]
    fn hooks_are_told_apart() {
        let hook = |annotations: &str| {
            format!("kind: Job\nmetadata:\n  name: j\n  annotations: {{{annotations}}}\n")
        };
        let cases = [
            hook("helm.sh/hook: 'Pre-Install, post-upgrade', helm.sh/hook-weight: '-5'"),
            hook(
                "helm.sh/hook: test-success, helm.sh/hook-weight: x, helm.sh/hook-delete-policy: 'hook-succeeded, HOOK-failed'",
            ),
            hook("helm.sh/hook: crd-install"),
            hook("helm.sh/hook: test, helm.sh/hook-output-log-policy: hook-failed, helm.sh/hook-weight: 3"),
            hook("a: b"),
        ];
        let shown: Vec<String> = cases.iter().map(|text| sorted(&[("c/t/a.yaml", text)])).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        hook c/t/a.yaml Job/j [PreInstall, PostUpgrade] -5 [] []
        hook c/t/a.yaml Job/j [Test] 0 ["hook-succeeded", "hook-failed"] []

        hook c/t/a.yaml Job/j [Test] 3 [] ["hook-failed"]
        c/t/a.yaml Job/j
        "#);
    }

    #[test]
    fn errors_name_the_file() {
        let cases = [
            "a: b: c",
            "- a",
            "text",
            "metadata: x",
            "kind: {}",
            "metadata: {annotations: [a]}",
            "metadata: {annotations: {a: {}}}",
        ];
        let shown: Vec<String> = cases.iter().map(|text| sorted(&[("c/t/a.yaml", text)])).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        YAML parse error on c/t/a.yaml: error converting YAML to JSON: yaml: mapping values are not allowed in this context
        YAML parse error on c/t/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type util.SimpleHead
        YAML parse error on c/t/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type util.SimpleHead
        YAML parse error on c/t/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field SimpleHead.metadata of type struct { Name string "json:\"name\""; Annotations map[string]string "json:\"annotations\"" }
        YAML parse error on c/t/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go struct field SimpleHead.kind of type string
        YAML parse error on c/t/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go struct field .metadata.annotations of type map[string]string
        YAML parse error on c/t/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go struct field .metadata.annotations of type string
        "#);
    }
}
