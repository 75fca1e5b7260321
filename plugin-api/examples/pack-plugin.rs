//! Finishes plugins: `pack-plugin TARGET FOLDER...` appends each folder's `plugin.toml` to the component that cargo
//! built of it below `TARGET`, and writes `TARGET/plugins/ID.wasm`. A file that would not change is left alone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use osc_plugin_api::manifest::Manifest;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let target = arguments.next().context("usage: pack-plugin TARGET FOLDER...")?;
    arguments
        .try_for_each(|folder| pack(&target, &folder).with_context(|| format!("plugin {}", folder.display())))
}

fn pack(target: &Path, folder: &Path) -> Result<()> {
    let manifest = fs::read_to_string(folder.join("plugin.toml")).context("reading `plugin.toml`")?;
    let manifest: Manifest = toml::from_str(&manifest).context("reading `plugin.toml`")?;
    let cargo: toml::Table =
        fs::read_to_string(folder.join("Cargo.toml")).context("reading `Cargo.toml`")?.parse()?;
    let name = cargo.get("package").and_then(|package| package.get("name")?.as_str());
    let name = name.context("`Cargo.toml` names no package")?.replace('-', "_");

    let built = target.join("wasm32-wasip2/plugin").join(name).with_extension("wasm");
    let component = fs::read(&built).with_context(|| format!("reading {}", built.display()))?;
    let packed = manifest.append_to(&component)?;

    let finished = target.join("plugins").join(format!("{}.wasm", manifest.id));
    if fs::read(&finished).is_ok_and(|present| present == packed) {
        return Ok(());
    }
    fs::create_dir_all(target.join("plugins"))?;
    fs::write(&finished, &packed).with_context(|| format!("writing {}", finished.display()))
}
