//! Packages for tests: the charts of `fixtures/charts` packed, whole or changed, and archives made by hand.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;

/// The folder of fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The recorded corpus of charts: in `OSC_SHARED`, or in `shared` beside the repository.
pub fn corpus() -> Option<PathBuf> {
    let shared = std::env::var_os("OSC_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"));
    Some(shared.join("helm-corpus")).filter(|corpus| corpus.join("index.json").is_file())
}

/// A chart of the fixtures as files; paths begin with its name.
pub fn chart(name: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let root = fixtures().join("charts");
    walk(&root, &root.join(name), &mut files)?;
    files.sort();
    Ok(files)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading `{}`", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            files.push((name, fs::read(&path)?));
        }
    }
    Ok(())
}

/// Replaces text in one file, which must hold it.
pub fn edit(files: &mut [(String, Vec<u8>)], path: &str, from: &str, to: &str) -> Result<()> {
    let file = files.iter_mut().find(|(name, _)| name.ends_with(path));
    let (_, data) = file.with_context(|| format!("the chart has no `{path}`"))?;
    let text = String::from_utf8(std::mem::take(data))?;
    anyhow::ensure!(text.contains(from), "`{path}` does not hold `{from}`");
    *data = text.replace(from, to).into_bytes();
    Ok(())
}

/// Packs files into `FOLDER/NAME.tgz`.
pub fn pack(folder: &Path, name: &str, files: &[(String, Vec<u8>)]) -> Result<PathBuf> {
    let path = folder.join(format!("{name}.tgz"));
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(&path)?, Compression::default()));
    for (path, data) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, data.as_slice())?;
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(path)
}

/// A chart with one template and nothing else.
pub fn one_template(name: &str, template: &str) -> Vec<(String, Vec<u8>)> {
    vec![
        (format!("{name}/Chart.yaml"), format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\nmaintainers: [{{name: a, email: a@example.org}}]\n").into_bytes()),
        (format!("{name}/values.yaml"), Vec::new()),
        (format!("{name}/templates/a.yaml"), template.as_bytes().to_vec()),
    ]
}
