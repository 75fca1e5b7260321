//! `osc:host/package`: files of the package at hand.

use crate::plugins::bindings::imports::osc::host::package::{Error, File, Host};
use crate::plugins::call::State;
use crate::registry::archive::Package;

/// Bytes that one call may read, each time that it reads them.
const TOTAL: usize = 512 << 20;

impl Host for State {
    async fn files(&mut self) -> wasmtime::Result<Result<Vec<File>, Error>> {
        let Some(package) = self.package() else { return Ok(Ok(Vec::new())) };
        let files = package.files().iter();
        Ok(Ok(files.map(|file| File { path: file.path.clone(), size: file.size }).collect()))
    }

    async fn read(&mut self, path: String) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        Ok(self.read_file(&path))
    }

    async fn read_all(&mut self, paths: Vec<String>) -> wasmtime::Result<Result<Vec<Vec<u8>>, Error>> {
        // Leaves the server's threads before work that may take long.
        tokio::task::yield_now().await;
        Ok(paths.iter().map(|path| self.read_file(path)).collect())
    }
}

impl State {
    fn package(&self) -> Option<&Package> {
        self.call.package.as_deref()
    }

    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        if !self.plugin.grants.interface("package") {
            return Err(Error::Denied);
        }
        let content = self.package().and_then(|package| package.read(path)).ok_or(Error::NotFound)?.to_vec();
        self.given += content.len();
        if self.given > TOTAL { Err(Error::TooLarge) } else { Ok(content) }
    }
}
