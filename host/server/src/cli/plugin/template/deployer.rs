//! Deploys packages that hold `@FILE@`: a name in its first line, and Kubernetes objects as JSON in `objects/`.

use osc_plugin_api::deployer::Deployer;
use osc_plugin_api::documents::package::{Detection, PackageFacts};
use osc_plugin_api::documents::plan::{Action, OnTimeout, Plan, Policy, Propagation, Step};
use osc_plugin_api::documents::plan_request::{PlanRequest, Verb};
use osc_plugin_api::documents::rendering::{RenderedObject, Rendering};
use osc_plugin_api::host::Host;
use osc_plugin_api::{Error, Result, objects};
use serde_json::Value;

const FILE: &str = "@FILE@";
const OBJECTS: &str = "objects/";

struct Plugin;

impl Deployer for Plugin {
    fn detect(&self, host: &dyn Host) -> Result<Detection> {
        let mine = host.files()?.iter().any(|file| file.path == FILE);
        Ok(Detection::new(if mine { 100 } else { 0 }, format!("looked for `{FILE}`")))
    }

    fn inspect(&self, host: &dyn Host) -> Result<PackageFacts> {
        let text = host.read_text(FILE)?;
        let name = text.lines().next().unwrap_or_default().trim();
        Ok(PackageFacts {
            schema: PackageFacts::SCHEMA.into(),
            kind: "@CRATE@".into(),
            name: name.into(),
            version: "1.0.0".into(),
            ..PackageFacts::default()
        })
    }

    fn render(&self, host: &dyn Host, request: PlanRequest) -> Result<Rendering> {
        let objects = read(host, &request.instance.namespace)?;
        let text: String = objects.iter().map(|(_, object)| format!("---\n{object}\n")).collect();
        let objects = objects.into_iter().map(|(path, object)| RenderedObject { path, object, hook: false });
        Ok(Rendering {
            schema: Rendering::SCHEMA.into(),
            text,
            objects: objects.collect(),
            ..Rendering::default()
        })
    }

    /// Nothing happens here: the server shows this plan, and carries it out when somebody agrees.
    fn plan(&self, host: &dyn Host, request: PlanRequest) -> Result<Plan> {
        let mut plan = Plan::new("osc");
        match request.verb {
            Verb::Install | Verb::Update | Verb::Upgrade => {
                let objects = read(host, &request.instance.namespace)?.into_iter().map(|(_, object)| object);
                let objects = host.transform(objects.collect())?;
                let name = format!("apply {} objects", objects.len());
                plan.steps.push(Step::new(name, Action::Apply { objects, policy: Policy::Owned }));
                plan.steps.push(Step::new(
                    "remove what is left over",
                    Action::Prune { propagation: Propagation::Background },
                ));
            }
            // What was applied then is applied again.
            Verb::Rollback => match request.target {
                Some(target) => plan = target.plan,
                None => return Err(Error::not_supported("there is no revision to go back to")),
            },
            Verb::Uninstall => plan.steps.push(Step::new(
                "delete all objects",
                Action::Delete {
                    refs: request.inventory.into_iter().map(|held| held.object).collect(),
                    propagation: Propagation::Foreground,
                    until_gone: true,
                    timeout_seconds: request.options.timeout_seconds,
                    on_timeout: OnTimeout::ExplainFinalizers,
                },
            )),
            Verb::Adopt | Verb::Test => return Err(Error::not_supported("packages of this kind have no such verb")),
        }
        Ok(plan)
    }
}

/// The package's objects with their files, in the namespace of the instance.
fn read(host: &dyn Host, namespace: &str) -> Result<Vec<(String, Value)>> {
    let files = host.files()?.into_iter().map(|file| file.path);
    let paths = files.filter(|path| path.starts_with(OBJECTS) && path.ends_with(".json"));
    let read = paths.map(|path| {
        let mut object: Value = serde_json::from_str(&host.read_text(&path)?)
            .map_err(|error| Error::new("invalid-package", format!("{path}: {error}")))?;
        objects::set_namespace(&mut object, namespace);
        Ok((path, object))
    });
    read.collect()
}

osc_plugin_api::export_deployer!(Plugin, uses: [package, transform]);

#[cfg(test)]
mod tests {
    use super::*;
    use osc_plugin_api::documents::plan_request::InstanceFacts;
    use osc_plugin_api::testing::TestHost;

    fn package() -> TestHost {
        let map = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}"#;
        TestHost::new().with_file(FILE, "hello\n").with_file("objects/settings.json", map)
    }

    #[test]
    fn a_package_is_known_and_planned() {
        let host = package();
        assert_eq!(Plugin.detect(&host).unwrap().certainty, 100);
        assert_eq!(Plugin.inspect(&host).unwrap().name, "hello");
        let instance = InstanceFacts { name: "web".into(), namespace: "demo".into(), ..InstanceFacts::default() };
        let plan = Plugin.plan(&host, PlanRequest::new(Verb::Install, instance)).unwrap();
        let Action::Apply { objects, .. } = &plan.steps[0].action else { panic!("{plan:?}") };
        assert_eq!(objects[0]["metadata"]["namespace"], "demo");
    }

    #[test]
    fn other_packages_are_left_alone() {
        assert_eq!(Plugin.detect(&TestHost::new()).unwrap().certainty, 0);
    }
}
