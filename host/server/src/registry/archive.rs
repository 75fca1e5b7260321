//! Packages as they are uploaded: `.tgz`, `.tar` and `.zip` files, opened with every bound checked on the way.
//!
//! An archive is hostile input. It is read as a stream and given up at the first entry that breaks a rule, so memory
//! stays below the bound whatever the archive claims. Nothing is written to the disk.

mod collect;
mod folder;
mod tarball;
mod zipfile;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use osc_plugin_api::documents::finding::{Finding, Severity};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use collect::Collector;

/// What an archive may hold.
#[derive(Clone, Debug)]
pub struct ArchiveLimits {
    /// Bytes once unpacked, headers and padding included.
    pub unpacked: u64,
    /// Files, folders and whatever else has a header.
    pub entries: usize,
    /// Bytes of one path.
    pub path_length: usize,
    /// Folders above a file.
    pub depth: usize,
    /// Unpacked by packed bytes; checked from 8 MiB unpacked on, since small text packs well.
    pub ratio: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        ArchiveLimits { unpacked: 64 << 20, entries: 10_000, path_length: 1_024, depth: 32, ratio: 250 }
    }
}

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFile {
    /// Relative, with `/`, without `.` and `..`.
    pub path: String,
    /// Bytes once unpacked.
    pub size: u64,
}

/// An opened package: its files, in memory, in the order of the archive.
#[derive(Clone)]
pub struct Package {
    digest: Arc<str>,
    files: Vec<PackageFile>,
    contents: Vec<Bytes>,
    by_path: HashMap<String, usize>,
}

impl Package {
    /// Opens an archive; what kind it is is seen from its first bytes, never from a name.
    pub fn open(archive: Bytes, limits: &ArchiveLimits) -> Result<Package> {
        let mut collector = Collector::new(limits, archive.len() as u64);
        if archive.starts_with(&[0x1f, 0x8b]) {
            tarball::read_compressed(&archive, &mut collector)?;
        } else if archive.starts_with(b"PK\x03\x04") || archive.starts_with(b"PK\x05\x06") {
            zipfile::read(&archive, &mut collector)?;
        } else if tarball::looks_like_tar(&archive) {
            tarball::read_plain(&archive, &mut collector)?;
        } else {
            return Err(refused(None, "not a package archive: a .tgz, .tar or .zip file is expected"));
        }
        Ok(Package::assemble(digest(&archive), collector.finish()?))
    }

    /// Opens an unpacked package on this machine's disk; only for the offline tools. Paths begin with the folder's
    /// name, as they do in an archive of it.
    pub fn from_folder(folder: &Path, limits: &ArchiveLimits) -> Result<Package> {
        let mut collector = Collector::new(limits, u64::MAX);
        folder::read(folder, &mut collector)?;
        Package::from_files(collector.finish()?)
    }

    /// A package of files at hand, in their order.
    pub fn from_files(files: Vec<(String, Bytes)>) -> Result<Package> {
        let mut hasher = Sha256::new();
        for (path, content) in &files {
            hasher.update((path.len() as u64).to_le_bytes());
            hasher.update(path);
            hasher.update((content.len() as u64).to_le_bytes());
            hasher.update(content);
        }
        Ok(Package::assemble(hex_digest(&hasher.finalize()), files))
    }

    fn assemble(digest: String, entries: Vec<(String, Bytes)>) -> Package {
        let mut package = Package {
            digest: digest.into(),
            files: Vec::new(),
            contents: Vec::new(),
            by_path: HashMap::new(),
        };
        for (path, content) in entries {
            package.by_path.insert(path.clone(), package.files.len());
            package.files.push(PackageFile { path, size: content.len() as u64 });
            package.contents.push(content);
        }
        package
    }

    /// All files, ordered as in the archive.
    pub fn files(&self) -> &[PackageFile] {
        &self.files
    }

    /// The content of a file.
    pub fn read(&self, path: &str) -> Option<&[u8]> {
        self.by_path.get(path).map(|index| self.contents[*index].as_ref())
    }

    /// `sha256:...` of the archive.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The package inside a folder of this one; none when the folder holds no file. The digest stays that of the
    /// archive.
    pub fn rerooted(&self, folder: &str) -> Option<Package> {
        let prefix = match folder.trim_matches('/') {
            "" | "." => return Some(self.clone()),
            folder => format!("{folder}/"),
        };
        let inside = self.files.iter().zip(&self.contents).filter_map(|(file, content)| {
            Some((file.path.strip_prefix(&prefix)?.to_owned(), content.clone()))
        });
        let package = Package::assemble(self.digest.to_string(), inside.collect());
        (!package.files.is_empty()).then_some(package)
    }
}

/// `sha256:...` of an archive.
pub fn digest(archive: &[u8]) -> String {
    hex_digest(&Sha256::digest(archive))
}

fn hex_digest(hash: &[u8]) -> String {
    hash.iter().fold(String::from("sha256:"), |text, byte| format!("{text}{byte:02x}"))
}

/// The refusal of an archive, as a finding that names the entry.
fn refused(path: Option<&str>, message: impl Into<String>) -> Error {
    let mut finding = Finding::new("package/archive", Severity::Critical, message);
    finding.path = path.map(str::to_owned);
    finding.blocking = true;
    finding.remediation =
        Some("pack the files again with a current tool, without links and special files".into());
    Error::Rejected { findings: vec![finding] }
}

#[cfg(test)]
mod tests;
