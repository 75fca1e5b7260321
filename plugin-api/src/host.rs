//! What a plugin may ask of the server, as a trait: the bindings implement it on wasm, `testing::TestHost` in tests.
//!
//! Every method but `log` may be refused: an interface that the plugin's manifest does not ask for, or a use outside
//! the scope of its grant, is an [`Error`] with the code `denied`. Other codes of the host are `not-found`,
//! `too-large`, `timeout`, `unreachable` and `host`.

use serde_json::Value;

use crate::documents::object::ObjectRef;
use crate::{Error, Result};

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// A file of the package at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Path inside the package with `/`, never absolute, never with `..`.
    pub path: String,
    /// Bytes once unpacked.
    pub size: u64,
}

/// An HTTP request to a host that the grants name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The answer to a [`Request`], whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The server as a plugin sees it: everything is about the package, cluster and tenant of the call.
pub trait Host {
    /// Writes one line for the administrator; lines beyond the volume of a call are dropped and counted.
    fn log(&self, level: Level, message: &str);

    /// The value of a setting that an administrator made for this plugin.
    fn setting(&self, key: &str) -> Option<Value>;

    /// A value of the plugin's own store, apart for each tenant.
    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>>;
    fn kv_set(&self, key: &str, value: &[u8]) -> Result<()>;
    fn kv_delete(&self, key: &str) -> Result<()>;
    /// Keys that begin with the prefix, in order, at most 1,000.
    fn kv_keys(&self, prefix: &str) -> Result<Vec<String>>;

    /// All files of the package, ordered as in the archive.
    fn files(&self) -> Result<Vec<File>>;
    /// The content of one file; `not-found` when it is absent.
    fn read(&self, path: &str) -> Result<Vec<u8>>;
    /// Many files at once, in the order asked for: one crossing instead of many.
    fn read_all(&self, paths: &[String]) -> Result<Vec<Vec<u8>>> {
        paths.iter().map(|path| self.read(path)).collect()
    }

    /// The live object; none when it is absent, out of reach of this call, or no cluster is at hand.
    fn object(&self, object: &ObjectRef) -> Result<Option<Value>>;
    /// Many objects at once, in the order asked for.
    fn objects(&self, objects: &[ObjectRef]) -> Result<Vec<Option<Value>>> {
        objects.iter().map(|object| self.object(object)).collect()
    }
    /// Objects of a kind, by an optional label selector; no namespace means the instance's own.
    fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        label_selector: Option<&str>,
    ) -> Result<Vec<Value>>;

    /// Sends an HTTP request. A status of 400 and more is an answer, not an error.
    fn send(&self, request: &Request) -> Result<Response>;

    /// The objects as they shall be applied, in the same order: image map, pull secrets, capability additions.
    fn transform(&self, objects: Vec<Value>) -> Result<Vec<Value>>;

    /// The content of one file; none when it is absent.
    fn find(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match self.read(path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.code == "not-found" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The content of one file as text; `invalid-package` when it is not UTF-8.
    fn read_text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.read(path)?)
            .map_err(|_| Error::invalid_package(format!("`{path}` is not text in UTF-8")))
    }
}
