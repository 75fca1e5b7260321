//! Settings: flags over environment over file over defaults. Only this file reads the environment.
//!
//! [`RawConfig`] is what a person writes; [`Config`] is parsed and checked, once.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// Flags and environment variables of `osc serve` and `osc sandbox`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConfigArgs {
    /// Settings file (TOML)
    #[arg(long, env = "OSC_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for everything the server keeps
    #[arg(long, env = "OSC_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, env = "OSC_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Certificate chain (PEM) for HTTPS
    #[arg(long, env = "OSC_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) for HTTPS
    #[arg(long, env = "OSC_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Allow plain HTTP on an address that others can reach
    #[arg(long, env = "OSC_INSECURE_HTTP")]
    pub insecure_http: bool,
    /// Host names that requests may name, besides the address listened on
    #[arg(long = "host", env = "OSC_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub hosts: Vec<String>,
    /// Address ranges that clusters and plugins may be at although they are private
    #[arg(long = "egress-allow", env = "OSC_EGRESS_ALLOW", value_name = "CIDR", value_delimiter = ',')]
    pub egress_allow: Vec<String>,
    /// File with the 32 bytes that seal secrets (default: `secret.key` in the data folder)
    #[arg(long, env = "OSC_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Ends the process as `kill -9` does after so many journal writes: for tests of crashes
    #[arg(long, env = "OSC_CRASH_AFTER_JOURNAL_WRITES", value_name = "N", hide = true)]
    pub crash_after: Option<u32>,
}

/// The settings file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    pub data_dir: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub insecure_http: Option<bool>,
    pub hosts: Option<Vec<String>>,
    pub key_file: Option<PathBuf>,
    pub tls: Option<RawTls>,
    pub egress: RawEgress,
    pub limits: RawLimits,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawEgress {
    pub allow: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawLimits {
    pub packages_per_upload: Option<usize>,
    pub package_bytes: Option<u64>,
    pub unpacked_bytes: Option<u64>,
    pub component_bytes: Option<u64>,
    pub operations: Option<usize>,
    pub connections: Option<usize>,
}

/// Checked settings.
#[derive(Clone, Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub tls: Option<Tls>,
    pub hosts: Vec<String>,
    pub egress_allow: Vec<String>,
    pub key_file: Option<PathBuf>,
    pub limits: Limits,
    /// For tests of crashes.
    pub crash_after: Option<u32>,
}

#[derive(Clone, Debug)]
pub struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Bounds on what comes from outside.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Packages in one upload.
    pub packages_per_upload: usize,
    /// Size of one package.
    pub package_bytes: u64,
    /// Size of one package once unpacked.
    pub unpacked_bytes: u64,
    /// Size of one plugin file.
    pub component_bytes: u64,
    /// Operations that run at the same time.
    pub operations: usize,
    /// Open connections.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            packages_per_upload: 5,
            package_bytes: 4 << 20,
            unpacked_bytes: 64 << 20,
            component_bytes: 64 << 20,
            operations: 16,
            connections: 4_096,
        }
    }
}

impl Config {
    /// Settings for a data folder and an address, everything else by default.
    pub fn new(data_dir: PathBuf, listen: SocketAddr) -> Config {
        Config {
            data_dir,
            listen,
            tls: None,
            hosts: Vec::new(),
            egress_allow: Vec::new(),
            key_file: None,
            limits: Limits::default(),
            crash_after: None,
        }
    }

