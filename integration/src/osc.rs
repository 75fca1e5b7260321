//! The built binary `osc`, as its user sees it: a server as a child process, and commands that talk to it.
//!
//! Each has a data folder and a home of its own, and ends with its handle.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

/// How long a server may take to start on a busy machine; a debug build compiles its components first.
const START_LIMIT: Duration = Duration::from_secs(300);
/// No command of a test takes longer.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);

/// The binary, beside the test that runs, or the one that `OSC_BINARY` names.
pub fn program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("OSC_BINARY") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(1).context("the test has no folder")?;
    // Tests lie in `target/PROFILE/deps`, programs of this package one above.
    for folder in [folder, folder.parent().unwrap_or(folder)] {
        let found = folder.join("osc");
        if found.is_file() {
            return Ok(found);
        }
    }
    bail!("`osc` is not built: run `make e2e`, or `cargo build -p osc-server` first")
}

/// A folder of a user: where credentials and compiled components are kept.
pub struct Home {
    dir: TempDir,
}

impl Home {
    pub fn new() -> Result<Home> {
        Ok(Home { dir: tempfile::tempdir()? })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A command that sees nothing of this machine's user. Compiled components are shared, since they only cost time.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Command> {
        let program = program()?;
        let cache = program.with_file_name("osc-test-cache");
        let mut command = Command::new(program);
        command
            .args(args)
            .env("HOME", self.path())
            .env("XDG_CONFIG_HOME", self.path().join(".config"))
            .env("XDG_CACHE_HOME", cache)
            .env_remove("OSC_SERVER")
            .env_remove("OSC_TOKEN")
            .env_remove("OSC_TENANT")
            .env_remove("OSC_LOG")
            .env_remove("OSC_CONFIG")
            .current_dir(self.path())
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs `osc` to its end.
    pub fn osc<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Ended> {
        run(self.command(args)?)
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// None when it was killed.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// Its standard output, if it succeeded.
    pub fn ok(self) -> Result<String> {
        ensure!(self.code == Some(0), "exit {:?}\n{}{}", self.code, self.out, self.err);
        Ok(self.out)
    }

    /// Its standard output as JSON, if it succeeded.
    pub fn json(self) -> Result<Value> {
        let text = self.ok()?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }
}

/// Runs a command to its end; one that hangs is killed.
pub fn run(mut command: Command) -> Result<Ended> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let out = collect(child.stdout.take().context("no standard output")?);
    let err = collect(child.stderr.take().context("no standard error")?);
    let started = Instant::now();
    // The pipes close when the process ends, whatever it does.
    let out = out.recv_timeout(COMMAND_LIMIT);
    if out == Err(RecvTimeoutError::Timeout) {
        child.kill()?;
    }
    let status = child.wait()?;
    let err = err.recv_timeout(Duration::from_secs(10)).unwrap_or_default();
    let out = out.with_context(|| format!("{command:?} took longer than {:?}: {err}", started.elapsed()))?;
    Ok(Ended { code: status.code(), out, err })
}

fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// Resident memory of a process in bytes, now and at its highest.
pub fn memory_of(pid: u32) -> Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name: &str| -> Result<u64> {
        let line = status.lines().find(|line| line.starts_with(name)).context("no such line in status")?;
        let number = line.split_whitespace().nth(1).context("no number in status")?;
        Ok(number.parse::<u64>()? * 1024)
    };
    Ok((field("VmRSS:")?, field("VmHWM:")?))
}

/// A running `osc serve` or `osc sandbox`; dropping it kills the process.
pub struct Server {
    child: Child,
    url: String,
    link: Option<String>,
    token: String,
    home: Home,
    data: PathBuf,
    log: Arc<Mutex<String>>,
    started: Instant,
    _folder: Option<TempDir>,
}

impl Server {
    /// Starts `osc serve` on a data folder of its own and signs in. Clusters on this machine are allowed.
    pub fn serve() -> Result<Server> {
        Server::start("serve", &["--egress-allow", "127.0.0.0/8"], None)
    }

    /// Starts `osc sandbox` on a data folder of its own.
    pub fn sandbox() -> Result<Server> {
        Server::start("sandbox", &[], None)
    }

