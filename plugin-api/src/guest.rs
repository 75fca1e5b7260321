//! The wasm side: generated bindings, and [`WasmHost`], the server as the imports show it.
//!
//! Imports are generated once, from the world `host-imports`; the worlds of the roles use them. A component keeps
//! only the imports that it uses, so its import list says what it needs.

pub mod calls;

use std::marker::PhantomData;

use serde_json::Value;

use crate::documents::object::ObjectRef;
use crate::host::{File, Host, Level, Request, Response};
use crate::{Error, Result};

mod bindings {
    #![allow(unsafe_code, unreachable_pub, clippy::all, reason = "generated code")]

    pub mod imports {
        wit_bindgen::generate!({
            path: ["../wit/types", "../wit/host", "../wit/plugin"],
            world: "osc:plugin/host-imports",
            runtime_path: "::osc_plugin_api::__private::rt",
            generate_all,
        });
    }

    pub mod deployer {
        wit_bindgen::generate!({
            path: ["../wit/types", "../wit/host", "../wit/plugin"],
            world: "osc:plugin/deployer-plugin",
            runtime_path: "::osc_plugin_api::__private::rt",
            pub_export_macro: true,
            with: {
                "osc:types/types@0.1.0": super::imports::osc::types::types,
                "osc:host/log@0.1.0": super::imports::osc::host::log,
                "osc:host/config@0.1.0": super::imports::osc::host::config,
                "osc:host/kv@0.1.0": super::imports::osc::host::kv,
                "osc:host/package@0.1.0": super::imports::osc::host::package,
                "osc:host/cluster@0.1.0": super::imports::osc::host::cluster,
                "osc:host/http@0.1.0": super::imports::osc::host::http,
                "osc:host/transform@0.1.0": super::imports::osc::host::transform,
            },
        });
    }

    pub mod scanner {
        wit_bindgen::generate!({
            path: ["../wit/types", "../wit/host", "../wit/plugin"],
            world: "osc:plugin/scanner-plugin",
            runtime_path: "::osc_plugin_api::__private::rt",
            pub_export_macro: true,
            with: {
                "osc:types/types@0.1.0": super::imports::osc::types::types,
                "osc:host/log@0.1.0": super::imports::osc::host::log,
                "osc:host/config@0.1.0": super::imports::osc::host::config,
                "osc:host/kv@0.1.0": super::imports::osc::host::kv,
                "osc:host/package@0.1.0": super::imports::osc::host::package,
                "osc:host/http@0.1.0": super::imports::osc::host::http,
            },
        });
    }
}

pub use bindings::imports::osc::types::types::Error as WitError;
pub use bindings::{deployer, scanner};

use bindings::imports::osc::host::{cluster, config, http, kv, log, package, transform};
use bindings::imports::osc::types::types;

/// Which interfaces of the server a plugin uses, besides `log` and `config`. Only those become imports of the component,
/// so that its import list says what it needs.
#[derive(Clone, Copy)]
pub struct Uses {
    package: bool,
    kv: bool,
    cluster: bool,
    http: bool,
    transform: bool,
}

impl Uses {
    pub const NOTHING: Uses =
        Uses { package: false, kv: false, cluster: false, http: false, transform: false };

    pub const fn package(self) -> Uses {
        Uses { package: true, ..self }
    }

    pub const fn kv(self) -> Uses {
        Uses { kv: true, ..self }
    }

    pub const fn cluster(self) -> Uses {
        Uses { cluster: true, ..self }
    }

    pub const fn http(self) -> Uses {
        Uses { http: true, ..self }
    }

    pub const fn transform(self) -> Uses {
        Uses { transform: true, ..self }
    }
}

/// A component, as the export macros make it.
pub trait Component {
    const USES: Uses;
}

/// The server, through the component's imports.
pub struct WasmHost<C>(PhantomData<C>);

impl<C> WasmHost<C> {
    /// The server of the call that runs.
    pub const fn new() -> WasmHost<C> {
        WasmHost(PhantomData)
    }
}

/// Refuses what the plugin did not say that it uses.
fn unused(interface: &str) -> Error {
    let message = format!("the plugin does not say that it uses `{interface}`: add it to the export macro");
    Error::new("denied", message)
}

