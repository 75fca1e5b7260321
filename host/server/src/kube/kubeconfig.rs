//! Kubeconfigs are hostile input: only what is inline is read, everything else is refused by name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_yaml_ng::{Mapping, Value};

use crate::egress;
use crate::error::{Error, Result};

/// Bound of a kubeconfig's text.
const MAX_BYTES: usize = 1 << 20;

/// Where a cluster is and how to sign in, all inline.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterAccess {
    /// `https://host:port`, maybe with a path.
    pub server: String,
    /// PEM; none leaves trust to the certificates of this machine.
    pub ca: Option<Vec<u8>>,
    pub credentials: Credentials,
    /// The context's namespace, only a hint.
    pub namespace: Option<String>,
}

/// How to sign in to a cluster.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// PEM both.
    Certificate {
        certificate: Vec<u8>,
        key: Vec<u8>,
    },
    Token(String),
    Anonymous,
}

impl std::fmt::Debug for ClusterAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterAccess").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Parses a kubeconfig as YAML or JSON and takes its current context.
pub fn parse(text: &str) -> Result<ClusterAccess> {
    if text.len() > MAX_BYTES {
        return Err(Error::TooLarge { what: "kubeconfig".into(), limit: "1 MB".into() });
    }
    let document: Value = serde_yaml_ng::from_str(text).map_err(|error| {
        invalid(format!("it is neither YAML nor JSON: {}", first_line(&error.to_string())))
    })?;
    let root = mapping(&document, "the kubeconfig")?;
    if let Some(kind) = root.get("kind").and_then(Value::as_str).filter(|kind| *kind != "Config") {
        return Err(invalid(format!("its kind is `{kind}`, not `Config`")));
    }
    let context_name = current_context(root)?;
    let context = named(root, "contexts", "context", &context_name)?;
    let cluster_name = text_of(context, "cluster")
        .ok_or_else(|| invalid(format!("context `{context_name}` names no cluster")))?;
    let cluster = named(root, "clusters", "cluster", cluster_name)?;
    refuse_in_cluster(cluster)?;
    let server = server_of(cluster, cluster_name)?;
    let ca = decode(cluster, "certificate-authority-data")?;
    if let Some(ca) = &ca {
        check_pem(ca, "certificate-authority-data", "CERTIFICATE")?;
    }
    let credentials = match text_of(context, "user").filter(|name| !name.is_empty()) {
        Some(user) => credentials_of(named(root, "users", "user", user)?)?,
        None => Credentials::Anonymous,
    };
    if server.starts_with("http://") && credentials != Credentials::Anonymous {
        return Err(invalid(
            "its server is plain http, which would send the credentials in the clear".into(),
        ));
    }
    Ok(ClusterAccess { server, ca, credentials, namespace: text_of(context, "namespace").map(str::to_owned) })
}

/// The current context, or the only one.
fn current_context(root: &Mapping) -> Result<String> {
    if let Some(name) = text_of(root, "current-context").filter(|name| !name.is_empty()) {
        return Ok(name.into());
    }
    let contexts = root.get("contexts").and_then(Value::as_sequence).map(Vec::as_slice).unwrap_or_default();
    match contexts {
        [] => Err(invalid("it has no context".into())),
        [only] => Ok(text_of(mapping(only, "a context")?, "name").unwrap_or_default().into()),
        several => Err(invalid(format!(
            "it has {} contexts and no `current-context`: set it to one of them",
            several.len()
        ))),
    }
}

/// The entry of this name in one of the kubeconfig's lists.
fn named<'a>(root: &'a Mapping, list: &str, key: &str, name: &str) -> Result<&'a Mapping> {
    let entries = root.get(list).and_then(Value::as_sequence).map(Vec::as_slice).unwrap_or_default();
    let mut found = None;
    for entry in entries {
        let entry = mapping(entry, &format!("an entry of `{list}`"))?;
        if text_of(entry, "name") == Some(name) {
            if found.is_some() {
                return Err(invalid(format!("`{list}` has two entries named `{name}`")));
            }
            found = Some(entry);
        }
    }
    let entry = found.ok_or_else(|| invalid(format!("`{list}` has no entry named `{name}`")))?;
    match entry.get(key) {
        Some(value) => mapping(value, &format!("`{key}` of `{name}`")),
        None => Err(invalid(format!("the entry `{name}` of `{list}` has no `{key}`"))),
    }
}

