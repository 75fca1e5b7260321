//! The role `deployer`: turns packages of one kind into plans.

use crate::documents::finding::Finding;
use crate::documents::form::Form;
use crate::documents::package::{Detection, PackageFacts};
use crate::documents::plan::Plan;
use crate::documents::plan_request::PlanRequest;
use crate::documents::rendering::Rendering;
use crate::documents::status::{Status, StatusRequest};
use crate::host::Host;
use crate::{Error, Result};

/// Every function is about the package that `host` offers, and changes nothing: effects are steps of a plan.
pub trait Deployer {
    /// How sure the plugin is that the package is of its kind. Called for every upload: look at names first.
    fn detect(&self, host: &dyn Host) -> Result<Detection>;

    /// Facts of the package, for the catalogue.
    fn inspect(&self, host: &dyn Host) -> Result<PackageFacts>;

    /// What is wrong with the package.
    fn lint(&self, _host: &dyn Host) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }

    /// What a person may set; by default nothing.
    fn form(&self, _host: &dyn Host) -> Result<Form> {
        Ok(Form::empty())
    }

    /// The objects as text, for scanners and offline tools.
    fn render(&self, _host: &dyn Host, _request: PlanRequest) -> Result<Rendering> {
        Err(Error::not_supported("packages of this kind cannot be rendered"))
    }

    /// The steps that carry out the request's verb.
    fn plan(&self, host: &dyn Host, request: PlanRequest) -> Result<Plan>;

    /// State and endpoints from live objects; by default the server's own rules decide.
    fn status(&self, _host: &dyn Host, _request: StatusRequest) -> Result<Status> {
        Ok(Status { schema: Status::SCHEMA.into(), ..Status::default() })
    }
}
