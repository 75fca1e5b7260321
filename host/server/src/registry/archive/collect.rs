//! Collects entries under the bounds, whatever format they come from.

use std::collections::HashSet;
use std::io::Read;

use bytes::Bytes;

use super::{ArchiveLimits, refused};
use crate::error::Result;

/// Below this many unpacked bytes the ratio does not matter.
const RATIO_FROM: u64 = 8 << 20;

pub(super) struct Collector<'a> {
    limits: &'a ArchiveLimits,
    packed: u64,
    unpacked: u64,
    entries: usize,
    seen: HashSet<String>,
    folders: HashSet<String>,
    files: Vec<(String, Bytes)>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(limits: &'a ArchiveLimits, packed: u64) -> Self {
        let (seen, folders, files) = Default::default();
        Collector { limits, packed, unpacked: 0, entries: 0, seen, folders, files }
    }

    /// The bound on bytes that a decompressor may give before it must be stopped.
    pub(super) fn byte_limit(&self) -> u64 {
        self.limits.unpacked.min(RATIO_FROM.max(self.packed.saturating_mul(self.limits.ratio)))
    }

    pub(super) fn too_large(&self, name: &str) -> crate::error::Error {
        let limit = self.byte_limit();
        let message = if limit < self.limits.unpacked {
            format!("`{name}`: unpacks to more than {} times its size", self.limits.ratio)
        } else {
            format!("`{name}`: the package unpacks to more than {limit} bytes")
        };
        refused(Some(name), message)
    }

    /// Counts a header, before anything else of the entry is looked at.
    pub(super) fn count_entry(&mut self) -> Result<()> {
        self.check_entries(self.entries + 1)?;
        self.entries += 1;
        Ok(())
    }

    /// Refuses a count of entries that the archive itself tells.
    pub(super) fn check_entries(&self, entries: usize) -> Result<()> {
        if entries > self.limits.entries {
            return Err(refused(None, format!("the package has more than {} entries", self.limits.entries)));
        }
        Ok(())
    }

    /// Checks the name of a folder.
    pub(super) fn folder(&mut self, raw: &[u8]) -> Result<()> {
        if let Some(path) = self.clean(raw)? {
            self.claim_folder(&path, raw)?;
        }
        Ok(())
    }

    /// Reads a file to its end or to the bound; `size` is what its header tells.
    pub(super) fn file(&mut self, raw: &[u8], size: u64, content: &mut dyn Read) -> Result<()> {
        let name = String::from_utf8_lossy(raw).into_owned();
        let Some(path) = self.clean(raw)? else {
            return Err(refused(Some(&name), format!("`{name}`: a file without a name")));
        };
        let left = self.byte_limit().saturating_sub(self.unpacked);
        let mut bytes = Vec::new();
        let read = content.take(left + 1).read_to_end(&mut bytes);
        read.map_err(|error| refused(Some(&name), format!("`{name}`: damaged or cut off: {error}")))?;
        if bytes.len() as u64 > left {
            return Err(self.too_large(&name));
        }
        if bytes.len() as u64 != size {
            return Err(refused(
                Some(&name),
                format!("`{name}`: damaged or cut off: its header tells {size} bytes"),
            ));
        }
        self.unpacked += bytes.len() as u64;

        if let Some((parent, _)) = path.rsplit_once('/') {
            self.claim_folder(parent, raw)?;
        }
        if self.folders.contains(&path) {
            return Err(refused(Some(&name), format!("`{name}`: is a file and a folder")));
        }
        if !self.seen.insert(path.clone()) {
            return Err(refused(Some(&name), format!("`{name}`: is in the archive twice")));
        }
        self.files.push((path, bytes.into()));
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vec<(String, Bytes)>> {
        if self.files.is_empty() {
            return Err(refused(None, "the package holds no file"));
        }
        Ok(self.files)
    }

    fn claim_folder(&mut self, path: &str, raw: &[u8]) -> Result<()> {
        let mut folder = path;
        loop {
            if self.seen.contains(folder) {
                let name = String::from_utf8_lossy(raw);
                return Err(refused(Some(&name), format!("`{name}`: is a file and a folder")));
            }
            if !self.folders.insert(folder.to_owned()) {
                return Ok(());
            }
            match folder.rsplit_once('/') {
                Some((parent, _)) => folder = parent,
                None => return Ok(()),
            }
        }
    }

    /// The path without `.` and doubled separators; none for the root itself.
    fn clean(&self, raw: &[u8]) -> Result<Option<String>> {
        let lossy = String::from_utf8_lossy(raw);
        let shown: String = lossy.chars().take(200).collect();
        let refuse =
            |reason: &str| Err(refused(Some(&shown), format!("`{}`: {reason}", shown.escape_debug())));

        if raw.len() > self.limits.path_length {
            return refuse(&format!("path is longer than {} bytes", self.limits.path_length));
        }
        let Ok(name) = std::str::from_utf8(raw) else { return refuse("path is not UTF-8") };
        if name.chars().any(char::is_control) {
            return refuse("path holds control characters");
        }
        // Tools on Windows write `\`; no sane package has it in a name.
        let name = name.replace('\\', "/");
        let drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
        if name.starts_with('/') || drive {
            return refuse("path is absolute");
        }
        let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        if parts.contains(&"..") {
            return refuse("path leaves the package");
        }
        if parts.len() > self.limits.depth + 1 {
            return refuse(&format!("path is more than {} folders deep", self.limits.depth));
        }
        Ok((!parts.is_empty()).then(|| parts.join("/")))
    }
}
