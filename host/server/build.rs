//! Puts finished plugins into the binary. Starts no cargo and no npm: `make plugins` builds them before.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let root = Path::new(&folder).join("../..");
    let built = match env::var_os("OSC_PLUGINS_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => root.join("target/plugins"),
    };
    println!("cargo:rerun-if-env-changed=OSC_PLUGINS_DIR");
    println!("cargo:rerun-if-changed=build.rs");

    let mut table = String::from("&[\n");
    for id in ids(&root.join("plugins")) {
        let file = built.join(format!("{id}.wasm"));
        println!("cargo:rerun-if-changed={}", file.display());
        match file.canonicalize() {
            Ok(file) => {
                let _ = writeln!(table, "    Builtin {{ id: {id:?}, wasm: include_bytes!({file:?}) }},");
            }
            Err(_) => {
                println!("cargo:warning=plugin `{id}` is not built and will be missing: run `make plugins`");
                let _ = writeln!(table, "    Builtin {{ id: {id:?}, wasm: &[] }},");
            }
        }
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("builtin_plugins.rs"), table).expect("OUT_DIR is writable");
}

/// Folders of `plugins/` that hold a `plugin.toml`; a built-in plugin's id is its folder's name.
fn ids(folder: &Path) -> Vec<String> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut ids: Vec<String> = entries
        .filter(|entry| entry.path().join("plugin.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    ids.sort();
    ids
}
