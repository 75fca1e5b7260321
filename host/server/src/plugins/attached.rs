//! Compiled code at the end of the program's own file, so that a first start does not have to compile.
//!
//! `make build` calls `osc __attach FILE FOLDER` when the program is linked: it writes FILE, the same program followed
//! by the code of its built-in plugins. The code is as trusted as the program that carries it. A program without it
//! compiles at its first start.
//!
//! Layout: program, one zstd frame for each code, the index as JSON, the index's length (8 bytes, little endian), [`MAGIC`].

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use super::builtin;
use super::compile::{Cache, Compiler, MAX_CODE, ended, this_file};
use super::engine::{Allocation, config, wasmtime_error};
use crate::registry::archive::digest;

/// The hidden subcommand of the binary.
pub const COMMAND: &str = "__attach";
const MAGIC: &[u8; 16] = b"osc compiled v1\n";
const FOOTER: u64 = 8 + MAGIC.len() as u64;
const MAX_INDEX: u64 = 64 << 10;

#[derive(Serialize, Deserialize)]
struct Index {
    /// Bytes of the program itself.
    program: u64,
    codes: Vec<Code>,
}

/// One frame.
#[derive(Serialize, Deserialize)]
struct Code {
    /// As in the cache: the component's digest and the engine's settings.
    key: String,
    offset: u64,
    length: u64,
}

/// Whether the program carries this code.
pub(super) fn has(program: &Path, key: &str) -> bool {
    let index = File::open(program).ok().and_then(|mut file| index(&mut file).ok().flatten());
    index.is_some_and(|index| index.codes.iter().any(|code| code.key == key))
}

/// The code that the program carries.
pub(super) fn find(program: &Path, key: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let mut file = File::open(program)?;
    let Some(index) = index(&mut file)? else { return Ok(None) };
    let Some(code) = index.codes.iter().find(|code| code.key == key) else { return Ok(None) };
    file.seek(SeekFrom::Start(code.offset))?;
    let mut bytes = Vec::new();
    zstd::Decoder::new(file.take(code.length))?.take(MAX_CODE).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// The index at the end of a program; none in one that carries nothing.
fn index(file: &mut File) -> anyhow::Result<Option<Index>> {
    let Some(footer) = file.metadata()?.len().checked_sub(FOOTER) else { return Ok(None) };
    file.seek(SeekFrom::Start(footer))?;
    let (mut length, mut magic) = ([0; 8], [0; MAGIC.len()]);
    file.read_exact(&mut length)?;
    file.read_exact(&mut magic)?;
    let length = u64::from_le_bytes(length);
    if &magic != MAGIC || length > MAX_INDEX.min(footer) {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(footer - length))?;
    Ok(Some(serde_json::from_reader(file.take(length)).context("the index of compiled code")?))
}

/// The build's side: `osc __attach FILE FOLDER`, with the folder where code of former builds is kept.
pub fn attach_main(arguments: &[OsString]) -> ExitCode {
    ended(attach(arguments))
}

fn attach(arguments: &[OsString]) -> anyhow::Result<()> {
    let [target, folder] = arguments else { bail!("usage: {COMMAND} FILE FOLDER") };
    let mut program = File::open(this_file()?)?;
    let length = match index(&mut program)? {
        Some(index) => index.program,
        None => program.metadata()?.len(),
    };
    program.seek(SeekFrom::Start(0))?;

    let target = Path::new(target);
    let mut file = tempfile::NamedTempFile::new_in(target.parent().context("a file has a folder")?)?;
    std::io::copy(&mut program.take(length), &mut file)?;
    let mut index = Index { program: length, codes: Vec::new() };
    let mut offset = length;
    for (key, code) in compiled(Path::new(folder))? {
        let frame = zstd::encode_all(code.as_slice(), 3)?;
        file.write_all(&frame)?;
        index.codes.push(Code { key, offset, length: frame.len() as u64 });
        offset += frame.len() as u64;
    }
    let index = serde_json::to_vec(&index)?;
    file.write_all(&index)?;
    file.write_all(&(index.len() as u64).to_le_bytes())?;
    file.write_all(MAGIC)?;
    file.as_file().set_permissions(Permissions::from_mode(0o755))?;
    file.persist(target).with_context(|| format!("cannot write `{}`", target.display()))?;
    Ok(())
}

/// Key and code of every built-in plugin.
fn compiled(folder: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let engine = Engine::new(&config(Allocation::OnDemand)).map_err(wasmtime_error)?;
    let cache = Cache::open(folder.to_owned(), Compiler::InProcess, &engine)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut codes = Vec::new();
    for plugin in builtin().iter().filter(|plugin| !plugin.wasm.is_empty()) {
        let digest = digest(plugin.wasm);
        runtime.block_on(cache.load(&engine, &digest, plugin.wasm))?;
        codes.push((cache.key(&digest), fs::read(cache.file(&digest))?));
    }
    // What former builds left serves nobody.
    for path in fs::read_dir(folder)?.flatten().map(|entry| entry.path()) {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if !codes.iter().any(|(key, _)| *key == stem) {
            fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
    }
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of some bytes with one code behind them.
    fn program(key: &str, code: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let frame = zstd::encode_all(code, 3).expect("a frame");
        let code = Code { key: key.into(), offset: 7, length: frame.len() as u64 };
        let index = serde_json::to_vec(&Index { program: 7, codes: vec![code] }).expect("an index");
        for part in [b"program", &*frame, &*index, &(index.len() as u64).to_le_bytes(), MAGIC] {
            file.write_all(part).expect("written");
        }
        file
    }

    #[test]
    fn code_is_found_by_its_key() {
        let file = program("digest-engine", b"machine code");
        assert!(has(file.path(), "digest-engine"));
        assert_eq!(find(file.path(), "digest-engine").expect("read"), Some(b"machine code".to_vec()));
        assert!(!has(file.path(), "digest-other"));
        assert_eq!(find(file.path(), "digest-other").expect("read"), None);
    }

    #[test]
    fn a_program_without_code_has_none() {
        for bytes in [&b""[..], b"short", &[0; 4096], &[&[0xff; 40][..], MAGIC].concat()] {
            let mut file = tempfile::NamedTempFile::new().expect("a file");
            file.write_all(bytes).expect("written");
            assert!(!has(file.path(), "digest-engine"));
            assert!(!matches!(find(file.path(), "digest-engine"), Ok(Some(_))));
        }
    }

    #[test]
    fn damaged_code_is_an_error() {
        let file = program("digest-engine", b"machine code");
        let mut bytes = fs::read(file.path()).expect("read");
        bytes[7] ^= 0xff;
        fs::write(file.path(), bytes).expect("written");
        assert!(find(file.path(), "digest-engine").is_err());
    }
}
