//! Good archives of each kind, and every hostile one.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn open(archive: Vec<u8>) -> Result<Package, String> {
    open_within(archive, &ArchiveLimits::default())
}

fn open_within(archive: Vec<u8>, limits: &ArchiveLimits) -> Result<Package, String> {
    Package::open(archive.into(), limits).map_err(|error| match error {
        Error::Rejected { findings } => {
            assert!(findings.iter().all(|finding| finding.blocking), "a refusal blocks");
            findings[0].message.clone()
        }
        other => panic!("a hostile archive is rejected, not {other}"),
    })
}

fn refusal(archive: Vec<u8>) -> String {
    open(archive).err().expect("must be refused")
}

/// A header whose name is not checked by the library.
fn header(name: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

fn tar(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        builder.append(&header(name, *kind, content.len() as u64), *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn one(name: &str, kind: EntryType) -> Vec<u8> {
    gzip(&tar(&[("chart/Chart.yaml", EntryType::Regular, b"name: x"), (name, kind, b"")]))
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Positions of the entries in the central directory.
fn directory_entries(archive: &[u8]) -> Vec<usize> {
    let at = archive.windows(4).enumerate().filter(|(_, window)| window == b"PK\x01\x02");
    at.map(|(at, _)| at).collect()
}

#[test]
fn every_kind_of_archive_is_read() {
    let plain = tar(&[
        ("./chart/", EntryType::Directory, b""),
        ("./chart/Chart.yaml", EntryType::Regular, b"name: x"),
        ("chart//templates/a.yaml", EntryType::Regular, b"kind: A"),
    ]);
    let zipped = zip(&[("chart/Chart.yaml", b"name: x"), ("chart\\templates\\a.yaml", b"kind: A")]);
    for archive in [gzip(&plain), plain, zipped] {
        let package = open(archive.clone()).unwrap();
        let paths: Vec<_> = package.files().iter().map(|file| (file.path.as_str(), file.size)).collect();
        assert_eq!(paths, [("chart/Chart.yaml", 7), ("chart/templates/a.yaml", 7)]);
        assert_eq!(package.read("chart/Chart.yaml"), Some(b"name: x".as_slice()));
        assert_eq!(package.read("gone"), None);
        assert_eq!(package.digest(), digest(&archive));

        let inner = package.rerooted("chart/templates").unwrap();
        assert_eq!(inner.read("a.yaml"), Some(b"kind: A".as_slice()));
        assert!(package.rerooted("cha").is_none());
    }
}

#[test]
fn long_names_and_global_headers_are_read() {
    let mut builder = Builder::new(Vec::new());
    builder.append(&header("pax_global_header", EntryType::XGlobalHeader, 0), [].as_slice()).unwrap();
    let long = format!("chart/{}/a.yaml", "x".repeat(200));
    builder.append_data(&mut header("", EntryType::Regular, 1), &long, b"1".as_slice()).unwrap();
    let package = open(gzip(&builder.into_inner().unwrap())).unwrap();
    assert_eq!(package.files()[0].path, long);
}

#[test]
fn what_is_no_archive_is_refused() {
    for bytes in [b"".to_vec(), b"hello".to_vec(), vec![0; 4096], b"\x7fELF".repeat(300)] {
        assert!(refusal(bytes).starts_with("not a package archive"));
    }
    assert!(refusal(gzip(b"just text, no tar")).contains("damaged or cut off"));
    assert!(refusal(gzip(&tar(&[]))).contains("holds no file"));
    assert!(refusal(b"PK\x03\x04 nothing more".to_vec()).contains("damaged"));
}

#[test]
fn truncated_archives_are_refused_wherever_they_are_cut() {
    let noise: Vec<u8> =
        (0..20_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let entries: [(&str, &[u8]); 2] = [("chart/a.bin", &noise), ("chart/b.bin", &noise)];
    let plain = tar(&entries.map(|(name, content)| (name, EntryType::Regular, content)));
    for archive in [gzip(&plain), zip(&entries)] {
        for length in (20..archive.len() - 1).step_by(701).chain([archive.len() - 1]) {
            let message = refusal(archive[..length].to_vec());
            assert!(message.contains("damaged"), "cut at {length}: {message}");
        }
    }
    assert!(refusal(plain[..5_000].to_vec()).contains("`chart/a.bin`: damaged or cut off"));
    let mut flipped = gzip(&plain);
    let last = flipped.len() - 6;
    flipped[last] ^= 1;
    assert!(refusal(flipped).contains("damaged"), "the checksum is read");
}

#[test]
fn paths_that_leave_are_refused() {
    for name in ["../evil", "chart/../../evil", "chart/a/..", "..\\evil"] {
        assert!(refusal(one(name, EntryType::Regular)).ends_with("path leaves the package"), "{name}");
        assert!(refusal(zip(&[(name, b"x")])).ends_with("path leaves the package"), "{name}");
    }
    for name in ["/etc/passwd", "\\etc\\passwd", "C:\\evil", "c:/evil"] {
        assert!(refusal(one(name, EntryType::Regular)).ends_with("path is absolute"), "{name}");
        assert!(refusal(zip(&[(name, b"x")])).ends_with("path is absolute"), "{name}");
    }
    assert!(refusal(one("chart/a\nb", EntryType::Regular)).contains("control characters"));
    let deep = "d/".repeat(40) + "f";
    assert!(refusal(one(&deep, EntryType::Regular)).contains("more than 32 folders deep"));
    let long = format!("chart/{}", "x".repeat(2_000));
    let mut builder = Builder::new(Vec::new());
    builder.append_data(&mut header("", EntryType::Regular, 1), &long, b"1".as_slice()).unwrap();
    assert!(refusal(builder.into_inner().unwrap()).contains("longer than 1024 bytes"));
}

#[test]
fn links_and_special_files_are_refused_by_name() {
    for (kind, what) in [
        (EntryType::Symlink, "a symbolic link"),
        (EntryType::Link, "a hard link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a pipe"),
    ] {
        let message = refusal(one("chart/evil", kind));
        assert!(message.contains("chart/evil"), "{message}");
        assert!(message.contains(what), "{message}");
    }
    refusal(one("chart/evil", EntryType::GNUSparse));
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.add_symlink("chart/evil", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let message = refusal(writer.finish().unwrap().into_inner());
    assert_eq!(message, "`chart/evil`: is a symbolic link, which a package must not hold");

    let mut device = zip(&[("chart/evil", b"x")]);
    let at = directory_entries(&device)[0];
    device[at + 5] = 3; // made on Unix
    device[at + 38..at + 42].copy_from_slice(&(0o020_644_u32 << 16).to_le_bytes());
    assert!(refusal(device).contains("is a special file"));
}

#[test]
fn one_name_means_one_file() {
    let twice = tar(&[("a", EntryType::Regular, b"1"), ("./a", EntryType::Regular, b"2")]);
    assert!(refusal(twice).contains("is in the archive twice"));
    let both = tar(&[("a", EntryType::Regular, b"1"), ("a/b", EntryType::Regular, b"2")]);
    assert!(refusal(both).contains("is a file and a folder"));
    let both = tar(&[("a/b", EntryType::Regular, b"1"), ("a", EntryType::Regular, b"2")]);
    assert!(refusal(both).contains("is a file and a folder"));

    let mut renamed = zip(&[("chart/a", b"1"), ("chart/b", b"2")]);
    let at = directory_entries(&renamed)[1];
    renamed[at + 46 + 6] = b'a';
    assert!(refusal(renamed).contains("the same name"));
    let mut differs = zip(&[("chart/a", b"1")]);
    let at = directory_entries(&differs)[0];
    differs[at + 46 + 6] = b'z';
    assert!(refusal(differs).contains("damaged"), "directory and entry must agree");
}

#[test]
fn four_megabytes_that_unpack_to_four_gigabytes_are_stopped() {
    // Members of a gzip file follow each other, so the bomb needs no four gigabytes to be made.
    let mut bomb = gzip(header("chart/bomb", EntryType::Regular, 4 << 30).as_bytes());
    let zeros = gzip(&vec![0; 16 << 20]);
    (0..256).for_each(|_| bomb.extend_from_slice(&zeros));
    assert!(bomb.len() < 5 << 20);
    assert_eq!(refusal(bomb.clone()), "`chart/bomb`: the package unpacks to more than 67108864 bytes");

    let generous = ArchiveLimits { unpacked: 1 << 40, ratio: 2, ..ArchiveLimits::default() };
    let message = open_within(bomb, &generous).err().unwrap();
    assert_eq!(message, "`chart/bomb`: unpacks to more than 2 times its size");

    // The same in the padding after the end, and in a header that is read whole.
    let mut padded = gzip(&tar(&[("chart/a", EntryType::Regular, b"1")]));
    (0..256).for_each(|_| padded.extend_from_slice(&zeros));
    assert!(refusal(padded).contains("unpacks to more than"));
    let mut named = gzip(header("long", EntryType::GNULongName, 4 << 30).as_bytes());
    (0..256).for_each(|_| named.extend_from_slice(&zeros));
    assert!(refusal(named).contains("unpacks to more than"));

    let message = refusal(zip(&[("chart/bomb", &vec![0; 65 << 20])]));
    assert!(message.contains("unpacks to more than 67108864 bytes") || message.contains("times its size"));
}

#[test]
fn two_hundred_thousand_entries_are_refused() {
    let thousand: Vec<u8> = (0..1_000)
        .flat_map(|number| *header(&format!("d{number}/"), EntryType::Directory, 0).as_bytes())
        .collect();
    let thousand = gzip(&thousand);
    let many: Vec<u8> = (0..200).flat_map(|_| thousand.clone()).collect();
    assert_eq!(refusal(many), "the package has more than 10000 entries");

    let names: Vec<String> = (0..10_001).map(|number| format!("f{number}")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert_eq!(refusal(zip(&entries)), "the package has more than 10000 entries");
}

#[test]
fn zips_that_overlap_are_refused() {
    let mut archive = zip(&[("chart/a", &[1; 100]), ("chart/b", &[2; 100])]);
    let entries = directory_entries(&archive);
    let first = archive[entries[0] + 42..entries[0] + 46].to_vec();
    archive[entries[1] + 42..entries[1] + 46].copy_from_slice(&first);
    assert_eq!(refusal(archive), "entries of the archive overlap");
}

#[test]
fn folders_of_the_disk_are_read_within_their_root() {
    let place = tempfile::tempdir().unwrap();
    let chart = place.path().join("chart");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    std::fs::write(chart.join("Chart.yaml"), "name: x").unwrap();
    std::fs::write(chart.join("templates/a.yaml"), "kind: A").unwrap();
    let package = Package::from_folder(&chart, &ArchiveLimits::default()).unwrap();
    let paths: Vec<_> = package.files().iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["chart/Chart.yaml", "chart/templates/a.yaml"]);

    std::os::unix::fs::symlink("/etc/passwd", chart.join("evil")).unwrap();
    let error = Package::from_folder(&chart, &ArchiveLimits::default()).err().unwrap();
    assert!(error.to_string().contains("`chart/evil`: is a link that leaves the folder"), "{error}");
    std::fs::remove_file(chart.join("evil")).unwrap();
    std::os::unix::fs::symlink("..", chart.join("templates/round")).unwrap();
    let error = Package::from_folder(&chart, &ArchiveLimits::default()).err().unwrap();
    assert!(error.to_string().contains("folders deep"), "{error}");
}
