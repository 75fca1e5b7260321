//! The SDK of plugins, inside the binary: a plugin is built against the interfaces of the server that made it, with no
//! checkout and no address to know.

use std::path::Path;

use rust_embed::RustEmbed;
use toml::{Table, Value};

use crate::cli::failure::Failure;

#[derive(RustEmbed)]
#[folder = "../../plugin-api/src"]
struct Sources;

#[derive(RustEmbed)]
#[folder = "../../wit"]
struct Interfaces;

const MANIFEST: &str = include_str!("../../../../../plugin-api/Cargo.toml");
const WORKSPACE: &str = include_str!("../../../../../Cargo.toml");

/// All files of the SDK, by their path below the folder that it is written to.
pub(super) fn files() -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut files = vec![("plugin-api/Cargo.toml".to_owned(), manifest()?.into_bytes())];
    for name in Sources::iter() {
        let file = Sources::get(&name).map(|file| file.data.into_owned()).unwrap_or_default();
        files.push((format!("plugin-api/src/{name}"), file));
    }
    for name in Interfaces::iter().filter(|name| name.ends_with(".wit")) {
        let file = Interfaces::get(&name).map(|file| file.data.into_owned()).unwrap_or_default();
        files.push((format!("wit/{name}"), file));
    }
    Ok(files)
}

/// `plugin-api/Cargo.toml` as it reads outside of the workspace: what it inherits is written out.
fn manifest() -> Result<String, Failure> {
    let read = |text: &str| {
        text.parse::<Table>().map_err(|error| Failure::failed(format!("the SDK in this program: {error}")))
    };
    let (mut manifest, workspace) = (read(MANIFEST)?, read(WORKSPACE)?);
    let inherited = |table: &str, key: &str| workspace.get("workspace")?.get(table)?.get(key).cloned();
    manifest.remove("dev-dependencies");
    manifest.remove("lints");
    if let Some(Value::Table(package)) = manifest.get_mut("package") {
        inherit(package, |key| inherited("package", key));
    }
    if let Some(Value::Table(dependencies)) = manifest.get_mut("dependencies") {
        inherit(dependencies, |key| inherited("dependencies", key));
    }
    if let Some(Value::Table(targets)) = manifest.get_mut("target") {
        for (_, target) in targets.iter_mut() {
            if let Some(Value::Table(dependencies)) = target.get_mut("dependencies") {
                inherit(dependencies, |key| inherited("dependencies", key));
            }
        }
    }
    toml::to_string(&manifest).map_err(|error| Failure::failed(format!("the SDK in this program: {error}")))
}

/// Replaces `key.workspace = true` by what the workspace says.
fn inherit(table: &mut Table, of: impl Fn(&str) -> Option<Value>) {
    for (key, value) in table.iter_mut() {
        if value.get("workspace") == Some(&Value::Boolean(true))
            && let Some(inherited) = of(key)
        {
            *value = inherited;
        }
    }
}

/// The nearest folder upwards that holds the SDK's sources: somebody works in a checkout.
pub(super) fn checkout(from: &Path) -> Option<&Path> {
    from.ancestors().find(|folder| is_sdk(&folder.join("plugin-api")))
}

/// Whether a folder is the SDK's crate.
pub(super) fn is_sdk(folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.parse::<Table>().is_ok_and(|manifest| {
        manifest.get("package").and_then(|package| package.get("name")?.as_str()) == Some("osc-plugin-api")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_stands_alone() {
        let files = files().unwrap();
        let manifest = String::from_utf8(files[0].1.clone()).unwrap();
        assert!(!manifest.contains("workspace"), "{manifest}");
        assert!(manifest.contains("wit-bindgen") && manifest.contains("edition = \"2024\""), "{manifest}");
        for wanted in ["plugin-api/src/lib.rs", "wit/plugin/worlds.wit", "wit/types/types.wit"] {
            assert!(files.iter().any(|(path, content)| path == wanted && !content.is_empty()), "{wanted}");
        }
    }
}
