//! The package at hand as a chart: found among the host's files, loaded, rendered for a request.

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::host::Host;
use osc_plugin_api::{Error, Result};
use serde_json::Value;

use crate::chart::{Chart, File};
use crate::load;
use crate::manifest::split;
use crate::plan::Context;
use crate::template::{self, Cause, Lookup, Options, Output, TemplateError};
use crate::values::read_yaml;

/// Where the chart is inside the package: at its root, or in its only folder. `None` if there is no chart.
pub fn root<'p>(paths: impl IntoIterator<Item = &'p str> + Clone) -> Option<String> {
    if paths.clone().into_iter().any(|path| path == "Chart.yaml") {
        return Some(String::new());
    }
    let mut folders =
        paths.clone().into_iter().map(|path| path.split_once('/').map_or("", |(folder, _)| folder));
    let folder = folders.next().filter(|folder| !folder.is_empty())?;
    let chart = format!("{folder}/Chart.yaml");
    let is_only = folders.all(|other| other == folder);
    (is_only && paths.into_iter().any(|path| path == chart)).then(|| format!("{folder}/"))
}

/// The files of the package's chart.
pub fn files(host: &dyn Host) -> Result<Vec<File>> {
    let files = host.files()?;
    let root = root(files.iter().map(|file| file.path.as_str()))
        .ok_or_else(|| Error::invalid_package("the package holds no `Chart.yaml`"))?;
    let unpacked: u64 = files.iter().map(|file| file.size).sum();
    if unpacked > load::archive::MAX_UNPACKED {
        return Err(Error::invalid_package(format!(
            "the chart unpacks to {unpacked} bytes, more than the {} allowed",
            load::archive::MAX_UNPACKED
        )));
    }
    let paths: Vec<String> = files.into_iter().map(|file| file.path).collect();
    let contents = host.read_all(&paths)?;
    let files = paths.iter().zip(contents).filter_map(|(path, content)| {
        let path = path.strip_prefix(&root)?;
        Some(File::new(path, content))
    });
    Ok(files.collect())
}

/// Loads the chart of the package.
pub fn load(host: &dyn Host) -> Result<Chart> {
    load::load_files(files(host)?).map_err(|error| Error::invalid_package(error.to_string()))
}

/// The error of a rendering as the server shows it.
pub fn refusal(error: TemplateError) -> Error {
    let code = match error.cause {
        Cause::Chart => "invalid-package",
        Cause::Values => "invalid-values",
        Cause::Cluster => "not-supported",
    };
    let message = error.message.trim_end();
    Error::new(
        code,
        message.strip_suffix("\n\nUse --debug flag to render out invalid YAML").unwrap_or(message),
    )
}

/// Renders the package for a plan: with the cluster's capabilities, and the kinds that the chart's own `crds/` bring.
pub(crate) fn render(context: &Context<'_>, revision: u32, is_upgrade: bool) -> Result<Output> {
    let request = context.request;
    let chart = load(context.host)?;
    let lookup = HostLookup { host: context.host, namespace: &request.instance.namespace };
    let (api_versions, mut extra_api_versions) = api_versions(&request.cluster.api_versions);
    extra_api_versions.extend(served_by(&template::crds(&chart)));
    let options = Options {
        name: context.release().to_owned(),
        namespace: request.instance.namespace.clone(),
        revision,
        is_upgrade,
        lint: false,
        kube_version: request.cluster.kube_version.clone(),
        api_versions,
        extra_api_versions,
        lookup: Some(&lookup),
    };
    template::template(chart, &request.values, &options).map_err(refusal)
}

/// The API versions of a request as a whole list and additions: a list without `v1` is no cluster's, so it adds to
/// what Helm assumes.
pub(crate) fn api_versions(given: &[String]) -> (Vec<String>, Vec<String>) {
    if given.iter().any(|version| version == "v1") {
        (given.to_vec(), Vec::new())
    } else {
        (Vec::new(), given.to_vec())
    }
}

/// API versions that definitions bring: `GROUP/VERSION` and `GROUP/VERSION/KIND`.
fn served_by(crds: &[(String, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for document in crds.iter().flat_map(|(_, text)| split(text)) {
        // What cannot be read is refused where it is applied.
        let Ok(definition) = read_yaml(document) else { continue };
        let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
        let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) else { continue };
        let versions = definition.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
        let served = versions.filter(|version| version["served"].as_bool() != Some(false));
        let names = served.filter_map(|version| version["name"].as_str()).chain(text("/spec/version"));
        for name in names {
            for version in [format!("{group}/{name}"), format!("{group}/{name}/{kind}")] {
                if !found.contains(&version) {
                    found.push(version);
                }
            }
        }
    }
    found
}

/// The function `lookup` over the host's view of the cluster.
pub(crate) struct HostLookup<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) namespace: &'a str,
}

/// What may not be read is absent, as it is for a user of few rights.
fn readable<T: Default>(answer: Result<T>) -> Result<T, String> {
    match answer {
        Err(error) if error.code == "denied" => Ok(T::default()),
        answer => answer.map_err(|error| error.message),
    }
}

impl Lookup for HostLookup<'_> {
    fn get(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, String> {
        let object = ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
            name: name.to_owned(),
        };
        readable(self.host.object(&object))
    }

    fn list(&self, api_version: &str, kind: &str, namespace: &str) -> Result<Vec<Value>, String> {
        let namespace = if namespace.is_empty() { self.namespace } else { namespace };
        readable(self.host.list(api_version, kind, Some(namespace), None))
    }
}
