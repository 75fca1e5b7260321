//! A real Kubernetes control plane for one test: etcd, kube-apiserver, kube-controller-manager and kube-scheduler as
//! child processes in a temporary directory on free ports. They end when the handle is dropped, or with the test.
//!
//! The program comes from `integration/realkube/build.sh`; without it tests skip. Nothing runs pods: see the simulated
//! kubelet for that.

mod pki;

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempDir;

use crate::skip;

/// How long the whole control plane may take to start on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A running control plane; dropping it kills its processes and removes its directory.
pub struct RealKube {
    parts: Vec<Part>,
    kubeconfig: String,
    server: String,
    client: kube::Client,
    dir: TempDir,
}

/// Which parts run beside etcd and the API server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Controllers {
    Yes,
    No,
}

/// One child process. Its standard input stays open as long as we live; the program ends with it.
struct Part {
    name: &'static str,
    child: Child,
}

impl RealKube {
    /// Starts a control plane and waits until it serves and its controllers work. `None`, with a line on standard
    /// error, when the program has not been built.
    pub async fn start() -> Result<Option<Self>> {
        Self::start_with(Controllers::Yes).await
    }

    /// The same with etcd and the API server alone, for tests that bring their own controllers.
    pub async fn start_api_only() -> Result<Option<Self>> {
        Self::start_with(Controllers::No).await
    }

    async fn start_with(controllers: Controllers) -> Result<Option<Self>> {
        let Some(program) = program("realkube") else {
            skip("real control plane: not built; `integration/realkube/build.sh` does it and needs go");
            return Ok(None);
        };
        // A port that was free may be taken by another test before its owner listens: then the part ends at once.
        let mut last = None;
        for _ in 0..3 {
            match Self::try_start(&program, controllers).await {
                Ok(kube) => return Ok(Some(kube)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("tried at least once"))
    }

    async fn try_start(program: &Path, controllers: Controllers) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = TempDir::with_prefix("realkube-").context("cannot make a temporary directory")?;
        let root = dir.path();
        let token = pki::write(root)?;
        let ports = free_ports(3)?;
        let server = format!("https://127.0.0.1:{}", ports[2]);
        let kubeconfig = kubeconfig(&server, &fs::read(root.join("ca.crt"))?, &token);
        fs::write(root.join("kubeconfig"), &kubeconfig)?;

        let etcd = format!("http://127.0.0.1:{}", ports[0]);
        let mut parts = vec![
            Part::start(
                program,
                root,
                "etcd",
                &[
                    "--data-dir=etcd".into(),
                    format!("--client-url={etcd}"),
                    format!("--peer-url=http://127.0.0.1:{}", ports[1]),
                ],
            )?,
            Part::start(program, root, "kube-apiserver", &api_server_flags(&etcd, ports[2]))?,
        ];
        let client = client(&kubeconfig).await?;
        let deadline = Instant::now() + START_LIMIT;
        wait_for(&client, "/readyz", deadline, &mut parts, root).await?;
        if controllers == Controllers::Yes {
            parts.push(Part::start(
                program,
                root,
                "kube-controller-manager",
                &[
                    "--kubeconfig=kubeconfig".into(),
                    "--service-account-private-key-file=sa.key".into(),
                    "--root-ca-file=ca.crt".into(),
                    "--use-service-account-credentials=true".into(),
                    "--leader-elect=false".into(),
                    "--secure-port=0".into(),
                ],
            )?);
            parts.push(Part::start(
                program,
                root,
                "kube-scheduler",
                &["--kubeconfig=kubeconfig".into(), "--leader-elect=false".into(), "--secure-port=0".into()],
            )?);
            wait_for(
                &client,
                "/api/v1/namespaces/default/serviceaccounts/default",
                deadline,
                &mut parts,
                root,
            )
            .await?;
        }
        Ok(Self { parts, kubeconfig, server, client, dir })
    }

    /// The administrator's kubeconfig: server, CA and token inline, no file names.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// Where that kubeconfig lies as a file, for programs that want one.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.dir.path().join("kubeconfig")
    }

