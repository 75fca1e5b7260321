//! Facts of a chart for the catalogue, and its rendering for scanners and offline tools.

use osc_plugin_api::documents::package::{Dependency, Maintainer, PackageFacts};
use osc_plugin_api::documents::plan_request::{PlanRequest, Verb};
use osc_plugin_api::documents::rendering::{RenderedObject, Rendering};
use osc_plugin_api::host::Host;
use osc_plugin_api::objects::{all_images, kind, name, rbac_rules};
use osc_plugin_api::{Error, Result};
use serde_json::Value;

use crate::chart::Chart;
use crate::manifest::split;
use crate::package;
use crate::plan;
use crate::resources;
use crate::template::{self, Options, Output, Printed};
use crate::text::quote;

const MAX_README: usize = 512 * 1024;

/// Facts of a chart. What needs a rendering stays empty when the chart does not render with its defaults.
pub fn facts(chart: &Chart) -> PackageFacts {
    let metadata = &chart.metadata;
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let annotation =
        |keys: &[&str]| keys.iter().find_map(|key| metadata.annotations.as_ref()?.get(*key)).cloned();
    let maintainers = metadata.maintainers.iter().flatten().map(|maintainer| Maintainer {
        name: maintainer.name.clone(),
        email: some(&maintainer.email),
        url: some(&maintainer.url),
    });
    let dependencies = metadata.dependencies.iter().flatten().map(|dependency| Dependency {
        name: dependency.name.clone(),
        version: dependency.version.clone(),
        repository: some(&dependency.repository),
    });
    let objects = default_objects(chart);
    let is_definition = |object: &&Value| kind(object) == Some("CustomResourceDefinition");
    let mut crds: Vec<String> =
        objects.iter().filter(is_definition).filter_map(|object| name(object).map(str::to_owned)).collect();
    crds.sort();
    crds.dedup();
    PackageFacts {
        schema: PackageFacts::SCHEMA.to_owned(),
        kind: "helm".to_owned(),
        name: metadata.name.clone(),
        version: metadata.version.clone(),
        app_version: some(&metadata.app_version),
        description: some(&metadata.description),
        icon: logo(chart).or_else(|| some(&metadata.icon)),
        home: some(&metadata.home),
        sources: metadata.sources.clone(),
        keywords: metadata.keywords.clone(),
        categories: annotation(&["categories", "artifacthub.io/category", "category"])
            .iter()
            .flat_map(|list| list.split(','))
            .map(|category| category.trim().to_owned())
            .filter(|category| !category.is_empty())
            .collect(),
        maintainers: maintainers.collect(),
        license: annotation(&["artifacthub.io/license", "licenses", "license"]),
        kube_version: some(&metadata.kube_version),
        deprecated: metadata.deprecated,
        readme: readme(chart),
        dependencies: dependencies.collect(),
        images: all_images(&objects),
        crds,
        permissions: objects.iter().flat_map(|object| rbac_rules(object).to_vec()).collect(),
        delegate: None,
    }
}

/// The objects of the default rendering, definitions and hooks included.
fn default_objects(chart: &Chart) -> Vec<Value> {
    let output = template::template(chart.clone(), &Value::Null, &Options::default());
    let (crds, documents) = match output {
        Ok(output) => {
            let manifests = output.manifests.into_iter().map(|item| (item.path, item.content));
            let hooks = output.hooks.into_iter().map(|hook| (hook.path, hook.content));
            let documents: Vec<_> = manifests.chain(hooks).collect();
            (output.crds, documents)
        }
        Err(_) => (template::crds(chart), Vec::new()),
    };
    let crds = crds
        .iter()
        .flat_map(|(path, text)| split(text).into_iter().map(|text| (path.clone(), text.to_owned())));
    // A document that cannot be read is a matter of the lint.
    crds.chain(documents).filter_map(|(path, text)| resources::parse(&text, &path).ok()).flatten().collect()
}

/// A picture beside `Chart.yaml`; it goes before a link to somewhere else.
fn logo(chart: &Chart) -> Option<String> {
    let names = ["logo.svg", "logo.png", "logo.jpg", "logo.jpeg"];
    names
        .iter()
        .find(|name| chart.files.iter().any(|file| file.name == **name))
        .map(|name| (*name).to_owned())
}

fn readme(chart: &Chart) -> Option<String> {
    let names = ["readme.md", "readme.markdown", "readme.txt", "readme"];
    let found =
        names.iter().find_map(|name| chart.files.iter().find(|file| file.name.eq_ignore_ascii_case(name)))?;
    let mut text = String::from_utf8_lossy(&found.data).into_owned();
    if text.len() > MAX_README {
        let end = (0..=MAX_README).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
    }
    Some(text)
}

/// Renders the package as `helm template` does, without a cluster: `lookup` finds nothing there.
pub fn render(host: &dyn Host, request: &PlanRequest) -> Result<Rendering> {
    check_release_name(&request.instance.name)?;
    let chart = package::load(host)?;
    let chart_name = chart.name().to_owned();
    let defaults = Options::default();
    let or = |text: &str, default: String| if text.is_empty() { default } else { text.to_owned() };
    let namespace = or(&request.instance.namespace, defaults.namespace);
    let (api_versions, extra_api_versions) = package::api_versions(&request.cluster.api_versions);
    let options = Options {
        name: or(&request.instance.name, defaults.name),
        namespace,
        is_upgrade: request.verb == Verb::Upgrade,
        kube_version: request.cluster.kube_version.clone(),
        api_versions,
        extra_api_versions,
        ..Options::default()
    };
    let output = template::template(chart, &request.values, &options).map_err(package::refusal)?;
    let printed = Printed {
        include_crds: request.options.include_crds,
        skip_tests: request.options.skip_tests,
        no_hooks: request.options.no_hooks,
    };
    Ok(Rendering {
        schema: Rendering::SCHEMA.to_owned(),
        text: output.text(printed),
        objects: rendered_objects(&output, &chart_name, printed)?,
        notes: output.notes,
        warnings: output.warnings,
    })
}

