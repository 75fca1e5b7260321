//! What `helm template` does: from a chart and values to sorted documents, hooks, notes, and the text that is printed.

mod engine;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chart::Chart;
use crate::manifest::{Event, Hook, Manifest, Order, Sorted, sort};
use crate::text::{quote, say_once};
use crate::{coalesce, dependencies, schema};

/// The version that templates see as Helm's.
const HELM_VERSION: &str = "v4.3.1";
/// The cluster that Helm 4.3.1 pretends when there is none.
pub const DEFAULT_KUBE_VERSION: &str = "v1.37.0";
const HINT: &str = "\n\nUse --debug flag to render out invalid YAML";

/// What `lookup` asks of a cluster.
pub trait Lookup {
    /// One object, `None` if it is absent; an empty namespace means none.
    fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, String>;
    /// All objects of a kind; an empty namespace means all that may be seen.
    fn list(&self, api_version: &str, kind: &str, namespace: &str) -> Result<Vec<Value>, String>;
}

/// What a rendering depends on beside the chart and the values.
pub struct Options<'a> {
    pub name: String,
    pub namespace: String,
    pub revision: u32,
    pub is_upgrade: bool,
    /// As `helm lint` renders: `required` and `fail` pass, and the release is neither installed nor upgraded.
    pub lint: bool,
    /// Empty for Helm's default.
    pub kube_version: String,
    /// All API versions of the cluster; empty for Helm's default.
    pub api_versions: Vec<String>,
    /// API versions beside those.
    pub extra_api_versions: Vec<String>,
    /// Reads the cluster for the function `lookup`; without it, everything is absent.
    pub lookup: Option<&'a dyn Lookup>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            name: "release-name".to_owned(),
            namespace: "default".to_owned(),
            revision: 1,
            is_upgrade: false,
            lint: false,
            kube_version: String::new(),
            api_versions: Vec::new(),
            extra_api_versions: Vec::new(),
            lookup: None,
        }
    }
}

/// A chart rendered.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// The chart with its dependencies processed.
    pub chart: Chart,
    /// In Helm's order for installing.
    pub manifests: Vec<Manifest>,
    /// Sorted by kind, as Helm prints them.
    pub hooks: Vec<Hook>,
    /// Path and text of the files in `crds/`, of subcharts too.
    pub crds: Vec<(String, String)>,
    pub notes: Option<String>,
    pub warnings: Vec<String>,
}

/// Why a chart cannot be rendered, in Helm's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Whose fault it is.
    pub cause: Cause,
    pub message: String,
}

/// Whose fault a failed rendering is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Chart,
    Values,
    Cluster,
}

impl TemplateError {
    fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into() }
    }
}

/// Checks that a chart can be installed at all, before anything is rendered.
pub fn check_installable(chart: &Chart) -> Result<(), TemplateError> {
    let unsupported = match chart.metadata.api_version.as_str() {
        "" | "v1" | "v2" => None,
        "v3" => Some("invalid chart apiVersion"),
        _ => Some("unsupported chart version"),
    };
    if let Some(message) = unsupported {
        return Err(TemplateError::new(Cause::Chart, message));
    }
    if !matches!(chart.metadata.kind.as_str(), "" | "application") {
        let message = format!("{} charts are not installable", chart.metadata.kind);
        return Err(TemplateError::new(Cause::Chart, message));
    }
    dependencies::check_present(chart).map_err(|missing| {
        TemplateError::new(
            Cause::Chart,
            format!(
                "an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' \
                 to fetch missing dependencies: {missing}"
            ),
        )
    })
}

