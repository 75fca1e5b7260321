//! Makes a kubeconfig self-contained before it is sent: one context, with certificate files put into it.
//!
//! The server takes inline data only, and refuses the rest by name. What would run a program or weaken the
//! connection is refused here already.

use std::io::Read;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

/// No certificate, key or token file is larger than this.
const MAX_FILE: u64 = 1 << 20;

/// What is wanted of a kubeconfig.
pub(crate) struct Wish<'a> {
    pub(crate) context: Option<&'a str>,
    /// Read the files that it names.
    pub(crate) inline: bool,
}

/// A kubeconfig that stands alone.
#[derive(Debug)]
pub(crate) struct Inlined {
    pub(crate) text: String,
    /// What was done, for a person.
    pub(crate) notes: Vec<String>,
}

/// Fields whose file can be read, and where its content goes. Tokens stay text, everything else is base64.
const FILES: [(&str, &str, bool); 4] = [
    ("certificate-authority", "certificate-authority-data", true),
    ("client-certificate", "client-certificate-data", true),
    ("client-key", "client-key-data", true),
    ("tokenFile", "token", false),
];

/// Fields that no server of ours accepts, and what to do instead.
const REFUSED: [(&str, &str); 9] = [
    ("exec", "it runs a program; use a token or a client certificate"),
    ("auth-provider", "it runs a login of its own; use a token or a client certificate"),
    ("insecure-skip-tls-verify", "it trusts anybody; give the CA's certificate instead"),
    ("proxy-url", "connections go straight to the cluster"),
    ("username", "basic authentication is not supported; use a token or a client certificate"),
    ("password", "basic authentication is not supported; use a token or a client certificate"),
    ("as", "impersonation is not supported; use a user of its own"),
    ("as-groups", "impersonation is not supported; use a user of its own"),
    ("as-uid", "impersonation is not supported; use a user of its own"),
];

/// Picks one context out of `text` and puts the files it names, relative to `base`, into it.
pub(crate) fn inline(text: &str, base: &Path, wish: &Wish<'_>) -> Result<Inlined, String> {
    let config = osc_plugin_helm::yaml::parse_object(text).map_err(|error| error.to_string())?;
    if !config.is_object() {
        return Err("it is no map, so no kubeconfig".into());
    }
    let context_name = context_name(&config, wish.context)?;
    let context = named(&config, "contexts", "context", &context_name)?;
    let reference = |field: &str| -> Result<String, String> {
        let name = context.get(field).and_then(Value::as_str).filter(|name| !name.is_empty());
        Ok(name.ok_or_else(|| format!("context `{context_name}` names no {field}"))?.to_owned())
    };
    let (cluster_name, user_name) = (reference("cluster")?, reference("user")?);
    let mut notes = Vec::new();
    let cluster = named(&config, "clusters", "cluster", &cluster_name)?;
    let cluster = stand_alone(cluster, &format!("cluster `{cluster_name}`"), base, wish.inline, &mut notes)?;
    let user = named(&config, "users", "user", &user_name)?;
    let user = stand_alone(user, &format!("user `{user_name}`"), base, wish.inline, &mut notes)?;
    let contexts = config["contexts"].as_array().map_or(0, Vec::len);
    if contexts > 1 {
        notes.push(format!("only context `{context_name}` of {contexts} is sent"));
    }
    let alone = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context_name,
        "clusters": [{ "name": cluster_name, "cluster": cluster }],
        "users": [{ "name": user_name, "user": user }],
        "contexts": [{ "name": context_name, "context": { "cluster": cluster_name, "user": user_name } }],
    });
    Ok(Inlined { text: format!("{alone}\n"), notes })
}

fn context_name(config: &Value, wanted: Option<&str>) -> Result<String, String> {
    if let Some(name) = wanted {
        return Ok(name.to_owned());
    }
    if let Some(name) = config.get("current-context").and_then(Value::as_str).filter(|name| !name.is_empty())
    {
        return Ok(name.to_owned());
    }
    let contexts = config.get("contexts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = contexts.iter().filter_map(|context| context.get("name")?.as_str()).collect();
    match names.as_slice() {
        [] => Err("it has no context".into()),
        [only] => Ok((*only).to_owned()),
        several => {
            Err(format!("it has no current context; choose with `--context`: `{}`", several.join("`, `")))
        }
    }
}

fn named<'a>(
    config: &'a Value,
    list: &str,
    field: &str,
    name: &str,
) -> Result<&'a Map<String, Value>, String> {
    let items = config.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let item = items.iter().find(|item| item.get("name").and_then(Value::as_str) == Some(name));
    item.and_then(|item| item.get(field)?.as_object())
        .ok_or_else(|| format!("{field} `{name}` is not there (looked in `{list}`)"))
}

