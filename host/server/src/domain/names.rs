//! Names: what is a name, and how services are written (`[PROVIDER/]NAME[@VERSION]`).

use crate::error::{Error, Result};

/// How a person writes a service, or one version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRef {
    pub provider: Option<String>,
    pub name: String,
    pub version: Option<String>,
}

impl ServiceRef {
    pub fn parse(text: &str) -> Result<ServiceRef> {
        let invalid = || Error::Invalid {
            field: "service",
            reason: format!("`{text}` is not of the form `[PROVIDER/]NAME[@VERSION]`"),
        };
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let (provider, name) = match name.split_once('/') {
            Some((provider, name)) => (Some(provider), name),
            None => (None, name),
        };
        let parts = [Some(name), provider, version];
        if parts
            .into_iter()
            .flatten()
            .any(|part| part.is_empty() || part.len() > 128 || part.contains(['/', '@']))
        {
            return Err(invalid());
        }
        Ok(ServiceRef {
            provider: provider.map(Into::into),
            name: name.into(),
            version: version.map(Into::into),
        })
    }
}

/// An RFC 1123 label of at most `most` characters: instances (53), namespaces (63), clusters, tenants.
pub fn check_label(field: &'static str, text: &str, most: usize) -> Result<()> {
    let plain = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if text.is_empty() || text.len() > most || !plain || text.starts_with('-') || text.ends_with('-') {
        return Err(Error::Invalid {
            field,
            reason: format!(
                "`{}` must be lower-case letters, digits and inner hyphens, at most {most} characters",
                shorten(text)
            ),
        });
    }
    Ok(())
}

/// A user's name: letters, digits and `._-@`, at most 64 characters.
pub fn check_user_name(text: &str) -> Result<()> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b));
    if text.is_empty() || text.len() > 64 || !plain {
        return Err(Error::Invalid {
            field: "name",
            reason: "must be letters, digits, dots, hyphens and the like, at most 64 characters".into(),
        });
    }
    Ok(())
}

/// A name for people: one line of bounded length.
pub fn check_text(field: &'static str, text: &str, most: usize) -> Result<()> {
    if text.chars().count() > most || text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Error::Invalid {
            field,
            reason: format!("must be plain text of at most {most} characters"),
        });
    }
    Ok(())
}

/// A service's name as packages carry it: what Helm accepts for a chart, at most 64 characters.
pub fn check_service_name(text: &str) -> Result<()> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if text.is_empty() || text.len() > 64 || !plain || text.starts_with('.') {
        return Err(Error::Invalid {
            field: "name",
            reason: format!(
                "the service name `{}` must be letters, digits, dots, hyphens and underscores, at most 64 characters",
                shorten(text)
            ),
        });
    }
    Ok(())
}

/// A name for an instance of a service when nobody gave one: the service and six random characters.
pub fn suggest_instance_name(service: &str) -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let random: [u8; 6] = rand::random();
    let suffix: String =
        random.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let stem: String = service.chars().map(plain).take(46).collect();
    let stem = stem.trim_matches('-');
    if stem.is_empty() { format!("instance-{suffix}") } else { format!("{stem}-{suffix}") }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 { text.into() } else { text.chars().take(80).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> String {
        match ServiceRef::parse(text) {
            Ok(ServiceRef { provider, name, version }) => format!("{provider:?} {name} {version:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn services_are_written_with_provider_and_version() {
        insta::assert_snapshot!(parse("redis"), @"None redis None");
        insta::assert_snapshot!(parse("acme/redis@1.2.3+b.1"), @r#"Some("acme") redis Some("1.2.3+b.1")"#);
        for wrong in ["", "/redis", "redis@", "a/b/c", "a@1@2", "a/@1"] {
            assert!(ServiceRef::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn labels_and_suggestions() {
        assert!(check_label("name", "a-1", 53).is_ok());
        for wrong in ["", "-a", "a-", "A", "a.b", &"a".repeat(54)] {
            assert!(check_label("name", wrong, 53).is_err(), "{wrong}");
        }
        for service in ["redis", "My_Chart.v2", &"x".repeat(64), "___"] {
            let name = suggest_instance_name(service);
            assert!(check_label("name", &name, 53).is_ok(), "{name}");
        }
    }
}
