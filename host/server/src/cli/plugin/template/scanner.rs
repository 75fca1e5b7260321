//! Says which images of a package have no fixed version.

use osc_plugin_api::documents::finding::{Finding, Severity};
use osc_plugin_api::documents::rendering::Rendering;
use osc_plugin_api::host::Host;
use osc_plugin_api::scanner::Scanner;
use osc_plugin_api::{Result, objects};

struct Plugin;

impl Scanner for Plugin {
    fn scan(&self, _host: &dyn Host, rendering: Rendering) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for rendered in &rendering.objects {
            for image in objects::images(&rendered.object).into_iter().filter(|image| is_loose(image)) {
                let message = format!("image `{image}` may change from one start to the next");
                findings.push(Finding {
                    path: Some(rendered.path.clone()),
                    remediation: Some("name a version or a digest".into()),
                    ..Finding::new("images/version", Severity::Medium, message)
                });
            }
        }
        Ok(findings)
    }
}

/// Whether an image is named without a version, or as `latest`.
fn is_loose(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

osc_plugin_api::export_scanner!(Plugin, uses: []);

#[cfg(test)]
mod tests {
    use super::*;
    use osc_plugin_api::documents::rendering::RenderedObject;
    use osc_plugin_api::testing::TestHost;
    use serde_json::json;

    #[test]
    fn loose_images_are_found() {
        let images = ["nginx", "registry.example:5000/nginx:latest", "nginx:1.29", "nginx@sha256:0"];
        let containers: Vec<_> = images.iter().map(|image| json!({"name": "c", "image": image})).collect();
        let object = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers}
        });
        let rendering = Rendering {
            objects: vec![RenderedObject { path: "templates/pod.yaml".into(), object, hook: false }],
            ..Rendering::default()
        };
        let found = Plugin.scan(&TestHost::new(), rendering).unwrap();
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].path.as_deref(), Some("templates/pod.yaml"));
    }
}
