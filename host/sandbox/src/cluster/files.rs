//! What a cluster keeps in its folder: database, authority, token, port, kubeconfig.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use serde_json::{Value, json};

use super::Options;
use crate::auth::Secrets;
use crate::value::Get;

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading or writing fails.
    #[error("cannot use `{0}`")]
    Io(PathBuf, #[source] std::io::Error),
    /// A certificate cannot be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
}

/// Everything that outlives a run.
pub(super) struct State {
    folder: Option<PathBuf>,
    pub(super) database: Option<PathBuf>,
    pub(super) ca: String,
    ca_key: String,
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) secrets: Secrets,
    pub(super) listen: String,
    /// The port is that of the last time, and another would do.
    pub(super) may_move: bool,
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FileError + '_ {
    move |error| FileError::Io(path.to_path_buf(), error)
}

pub(super) fn open(options: &Options) -> Result<State, FileError> {
    let mut known = Value::Null;
    let mut database = None;
    if let Some(folder) = &options.data_dir {
        fs::create_dir_all(folder).map_err(io(folder))?;
        let file = folder.join("cluster.db");
        if options.fresh {
            for name in ["cluster.db", "cluster.db-wal", "cluster.db-shm"] {
                let path = folder.join(name);
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(io(&path)(error));
                    }
                    _ => {}
                }
            }
        }
        database = Some(file);
        let identity = folder.join("identity.json");
        match fs::read(&identity) {
            Ok(text) => known = serde_json::from_slice(&text).unwrap_or(Value::Null),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(&identity)(error)),
        }
    }
    let text = |key: &str| Some(known.text(&[key]).to_string()).filter(|t| !t.is_empty());
    let (ca, ca_key) = match (text("ca"), text("ca_key")) {
        (Some(ca), Some(key)) => (ca, key),
        _ => make_authority()?,
    };
    let (certificate, key) = make_certificate(&ca, &ca_key)?;
    let signing = text("signing_key").and_then(|k| STANDARD.decode(k).ok());
    let secrets = match (text("token"), signing) {
        (Some(admin), Some(key)) => Secrets { admin, key },
        _ => Secrets::random(),
    };
    let port = known["port"].as_u64().filter(|_| options.listen.ends_with(":0"));
    let listen = match port {
        Some(port) => options.listen.replace(":0", &format!(":{port}")),
        None => options.listen.clone(),
    };
    Ok(State {
        folder: options.data_dir.clone(),
        database,
        ca,
        ca_key,
        certificate,
        key,
        secrets,
        listen,
        may_move: port.is_some(),
    })
}

impl State {
    /// Keeps identity, port and kubeconfig for the next run.
    pub(super) fn save(&self, address: SocketAddr, kubeconfig: &str) -> Result<(), FileError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let identity = json!({
            "ca": self.ca, "ca_key": self.ca_key, "token": self.secrets.admin,
            "signing_key": STANDARD.encode(&self.secrets.key), "port": address.port(),
        });
        write_private(&folder.join("identity.json"), &identity.to_string())?;
        write_private(&folder.join("kubeconfig"), kubeconfig)
    }
}

/// Writes a file that only its owner may read, all of it or nothing.
fn write_private(path: &Path, text: &str) -> Result<(), FileError> {
    let temporary = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&temporary).map_err(io(&temporary))?;
    file.write_all(text.as_bytes()).map_err(io(&temporary))?;
    fs::rename(&temporary, path).map_err(io(path))
}

fn make_authority() -> Result<(String, String), FileError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "osc-sandbox-ca");
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn make_certificate(ca: &str, ca_key: &str) -> Result<(String, String), FileError> {
    let _ = ca;
    let names = [
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "127.0.0.1",
        "::1",
        "10.96.0.1",
    ];
    let mut params = CertificateParams::new(names.map(String::from).to_vec())?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "osc-sandbox");
    params.distinguished_name = name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let mut issuer_params = CertificateParams::default();
    let mut issuer_name = DistinguishedName::new();
    issuer_name.push(DnType::CommonName, "osc-sandbox-ca");
    issuer_params.distinguished_name = issuer_name;
    issuer_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    issuer_params.key_usages =
        vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    let issuer = Issuer::new(issuer_params, KeyPair::from_pem(ca_key)?);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// The kubeconfig of the administrator.
pub(super) fn kubeconfig(address: SocketAddr, ca: &str, token: &str) -> String {
    let host = if address.ip().is_unspecified() {
        format!("127.0.0.1:{}", address.port())
    } else {
        address.to_string()
    };
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: sandbox\nclusters:\n- name: sandbox\n  cluster:\n    server: \
         https://{host}\n    certificate-authority-data: {}\ncontexts:\n- name: sandbox\n  context:\n    cluster: \
         sandbox\n    user: admin\nusers:\n- name: admin\n  user:\n    token: {token}\n",
        STANDARD.encode(ca)
    )
}
