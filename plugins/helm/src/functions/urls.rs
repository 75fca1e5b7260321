//! Addresses and paths.

use super::casts::to_text;
use super::{Function, Ty, fault, fixed, map, text};
use crate::gotemplate::exec::Fault;
use crate::text::quote;
use crate::value::Value;

use Ty::Str;

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("base", &[Str], |_, a| Ok(Value::str(base(text(a, 0))))),
    fixed("osBase", &[Str], |_, a| Ok(Value::str(base(text(a, 0))))),
    fixed("dir", &[Str], |_, a| Ok(Value::str(dir(text(a, 0))))),
    fixed("osDir", &[Str], |_, a| Ok(Value::str(dir(text(a, 0))))),
    fixed("clean", &[Str], |_, a| Ok(Value::str(clean(text(a, 0))))),
    fixed("osClean", &[Str], |_, a| Ok(Value::str(clean(text(a, 0))))),
    fixed("ext", &[Str], |_, a| Ok(Value::str(ext(text(a, 0))))),
    fixed("osExt", &[Str], |_, a| Ok(Value::str(ext(text(a, 0))))),
    fixed("isAbs", &[Str], |_, a| Ok(Value::Bool(text(a, 0).starts_with('/')))),
    fixed("osIsAbs", &[Str], |_, a| Ok(Value::Bool(text(a, 0).starts_with('/')))),
    fixed("getHostByName", &[Str], |_, _| Ok(Value::str(""))),
    fixed("urlParse", &[Str], |_, a| match parse(text(a, 0)) {
        Ok(url) => Ok(Value::pairs([
            ("scheme", Value::str(&url.scheme)),
            ("host", Value::str(&url.host)),
            ("hostname", Value::str(hostname(&url.host))),
            ("path", Value::str(&url.path)),
            ("query", Value::str(&url.query)),
            ("opaque", Value::str(&url.opaque)),
            ("fragment", Value::str(&url.fragment)),
            ("userinfo", Value::str(url.user.map(|user| user_text(&user)).unwrap_or_default())),
        ])),
        Err(error) => fault(format!("unable to parse url: parse {}: {error}", quote(text(a, 0)))),
    }),
    fixed("urlJoin", &[Ty::Map], |_, a| join(a)),
];

/// The last element of a path.
pub(crate) fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some("") | None => "/".into(),
        Some(name) => name.into(),
    }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |at| &path[..=at]))
}

fn ext(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rfind('.').map_or("", |at| &name[at..])
}

/// The shortest path to the same place.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") => parts.push(".."),
                Some(_) => {
                    parts.pop();
                }
                None if !rooted => parts.push(".."),
                None => {}
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".into(),
        (false, false) => joined,
    }
}

/// `url.QueryEscape`.
pub(super) fn query_escape(text: &str) -> String {
    let mut out = String::new();
    for byte in crate::golang::bytes::to_bytes(text).iter() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte))
            }
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[derive(Debug, Default)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<(String, Option<String>)>,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

fn unescape(text: &str, in_host: bool) -> Result<String, String> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'%' {
            let hex = text.get(i + 1..i + 3).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()));
            match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
                Some(b) if !in_host || b >= 0x80 || hex == Some("25") => out.push(b),
                _ => {
                    let part: String = text[i..].chars().take(3).collect();
                    return Err(format!("invalid URL escape {}", quote(&part)));
                }
            }
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    Ok(crate::golang::bytes::from_bytes(&out).into_owned())
}

fn parse(raw: &str) -> Result<Url, String> {
    let mut url = Url::default();
    let (rest, fragment) = raw.split_once('#').unwrap_or((raw, ""));
    if raw.bytes().any(|b| b < b' ' || b == 0x7F) {
        return Err("net/url: invalid control character in URL".into());
    }
    url.fragment = unescape(fragment, false)?;
    if rest == "*" {
        url.path = "*".into();
        return Ok(url);
    }
    let mut rest = rest;
    for (i, c) in rest.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if i > 0 => {}
            ':' if i == 0 => return Err("missing protocol scheme".into()),
            ':' => {
                url.scheme = rest[..i].to_ascii_lowercase();
                rest = &rest[i + 1..];
                break;
            }
            _ => break,
        }
    }
    if let Some((before, query)) = rest.split_once('?') {
        url.query = query.to_owned();
        rest = before;
    }
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_owned();
            return Ok(url);
        }
        let segment = rest.split('/').next().unwrap_or_default();
        if segment.contains(':') {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    if rest.starts_with("//") && (!url.scheme.is_empty() || !rest.starts_with("///")) {
        let after = &rest[2..];
        let end = after.find('/').unwrap_or(after.len());
        let (authority, path) = after.split_at(end);
        rest = path;
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                let valid = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
                if !user.bytes().all(valid) {
                    return Err("net/url: invalid userinfo".into());
                }
                url.user = Some(match user.split_once(':') {
                    Some((name, password)) => (unescape(name, false)?, Some(unescape(password, false)?)),
                    None => (unescape(user, false)?, None),
                });
                host
            }
            None => authority,
        };
        if let Some(bad) =
            host.chars().find(|c| matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'))
        {
            return Err(format!("invalid character {} in host name", quote(&bad.to_string())));
        }
        url.host = parse_host(host, &url.scheme)?;
    }
    url.path = unescape(rest, false)?;
    Ok(url)
}