/// Refuses a name as Helm does; none at all stands for Helm's default.
fn check_release_name(name: &str) -> Result<()> {
    if name.is_empty() || plan::is_release_name(name) {
        return Ok(());
    }
    let rule = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    Err(Error::new(
        "invalid-name",
        format!(
            "release name check failed: release name {}: invalid release name, must match regex {rule} and the \
             length must not be longer than 53",
            quote(name)
        ),
    ))
}

fn rendered_objects(output: &Output, chart: &str, printed: Printed) -> Result<Vec<RenderedObject>> {
    let prefix = format!("{chart}/");
    let mut objects = Vec::new();
    let mut add = |path: &str, text: &str, hook: bool| -> Result<()> {
        for document in split(text) {
            let value = crate::values::read_yaml(document).map_err(|error| {
                Error::invalid_package(format!("`{path}` does not render to YAML: {error}"))
            })?;
            let inside = path.strip_prefix(&prefix).unwrap_or(path);
            let found = osc_plugin_api::objects::flatten(value).into_iter().filter(Value::is_object);
            objects.extend(found.map(|object| RenderedObject { path: inside.to_owned(), object, hook }));
        }
        Ok(())
    };
    if printed.include_crds {
        output.crds.iter().try_for_each(|(path, text)| add(path, text, false))?;
    }
    output.manifests.iter().try_for_each(|item| add(&item.path, &item.content, false))?;
    for hook in output.hooks_shown(printed) {
        add(&hook.path, &hook.content, true)?;
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::File;
    use crate::load::load_files;
    use osc_plugin_api::testing::TestHost;

    const CHART: &str = "\
apiVersion: v2
name: web
version: 1.0.0
appVersion: '3'
icon: https://example.org/x.png
annotations: {categories: 'Database, Cache', artifacthub.io/license: Apache-2.0}
maintainers: [{name: somebody, email: a@example.org}]
";
    const APP: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: 'example.org/web:{{ .Chart.AppVersion }}'}]}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: web}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
";
    const TEST: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: check, annotations: {helm.sh/hook: test}}
spec: {containers: [{name: check, image: busybox}]}
";

    #[test]
    fn facts_come_from_the_chart_and_its_default_rendering() {
        let files = [("Chart.yaml", CHART), ("templates/app.yaml", APP), ("templates/test.yaml", TEST)];
        let files = files.iter().chain(&[("README.md", "# Web"), ("logo.svg", "<svg/>")]);
        let chart = load_files(files.map(|(name, text)| File::new(*name, (*text).to_owned()))).unwrap();
        insta::assert_json_snapshot!(facts(&chart), @r##"
        {
          "schema": "osc.package/v1",
          "kind": "helm",
          "name": "web",
          "version": "1.0.0",
          "app_version": "3",
          "description": null,
          "icon": "logo.svg",
          "home": null,
          "sources": [],
          "keywords": [],
          "categories": [
            "Database",
            "Cache"
          ],
          "maintainers": [
            {
              "name": "somebody",
              "email": "a@example.org",
              "url": null
            }
          ],
          "license": "Apache-2.0",
          "kube_version": null,
          "deprecated": false,
          "readme": "# Web",
          "dependencies": [],
          "images": [
            "busybox",
            "example.org/web:3"
          ],
          "crds": [],
          "permissions": [
            {
              "apiGroups": [
                ""
              ],
              "resources": [
                "pods"
              ],
              "verbs": [
                "get"
              ]
            }
          ],
          "delegate": null
        }
        "##);
    }

    #[test]
    fn the_package_renders_for_scanners() {
        let host = TestHost::new()
            .with_file("web/Chart.yaml", CHART)
            .with_file("web/templates/app.yaml", APP)
            .with_file("web/templates/test.yaml", TEST);
        let request = serde_json::json!({"verb": "install", "instance": {}});
        let mut request: PlanRequest = serde_json::from_value(request).unwrap();
        assert_eq!(request.verb, Verb::Install);
        let rendering = render(&host, &request).unwrap();
        let shown: Vec<String> = rendering
            .objects
            .iter()
            .map(|item| format!("{} {} {}", item.path, item.object["kind"], item.hook))
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        templates/app.yaml "Role" false
        templates/app.yaml "Deployment" false
        templates/test.yaml "Pod" true
        "#);
        request.options.skip_tests = true;
        assert_eq!(render(&host, &request).unwrap().objects.len(), 2);
    }

    /// Helm's `lookup` is empty without a cluster, also for lists.
    #[test]
    fn no_cluster_is_looked_at() {
        let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "n"}});
        let template = "a: [{{ lookup \"v1\" \"Secret\" \"n\" \"\" | toJson }}, {{ lookup \"v1\" \"Secret\" \"n\" \"x\" | toJson }}]\n";
        let host = TestHost::new()
            .with_file("web/Chart.yaml", CHART)
            .with_file("web/templates/t.yaml", template)
            .with_object(secret);
        let request = serde_json::json!({"verb": "install", "instance": {"namespace": "n"}});
        let rendering = render(&host, &serde_json::from_value(request).unwrap()).unwrap();
        assert!(rendering.text.ends_with("a: [{}, {}]\n"), "{}", rendering.text);
    }
}
