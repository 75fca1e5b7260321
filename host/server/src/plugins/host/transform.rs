//! `osc:host/transform`: what the server changes in objects before a deployer builds steps.

use serde_json::Value;

use crate::plugins::bindings::imports::osc::host::transform::{Error, Host};
use crate::plugins::call::State;

impl Host for State {
    async fn objects(&mut self, objects: Vec<String>) -> wasmtime::Result<Result<Vec<String>, Error>> {
        let Some(transform) = self.environment.transform.clone() else { return Ok(Ok(objects)) };
        // Leaves the server's threads before work that may take long.
        tokio::task::yield_now().await;
        let parsed =
            objects.iter().map(|text| serde_json::from_str::<Value>(text)).collect::<Result<Vec<_>, _>>();
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Err(Error::Other(format!("an object is not JSON: {error}")))),
        };
        Ok(match transform.objects(self.call.tenant, parsed) {
            Ok(objects) => Ok(objects.iter().map(Value::to_string).collect()),
            Err(error) => Err(Error::Other(error.to_string())),
        })
    }
}