fn refuse_in_cluster(cluster: &Mapping) -> Result<()> {
    for (key, advice) in [
        ("certificate-authority", "put the certificate inline as `certificate-authority-data`"),
        ("proxy-url", "the server connects to clusters directly"),
        ("tls-server-name", "name the server as its certificate does"),
    ] {
        if is_set(cluster, key) {
            return Err(refused(key, advice));
        }
    }
    if is_true(cluster, "insecure-skip-tls-verify") {
        return Err(refused(
            "insecure-skip-tls-verify",
            "give the certificate authority as `certificate-authority-data`",
        ));
    }
    refuse_unknown(
        cluster,
        &[
            "server",
            "certificate-authority-data",
            "insecure-skip-tls-verify",
            "certificate-authority",
            "proxy-url",
            "tls-server-name",
            "disable-compression",
            "extensions",
        ],
    )
}

fn server_of(cluster: &Mapping, name: &str) -> Result<String> {
    let server = text_of(cluster, "server").filter(|server| !server.is_empty());
    let server = server.ok_or_else(|| invalid(format!("cluster `{name}` has no `server`")))?;
    if let Some((scheme, _)) =
        server.split_once("://").filter(|(scheme, _)| !matches!(*scheme, "http" | "https"))
    {
        return Err(invalid(format!("its server has the scheme `{scheme}`, only https is supported")));
    }
    let uri =
        egress::parse_url(server).map_err(|error| invalid(format!("its server is refused: {error}")))?;
    if uri.query().is_some() || server.contains('#') {
        return Err(invalid("its server has a query or a fragment".into()));
    }
    Ok(server.trim_end_matches('/').into())
}

fn credentials_of(user: &Mapping) -> Result<Credentials> {
    for (key, advice) in [
        ("exec", "the server runs no programs; put a token or a client certificate inline"),
        ("auth-provider", "put a token or a client certificate inline"),
        ("tokenFile", "the server reads no files; put the token inline as `token`"),
        ("client-certificate", "the server reads no files; put it inline as `client-certificate-data`"),
        ("client-key", "the server reads no files; put it inline as `client-key-data`"),
        ("username", "use a token or a client certificate"),
        ("password", "use a token or a client certificate"),
        ("as", "sign in as the user itself"),
        ("as-uid", "sign in as the user itself"),
        ("as-groups", "sign in as the user itself"),
        ("as-user-extra", "sign in as the user itself"),
    ] {
        if is_set(user, key) {
            return Err(refused(key, advice));
        }
    }
    refuse_unknown(
        user,
        &[
            "token",
            "client-certificate-data",
            "client-key-data",
            "extensions",
            "exec",
            "auth-provider",
            "tokenFile",
            "client-certificate",
            "client-key",
            "username",
            "password",
            "as",
            "as-uid",
            "as-groups",
            "as-user-extra",
        ],
    )?;
    let certificate = decode(user, "client-certificate-data")?;
    let key = decode(user, "client-key-data")?;
    match (certificate, key, text_of(user, "token").filter(|token| !token.is_empty())) {
        (_, _, Some(token)) if token.bytes().any(|b| !(0x21..0x7f).contains(&b)) => {
            Err(invalid("its token has characters that no token has".into()))
        }
        (Some(certificate), Some(key), None) => {
            check_pem(&certificate, "client-certificate-data", "CERTIFICATE")?;
            check_pem(&key, "client-key-data", "PRIVATE KEY")?;
            Ok(Credentials::Certificate { certificate, key })
        }
        (None, None, Some(token)) => Ok(Credentials::Token(token.into())),
        (None, None, None) => Ok(Credentials::Anonymous),
        (_, _, Some(_)) => {
            Err(invalid("its user has both a token and a client certificate: leave one".into()))
        }
        _ => Err(invalid(
            "a client certificate needs both `client-certificate-data` and `client-key-data`".into(),
        )),
    }
}

