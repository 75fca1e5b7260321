//! What a plugin may use: what its manifest asks for, as far as an administrator allows it.

use osc_plugin_api::manifest::Grants;
use serde::{Deserialize, Serialize};

use super::component::Description;
use crate::error::{Error, Result};

/// What an administrator allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Allowed {
    /// Whatever the plugin asks for, now and in later versions: the default of built-in plugins.
    All(Everything),
    /// Only this; an empty document allows nothing.
    Only(Grants),
}

/// Serialises as the word `requested`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Everything {
    #[serde(rename = "requested")]
    Requested,
}

impl Allowed {
    /// Whatever the plugin asks for.
    pub const ALL: Allowed = Allowed::All(Everything::Requested);
}

/// The intersection; every host function asks it.
#[derive(Clone, Debug)]
pub(crate) struct Effective {
    requested: Grants,
    allowed: Grants,
}

impl Effective {
    pub(crate) fn new(requested: &Grants, allowed: &Allowed) -> Effective {
        let allowed = match allowed {
            Allowed::All(_) => requested.clone(),
            Allowed::Only(grants) => grants.clone(),
        };
        Effective { requested: requested.clone(), allowed }
    }

    /// Whether an interface of `osc:host` may be imported at all.
    pub(crate) fn interface(&self, name: &str) -> bool {
        let both = |grant: fn(&Grants) -> bool| grant(&self.requested) && grant(&self.allowed);
        match name {
            "log" | "config" => true,
            "package" => both(|grants| grants.package),
            "kv" => both(|grants| grants.kv),
            "transform" => both(|grants| grants.transform),
            "cluster" => both(|grants| !grants.cluster.is_empty()),
            "http" => both(|grants| !grants.http.is_empty()),
            _ => false,
        }
    }

    /// Whether objects of a kind may be read.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> bool {
        let matches = |pattern: &String| match pattern.as_str() {
            "*" => true,
            pattern => match pattern.rsplit_once('/') {
                // `apps/*` is a group in any version, `apps/v1/*` one version of it, `v1/*` the core.
                Some((versioned, "*")) => {
                    versioned == api_version
                        || api_version.split_once('/').is_some_and(|(group, _)| group == versioned)
                }
                Some((versioned, name)) => versioned == api_version && name == kind,
                None => false,
            },
        };
        self.requested.cluster.iter().any(matches) && self.allowed.cluster.iter().any(matches)
    }

    /// Whether requests may be sent to a host; `port` is given when it is not the scheme's own.
    pub(crate) fn host(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.to_ascii_lowercase();
        let matches = |pattern: &String| {
            let pattern = pattern.to_ascii_lowercase();
            let (name, wanted) = match pattern.rsplit_once(':') {
                Some((name, wanted)) if wanted.bytes().all(|byte| byte.is_ascii_digit()) => {
                    (name, Some(wanted))
                }
                _ => (pattern.as_str(), None),
            };
            let port_fits = port.map(|port| port.to_string()).as_deref() == wanted;
            let name_fits = match name.strip_prefix("*.") {
                Some(parent) => {
                    host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
                }
                None => name == host,
            };
            port_fits && name_fits
        };
        self.requested.http.iter().any(matches) && self.allowed.http.iter().any(matches)
    }

    /// Refuses a plugin that imports what it is not granted.
    pub(crate) fn check(&self, description: &Description) -> Result<()> {
        let id = &description.manifest.id;
        let missing = description.interfaces.iter().find(|interface| !self.interface(interface));
        let Some(interface) = missing else { return Ok(()) };
        let asked = Effective { requested: self.requested.clone(), allowed: self.requested.clone() };
        Err(Error::Refused(if asked.interface(interface) {
            format!(
                "plugin `{id}` uses `{interface}`, which is not granted: grant it, or leave the plugin disabled"
            )
        } else {
            format!(
                "plugin `{id}` uses `{interface}`, which its own manifest does not ask for: tell its publisher"
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective(requested: Grants, allowed: Grants) -> Effective {
        Effective::new(&requested, &Allowed::Only(allowed))
    }

    #[test]
    fn kinds_need_both_sides() {
        let kinds = |kinds: &[&str]| Grants {
            cluster: kinds.iter().map(|kind| (*kind).into()).collect(),
            ..Grants::default()
        };
        let grants = effective(kinds(&["*"]), kinds(&["v1/Secret", "apps/*"]));
        assert!(grants.kind("v1", "Secret") && grants.kind("apps/v1", "Deployment"));
        assert!(!grants.kind("v1", "ConfigMap") && !grants.kind("example.org/v1", "Secret"));
        assert!(!effective(kinds(&["v1/Secret"]), kinds(&[])).interface("cluster"));
        assert!(Effective::new(&kinds(&["v1/*"]), &Allowed::ALL).kind("v1", "Pod"));
    }

    #[test]
    fn hosts_match_whole_names() {
        let hosts = |hosts: &[&str]| Grants {
            http: hosts.iter().map(|host| (*host).into()).collect(),
            ..Grants::default()
        };
        let grants = Effective::new(&hosts(&["api.example.org", "*.mirror.io", "x.io:8443"]), &Allowed::ALL);
        assert!(
            grants.host("API.example.org", None)
                && grants.host("a.mirror.io", None)
                && grants.host("x.io", Some(8443))
        );
        for (host, port) in
            [("example.org", None), ("evilmirror.io", None), ("mirror.io", None), ("x.io", None)]
        {
            assert!(!grants.host(host, port), "{host}");
        }
        assert!(!grants.host("api.example.org", Some(8080)));
    }

    #[test]
    fn allowed_is_a_word_or_a_document() {
        assert_eq!(serde_json::to_string(&Allowed::ALL).unwrap(), r#""requested""#);
        assert_eq!(serde_json::from_str::<Allowed>(r#""requested""#).unwrap(), Allowed::ALL);
        assert_eq!(serde_json::from_str::<Allowed>("{}").unwrap(), Allowed::Only(Grants::default()));
    }
}
