//! The rules for names, labels and hosts, with the texts of a real server.

use std::sync::LazyLock;

use regex::Regex;

const DNS1123_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS1123_SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const DNS1035_LABEL: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const WILDCARD: &str = "\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const CONFIG_KEY: &str = "[-._a-zA-Z0-9]+";
const ENV_NAME: &str = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const SEARCH_DOMAIN: &str = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";
const HEADER: &str = "[-A-Za-z0-9]+";

fn full(pattern: &str, text: &str) -> bool {
    static CACHE: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
        let all = [
            DNS1123_LABEL,
            DNS1123_SUBDOMAIN,
            DNS1035_LABEL,
            QUALIFIED,
            LABEL_VALUE,
            WILDCARD,
            CONFIG_KEY,
            ENV_NAME,
            SEARCH_DOMAIN,
            HEADER,
        ];
        all.into_iter().map(|p| (p, Regex::new(&format!("^(?:{p})$")).expect("a fixed pattern"))).collect()
    });
    CACHE.iter().find(|(p, _)| *p == pattern).is_some_and(|(_, regex)| regex.is_match(text))
}

/// Names and hosts are counted in characters, keys and values of labels in bytes.
fn too_long(limit: usize) -> String {
    format!("must be no more than {limit} characters")
}

fn too_many_bytes(limit: usize) -> String {
    format!("must be no more than {limit} bytes")
}

fn rule(text: &str, pattern: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|e| format!("'{e}'")).collect();
    format!("{text} (e.g. {}, regex used for validation is '{pattern}')", examples.join(",  or "))
}

/// An object name: lower case words with dots.
pub fn dns1123_subdomain(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 253 {
        out.push(too_long(253));
    }
    if !full(DNS1123_SUBDOMAIN, text) {
        out.push(rule(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character",
            DNS1123_SUBDOMAIN,
            &["example.com"],
        ));
    }
    out
}

/// One lower case word.
pub fn dns1123_label(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 63 {
        out.push(too_long(63));
    }
    if !full(DNS1123_LABEL, text) {
        if full(DNS1123_SUBDOMAIN, text) {
            out.push("must not contain dots".into());
        } else {
            out.push(rule(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
                 and end with an alphanumeric character",
                DNS1123_LABEL,
                &["my-name", "123-abc"],
            ));
        }
    }
    out
}

/// One lower case word that starts with a letter.
pub fn dns1035_label(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 63 {
        out.push(too_long(63));
    }
    if !full(DNS1035_LABEL, text) {
        out.push(rule(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character",
            DNS1035_LABEL,
            &["my-name", "abc-123"],
        ));
    }
    out
}

/// A host with a leading wildcard.
pub fn wildcard_subdomain(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 253 {
        out.push(too_long(253));
    }
    if !full(WILDCARD, text) {
        out.push(rule(
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist \
             of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
            WILDCARD,
            &["*.example.com"],
        ));
    }
    out
}

/// A label key: a name with an optional domain.
pub fn qualified_name(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                out.push("prefix part must be non-empty".into());
            } else {
                let found = dns1123_subdomain(prefix);
                out.extend(
                    found.iter().map(|m| format!("prefix part {}", m.replace(" characters", " bytes"))),
                );
            }
            name
        }
        _ => {
            let text = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and \
                        end with an alphanumeric character";
            let rule = rule(text, QUALIFIED, &["MyName", "my.name", "123-abc"]);
            return vec![format!(
                "{rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        out.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        out.push(format!("name part {}", too_many_bytes(63)));
    }
    if !full(QUALIFIED, name) {
        out.push(rule(
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
             alphanumeric character",
            QUALIFIED,
            &["MyName", "my.name", "123-abc"],
        ));
    }
    out
}

/// The value of a label.
pub fn label_value(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 63 {
        out.push(too_many_bytes(63));
    }
    if !full(LABEL_VALUE, text) {
        out.push(rule(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character",
            LABEL_VALUE,
            &["MyValue", "my_value", "12345"],
        ));
    }
    out
}

/// A key of a ConfigMap or Secret.
pub fn config_key(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 253 {
        out.push(too_long(253));
    }
    if !full(CONFIG_KEY, text) {
        out.push(rule(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            CONFIG_KEY,
            &["key.name", "KEY_NAME", "key-name"],
        ));
    } else {
        out.extend(no_dots(text));
    }
    out
}

fn no_dots(text: &str) -> Option<String> {
    match text {
        "." => Some("must not be '.'".into()),
        ".." => Some("must not be '..'".into()),
        _ if text.starts_with("..") => Some("must not start with '..'".into()),
        _ => None,
    }
}

/// A domain of a search list, whose labels may hold underscores.
pub fn search_domain(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 253 {
        out.push(too_long(253));
    }
    if !full(SEARCH_DOMAIN, text) {
        out.push(rule(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and \
             must start and end with an alphanumeric character",
            SEARCH_DOMAIN,
            &["example.com"],
        ));
    }
    out
}

/// The name of an HTTP header.
pub fn header(text: &str) -> Vec<String> {
    if full(HEADER, text) {
        return Vec::new();
    }
    vec![rule(
        "a valid HTTP header must consist of alphanumeric characters or '-'",
        HEADER,
        &["X-Header-Name"],
    )]
}

/// The name of an environment variable.
pub fn env_name(text: &str) -> Vec<String> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'=') && !text.is_empty() {
        return Vec::new();
    }
    vec![
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
            .into(),
    ]
}

/// A name inside a path: what every resource accepts at least.
pub fn path_segment(text: &str) -> Vec<String> {
    match text {
        "." => return vec!["may not be '.'".into()],
        ".." => return vec!["may not be '..'".into()],
        _ => {}
    }
    ["/", "%"].iter().filter(|c| text.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// The name of a port.
pub fn port_name(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    if text.len() > 15 {
        out.push("must be no more than 15 characters".into());
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || !text.chars().all(allowed) {
        out.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !text.chars().any(|c| c.is_ascii_lowercase()) {
        out.push("must contain at least one letter (a-z)".into());
    }
    if text.contains("--") {
        out.push("must not contain consecutive hyphens".into());
    }
    if text.starts_with('-') || text.ends_with('-') {
        out.push("must not begin or end with a hyphen".into());
    }
    out
}

/// Letters of generated names.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A random suffix of generated names.
pub fn random_suffix(length: usize) -> String {
    (0..length).map(|_| LETTERS[rand::random_range(0..LETTERS.len())] as char).collect()
}

/// A name made from `generateName`.
pub fn generate(prefix: &str) -> String {
    let prefix: String = prefix.chars().take(63 - 5).collect();
    format!("{prefix}{}", random_suffix(5))
}

/// A random uid.
pub fn uid() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
