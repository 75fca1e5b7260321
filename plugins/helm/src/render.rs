//! Renders a chart with everything below it: one set of templates, values by scope, errors in Helm's form.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::chart::Chart;
use crate::functions::helm::{NO_VALUE, WARN_END, WARN_START};
use crate::functions::urls::{base, clean};
use crate::golang::bytes::{from_bytes, printable};
use crate::gotemplate::error::Chain;
use crate::gotemplate::exec::{Engine, Limits, Lookup, Set};
use crate::gotemplate::parse::parse;
use crate::value::{Capabilities, Entries, Map, MapKind, Object, Value};

/// What templates learn of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub name: String,
    pub namespace: String,
    pub revision: i64,
    pub is_install: bool,
    pub is_upgrade: bool,
}

/// What a rendering depends on beside chart and values.
pub struct Options<'a> {
    pub release: Release,
    pub capabilities: Capabilities,
    pub lookup: &'a Lookup<'a>,
    /// Lint lets `required` and `fail` pass.
    pub lint: bool,
    pub limits: Limits,
}

/// The texts of all templates but partials by their path; an error is worded as Helm words it.
///
/// `values` are those of the chart itself, with the ones of subcharts below their names.
pub fn render(
    chart: &Chart,
    values: &serde_json::Value,
    options: &Options<'_>,
) -> Result<BTreeMap<String, String>, String> {
    let mut templates = Templates::default();
    let release = Value::pairs([
        ("Name", Value::str(&options.release.name)),
        ("Namespace", Value::str(&options.release.namespace)),
        ("IsUpgrade", Value::Bool(options.release.is_upgrade)),
        ("IsInstall", Value::Bool(options.release.is_install)),
        ("Revision", Value::int(options.release.revision)),
        ("Service", Value::str("Helm")),
    ]);
    let capabilities = Value::object(Object::Capabilities(Rc::new(options.capabilities.clone())));
    let values = match Value::from_json(values) {
        Value::Map(_, map) => map,
        _ => Rc::new(Map::default()),
    };
    templates.collect(chart, chart.name(), true, values, &release, &capabilities);
    templates.run(options)
}

/// A template file and what it sees.
struct Template {
    text: String,
    scope: Rc<Map>,
    base_path: String,
}

#[derive(Default)]
struct Templates {
    files: BTreeMap<String, Template>,
}

impl Templates {
    fn collect(
        &mut self,
        chart: &Chart,
        path: &str,
        is_root: bool,
        values: Rc<Map>,
        release: &Value,
        capabilities: &Value,
    ) -> Rc<Map> {
        let subcharts = Rc::new(Map::default());
        let files: Entries = chart
            .files
            .iter()
            .map(|file| (Rc::from(file.name.as_str()), Value::Bytes(Rc::from(&file.data[..]))))
            .collect();
        let scope = Rc::new(Map::default());
        scope.insert("Chart", metadata(chart, is_root));
        scope.insert("Files", Value::Map(MapKind::Files, Map::new(files)));
        scope.insert("Release", release.clone());
        scope.insert("Capabilities", capabilities.clone());
        scope.insert("Values", Value::Map(MapKind::Values, Rc::clone(&values)));
        scope.insert("Subcharts", Value::Map(MapKind::Any, Rc::clone(&subcharts)));
        for child in &chart.dependencies {
            let name = child.name();
            let below = match values.get(name) {
                Some(Value::Map(_, map)) => map,
                _ => Rc::new(Map::default()),
            };
            let path = format!("{path}/charts/{name}");
            let seen = self.collect(child, &path, false, below, release, capabilities);
            subcharts.insert(name, Value::Map(MapKind::Any, seen));
        }
        let is_library = chart.metadata.kind.eq_ignore_ascii_case("library");
        for file in &chart.templates {
            if is_library && !base(&file.name).starts_with('_') {
                continue;
            }
            let template = Template {
                text: from_bytes(&file.data).into_owned(),
                scope: Rc::clone(&scope),
                base_path: clean(&format!("{path}/templates")),
            };
            self.files.insert(clean(&format!("{path}/{}", file.name)), template);
        }
        scope
    }

    /// The names from the deepest to the highest, so that charts override what their subcharts define.
    fn order(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.files.keys().map(String::as_str).collect();
        names.sort_by_key(|name| (name.matches('/').count(), *name));
        names.reverse();
        names
    }

    fn run(&self, options: &Options<'_>) -> Result<BTreeMap<String, String>, String> {
        let order = self.order();
        let mut set = Set::default();
        for name in &order {
            let trees = parse(name, &self.files[*name].text).map_err(|error| parse_message(name, &error))?;
            set.add(trees);
        }
        let mut engine = Engine::new(set, options.lint, options.lookup, options.limits);
        let mut rendered = BTreeMap::new();
        for name in order {
            if base(name).starts_with('_') {
                continue;
            }
            let template = &self.files[name];
            let about = [("Name", Value::str(name)), ("BasePath", Value::str(&template.base_path))];
            let about: Entries = about.into_iter().map(|(k, v)| (Rc::from(k), v)).collect();
            template.scope.insert("Template", Value::Map(MapKind::Values, Map::new(about)));
            let dot = Value::Map(MapKind::Values, Rc::clone(&template.scope));
            let text =
                engine.execute_named(name, dot).map_err(|error| printable(exec_message(name, &error)))?;
            let text = if text.contains(NO_VALUE) { text.replace(NO_VALUE, "") } else { text };
            rendered.insert(name.to_owned(), printable(text));
        }
        Ok(rendered)
    }
}