    /// `https://127.0.0.1:PORT`.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A client with all rights.
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Resident memory of all parts in bytes, now and at its highest.
    pub fn memory(&self) -> Result<(u64, u64)> {
        let mut sum = (0, 0);
        for part in &self.parts {
            let (now, most) = crate::osc::memory_of(part.child.id())?;
            sum = (sum.0 + now, sum.1 + most);
        }
        Ok(sum)
    }

    /// Stops one part the hard way, for tests of what happens then.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        let at = self.parts.iter().position(|p| p.name == name);
        let at = at.with_context(|| format!("`{name}` does not run"))?;
        drop(self.parts.remove(at));
        Ok(())
    }
}

impl Drop for RealKube {
    fn drop(&mut self) {
        while let Some(part) = self.parts.pop() {
            drop(part); // the last started first, so that nothing complains about what is gone
        }
    }
}

impl Part {
    fn start(program: &Path, root: &Path, name: &'static str, flags: &[String]) -> Result<Self> {
        let log = File::create(root.join(format!("{name}.log")))?;
        let child = Command::new(program)
            .arg(name)
            .args(flags)
            .current_dir(root)
            .env("REALKUBE_UNTIL_EOF", "1")
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        Ok(Self { name, child })
    }

    /// Fails with the end of the part's log if it has ended.
    fn check(&mut self, root: &Path) -> Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let log = fs::read_to_string(root.join(format!("{}.log", self.name))).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(15).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        bail!("`{}` ended with {status}:\n{}", self.name, tail.join("\n"))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Failing means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The real `helm`, if it has been built; a line on standard error otherwise.
pub fn helm() -> Option<PathBuf> {
    let found = program("helm");
    if found.is_none() {
        skip("real helm: not built; `integration/realkube/build.sh` does it and needs go");
    }
    found
}

/// A program that the build script made, in the folder `OSC_REALKUBE` or where the script puts it by itself.
fn program(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("OSC_REALKUBE") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let cache =
                cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))?;
            cache.join("osc/realkube/bin")
        }
    };
    Some(folder.join(name)).filter(|path| path.is_file())
}

fn api_server_flags(etcd: &str, port: u16) -> Vec<String> {
    [
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--cert-dir=.",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=sa.pub",
        "--service-account-signing-key-file=sa.key",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
    ]
    .into_iter()
    .map(String::from)
    .chain([format!("--etcd-servers={etcd}"), format!("--secure-port={port}")])
    .collect()
}

/// Inline data only, which is all that the product accepts.
fn kubeconfig(server: &str, ca: &[u8], token: &str) -> String {
    use base64::Engine;
    let ca = base64::engine::general_purpose::STANDARD.encode(ca);
    let document = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "realkube",
        "clusters": [{"name": "realkube", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "realkube", "context": {"cluster": "realkube", "user": "admin"}}],
    });
    format!("{document:#}\n") // JSON is YAML
}

/// A client with what a kubeconfig holds inline.
pub async fn client(kubeconfig: &str) -> Result<kube::Client> {
    let parsed = kube::config::Kubeconfig::from_yaml(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(parsed, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

/// Waits until a path answers 200.
async fn wait_for(
    client: &kube::Client,
    path: &str,
    deadline: Instant,
    parts: &mut [Part],
    root: &Path,
) -> Result<()> {
    loop {
        let request = http::Request::get(path).body(Vec::new())?;
        let error = match client.request_text(request).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        for part in parts.iter_mut() {
            part.check(root)?;
        }
        if Instant::now() > deadline {
            bail!("the control plane does not answer `{path}`: {error}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await; // there is nothing to wait on but the port itself
    }
}

/// Ports nobody listens on at this moment.
fn free_ports(count: usize) -> Result<Vec<u16>> {
    let sockets: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<Result<_, _>>()?;
    Ok(sockets.iter().map(|s| s.local_addr().map(|a| a.port())).collect::<Result<_, _>>()?)
}
