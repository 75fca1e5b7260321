//! What a component file says of itself, read without compiling it, and why it may not be used here.

use std::collections::BTreeSet;

use osc_plugin_api::manifest::{Manifest, Role, SECTION};
use wasmparser::{Encoding, Parser, Payload};

use crate::error::{Error, Result};
use crate::registry::archive::digest;

/// Version of the WIT packages of this server.
pub(crate) const WIT: (u64, u64, u64) = (0, 1, 0);
/// Bytes of a component file.
pub(crate) const MAX_FILE: usize = 64 << 20;
const MAX_MANIFEST: usize = 64 << 10;

/// What plugins may import of `osc:host`.
pub(crate) const INTERFACES: [&str; 7] = ["log", "config", "kv", "package", "cluster", "http", "transform"];

/// A component that this server can run, once its interfaces are granted.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) manifest: Manifest,
    /// `sha256:...` of the file.
    pub(crate) digest: String,
    /// Interfaces of `osc:host` that it imports.
    pub(crate) interfaces: BTreeSet<&'static str>,
}

/// Reads the top level of a component; the error says what is wrong and what to do.
pub(crate) fn describe(wasm: &[u8]) -> Result<Description> {
    if wasm.len() > MAX_FILE {
        return Err(Error::TooLarge { what: "plugin file".into(), limit: format!("{MAX_FILE} bytes") });
    }
    let Surface { manifest, imports, exports } = read_surface(wasm)?;
    let manifest = manifest.ok_or_else(|| {
        invalid(format!("the file has no section `{SECTION}`: build it with `osc plugin build`"))
    })?;
    let manifest: Manifest = serde_json::from_slice(manifest)
        .map_err(|error| invalid(format!("section `{SECTION}` cannot be read: {error}")))?;
    manifest.check().map_err(|error| invalid(error.message))?;

    let mut interfaces = BTreeSet::new();
    for import in imports {
        let Some(name) = import.strip_prefix("osc:") else {
            if import.starts_with("wasi:") {
                continue;
            }
            return Err(invalid(format!("it imports `{import}`, which this server does not offer")));
        };
        let (name, version) = name.split_once('@').unwrap_or((name, ""));
        check_version(import, version)?;
        if name.starts_with("types/") {
            continue;
        }
        let known = name.strip_prefix("host/");
        let known = known.and_then(|name| INTERFACES.into_iter().find(|interface| *interface == name));
        let known = known.ok_or_else(|| {
            invalid(format!("it imports `{import}`, which this server does not offer: update the server"))
        })?;
        interfaces.insert(known);
    }

    for role in &manifest.roles {
        let wanted = format!("osc:plugin/{}", role.name());
        let export = exports.iter().find(|export| export.split('@').next() == Some(&wanted));
        let export = export.ok_or_else(|| {
            invalid(format!(
                "its manifest names the role `{}`, but it does not export `{wanted}`",
                role.name()
            ))
        })?;
        check_version(export, export.split_once('@').map_or("", |(_, version)| version))?;
    }
    Ok(Description { manifest, digest: digest(wasm), interfaces })
}

impl Description {
    pub(crate) fn plays(&self, role: Role) -> bool {
        self.manifest.roles.contains(&role)
    }
}

struct Surface<'a> {
    manifest: Option<&'a [u8]>,
    imports: Vec<&'a str>,
    exports: Vec<&'a str>,
}

fn read_surface(wasm: &[u8]) -> Result<Surface<'_>> {
    let damaged = |error: wasmparser::BinaryReaderError| {
        invalid(format!("the file is a damaged WebAssembly component: {error}"))
    };
    if !wasm.starts_with(b"\0asm") {
        return Err(invalid("the file is not a WebAssembly component"));
    }
    let mut surface = Surface { manifest: None, imports: Vec::new(), exports: Vec::new() };
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(invalid(
                    "the file is a core module, not a component: build it for `wasm32-wasip2`",
                ));
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    surface.imports.push(import.map_err(damaged)?.name.name);
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    surface.exports.push(export.map_err(damaged)?.name.name);
                }
            }
            Payload::CustomSection(section) if depth == 1 && section.name() == SECTION => {
                if surface.manifest.replace(section.data()).is_some() {
                    return Err(invalid(format!("the file has two sections `{SECTION}`")));
                }
                if section.data().len() > MAX_MANIFEST {
                    return Err(invalid(format!("section `{SECTION}` is larger than {MAX_MANIFEST} bytes")));
                }
            }
            _ => {}
        }
    }
    Ok(surface)
}

/// Before 1.0 only the patch number may grow, and the server must be at least as new as the plugin.
fn check_version(name: &str, version: &str) -> Result<()> {
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let fits = match (next(), next(), next()) {
        (Some(major), Some(minor), Some(patch)) => (major, minor) == (WIT.0, WIT.1) && patch <= WIT.2,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let (major, minor, patch) = WIT;
    Err(invalid(format!(
        "it is made for `{name}`, and this server speaks {major}.{minor}.{patch}: build it against that version"
    )))
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::Invalid { field: "plugin", reason: reason.into() }
}