/// `.Chart`: the fields of `Chart.yaml` under Go's names.
fn metadata(chart: &Chart, is_root: bool) -> Value {
    let m = &chart.metadata;
    let texts = |items: &[String]| Value::list(items.iter().map(Value::str).collect());
    let maintainers = m.maintainers.iter().flatten().map(|maintainer| {
        Value::pairs([
            ("Name", Value::str(&maintainer.name)),
            ("Email", Value::str(&maintainer.email)),
            ("URL", Value::str(&maintainer.url)),
        ])
    });
    let dependencies = m.dependencies.iter().flatten().map(|dependency| {
        Value::pairs([
            ("Name", Value::str(&dependency.name)),
            ("Version", Value::str(&dependency.version)),
            ("Repository", Value::str(&dependency.repository)),
            ("Condition", Value::str(&dependency.condition)),
            ("Tags", texts(&dependency.tags)),
            ("Enabled", Value::Bool(dependency.enabled)),
            (
                "ImportValues",
                Value::list(dependency.import_values.iter().map(Value::from_json_floats).collect()),
            ),
            ("Alias", Value::str(&dependency.alias)),
        ])
    });
    let kind = if m.annotations.is_some() { MapKind::Strings } else { MapKind::NilStrings };
    let annotations: Entries =
        m.annotations.iter().flatten().map(|(k, v)| (Rc::from(k.as_str()), Value::str(v))).collect();
    Value::pairs([
        ("Name", Value::str(&m.name)),
        ("Home", Value::str(&m.home)),
        ("Sources", texts(&m.sources)),
        ("Version", Value::str(&m.version)),
        ("Description", Value::str(&m.description)),
        ("Keywords", texts(&m.keywords)),
        ("Maintainers", Value::list(maintainers.collect())),
        ("Icon", Value::str(&m.icon)),
        ("APIVersion", Value::str(&m.api_version)),
        ("Condition", Value::str(&m.condition)),
        ("Tags", Value::str(&m.tags)),
        ("AppVersion", Value::str(&m.app_version)),
        ("Deprecated", Value::Bool(m.deprecated)),
        ("Annotations", Value::Map(kind, Map::new(annotations))),
        ("KubeVersion", Value::str(&m.kube_version)),
        ("Dependencies", Value::list(dependencies.collect())),
        ("Type", Value::str(&m.kind)),
        ("IsRoot", Value::Bool(is_root)),
    ])
}

/// Keeps the place and the last part of a parser's message.
fn parse_message(name: &str, error: &str) -> String {
    let tokens: Vec<&str> = error.split(": ").collect();
    match tokens.as_slice() {
        [_, location, .., message] => format!("parse error at ({location}): {message}"),
        [_, location] => format!("parse error at ({location}): {location}"),
        _ => format!("parse error in ({name}): {error}"),
    }
}

/// One level of an error in parts: place, action, message.
#[derive(Default, PartialEq)]
struct Frame {
    location: String,
    executed: String,
    message: String,
}

/// Takes an error text of Go's templates apart; `None` if it is none.
fn frame(text: &str) -> Option<Frame> {
    let rest = text.strip_prefix("template: ")?;
    if rest.starts_with("no template ") {
        return Some(Frame { message: text.to_owned(), ..Frame::default() });
    }
    let cut = |message: &str| message.find(" template:").map_or(message, |at| &message[..at]).to_owned();
    if let Some((location, after)) = rest.split_once(": executing ") {
        let parts = after.strip_prefix('"').and_then(|after| {
            let (function, after) = after.split_once('"')?;
            let (node, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
            Some((function, node, message))
        });
        if let Some((function, node, message)) = parts {
            return Some(Frame {
                location: location.to_owned(),
                executed: format!("executing \"{function}\" at <{node}>:"),
                message: cut(message),
            });
        }
    }
    let at = rest.rfind(": ")?;
    Some(Frame { location: rest[..at].to_owned(), executed: String::new(), message: cut(&rest[at + 2..]) })
}

/// Helm's form of an error while executing.
fn exec_message(name: &str, error: &Chain) -> String {
    let text = error.to_string();
    if text.starts_with("template: no template ") {
        return text;
    }
    let mut tokens = text.splitn(3, ": ");
    let (Some(_), Some(location), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return format!("execution error in ({name}): {text}");
    };
    if let Some(start) = rest.find(WARN_START) {
        let message = &rest[start + WARN_START.len()..];
        if let Some(end) = message.rfind(WARN_END) {
            return format!("execution error at ({location}): {}", &message[..end]);
        }
    }
    let mut frames: Vec<Frame> = Vec::new();
    let mut current = Some(error);
    while let Some(chain) = current {
        match frame(&chain.head()) {
            Some(frame) => {
                if frames.last() != Some(&frame) {
                    frames.push(frame);
                }
            }
            None => return text,
        }
        current = chain.cause();
    }
    let mut out = String::new();
    for frame in frames {
        if !frame.location.is_empty() {
            out.push_str(&format!("{}\n  ", frame.location));
        }
        if !frame.executed.is_empty() {
            out.push_str(&format!("{}\n    ", frame.executed));
        }
        if !frame.message.is_empty() {
            out.push_str(&format!("{}\n", frame.message));
        }
    }
    out.trim().to_owned()
}