    /// Reads the file that the flags name and lets flags and environment win.
    pub fn load(args: ConfigArgs) -> anyhow::Result<Config> {
        let raw = match &args.config {
            None => RawConfig::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read the settings `{}`", path.display()))?;
                toml::from_str(&text)
                    .with_context(|| format!("cannot parse the settings `{}`", path.display()))?
            }
        };
        Config::merge(args, raw)
    }

    fn merge(args: ConfigArgs, raw: RawConfig) -> anyhow::Result<Config> {
        let tls = match (args.tls_cert, args.tls_key) {
            (Some(cert), Some(key)) => Some(Tls { cert, key }),
            (None, None) => raw.tls.map(|tls| Tls { cert: tls.cert, key: tls.key }),
            _ => bail!("`--tls-cert` and `--tls-key` belong together: give both"),
        };
        let default = Limits::default();
        let limits = Limits {
            packages_per_upload: raw.limits.packages_per_upload.unwrap_or(default.packages_per_upload),
            package_bytes: raw.limits.package_bytes.unwrap_or(default.package_bytes),
            unpacked_bytes: raw.limits.unpacked_bytes.unwrap_or(default.unpacked_bytes),
            component_bytes: raw.limits.component_bytes.unwrap_or(default.component_bytes),
            operations: raw.limits.operations.unwrap_or(default.operations).max(1),
            connections: raw.limits.connections.unwrap_or(default.connections).max(1),
        };
        let config = Config {
            data_dir: args.data_dir.or(raw.data_dir).unwrap_or_else(|| PathBuf::from("./osc-data")),
            listen: args.listen.or(raw.listen).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            tls,
            hosts: some_or(args.hosts, raw.hosts),
            egress_allow: some_or(args.egress_allow, raw.egress.allow),
            key_file: args.key_file.or(raw.key_file),
            limits,
            crash_after: args.crash_after,
        };
        for range in &config.egress_allow {
            check_cidr(range)?;
        }
        let insecure = args.insecure_http || raw.insecure_http.unwrap_or(false);
        if config.tls.is_none() && !config.listen.ip().is_loopback() && !insecure {
            bail!(
                "`{}` can be reached by others and would serve plain HTTP: give `--tls-cert` and `--tls-key`, or \
                 `--insecure-http` behind a proxy that does TLS",
                config.listen
            );
        }
        Ok(config)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether only this machine can reach the server.
    pub fn is_local(&self) -> bool {
        self.listen.ip().is_loopback()
    }
}

fn some_or(flags: Vec<String>, file: Option<Vec<String>>) -> Vec<String> {
    if flags.is_empty() { file.unwrap_or_default() } else { flags }
}

fn check_cidr(range: &str) -> anyhow::Result<()> {
    let (address, length) = range.split_once('/').unwrap_or((range, ""));
    let valid = address.parse::<IpAddr>().is_ok_and(|address| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        length.is_empty() || length.parse::<u8>().is_ok_and(|length| length <= most)
    });
    if !valid {
        bail!("`{range}` in `egress.allow` is not an address range such as `10.0.0.0/8`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(args: ConfigArgs, file: &str) -> Result<Config, String> {
        let raw = toml::from_str(file).map_err(|error| error.to_string())?;
        Config::merge(args, raw).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let args = ConfigArgs { listen: Some("127.0.0.1:1".parse().unwrap()), ..Default::default() };
        let config =
            merge(args, "listen = '127.0.0.1:2'\ndata_dir = '/d'\n[limits]\npackage_bytes = 9").unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.data_dir, PathBuf::from("/d"));
        assert_eq!((config.limits.package_bytes, config.limits.packages_per_upload), (9, 5));
    }

    #[test]
    fn refuses_what_is_unsafe_or_unknown() {
        assert!(merge(ConfigArgs::default(), "colour = 'red'").unwrap_err().contains("colour"));
        let open = merge(ConfigArgs::default(), "listen = '0.0.0.0:80'").unwrap_err();
        assert!(open.contains("--insecure-http"), "{open}");
        assert!(merge(ConfigArgs::default(), "listen = '0.0.0.0:80'\ninsecure_http = true").is_ok());
        assert!(merge(ConfigArgs::default(), "[egress]\nallow = ['10.0.0.0/33']").is_err());
        assert!(merge(ConfigArgs::default(), "[egress]\nallow = ['10.0.0.0/8', '::1']").is_ok());
        let half = ConfigArgs { tls_cert: Some("a".into()), ..Default::default() };
        assert!(merge(half, "").is_err());
    }
}
