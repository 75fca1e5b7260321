//! Helm charts as OSC instances: a renderer that prints what real Helm 4.3.1 prints, Helm's release records, and plans.
//!
//! Everything here is pure: values in, values out. Only the adapter at the end of this file talks to the host.

pub mod chart;
pub mod coalesce;
pub mod dependencies;
pub mod form;
pub mod functions;
pub mod golang;
pub mod gotemplate;
pub mod inspect;
pub mod lint;
pub mod load;
pub mod manifest;
pub mod package;
pub mod plan;
mod random;
pub mod release;
pub mod render;
pub mod resources;
pub mod schema;
pub mod semver;
pub mod status;
pub mod template;
mod text;
pub mod value;
pub mod values;
pub mod yaml;

use jiff::Timestamp;
use osc_plugin_api::Result;
use osc_plugin_api::deployer::Deployer;
use osc_plugin_api::documents::finding::Finding;
use osc_plugin_api::documents::form::Form;
use osc_plugin_api::documents::package::{Detection, PackageFacts};
use osc_plugin_api::documents::plan::Plan;
use osc_plugin_api::documents::plan_request::PlanRequest;
use osc_plugin_api::documents::rendering::Rendering;
use osc_plugin_api::documents::status::{Status, StatusRequest};
use osc_plugin_api::host::Host;
use serde_json::Value;

struct Helm;

impl Deployer for Helm {
    fn detect(&self, host: &dyn Host) -> Result<Detection> {
        let files = host.files()?;
        Ok(match package::root(files.iter().map(|file| file.path.as_str())) {
            Some(_) => Detection::new(90, "has `Chart.yaml`").whole(),
            None => Detection::new(0, "has no `Chart.yaml`"),
        })
    }

    fn inspect(&self, host: &dyn Host) -> Result<PackageFacts> {
        Ok(inspect::facts(&package::load(host)?))
    }

    fn lint(&self, host: &dyn Host) -> Result<Vec<Finding>> {
        let messages = lint::lint(&package::files(host)?, &Value::Null);
        Ok(messages.iter().map(lint::finding).collect())
    }

    fn form(&self, host: &dyn Host) -> Result<Form> {
        Ok(form::form(&package::load(host)?))
    }

    fn render(&self, host: &dyn Host, request: PlanRequest) -> Result<Rendering> {
        inspect::render(host, &request)
    }

    fn plan(&self, host: &dyn Host, request: PlanRequest) -> Result<Plan> {
        plan::plan(host, &request, Timestamp::now())
    }

    fn status(&self, _host: &dyn Host, request: StatusRequest) -> Result<Status> {
        Ok(status::status(&request))
    }
}

osc_plugin_api::export_deployer!(Helm, uses: [package, cluster, transform]);