/// A setting that we do not know may be one that reads a file or runs a program.
fn refuse_unknown(entry: &Mapping, known: &[&str]) -> Result<()> {
    match entry
        .iter()
        .find(|(key, value)| !value.is_null() && !key.as_str().is_some_and(|key| known.contains(&key)))
    {
        Some((key, _)) => Err(refused(key.as_str().unwrap_or("a key that is no text"), "it is not known")),
        None => Ok(()),
    }
}

fn decode(entry: &Mapping, key: &'static str) -> Result<Option<Vec<u8>>> {
    let Some(value) = entry.get(key).filter(|value| !value.is_null() && value.as_str() != Some("")) else {
        return Ok(None);
    };
    let text: String = value.as_str().unwrap_or_default().split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(text).map_err(|_| invalid(format!("its `{key}` is not base64")))?;
    Ok(Some(bytes))
}

fn check_pem(bytes: &[u8], key: &str, what: &str) -> Result<()> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains("-----BEGIN ") && text.contains(&format!("{what}-----")) {
        return Ok(());
    }
    Err(invalid(format!("its `{key}` holds no PEM {}", what.to_lowercase())))
}

fn mapping<'a>(value: &'a Value, what: &str) -> Result<&'a Mapping> {
    value.as_mapping().ok_or_else(|| invalid(format!("{what} is no mapping")))
}

fn text_of<'a>(entry: &'a Mapping, key: &str) -> Option<&'a str> {
    entry.get(key).and_then(Value::as_str)
}

fn is_set(entry: &Mapping, key: &str) -> bool {
    entry.get(key).is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
}

fn is_true(entry: &Mapping, key: &str) -> bool {
    entry.get(key).is_some_and(|value| !value.is_null() && value.as_bool() != Some(false))
}

fn refused(key: &str, advice: &str) -> Error {
    invalid(format!("`{key}` is refused: {advice}"))
}

