//! Zip archives. Everything is checked by the central directory first: entries that overlap give more than any ratio
//! lets expect, and files that two readers see differently hide what was reviewed.

use std::io::Cursor;

use zip::ZipArchive;
use zip::result::ZipError;

use super::collect::Collector;
use super::refused;
use crate::error::Result;

const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

pub(super) fn read(bytes: &[u8], collector: &mut Collector<'_>) -> Result<()> {
    collector.check_entries(told_entries(bytes))?;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    collector.check_entries(archive.len())?;
    if archive.has_duplicate_names() {
        return Err(refused(None, "two entries of the archive have the same name"));
    }
    if archive.has_overlapping_entries().map_err(damaged)? {
        return Err(refused(None, "entries of the archive overlap"));
    }
    archive.validate_header_consistency().map_err(damaged)?;

    for index in 0..archive.len() {
        collector.count_entry()?;
        let mut entry = archive.by_index(index).map_err(damaged)?;
        let raw = entry.name_raw().to_vec();
        let name: String = String::from_utf8_lossy(&raw).chars().take(200).collect();
        let kind = entry.unix_mode().map_or(0, |mode| mode & FILE_TYPE);
        if entry.is_symlink() || !matches!(kind, 0 | REGULAR | FOLDER) {
            let what = if entry.is_symlink() { "a symbolic link" } else { "a special file" };
            return Err(refused(Some(&name), format!("`{name}`: is {what}, which a package must not hold")));
        }
        if entry.is_dir() || kind == FOLDER {
            collector.folder(&raw)?;
            continue;
        }
        let size = entry.size();
        collector.file(&raw, size, &mut entry)?;
    }
    Ok(())
}

/// The count in the end record, to refuse before the directory is read into memory; 0 when it cannot be seen.
fn told_entries(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(22 + (1 << 16))..];
    let record = tail.windows(4).rposition(|window| window == b"PK\x05\x06");
    let count = record.and_then(|at| tail.get(at + 10..at + 12));
    match count {
        // Zip64: the true count is elsewhere, and above 65,534.
        Some([0xff, 0xff]) => usize::from(u16::MAX),
        Some(count) => usize::from(u16::from_le_bytes([count[0], count[1]])),
        None => 0,
    }
}

fn damaged(error: ZipError) -> crate::error::Error {
    refused(None, format!("the archive is damaged or cannot be read: {error}"))
}
