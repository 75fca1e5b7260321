//! Unpacked packages on this machine's disk.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::collect::Collector;
use super::refused;
use crate::error::Result;

/// Reads a folder, in order of names. Links are followed as long as they stay inside the folder.
pub(super) fn read(folder: &Path, collector: &mut Collector<'_>) -> Result<()> {
    let shown = folder.display();
    let root = folder.canonicalize().map_err(|error| refused(None, format!("`{shown}`: {error}")))?;
    let name = root.file_name().map_or_else(|| "package".into(), |name| name.to_string_lossy().into_owned());
    read_folder(&root, &root, &name, collector)
}

fn read_folder(root: &Path, folder: &Path, prefix: &str, collector: &mut Collector<'_>) -> Result<()> {
    let unreadable = |path: &str, error: io::Error| refused(Some(path), format!("`{path}`: {error}"));
    let entries = fs::read_dir(folder).map_err(|error| unreadable(prefix, error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| unreadable(prefix, error))?;
    paths.sort();
    for path in paths {
        collector.count_entry()?;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = format!("{prefix}/{file_name}");
        let real = path.canonicalize().map_err(|error| unreadable(&name, error))?;
        if !real.starts_with(root) {
            return Err(refused(Some(&name), format!("`{name}`: is a link that leaves the folder")));
        }
        let kind = fs::metadata(&real).map_err(|error| unreadable(&name, error))?;
        if kind.is_dir() {
            // The depth is bounded here, so a link to a folder above ends.
            collector.folder(name.as_bytes())?;
            read_folder(root, &real, &name, collector)?;
        } else if kind.is_file() {
            let mut content = File::open(&real).map_err(|error| unreadable(&name, error))?;
            collector.file(name.as_bytes(), kind.len(), &mut content)?;
        } else {
            return Err(refused(Some(&name), format!("`{name}`: is a special file")));
        }
    }
    Ok(())
}