fn invalid(reason: String) -> Error {
    Error::Invalid { field: "kubeconfig", reason }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

    fn config(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts: [{{name: c, context: {{cluster: k, user: u, namespace: n}}}}]\n\
             clusters: [{{name: k, cluster: {{{cluster}}}}}]\nusers: [{{name: u, user: {{{user}}}}}]\n"
        )
    }

    fn refusal(text: &str) -> String {
        let error = parse(text).expect_err("must be refused").to_string();
        error.strip_prefix("invalid `kubeconfig`: ").unwrap_or(&error).to_owned()
    }

    #[test]
    fn reads_what_is_inline() {
        let encoded = |text: &str| STANDARD.encode(text);
        let cluster =
            format!("server: 'https://k:6443/', certificate-authority-data: {}", encoded(CERTIFICATE));
        let user =
            format!("client-certificate-data: {}, client-key-data: {}", encoded(CERTIFICATE), encoded(KEY));
        let access = parse(&config(&cluster, &user)).unwrap();
        assert_eq!(access.server, "https://k:6443");
        assert_eq!(access.ca.as_deref(), Some(CERTIFICATE.as_bytes()));
        assert_eq!(access.namespace.as_deref(), Some("n"));
        let certificate = CERTIFICATE.as_bytes().to_vec();
        assert!(access.credentials == Credentials::Certificate { certificate, key: KEY.into() });
        let access = parse(&config("server: 'https://k'", "token: abc")).unwrap();
        assert!(access.credentials == Credentials::Token("abc".into()));
        assert_eq!(format!("{access:?}"), "ClusterAccess { server: \"https://k\", .. }");
    }

    #[test]
    fn takes_the_only_context_but_never_guesses() {
        let text = config("server: 'https://k'", "token: abc").replace("current-context: c\n", "");
        assert!(parse(&text).is_ok());
        let two = text.replace("contexts: [", "contexts: [{name: d, context: {cluster: k, user: u}}, ");
        assert_eq!(refusal(&two), "it has 2 contexts and no `current-context`: set it to one of them");
        let twice = text.replace("users: [", "users: [{name: u, user: {token: other}}, ");
        assert_eq!(refusal(&twice), "`users` has two entries named `u`");
        assert_eq!(refusal("{}"), "it has no context");
        assert_eq!(refusal("[1]"), "the kubeconfig is no mapping");
        assert_eq!(refusal("kind: Pod"), "its kind is `Pod`, not `Config`");
        assert!(refusal("a: b: c").starts_with("it is neither YAML nor JSON"));
    }

    #[test]
    fn refuses_each_setting_of_a_cluster_by_name() {
        for (setting, name) in [
            ("certificate-authority: /etc/ca.pem", "certificate-authority"),
            ("proxy-url: 'http://proxy'", "proxy-url"),
            ("insecure-skip-tls-verify: true", "insecure-skip-tls-verify"),
            ("insecure-skip-tls-verify: 'yes'", "insecure-skip-tls-verify"),
            ("tls-server-name: other", "tls-server-name"),
            ("future-setting: 1", "future-setting"),
        ] {
            let text = refusal(&config(&format!("server: 'https://k', {setting}"), "token: abc"));
            assert!(text.starts_with(&format!("`{name}` is refused: ")), "{setting}: {text}");
        }
        assert!(parse(&config("server: 'https://k', insecure-skip-tls-verify: false", "token: abc")).is_ok());
    }

    #[test]
    fn refuses_each_setting_of_a_user_by_name() {
        for (setting, name) in [
            ("exec: {apiVersion: v1, command: sh}", "exec"),
            ("auth-provider: {name: gcp}", "auth-provider"),
            ("tokenFile: /etc/token", "tokenFile"),
            ("token: a, tokenFile: /etc/token", "tokenFile"),
            ("client-certificate: /etc/cert.pem", "client-certificate"),
            ("client-key: /etc/key.pem", "client-key"),
            ("username: admin", "username"),
            ("password: secret", "password"),
            ("as: root, token: a", "as"),
            ("as-groups: ['system:masters'], token: a", "as-groups"),
            ("as-uid: '1', token: a", "as-uid"),
            ("as-user-extra: {a: [b]}, token: a", "as-user-extra"),
            ("future-setting: 1", "future-setting"),
        ] {
            let text = refusal(&config("server: 'https://k'", setting));
            assert!(text.starts_with(&format!("`{name}` is refused: ")), "{setting}: {text}");
        }
    }

    #[test]
    fn refuses_servers_and_credentials_that_cannot_be_trusted() {
        for (server, expected) in [
            ("ftp://k", "its server has the scheme `ftp`, only https is supported"),
            ("file:///etc/passwd", "its server has the scheme `file`, only https is supported"),
            ("unix:///var/run/x", "its server has the scheme `unix`, only https is supported"),
            ("http://k", "its server is plain http, which would send the credentials in the clear"),
            ("https://k?x=y", "its server has a query or a fragment"),
        ] {
            assert_eq!(refusal(&config(&format!("server: '{server}'"), "token: abc")), expected);
        }
        for server in ["https://admin:secret@k", "k:6443", "/x", "https://"] {
            let text = refusal(&config(&format!("server: '{server}'"), "token: abc"));
            assert!(text.starts_with("its server is refused: "), "{server}: {text}");
        }
        assert_eq!(refusal(&config("", "token: abc")), "cluster `k` has no `server`");
        for (user, expected) in [
            ("client-key-data: '%%'", "its `client-key-data` is not base64"),
            (
                "client-key-data: AAAA",
                "a client certificate needs both `client-certificate-data` and `client-key-data`",
            ),
            (
                "client-certificate-data: AAAA, client-key-data: AAAA",
                "its `client-certificate-data` holds no PEM certificate",
            ),
            ("token: \"a\\r\\nHost: b\"", "its token has characters that no token has"),
            (
                "token: a, client-certificate-data: AAAA, client-key-data: AAAA",
                "its user has both a token and a client certificate: leave one",
            ),
        ] {
            assert_eq!(refusal(&config("server: 'https://k'", user)), expected);
        }
        assert_eq!(
            refusal(&config("server: 'https://k', certificate-authority-data: AAAA", "token: a")),
            "its `certificate-authority-data` holds no PEM certificate"
        );
        assert!(matches!(parse(&" ".repeat(MAX_BYTES + 1)), Err(Error::TooLarge { .. })));
    }
}