/// Renders a chart with the user's values.
pub fn template(chart: Chart, user: &Value, options: &Options<'_>) -> Result<Output, TemplateError> {
    check_installable(&chart)?;
    let mut chart = chart;
    let mut warnings = Vec::new();
    if chart.metadata.deprecated {
        warnings.push("this chart is deprecated".to_owned());
    }
    dependencies::process(&mut chart, user, &mut warnings).map_err(|error| {
        TemplateError::new(Cause::Values, format!("chart dependencies processing failed: {error}"))
    })?;
    let capabilities = capabilities(options)?;
    let values = coalesce::coalesce_values(&chart, user, &mut warnings)
        .map_err(|error| TemplateError::new(Cause::Values, error))?;
    schema::validate(&chart, &values).map_err(|failures| {
        TemplateError::new(
            Cause::Values,
            format!(
                "values don't meet the specifications of the schema(s) in the following chart(s):\n{failures}"
            ),
        )
    })?;
    let kube_version = normalized(&capabilities.kube_version);
    let wanted = &chart.metadata.kube_version;
    if !wanted.is_empty() && !dependencies::is_compatible(wanted, &kube_version) {
        return Err(TemplateError::new(
            Cause::Cluster,
            format!(
                "chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {}{HINT}",
                capabilities.kube_version
            ),
        ));
    }
    let mut files = engine::render(&chart, &values, options, capabilities)
        .map_err(|error| TemplateError::new(Cause::Chart, format!("{error}{HINT}")))?;
    let notes = take_notes(&chart, &mut files);
    let Sorted { hooks, manifests } = sort(&files, Order::Install)
        .map_err(|error| TemplateError::new(Cause::Chart, format!("{error}{HINT}")))?;
    let crds = crds(&chart);
    say_once(&mut warnings);
    Ok(Output { chart, manifests, hooks, crds, notes, warnings })
}

/// The text of every template but partials, without the checks for installing: for tests of templates.
pub fn template_files(
    chart: Chart,
    user: &Value,
    options: &Options<'_>,
) -> Result<BTreeMap<String, String>, String> {
    let mut chart = chart;
    let mut warnings = Vec::new();
    dependencies::process(&mut chart, user, &mut warnings)?;
    let capabilities = capabilities(options).map_err(|error| error.message)?;
    let values = coalesce::coalesce_values(&chart, user, &mut warnings)?;
    engine::render(&chart, &values, options, capabilities)
}

/// What `helm lint` renders: failing templates do not stop it. `None` if the values cannot be merged.
pub(crate) fn lint_files(chart: Chart, user: &Value) -> Result<Option<BTreeMap<String, String>>, String> {
    let mut chart = chart;
    let mut warnings = Vec::new();
    if dependencies::process(&mut chart, user, &mut warnings).is_err() {
        return Ok(None);
    }
    let Ok(values) = coalesce::coalesce_values(&chart, user, &mut warnings) else { return Ok(None) };
    // Helm merges twice here, which drops nulls that survived the first time.
    let values = coalesce::coalesce_values(&chart, &values, &mut warnings)?;
    schema::validate(&chart, &values).map_err(|failures| {
        format!(
            "values don't meet the specifications of the schema(s) in the following chart(s):\n{failures}"
        )
    })?;
    let options = Options { name: "test-release".to_owned(), lint: true, revision: 0, ..Options::default() };
    let capabilities = capabilities(&options).map_err(|error| error.message)?;
    engine::render(&chart, &values, &options, capabilities).map(Some)
}

/// Takes all notes out of the files; those of the chart itself are the release's.
fn take_notes(chart: &Chart, files: &mut BTreeMap<String, String>) -> Option<String> {
    let own = format!("{}/templates/NOTES.txt", chart.name());
    let notes = files.get(&own).cloned();
    files.retain(|path, _| !path.ends_with("NOTES.txt"));
    notes
}

/// Path and text of the files in `crds/`, the chart's own first.
pub fn crds(chart: &Chart) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect_crds(chart, chart.name(), &mut found);
    found
}

fn collect_crds(chart: &Chart, path: &str, found: &mut Vec<(String, String)>) {
    let is_manifest = |name: &str| {
        let base = name.rsplit('/').next().unwrap_or(name);
        let extension = base.rsplit_once('.').map_or("", |(_, extension)| extension);
        ["yaml", "yml", "json"].iter().any(|known| known.eq_ignore_ascii_case(extension))
    };
    for file in chart.files.iter().filter(|file| file.name.starts_with("crds/") && is_manifest(&file.name)) {
        let text = String::from_utf8_lossy(&file.data).into_owned();
        found.push((format!("{path}/{}", file.name), text));
    }
    for dependency in &chart.dependencies {
        collect_crds(dependency, &format!("{path}/charts/{}", dependency.name()), found);
    }
}

