//! `osc:host/config`: settings that an administrator made for the plugin.

use crate::plugins::bindings::imports::osc::host::config;
use crate::plugins::call::State;

impl config::Host for State {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.plugin.settings.get(&key).map(ToString::to_string))
    }
}