fn stand_alone(
    fields: &Map<String, Value>,
    owner: &str,
    base: &Path,
    inline: bool,
    notes: &mut Vec<String>,
) -> Result<Map<String, Value>, String> {
    for (name, way_out) in REFUSED {
        if fields.get(name).is_some_and(is_set) {
            return Err(format!("{owner} uses `{name}`, which is refused: {way_out}"));
        }
    }
    let mut fields = fields.clone();
    for (name, _) in REFUSED {
        fields.remove(name);
    }
    for (name, target, encoded) in FILES {
        let Some(value) = fields.remove(name).filter(is_set) else { continue };
        // As in kubectl, inline data wins over a file. A token file wins over a token.
        if encoded && fields.get(target).is_some_and(is_set) {
            continue;
        }
        let file = value.as_str().ok_or_else(|| format!("{owner}: `{name}` is no text"))?;
        if !inline {
            return Err(format!(
                "{owner} names the file `{file}` in `{name}`; allow reading it by leaving `--no-inline` out"
            ));
        }
        let path = base.join(file);
        let data = read(&path)
            .map_err(|problem| format!("{owner}: cannot read `{name}` `{}`: {problem}", path.display()))?;
        let content = if encoded {
            BASE64_STANDARD.encode(&data)
        } else {
            String::from_utf8(data)
                .map_err(|_| format!("{owner}: `{}` is no text", path.display()))?
                .trim()
                .to_owned()
        };
        fields.insert(target.into(), content.into());
        notes.push(format!("put `{}` into `{target}`", path.display()));
    }
    Ok(fields)
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && value.as_str() != Some("")
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut data = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_FILE + 1).read_to_end(&mut data).map_err(|error| error.to_string())?;
    if data.len() as u64 > MAX_FILE {
        return Err(format!("it is larger than {} kiB", MAX_FILE >> 10));
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\n\
             clusters:\n- name: k\n  cluster: {{server: 'https://127.0.0.1:6443'{cluster}}}\nusers:\n- name: u\n  user: {{{user}}}\n"
        )
    }

    fn run(text: &str, base: &Path) -> Result<Inlined, String> {
        inline(text, base, &Wish { context: None, inline: true })
    }

    #[test]
    fn files_are_put_into_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.crt"), "CA").unwrap();
        std::fs::write(folder.path().join("token"), "secret\n").unwrap();
        let inlined =
            run(&config(", certificate-authority: ca.crt", "tokenFile: token"), folder.path()).unwrap();
        let made: Value = serde_json::from_str(&inlined.text).unwrap();
        assert_eq!(made["clusters"][0]["cluster"]["certificate-authority-data"], "Q0E=");
        assert_eq!(made["users"][0]["user"], json!({"token": "secret"}));
        assert_eq!(inlined.notes.len(), 2);
        let text = config(", certificate-authority: ca.crt", "token: x");
        let refused = inline(&text, folder.path(), &Wish { context: None, inline: false }).unwrap_err();
        assert!(refused.contains("`ca.crt`"), "{refused}");
    }

    #[test]
    fn what_is_dangerous_is_refused_by_name() {
        for user in
            ["exec: {command: sh}", "auth-provider: {name: gcp}", "username: a, password: b", "as: root"]
        {
            let refused = run(&config("", user), Path::new("")).unwrap_err();
            let name = user.split(':').next().unwrap();
            assert!(refused.contains(&format!("`{name}`")), "{refused}");
        }
        for cluster in [", proxy-url: 'http://x'", ", insecure-skip-tls-verify: true"] {
            assert!(run(&config(cluster, "token: x"), Path::new("")).is_err());
        }
        assert!(run(&config(", insecure-skip-tls-verify: false", "token: x"), Path::new("")).is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = run(&config(", certificate-authority: /nonexistent/ca.crt", "token: x"), Path::new(""))
            .unwrap_err();
        assert!(missing.contains("/nonexistent/ca.crt"), "{missing}");
        assert_eq!(run("- a", Path::new("")).unwrap_err(), "it is no map, so no kubeconfig");
        assert!(run("a: [", Path::new("")).unwrap_err().starts_with("yaml: "));
        assert_eq!(run("kind: Config", Path::new("")).unwrap_err(), "it has no context");
        let text = config("", "token: x").replace("current-context: c", "current-context: d");
        assert_eq!(run(&text, Path::new("")).unwrap_err(), "context `d` is not there (looked in `contexts`)");
    }
}
