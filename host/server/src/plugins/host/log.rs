//! `osc:host/log`: lines for the plugin's log.

use osc_plugin_api::host::Level;

use crate::plugins::bindings::imports::osc::host::log;
use crate::plugins::call::State;

impl log::Host for State {
    async fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.volume.write(&self.plugin.shared.logs, level, &message);
        Ok(())
    }
}
