//! From component to machine code: once per digest and engine, in a child process with limits, kept with its hash.
//! The code of built-in plugins may come with the program.
//!
//! Code in the cache is trusted by the engine, so it is taken only from our own folder, and only when its SHA-256 is
//! the one that was written beside it.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::attached;
use super::engine::{Allocation, config, wasmtime_error};
use crate::registry::archive::digest;

/// The hidden subcommand of the binary.
pub const COMMAND: &str = "__compile";
const TIMEOUT: Duration = Duration::from_secs(300);
const MEMORY: u64 = 6 << 30;
pub(super) const MAX_CODE: u64 = 1 << 30;

/// Who compiles.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// A child process of this program, which must understand [`COMMAND`].
    Child(PathBuf),
    /// This process; it keeps a hundred megabytes. For tests of other parts.
    InProcess,
}

impl Compiler {
    /// The program that runs, even when its file was replaced meanwhile.
    pub fn this_program() -> Compiler {
        this_file().map_or(Compiler::InProcess, Compiler::Child)
    }
}

/// The file of the program that runs.
pub(super) fn this_file() -> std::io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() { Ok(running.into()) } else { std::env::current_exe() }
}

/// Compiled components on the disk.
pub(crate) struct Cache {
    folder: PathBuf,
    compiler: Compiler,
    engine_hash: String,
    one_at_a_time: Semaphore,
}

impl Cache {
    pub(crate) fn open(folder: PathBuf, compiler: Compiler, engine: &Engine) -> anyhow::Result<Cache> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let engine_hash = format!("{:016x}", hasher.finish());
        Ok(Cache { folder, compiler, engine_hash, one_at_a_time: Semaphore::new(1) })
    }

    /// What code is known by: the component and the settings it was compiled with.
    pub(super) fn key(&self, digest: &str) -> String {
        format!("{}-{}", digest.trim_start_matches("sha256:"), self.engine_hash)
    }

    pub(super) fn file(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{}.cwasm", self.key(digest)))
    }

    /// Whether the component was compiled before.
    pub(crate) fn has(&self, digest: &str) -> bool {
        let attached = || match &self.compiler {
            Compiler::Child(program) => attached::has(program, &self.key(digest)),
            Compiler::InProcess => false,
        };
        self.file(digest).exists() || attached()
    }

    /// Forgets the code of a component; the next load compiles it again.
    pub(crate) fn forget(&self, digest: &str) -> anyhow::Result<()> {
        let code = self.file(digest);
        for file in [code.with_extension("sha256"), code] {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove `{}`", file.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The component, from the cache or compiled now.
    pub(crate) async fn load(&self, engine: &Engine, digest: &str, wasm: &[u8]) -> anyhow::Result<Component> {
        let code = self.file(digest);
        if let Some(component) = self.take(engine, &code) {
            return Ok(component);
        }
        let _permit = self.one_at_a_time.acquire().await.context("the cache is closed")?;
        if let Some(component) = self.take(engine, &code) {
            return Ok(component);
        }
        match &self.compiler {
            Compiler::InProcess => {
                let bytes = engine.precompile_component(wasm).map_err(wasmtime_error)?;
                write_whole(&code, &bytes)?;
            }
            Compiler::Child(program) => match attached::find(program, &self.key(digest)) {
                Ok(Some(bytes)) => write_whole(&code, &bytes)?,
                Ok(None) => self.compile_in_child(program, &code, wasm).await?,
                Err(error) => {
                    tracing::warn!("the code that came with the program cannot be read: {error:#}");
                    self.compile_in_child(program, &code, wasm).await?;
                }
            },
        }
        let hash = digest_of_file(&code)?;
        write_whole(&code.with_extension("sha256"), hash.as_bytes())?;
        self.take(engine, &code).ok_or_else(|| anyhow!("the compiled code cannot be loaded"))
    }

    /// The code of a file, when it is there and whole.
    fn take(&self, engine: &Engine, code: &Path) -> Option<Component> {
        let expected = fs::read_to_string(code.with_extension("sha256")).ok()?;
        if digest_of_file(code).ok()? != expected.trim() {
            tracing::warn!("compiled code `{}` is damaged and will be made again", code.display());
            return None;
        }
        // The settings of the engine are checked on load; a mismatch means: compile again.
        #[expect(unsafe_code, reason = "our own compiler wrote the file, and its hash is right")]
        unsafe { Component::deserialize_file(engine, code) }.ok()
    }

    async fn compile_in_child(&self, program: &Path, code: &Path, wasm: &[u8]) -> anyhow::Result<()> {
        let scratch = tempfile::Builder::new().prefix(".compile-").tempdir_in(&self.folder)?;
        let (input, output) = (scratch.path().join("in.wasm"), scratch.path().join("out.cwasm"));
        fs::write(&input, wasm)?;
        let mut child = tokio::process::Command::new(program)
            .arg(COMMAND)
            .args([&input, &output])
            .env_clear()
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(scratch.path().join("errors"))?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting `{}`", program.display()))?;
        let status = match tokio::time::timeout(TIMEOUT, child.wait()).await {
            Ok(status) => status.context("waiting for the compiler")?,
            Err(_) => {
                child.kill().await.context("stopping the compiler")?;
                bail!("compiling took longer than {} seconds", TIMEOUT.as_secs());
            }
        };
        if !status.success() {
            let mut errors = String::new();
            let file = fs::File::open(scratch.path().join("errors"))?;
            file.take(4_096).read_to_string(&mut errors).unwrap_or_default();
            let errors = errors.trim();
            bail!(
                "it cannot be compiled: {}",
                if errors.is_empty() { status.to_string() } else { errors.into() }
            );
        }
        fs::rename(&output, code).context("keeping the compiled code")
    }
}

/// The child's side: `osc __compile IN OUT`. Its input is hostile, so it limits itself before it looks.
pub fn child_main(arguments: &[OsString]) -> ExitCode {
    ended(compile(arguments))
}

/// How a hidden subcommand ends; it says why it failed.
pub(super) fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compile(arguments: &[OsString]) -> anyhow::Result<()> {
    let [input, output] = arguments else { bail!("usage: {COMMAND} IN OUT") };
    let limit = |resource, value| {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) })
            .context("limiting the compiler")
    };
    limit(Resource::As, MEMORY)?;
    limit(Resource::Cpu, TIMEOUT.as_secs() * 2)?;
    limit(Resource::Fsize, MAX_CODE)?;
    limit(Resource::Core, 0)?;
    let wasm = fs::read(input).context("reading the component")?;
    let engine = Engine::new(&config(Allocation::OnDemand)).map_err(wasmtime_error)?;
    let code = engine.precompile_component(&wasm).map_err(wasmtime_error)?;
    write_whole(Path::new(output), &code)
}

/// Writes under another name first, so that nobody ever reads half a file.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    let mut file = tempfile::NamedTempFile::new_in(folder)
        .with_context(|| format!("cannot write in `{}`", folder.display()))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all())?;
    file.persist(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(())
}

fn digest_of_file(path: &Path) -> std::io::Result<String> {
    Ok(digest(&fs::read(path)?))
}