    /// Starts `osc COMMAND` with more flags, on a folder that is there already or on a new one.
    pub fn start(command: &str, flags: &[&str], data: Option<&Path>) -> Result<Server> {
        let folder = if data.is_none() { Some(tempfile::tempdir()?) } else { None };
        let data = match (&folder, data) {
            (_, Some(data)) => data.to_owned(),
            (Some(folder), None) => folder.path().join("data"),
            (None, None) => bail!("no data folder"),
        };
        let home = Home::new()?;
        let mut program = home.command([command, "--listen", "127.0.0.1:0", "--data-dir"])?;
        program.arg(&data).args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = program.spawn()?;
        let log = Arc::new(Mutex::new(String::new()));
        if let Some(pipe) = child.stderr.take() {
            keep(pipe, log.clone());
        }
        let lines = lines(child.stdout.take().context("no standard output")?);
        // From here on the process ends with the handle.
        let mut server = Server {
            child,
            url: String::new(),
            link: None,
            token: String::new(),
            home,
            data,
            log,
            started,
            _folder: folder,
        };
        server.wait_until_ready(&lines)?;
        server.sign_in(&lines)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, lines: &Receiver<String>) -> Result<()> {
        loop {
            let line = lines
                .recv_timeout(START_LIMIT)
                .map_err(|_| anyhow::anyhow!("the server did not start: {}", self.log()))?;
            if let Some(url) = line.strip_prefix("osc ready on ") {
                self.url = url.trim().to_owned();
                return Ok(());
            }
        }
    }

    fn sign_in(&mut self, lines: &Receiver<String>) -> Result<()> {
        let file = self.data.join("admin.token");
        if file.exists() {
            self.token = fs::read_to_string(file)?.trim().to_owned();
            return Ok(());
        }
        let line =
            lines.recv_timeout(Duration::from_secs(30)).context("the server printed no sign-in link")?;
        let link = line.split_whitespace().last().context("the server printed no sign-in link")?.to_owned();
        self.home.osc(["login", &link])?.ok()?;
        let config = fs::read_to_string(self.home.path().join(".config/osc/config.json"))?;
        let config: Value = serde_json::from_str(&config)?;
        self.token = config["token"].as_str().context("no token was remembered")?.to_owned();
        self.link = Some(link);
        Ok(())
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A bearer token of the administrator.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The sign-in link, if it was used to sign in.
    pub fn link(&self) -> Option<&str> {
        self.link.as_deref()
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The home folder of whoever started it.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Waits until plugins are loaded too (`/readyz`). Answers the time from the start of the process.
    pub fn loaded_in(&self) -> Result<Duration> {
        let address = self.url.strip_prefix("http://").context("no address")?;
        while self.started.elapsed() < START_LIMIT {
            let mut connection = TcpStream::connect(address)?;
            write!(connection, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer)?;
            if answer.starts_with("HTTP/1.1 200 ") {
                return Ok(self.started.elapsed());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("the server is not ready: {}", self.log())
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().map_or_else(|poisoned| poisoned.into_inner().clone(), |log| log.clone())
    }

    /// A command that talks to this server.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Command> {
        let mut command = self.home.command(args)?;
        command.env("OSC_SERVER", &self.url).env("OSC_TOKEN", &self.token);
        Ok(command)
    }

    /// Runs `osc` against this server.
    pub fn osc<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Result<Ended> {
        run(self.command(args)?)
    }

    /// Resident memory in bytes, now and at its highest.
    pub fn memory(&self) -> Result<(u64, u64)> {
        memory_of(self.child.id())
    }

    /// Kills it as a crash would (SIGKILL).
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits for that.
    pub fn stop(&mut self) -> Result<Option<i32>> {
        let pid = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "cannot signal the server");
        Ok(self.child.wait()?.code())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// `osc sandbox-cluster`: the embedded cluster alone, in a process of its own.
pub struct SandboxCluster {
    child: Child,
    folder: TempDir,
}

impl SandboxCluster {
    /// Starts it empty.
    pub fn start() -> Result<SandboxCluster> {
        let folder = tempfile::tempdir()?;
        let home = Home::new()?;
        let mut program = home.command(["sandbox-cluster", "--listen", "127.0.0.1:0", "--data-dir"])?;
        program.arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = program.spawn()?;
        let lines = lines(child.stdout.take().context("no standard output")?);
        let cluster = SandboxCluster { child, folder };
        while !lines
            .recv_timeout(START_LIMIT)
            .context("the cluster did not start")?
            .starts_with("cluster ready")
        {}
        Ok(cluster)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("sandbox/kubeconfig")
    }
}

impl Drop for SandboxCluster {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(pipe: impl Read + Send + 'static, log: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if let Ok(mut log) = log.lock() {
                log.push_str(&line);
                log.push('\n');
            }
        }
    });
}