impl<C: Component> Host for WasmHost<C> {
    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::write(level, message);
    }

    fn setting(&self, key: &str) -> Option<Value> {
        config::get(key).and_then(|text| serde_json::from_str(&text).ok())
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        if !C::USES.kv {
            return Err(unused("kv"));
        }
        kv::get(key).map_err(|error| kv_error(key, error))
    }

    fn kv_set(&self, key: &str, value: &[u8]) -> Result<()> {
        if !C::USES.kv {
            return Err(unused("kv"));
        }
        kv::set(key, value).map_err(|error| kv_error(key, error))
    }

    fn kv_delete(&self, key: &str) -> Result<()> {
        if !C::USES.kv {
            return Err(unused("kv"));
        }
        kv::delete(key).map_err(|error| kv_error(key, error))
    }

    fn kv_keys(&self, prefix: &str) -> Result<Vec<String>> {
        if !C::USES.kv {
            return Err(unused("kv"));
        }
        kv::keys(prefix).map_err(|error| kv_error(prefix, error))
    }

    fn files(&self) -> Result<Vec<File>> {
        if !C::USES.package {
            return Err(unused("package"));
        }
        let files = package::files().map_err(|error| package_error("*", error))?;
        Ok(files.into_iter().map(|file| File { path: file.path, size: file.size }).collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        if !C::USES.package {
            return Err(unused("package"));
        }
        package::read(path).map_err(|error| package_error(path, error))
    }

    fn read_all(&self, paths: &[String]) -> Result<Vec<Vec<u8>>> {
        if !C::USES.package {
            return Err(unused("package"));
        }
        package::read_all(paths).map_err(|error| package_error(&paths.join("`, `"), error))
    }

    fn object(&self, object: &ObjectRef) -> Result<Option<Value>> {
        if !C::USES.cluster {
            return Err(unused("cluster"));
        }
        let found = cluster::get(&wit_ref(object)).map_err(cluster_error)?;
        found.map(|text| json(&text)).transpose()
    }

    fn objects(&self, objects: &[ObjectRef]) -> Result<Vec<Option<Value>>> {
        if !C::USES.cluster {
            return Err(unused("cluster"));
        }
        let refs: Vec<_> = objects.iter().map(wit_ref).collect();
        let found = cluster::get_all(&refs).map_err(cluster_error)?;
        found.into_iter().map(|text| text.map(|text| json(&text)).transpose()).collect()
    }

    fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        label_selector: Option<&str>,
    ) -> Result<Vec<Value>> {
        if !C::USES.cluster {
            return Err(unused("cluster"));
        }
        let found = cluster::list(api_version, kind, namespace, label_selector).map_err(cluster_error)?;
        found.iter().map(|text| json(text)).collect()
    }

    fn send(&self, request: &Request) -> Result<Response> {
        if !C::USES.http {
            return Err(unused("http"));
        }
        let headers = |headers: &[(String, String)]| {
            let pairs = headers.iter().cloned();
            pairs.map(|(name, value)| http::Header { name, value }).collect()
        };
        let request = http::Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: headers(&request.headers),
            body: request.body.clone(),
        };
        let response = http::send(&request).map_err(|error| match error {
            http::Error::Denied(message) => Error::new("denied", message),
            http::Error::TooLarge => {
                Error::new("too-large", format!("the answer of `{}` is too large", request.url))
            }
            http::Error::Timeout => {
                Error::new("timeout", format!("`{}` did not answer in time", request.url))
            }
            http::Error::Other(message) => Error::new("host", message),
        })?;
        Ok(Response {
            status: response.status,
            headers: response.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            body: response.body,
        })
    }

    fn transform(&self, objects: Vec<Value>) -> Result<Vec<Value>> {
        if !C::USES.transform {
            return Err(unused("transform"));
        }
        let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
        let transformed = transform::objects(&texts)
            .map_err(|transform::Error::Other(message)| Error::new("host", message))?;
        transformed.iter().map(|text| json(text)).collect()
    }
}

fn wit_ref(object: &ObjectRef) -> types::ObjectRef {
    types::ObjectRef {
        api_version: object.api_version.clone(),
        kind: object.kind.clone(),
        namespace: object.namespace.clone(),
        name: object.name.clone(),
    }
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| Error::invalid_document(format!("object of the cluster: {error}")))
}

fn kv_error(key: &str, error: kv::Error) -> Error {
    match error {
        kv::Error::Denied => Error::new("denied", "the plugin has no grant for `kv`"),
        kv::Error::TooLarge => {
            Error::new("too-large", format!("`{key}` does not fit into the plugin's store"))
        }
        kv::Error::Other(message) => Error::new("host", message),
    }
}

fn package_error(path: &str, error: package::Error) -> Error {
    match error {
        package::Error::Denied => Error::new("denied", "the plugin has no grant for `package`"),
        package::Error::NotFound => Error::new("not-found", format!("the package has no file `{path}`")),
        package::Error::TooLarge => Error::new("too-large", format!("`{path}` is too large to read at once")),
        package::Error::Other(message) => Error::new("host", message),
    }
}

fn cluster_error(error: cluster::Error) -> Error {
    match error {
        cluster::Error::Denied => Error::new("denied", "the plugin has no grant for this kind in `cluster`"),
        cluster::Error::Unreachable(message) => Error::new("unreachable", message),
        cluster::Error::Other(message) => Error::new("host", message),
    }
}
