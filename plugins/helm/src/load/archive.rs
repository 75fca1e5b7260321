//! Unpacks chart archives within bounds, and refuses names that could leave the chart's folder.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::{LoadError, without_bom};
use crate::chart::File;
use crate::text::quote;

/// Bytes that a chart may have unpacked, nested archives included; Helm's limit.
pub const MAX_UNPACKED: u64 = 100 * 1024 * 1024;
/// Files that a chart may have, nested archives included.
pub const MAX_ENTRIES: usize = 20_000;
const MAX_NAME: usize = 4096;

/// What is left of the bounds while a chart is loaded.
#[derive(Debug)]
pub struct Budget {
    bytes: u64,
    entries: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_UNPACKED, entries: MAX_ENTRIES }
    }
}

impl Budget {
    /// Counts one file.
    pub(super) fn take(&mut self, name: &str, size: u64) -> Result<(), LoadError> {
        self.entries = self.entries.checked_sub(1).ok_or_else(|| {
            LoadError(format!("chart has more than {MAX_ENTRIES} files, `{name}` is one too many"))
        })?;
        self.bytes = self.bytes.checked_sub(size).ok_or_else(too_large)?;
        Ok(())
    }
}

fn too_large() -> LoadError {
    LoadError(format!("decompressed chart is larger than the maximum size {MAX_UNPACKED}"))
}

/// Reads all files of a gzipped tar archive; the first folder of each name is cut off.
pub fn unpack(data: &[u8], budget: &mut Budget) -> Result<Vec<File>, LoadError> {
    if !data.starts_with(b"\x1f\x8b\x08") {
        return Err(LoadError::new("the file does not appear to be a gzipped archive"));
    }
    // Headers and padding count too, so that an archive of nothing but headers ends as well.
    let bound = budget.bytes.saturating_add(1024 * (budget.entries as u64 + 2));
    let mut archive = Archive::new(MultiGzDecoder::new(data).take(bound));
    let mut files = Vec::new();
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|error| LoadError(format!("chart has a file name that is not UTF-8: `{error}`")))?;
        let kind = entry.header().entry_type();
        if kind == EntryType::Directory || (name.ends_with('/') && kind == EntryType::Regular) {
            budget.take(&name, 0)?;
            continue;
        }
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {}
            EntryType::XGlobalHeader | EntryType::XHeader => continue,
            _ => return Err(LoadError(format!("chart contains {}: `{name}`", describe(kind)))),
        }
        let inner = strip_folder(&name)?;
        let size = entry.header().size().map_err(unreadable)?;
        if size > budget.bytes {
            return Err(too_large());
        }
        let mut content = Vec::with_capacity(usize::try_from(size.min(1 << 20)).unwrap_or_default());
        let read =
            entry.by_ref().take(budget.bytes + 1).read_to_end(&mut content).map_err(unreadable)? as u64;
        if read < size {
            return Err(LoadError(format!("chart archive ends within `{name}`")));
        }
        budget.take(&name, read)?;
        files.push(File::new(inner, without_bom(&Bytes::from(content))));
    }
    if files.is_empty() {
        return Err(LoadError::new("no files in chart archive"));
    }
    Ok(files)
}

fn unreadable(error: std::io::Error) -> LoadError {
    LoadError(format!("cannot read chart archive: {error}"))
}

fn describe(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink => "a symbolic link",
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        _ => "an entry of an unknown kind",
    }
}

/// The name without the archive's top folder.
fn strip_folder(name: &str) -> Result<String, LoadError> {
    let delimiter = if name.contains('\\') { '\\' } else { '/' };
    let (top, rest) = name.split_once(delimiter).unwrap_or((name, ""));
    let rest = rest.replace(delimiter, "/");
    let inner = check_path(&rest, name)?;
    if top == "Chart.yaml" {
        return Err(LoadError::new("chart yaml not in base directory"));
    }
    Ok(inner)
}

/// Checks the name of an unpacked file and cleans it.
pub(super) fn check_name(name: &str) -> Result<String, LoadError> {
    check_path(&name.replace('\\', "/"), name)
}