/// Whether a text is a link that stands for itself, rather than one that is read beside another.
pub(crate) fn is_url(text: &str) -> Result<bool, String> {
    let url = parse(text).map_err(|reason| format!("parse {}: {reason}", quote(text)))?;
    if hostname(&url.host).contains(':') && !url.host.starts_with('[') {
        return Err("ipv6 address not enclosed in brackets".into());
    }
    Ok(!url.scheme.is_empty())
}

/// A host with its port: a name, or an address of the sixth version in brackets.
fn parse_host(host: &str, scheme: &str) -> Result<String, String> {
    let check_port = |port: &str| match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
        None if port.is_empty() => Ok(()),
        _ => Err(format!("invalid port {} after host", quote(port))),
    };
    match (host.rfind('['), host.find(':'), host.rfind(':')) {
        (Some(0), ..) => {
            let end = host.rfind(']').ok_or("missing ']' in host")?;
            let (address, port) = (&host[1..end], &host[end + 1..]);
            check_port(port)?;
            let address = match address.split_once("%25") {
                Some((address, zone)) => {
                    format!("{}%{}", unescape(address, true)?, unescape(zone, false)?)
                }
                None => unescape(address, true)?,
            };
            let without_zone = address.split('%').next().unwrap_or_default();
            if without_zone.parse::<std::net::Ipv4Addr>().is_ok() {
                return Err("invalid IP-literal".into());
            }
            if without_zone.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(format!("invalid host: ParseAddr({}): unable to parse IP", quote(&address)));
            }
            return Ok(format!("[{address}]{port}"));
        }
        (Some(_), ..) => return Err("invalid IP-literal".into()),
        // Lists of hosts, which some databases take, have several ports.
        (None, Some(first), _) if matches!(scheme, "http" | "https") => check_port(&host[first..])?,
        (None, _, Some(last)) => check_port(&host[last..])?,
        _ => {}
    }
    unescape(host, true)
}

fn hostname(host: &str) -> String {
    if let Some(rest) = host.strip_prefix('[')
        && let Some(end) = rest.find(']')
    {
        return rest[..end].to_owned();
    }
    match host.rfind(':') {
        Some(at) if host[at + 1..].bytes().all(|b| b.is_ascii_digit()) => host[..at].to_owned(),
        _ => host.to_owned(),
    }
}

fn escape(text: &str, kept: &[u8]) -> String {
    let mut out = String::new();
    for byte in crate::golang::bytes::to_bytes(text).iter() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) || kept.contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn escape_path(path: &str) -> String {
    escape(path, b"$&+,/:;=@")
}

fn user_text((name, password): &(String, Option<String>)) -> String {
    let name = escape(name, b"$&+,;=");
    match password {
        Some(password) => format!("{name}:{}", escape(password, b"$&+,;=")),
        None => name,
    }
}

fn join(args: &[Value]) -> Result<Value, Fault> {
    let dict = map(args, 0);
    let part = |key: &str| match dict.get(key) {
        None => Ok(String::new()),
        Some(Value::Nil) => super::nil_dereference(),
        Some(value @ Value::Str(_)) => Ok(to_text(&value)),
        Some(other) => fault(format!(
            "unable to parse {key} key, must be of type string, but {} found",
            other.kind_name()
        )),
    };
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (query, opaque, fragment) = (part("query")?, part("opaque")?, part("fragment")?);
    let userinfo = part("userinfo")?;
    let user = if userinfo.is_empty() {
        None
    } else {
        match parse(&format!("proto://{userinfo}@host")) {
            Ok(url) => url.user,
            Err(error) => {
                let raw = quote(&format!("proto://{userinfo}@host"));
                return fault(format!("unable to parse userinfo in dict: parse {raw}: {error}"));
            }
        }
    };
    let mut out = String::new();
    if !scheme.is_empty() {
        out.push_str(&scheme);
        out.push(':');
    }
    if !opaque.is_empty() {
        out.push_str(&opaque);
    } else {
        if !scheme.is_empty() || !host.is_empty() || user.is_some() {
            if !host.is_empty() || !path.is_empty() || user.is_some() {
                out.push_str("//");
            }
            if let Some(user) = &user {
                out.push_str(&user_text(user));
                out.push('@');
            }
            out.push_str(&escape(&host, b"!$&'()*+,;=:[]<>\""));
        }
        let path = escape_path(&path);
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        if out.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            out.push_str("./");
        }
        out.push_str(&path);
    }
    if !query.is_empty() {
        out.push('?');
        out.push_str(&query);
    }
    if !fragment.is_empty() {
        out.push('#');
        out.push_str(&escape(&fragment, b"$&+,/:;=?@!()*"));
    }
    Ok(Value::str(out))
}
