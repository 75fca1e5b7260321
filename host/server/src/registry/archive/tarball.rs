//! Tar archives, plain or compressed with gzip.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use super::collect::Collector;
use super::refused;
use crate::error::Result;

const BLOCK: usize = 512;
const TOO_LARGE: &str = "unpacks to too much";

/// Whether the first block is a tar header: its checksum is right.
pub(super) fn looks_like_tar(archive: &[u8]) -> bool {
    let Some(block) = archive.get(..BLOCK) else { return false };
    let stored = std::str::from_utf8(&block[148..156]).ok().map(|text| text.trim_matches(['\0', ' ']));
    let stored = stored.and_then(|text| u32::from_str_radix(text, 8).ok());
    let outside = block[..148].iter().chain(&block[156..]).map(|byte| u32::from(*byte)).sum::<u32>();
    stored == Some(outside + 8 * u32::from(b' '))
}

pub(super) fn read_plain(archive: &[u8], collector: &mut Collector<'_>) -> Result<()> {
    read(archive, collector).map(|_| ())
}

pub(super) fn read_compressed(archive: &[u8], collector: &mut Collector<'_>) -> Result<()> {
    let mut rest = read(MultiGzDecoder::new(archive), collector)?;
    // What follows the end of the tar is padding, but its checksum tells whether the file arrived whole.
    match io::copy(&mut rest, &mut io::sink()) {
        Err(_) if rest.exceeded => Err(collector.too_large("padding")),
        // Bytes after the last gzip member, as tapes and some mirrors add: gzip ignores them too.
        Err(error) if error.to_string() == "invalid gzip header" => Ok(()),
        Err(error) => Err(refused(None, format!("the archive is damaged or cut off: {error}"))),
        Ok(_) => Ok(()),
    }
}

fn read<R: Read>(reader: R, collector: &mut Collector<'_>) -> Result<Bounded<R>> {
    let mut archive = Archive::new(Bounded { reader, left: collector.byte_limit(), exceeded: false });
    let mut last = String::from("the first entry");
    let outcome = read_entries(&mut archive, collector, &mut last);
    let bounded = archive.into_inner();
    match outcome {
        Err(_) if bounded.exceeded => Err(collector.too_large(&last)),
        Err(error) => Err(error),
        Ok(()) => Ok(bounded),
    }
}

fn read_entries<R: Read>(
    archive: &mut Archive<R>,
    collector: &mut Collector<'_>,
    last: &mut String,
) -> Result<()> {
    let damaged = |last: &str, error: io::Error| {
        refused(Some(last), format!("the archive is damaged or cut off after `{last}`: {error}"))
    };
    for entry in archive.entries().map_err(|error| damaged(last, error))? {
        let mut entry = entry.map_err(|error| damaged(last, error))?;
        collector.count_entry()?;
        let raw = entry.path_bytes().into_owned();
        *last = String::from_utf8_lossy(&raw).chars().take(200).collect();
        let special = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {
                let size = entry.size();
                collector.file(&raw, size, &mut entry)?;
                continue;
            }
            EntryType::Directory => {
                collector.folder(&raw)?;
                continue;
            }
            EntryType::XGlobalHeader => continue,
            EntryType::Symlink => "a symbolic link",
            EntryType::Link => "a hard link",
            EntryType::Char | EntryType::Block => "a device",
            EntryType::Fifo => "a pipe",
            EntryType::GNUSparse => "a sparse file",
            _ => "a special file",
        };
        return Err(refused(Some(last), format!("`{last}`: is {special}, which a package must not hold")));
    }
    Ok(())
}

/// Stops a stream at the bound, and tells that it did.
struct Bounded<R> {
    reader: R,
    left: u64,
    exceeded: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let mut probe = [0];
            if self.reader.read(&mut probe)? == 0 {
                return Ok(0);
            }
            self.exceeded = true;
            return Err(io::Error::other(TOO_LARGE));
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.reader.read(&mut buffer[..room])?;
        self.left -= read as u64;
        Ok(read)
    }
}
