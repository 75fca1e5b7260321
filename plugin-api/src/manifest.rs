//! What a plugin says of itself: `plugin.toml` in its sources, the custom section `osc:plugin` (as JSON) in its file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Name of the custom section at the top level of a component.
pub const SECTION: &str = "osc:plugin";

/// Identity, roles and wishes of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// `publisher.name`; built-in plugins have plain names.
    pub id: String,
    pub version: String,
    pub roles: Vec<Role>,
    /// One line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it asks to use. It gets what an administrator allows of it.
    #[serde(default)]
    pub grants: Grants,
}

/// What a component can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Deployer,
    Scanner,
}

impl Role {
    /// The name in manifests, and of the interface in `osc:plugin`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Deployer => "deployer",
            Role::Scanner => "scanner",
        }
    }
}

/// What a plugin may use. `log` and `config` need no grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Grants {
    /// Files of the package at hand.
    #[serde(skip_serializing_if = "is_false")]
    pub package: bool,
    /// A small store of its own.
    #[serde(skip_serializing_if = "is_false")]
    pub kv: bool,
    /// The server's changes to objects.
    #[serde(skip_serializing_if = "is_false")]
    pub transform: bool,
    /// Kinds it may read in clusters: `v1/Secret`, `apps/v1/Deployment`, `apps/*` or `*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster: Vec<String>,
    /// Hosts it may send requests to: `example.org`, `*.example.org`, `example.org:8443`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl Manifest {
    /// Checks the forms of id and version, and that there is a role.
    pub fn check(&self) -> Result<()> {
        let part = |part: &str| {
            let letters =
                part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            letters && part.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && part.len() <= 63
        };
        let parts: Vec<&str> = self.id.split('.').collect();
        if parts.len() > 2 || !parts.iter().all(|name| part(name)) {
            return Err(invalid(format!(
                "`{}` is not an id: `publisher.name` in lower case is expected",
                self.id
            )));
        }
        let numbers = self.version.split(['-', '+']).next().unwrap_or_default();
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if self.version.len() > 100 || numbers.split('.').count() != 3 || !numbers.split('.').all(is_number) {
            return Err(invalid(format!("`{}` is not a version: `1.2.3` is expected", self.version)));
        }
        if self.roles.is_empty() {
            return Err(invalid("`roles` is empty"));
        }
        Ok(())
    }

    /// The component with this manifest as a custom section at its end.
    pub fn append_to(&self, component: &[u8]) -> Result<Vec<u8>> {
        self.check()?;
        if !component.starts_with(b"\0asm\x0d\0\x01\0") {
            return Err(invalid("the file is not a WebAssembly component"));
        }
        let json = serde_json::to_vec(self).map_err(|error| invalid(error.to_string()))?;
        let mut section = Vec::new();
        write_length(&mut section, SECTION.len());
        section.extend_from_slice(SECTION.as_bytes());
        section.extend_from_slice(&json);

        let mut packed = component.to_vec();
        packed.push(0);
        write_length(&mut packed, section.len());
        packed.extend_from_slice(&section);
        Ok(packed)
    }
}

/// Unsigned LEB128, as WebAssembly writes lengths.
fn write_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new("invalid-manifest", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(id: &str, version: &str) -> Manifest {
        Manifest {
            id: id.into(),
            version: version.into(),
            roles: vec![Role::Scanner],
            description: String::new(),
            grants: Grants::default(),
        }
    }

    #[test]
    fn ids_and_versions_have_forms() {
        manifest("helm", "0.1.0").check().unwrap();
        manifest("acme.scan-images", "1.2.3-rc.1+5").check().unwrap();
        for id in ["", "Helm", "a.b.c", "../x", "a/b", "1a", ".a"] {
            assert!(manifest(id, "0.1.0").check().is_err(), "{id}");
        }
        for version in ["", "1", "1.2", "v1.2.3", "1.2.x"] {
            assert!(manifest("a", version).check().is_err(), "{version}");
        }
    }

    #[test]
    fn the_section_ends_the_file() {
        let component = b"\0asm\x0d\0\x01\0";
        let packed = manifest("helm", "0.1.0").append_to(component).unwrap();
        let rest = packed.strip_prefix(component).unwrap();
        assert_eq!(rest[0], 0);
        assert_eq!(usize::from(rest[1]), rest.len() - 2, "the length fits into one byte here");
        assert_eq!(rest[3..13], *b"osc:plugin");
        assert!(manifest("helm", "0.1.0").append_to(b"\0asm\x01\0\0\0").is_err(), "a core module is refused");
    }
}
