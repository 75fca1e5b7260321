//! What Helm takes for an e-mail address, a link, and an absolute link.

use std::sync::LazyLock;

use regex::Regex;

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    let letter = r"[\p{L}\p{N}]";
    let pattern = format!(
        r#"^(?:[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~\p{{L}}\p{{N}}-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~\p{{L}}\p{{N}}-]+)*)@(?:{letter}(?:[\p{{L}}\p{{N}}_~.-]*{letter})?\.)+(?:\p{{L}}(?:[\p{{L}}\p{{N}}_~.-]*\p{{L}})?)\.?$"#
    );
    Regex::new(&pattern).expect("the pattern is constant")
});

static URL: LazyLock<Regex> = LazyLock::new(|| {
    let scheme = r"(?:(?:ftp|tcp|udp|wss?|https?)://)?";
    let user = r"(?:\S+(?::\S*)?@)?";
    // One label, or a name of labels that ends in letters; a single letter begins no name of three labels.
    let front = r"(?:[A-Za-z0-9][A-Za-z0-9_-]*[A-Za-z0-9](?:[-.][A-Za-z0-9]+)*|www\.)?";
    let back = r"[A-Za-z0-9\x{00a1}-\x{ffff}-]*[A-Za-z0-9\x{00a1}-\x{ffff}](?:\.[A-Za-z\x{00a1}-\x{ffff}]+)?";
    let host = format!(r"(?:\[[0-9A-Fa-f:.]+\]|[0-9]+(?:\.[0-9]+){{3}}|{front}{back})\.?");
    Regex::new(&format!(r"^{scheme}{user}{host}(?::[0-9]{{1,5}})?(?:(?:/|\?|#)\S*)?$"))
        .expect("the pattern is constant")
});

/// An e-mail address.
pub(super) fn is_email(text: &str) -> bool {
    EMAIL.is_match(text)
}

/// A link; its scheme may be missing.
pub(super) fn is_url(text: &str) -> bool {
    if text.len() <= 3 || text.chars().count() >= 2083 || text.starts_with('.') {
        return false;
    }
    let has_host = text.contains("://") || text.contains(':') || text.contains('.');
    has_host && URL.is_match(text)
}

/// An absolute link as it stands in a request.
pub(super) fn is_request_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    if !is_scheme || text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return false;
    }
    let Some(rest) = rest.strip_prefix("//") else { return !rest.is_empty() || text.len() > scheme.len() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let path = path.split('?').next().unwrap_or_default();
    is_host(host) && has_good_escapes(path)
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.rfind(':') {
        Some(at) if !host.ends_with(']') => (&host[..at], &host[at + 1..]),
        _ => (host, ""),
    };
    let is_host_letter = |letter: char| {
        !letter.is_ascii() || letter.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(letter)
    };
    port.bytes().all(|byte| byte.is_ascii_digit()) && name.chars().all(is_host_letter)
}

fn has_good_escapes(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(at, _)| {
        let digits = bytes.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        for email in ["a@b.org", "a.b+c@d-e.example.org", "ü@ü.de"] {
            assert!(is_email(email), "{email}");
        }
        for text in ["a", "a@b", "a@b@c.org", "a b@c.org", "@c.org", "a@.org"] {
            assert!(!is_email(text), "{text}");
        }
        for url in ["https://a.org/x?y#z", "a.org", "localhost:80", "http://u:p@1.2.3.4:80/"] {
            assert!(is_url(url), "{url}");
        }
        for text in ["", "a", "none", "a b.org", "http://a b"] {
            assert!(!is_url(text), "{text}");
        }
        for url in ["https://a.org/a b", "file:///x", "data:image/png;base64,AA", "http://[::1]:80/"] {
            assert!(is_request_url(url), "{url}");
        }
        for text in ["", "a.org", "/x", "http://a b/", "http://a:b/", "http://a/%zz", "://a"] {
            assert!(!is_request_url(text), "{text}");
        }
    }
}
