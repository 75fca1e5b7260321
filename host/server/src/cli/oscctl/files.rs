//! Files of a package between folder, zip and tgz; which it is is said by the path.

use std::io::{Cursor, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;

use crate::cli::failure::{CONFLICT, Failure};
use crate::registry::archive::{ArchiveLimits, Package};

/// Path below the package's root, and content.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// No package file is larger than this.
const MAX_FILE: u64 = 64 << 20;

/// The files of an archive or folder, without the one folder that may be around all of them.
pub(crate) fn read(path: &Path) -> Result<Files, Failure> {
    let named = |error: crate::error::Error| {
        let failure = Failure::from(error);
        Failure { message: format!("`{}`: {}", path.display(), failure.message), ..failure }
    };
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::usage(format!("`{}` does not exist", path.display())),
        _ => Failure::failed(format!("cannot read `{}`: {error}", path.display())),
    })?;
    let limits = ArchiveLimits::default();
    let package = if metadata.is_dir() {
        Package::from_folder(path, &limits).map_err(named)?
    } else if metadata.len() > MAX_FILE {
        return Err(Failure::refused(format!("`{}` is larger than {} MiB", path.display(), MAX_FILE >> 20)));
    } else {
        let data = std::fs::read(path)
            .map_err(|error| Failure::failed(format!("cannot read `{}`: {error}", path.display())))?;
        Package::open(data.into(), &limits).map_err(named)?
    };
    let all = package.files().iter().map(|file| {
        let content = package.read(&file.path).unwrap_or_default().to_vec();
        (file.path.clone(), content)
    });
    Ok(without_top(all.collect()))
}

/// Takes away the one folder that all files lie in.
fn without_top(files: Files) -> Files {
    let top = files.first().and_then(|(path, _)| Some(format!("{}/", path.split_once('/')?.0)));
    match top {
        Some(top) if files.iter().all(|(path, _)| path.starts_with(&top)) => {
            files.into_iter().map(|(path, content)| (path[top.len()..].to_owned(), content)).collect()
        }
        _ => files,
    }
}

/// Writes a folder, or an archive when the name says so. What is there is never overwritten.
pub(crate) fn write(path: &Path, files: &Files) -> Result<(), Failure> {
    let cannot =
        |error: std::io::Error| Failure::failed(format!("cannot write `{}`: {error}", path.display()));
    let is_empty_folder = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if path.exists() && !is_empty_folder {
        return Err(Failure::new(CONFLICT, format!("`{}` is there already", path.display()))
            .hint("remove it, or name another place"));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let archive = match kind_of(&name) {
        Some(Archive::Zip) => zip(files).map_err(|error| Failure::failed(error.to_string()))?,
        Some(Archive::Tgz(folder)) => tgz(folder, files).map_err(cannot)?,
        None => {
            for (file, content) in files {
                let place = path.join(file);
                if let Some(folder) = place.parent() {
                    std::fs::create_dir_all(folder).map_err(cannot)?;
                }
                std::fs::write(place, content).map_err(cannot)?;
            }
            return Ok(());
        }
    };
    std::fs::write(path, archive).map_err(cannot)
}

enum Archive<'a> {
    Zip,
    /// With the folder around its files.
    Tgz(&'a str),
}

fn kind_of(name: &str) -> Option<Archive<'_>> {
    if name.strip_suffix(".zip").is_some() {
        return Some(Archive::Zip);
    }
    [".tgz", ".tar.gz"].iter().find_map(|end| name.strip_suffix(end)).map(Archive::Tgz)
}

fn zip(files: &Files) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        // The same files give the same archive: the format's own first day.
        writer.start_file(path, SimpleFileOptions::default().unix_permissions(0o644))?;
        writer.write_all(content)?;
    }
    Ok(writer.finish()?.into_inner())
}

fn tgz(folder: &str, files: &Files) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("{folder}/{path}"), content.as_slice())?;
    }
    archive.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let files: Files = vec![
            ("metadata.yaml".into(), b"name: a\n".to_vec()),
            ("manifests/a_crd.yaml".into(), b"{}".to_vec()),
        ];
        for name in ["plain", "a.zip", "a.tgz", "a.tar.gz"] {
            let path = folder.path().join(name);
            write(&path, &files).unwrap();
            let mut again = read(&path).unwrap();
            again.sort_by(|one, other| other.0.cmp(&one.0));
            assert_eq!(again, files, "{name}");
            assert_eq!(write(&path, &files).unwrap_err().exit, CONFLICT, "{name}");
        }
        assert_eq!(read(&folder.path().join("nothing")).unwrap_err().exit, 2);
    }
}