fn check_path(path: &str, shown: &str) -> Result<String, LoadError> {
    if path.len() > MAX_NAME {
        return Err(LoadError(format!(
            "chart has a file name of more than {MAX_NAME} bytes: `{}`",
            cut(shown)
        )));
    }
    if path.starts_with('/') {
        return Err(LoadError(format!("chart illegally contains absolute paths: {}", quote(shown))));
    }
    let clean = clean_path(path);
    if clean == "." {
        return Err(LoadError(format!(
            "chart illegally contains content outside the base directory: {}",
            quote(shown)
        )));
    }
    if clean.starts_with("..") {
        return Err(LoadError(format!("chart illegally references parent directory: {}", quote(shown))));
    }
    let bytes = clean.as_bytes();
    let has_drive = bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && bytes[2] == b'/';
    if has_drive || clean.contains('\0') {
        return Err(LoadError(format!("chart contains illegally named files: {}", quote(shown))));
    }
    Ok(clean)
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A relative path without empty, `.` and inner `..` parts; `.` if nothing is left.
fn clean_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn header(name: &str, kind: EntryType, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header
    }

    fn packed(entries: &[(&str, EntryType)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind) in entries {
            builder.append(&header(name, *kind, 0), &[][..]).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn refusal(name: &str, kind: EntryType) -> String {
        match unpack(&packed(&[(name, kind)]), &mut Budget::default()) {
            Ok(files) => format!("{:?}", files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn hostile_entries_are_refused_by_name() {
        let regular = EntryType::Regular;
        let results = [
            refusal("top/a/../b.yaml", regular),
            refusal("top/./c//d.yaml", regular),
            refusal("top/../../etc/passwd", regular),
            refusal("top//etc/passwd", regular),
            refusal("/etc/passwd", regular),
            refusal("passwd", regular),
            refusal("top/c:/windows", regular),
            refusal("top\\templates\\a.yaml", regular),
            refusal("Chart.yaml", regular),
            refusal("top/link", EntryType::Symlink),
            refusal("top/link", EntryType::Link),
            refusal("top/null", EntryType::Char),
            refusal("top/disk", EntryType::Block),
            refusal("top/pipe", EntryType::Fifo),
            refusal("top/folder/", EntryType::Directory),
        ];
        insta::assert_snapshot!(results.join("\n"), @r#"
        ["b.yaml"]
        ["c/d.yaml"]
        chart illegally references parent directory: "top/../../etc/passwd"
        chart illegally contains absolute paths: "top//etc/passwd"
        ["etc/passwd"]
        chart illegally contains content outside the base directory: "passwd"
        chart contains illegally named files: "top/c:/windows"
        ["templates/a.yaml"]
        chart illegally contains content outside the base directory: "Chart.yaml"
        chart contains a symbolic link: `top/link`
        chart contains a hard link: `top/link`
        chart contains a device: `top/null`
        chart contains a device: `top/disk`
        chart contains a pipe: `top/pipe`
        no files in chart archive
        "#);
    }

    #[test]
    fn unpacked_size_is_bounded() {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let size = MAX_UNPACKED + 1;
        builder.append(&header("top/bomb", EntryType::Regular, size), std::io::repeat(0).take(size)).unwrap();
        let data = builder.into_inner().unwrap().finish().unwrap();
        let error = unpack(&data, &mut Budget::default()).unwrap_err();
        insta::assert_snapshot!(error, @"decompressed chart is larger than the maximum size 104857600");
    }

    #[test]
    fn entries_are_bounded_across_nested_archives() {
        let mut budget = Budget { bytes: MAX_UNPACKED, entries: 2 };
        let data = packed(&[("top/a", EntryType::Regular), ("top/b", EntryType::Regular)]);
        assert!(unpack(&data, &mut budget).is_ok());
        insta::assert_snapshot!(unpack(&data, &mut budget).unwrap_err(), @"chart has more than 20000 files, `top/a` is one too many");
    }
}