/// What templates learn about the cluster and about Helm.
struct Capabilities {
    kube_version: String,
    api_versions: Vec<String>,
    helm_version: String,
}

/// A version without what a vendor added.
fn normalized(version: &str) -> String {
    let body = version.trim_start_matches('v');
    let end = body.find(|letter: char| letter != '.' && !letter.is_ascii_digit()).unwrap_or(body.len());
    format!("v{}", body[..end].trim_end_matches('.'))
}

/// The API versions and the cluster's version that templates see.
fn capabilities(options: &Options<'_>) -> Result<Capabilities, TemplateError> {
    let version = match options.kube_version.as_str() {
        "" => DEFAULT_KUBE_VERSION,
        version => version,
    };
    let kube_version = parse_kube_version(version).map_err(|error| {
        TemplateError::new(Cause::Cluster, format!("invalid kube version '{version}': {error}"))
    })?;
    let mut api_versions = match options.api_versions.is_empty() {
        true => default_api_versions(),
        false => options.api_versions.clone(),
    };
    api_versions.extend(options.extra_api_versions.iter().cloned());
    Ok(Capabilities { kube_version, api_versions, helm_version: HELM_VERSION.to_owned() })
}

/// What Helm assumes without a cluster.
pub fn default_api_versions() -> Vec<String> {
    include_str!("default_api_versions.txt").lines().map(str::to_owned).collect()
}

/// Checks a version as Kubernetes does and puts the `v` in front.
fn parse_kube_version(text: &str) -> Result<String, String> {
    let body = text.trim_start();
    let body = body.strip_prefix('v').unwrap_or(body);
    let end = body.find(|letter: char| letter != '.' && !letter.is_ascii_digit()).unwrap_or(body.len());
    let numbers = body[..end].trim_end_matches('.');
    if numbers.is_empty() || numbers.starts_with('.') {
        return Err(format!("could not parse {} as version", quote(text)));
    }
    // Two dots in a row end the numbers.
    let numbers = numbers.split("..").next().unwrap_or(numbers);
    let parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() < 2 {
        return Err(format!("illegal version string {}", quote(text)));
    }
    if parts[0].len() > 1 && parts[0].starts_with('0') {
        return Err(format!(
            "illegal zero-prefixed version component {} in {}",
            quote(parts[0]),
            quote(text)
        ));
    }
    Ok(if text.starts_with('v') { text.to_owned() } else { format!("v{text}") })
}

/// One document as Helm prints and stores it.
pub fn source_block(path: &str, content: &str) -> String {
    format!("---\n# Source: {path}\n{content}\n")
}

/// Which parts of a rendering are printed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Printed {
    pub include_crds: bool,
    pub skip_tests: bool,
    pub no_hooks: bool,
}

impl Output {
    /// What `helm template` prints.
    pub fn text(&self, printed: Printed) -> String {
        let mut text = String::new();
        if printed.include_crds {
            self.crds.iter().for_each(|(path, content)| text.push_str(&source_block(path, content)));
        }
        self.manifests.iter().for_each(|item| text.push_str(&source_block(&item.path, &item.content)));
        let mut text = format!("{}\n", text.trim());
        self.hooks_shown(printed).for_each(|hook| text.push_str(&source_block(&hook.path, &hook.content)));
        text
    }

    /// The hooks that are printed.
    pub fn hooks_shown(&self, printed: Printed) -> impl Iterator<Item = &Hook> {
        let is_shown =
            move |hook: &&Hook| !(printed.no_hooks || printed.skip_tests && hook.runs_at(Event::Test));
        self.hooks.iter().filter(is_shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kube_versions_are_checked() {
        let results: Vec<String> = ["1.30", "v1.30.4-gke.1+x", "1", "x", "", "01.2", " 1.2", "1.2."]
            .iter()
            .map(|text| match parse_kube_version(text) {
                Ok(version) => version,
                Err(error) => error,
            })
            .collect();
        insta::assert_snapshot!(results.join("\n"), @r#"
        v1.30
        v1.30.4-gke.1+x
        illegal version string "1"
        could not parse "x" as version
        could not parse "" as version
        illegal zero-prefixed version component "01" in "01.2"
        v 1.2
        v1.2.
        "#);
    }
}
