//! Which server to talk to, and as whom: flags and OSC_SERVER, OSC_TOKEN over `~/.config/osc/config.json`.
//!
//! Credentials are never read from the current folder.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// Flags of every command that talks to a server.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Address of the server
    #[arg(long, global = true, env = "OSC_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Token to sign in with; better set OSC_TOKEN or use `osc login`
    #[arg(long, global = true, env = "OSC_TOKEN", value_name = "TOKEN", hide = true, hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Tenant to act for, when you belong to several
    #[arg(long, global = true, env = "OSC_TENANT", value_name = "NAME")]
    pub(crate) tenant: Option<String>,
}

/// What `osc login` and `osc sandbox` remember.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Remembered {
    pub(crate) server: String,
    pub(crate) token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant: Option<String>,
    /// Kubeconfig of the embedded cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// Where and how to connect.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) server: String,
    pub(crate) token: Option<String>,
    pub(crate) tenant: Option<String>,
}

impl Credentials {
    /// Flags and environment win over what is remembered; a remembered token goes only to its own server.
    pub(crate) fn resolve(args: &ServerArgs, remembered: Option<Remembered>) -> Result<Credentials, Failure> {
        let remembered = remembered.unwrap_or_default();
        let given = args.server.as_deref().map(str::trim).filter(|server| !server.is_empty());
        let known = Some(remembered.server.as_str()).filter(|server| !server.is_empty());
        let Some(server) = given.or(known) else {
            return Err(Failure::usage("no server is known").hint(
                "start one with `osc sandbox`, or name it with `osc login --server URL` or OSC_SERVER",
            ));
        };
        let server = address(server)?;
        let same = known.and_then(|known| address(known).ok()).is_some_and(|known| known == server);
        let token = args.token.clone().filter(|token| !token.is_empty());
        let kept = Some(remembered.token).filter(|token| same && !token.is_empty());
        Ok(Credentials {
            token: token.or(kept),
            tenant: args.tenant.clone().or(remembered.tenant.filter(|_| same)),
            server,
        })
    }
}

/// An address in its plain form, without a final slash; a missing scheme means http on loopback and https elsewhere.
pub(crate) fn address(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    let full = match text.split_once("://") {
        Some(_) => text.to_owned(),
        None if text.starts_with("localhost") || text.starts_with("127.") || text.starts_with("[::1]") => {
            format!("http://{text}")
        }
        None => format!("https://{text}"),
    };
    let url = reqwest::Url::parse(&full)
        .map_err(|error| Failure::usage(format!("`{text}` is no address: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Failure::usage(format!("`{text}` is no http or https address")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            Failure::usage("an address must not hold a password").hint("use `osc login` or OSC_TOKEN")
        );
    }
    let mut plain = url;
    plain.set_fragment(None);
    plain.set_query(None);
    Ok(plain.as_str().trim_end_matches('/').to_owned())
}

/// The folder for remembered servers: `$XDG_CONFIG_HOME/osc` or `~/.config/osc`.
fn folder() -> anyhow::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    Ok(base.context("neither XDG_CONFIG_HOME nor HOME names a folder to remember the server in")?.join("osc"))
}

fn file() -> anyhow::Result<PathBuf> {
    Ok(folder()?.join("config.json"))
}

/// What is remembered; none when nothing is.
pub(crate) fn remembered() -> Result<Option<Remembered>, Failure> {
    let Ok(path) = file() else { return Ok(None) };
    read(&path)
}

fn read(path: &Path) -> Result<Option<Remembered>, Failure> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::failed(format!("cannot read `{}`: {error}", path.display()))),
    };
    let remembered = serde_json::from_slice(&text).map_err(|error| {
        Failure::failed(format!("`{}` is damaged: {error}", path.display()))
            .hint("delete it and use `osc login` again")
    })?;
    Ok(Some(remembered))
}

/// Remembers a server for later commands; answers the file's path.
pub(crate) fn remember(remembered: &Remembered) -> anyhow::Result<PathBuf> {
    let path = file()?;
    write(&path, remembered)?;
    Ok(path)
}

fn write(path: &Path, remembered: &Remembered) -> anyhow::Result<()> {
    let folder = path.parent().context("the file has no folder")?;
    make_private_folder(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let text = serde_json::to_string_pretty(remembered)? + "\n";
    crate::secrets::write_private(path, text.as_bytes())
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn make_private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Option<Remembered> {
        Some(Remembered {
            server: "http://127.0.0.1:8080".into(),
            token: "kept".into(),
            tenant: Some("acme".into()),
            kubeconfig: None,
        })
    }

    fn args(server: Option<&str>, token: Option<&str>) -> ServerArgs {
        ServerArgs { server: server.map(str::to_owned), token: token.map(str::to_owned), tenant: None }
    }

    #[test]
    fn what_is_remembered_is_used() {
        let found = Credentials::resolve(&args(None, None), kept()).ok().unwrap();
        assert_eq!((found.server.as_str(), found.token.as_deref()), ("http://127.0.0.1:8080", Some("kept")));
        assert_eq!(found.tenant.as_deref(), Some("acme"));
    }

    #[test]
    fn a_remembered_token_never_goes_to_another_server() {
        let found =
            Credentials::resolve(&args(Some("https://elsewhere.example"), None), kept()).ok().unwrap();
        assert!(found.token.is_none() && found.tenant.is_none());
        let found = Credentials::resolve(&args(Some("127.0.0.1:8080/"), Some("given")), kept()).ok().unwrap();
        assert_eq!(found.token.as_deref(), Some("given"));
    }

    #[test]
    fn no_server_is_wrong_usage() {
        let failure = Credentials::resolve(&args(None, None), None).err().unwrap();
        assert_eq!(failure.exit, 2);
    }

    #[test]
    fn addresses_are_checked() {
        assert_eq!(address("osc.example.org:8443/").ok().unwrap(), "https://osc.example.org:8443");
        assert!(
            address("ftp://x").is_err() && address("https://u:p@x").is_err() && address("http://").is_err()
        );
    }

    #[test]
    fn files_are_private_and_come_back() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/config.json");
        let remembered = kept().unwrap();
        write(&path, &remembered).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read(&path).ok().flatten() == Some(remembered));
        assert!(read(&folder.path().join("none")).ok().unwrap().is_none());
    }
}
