//! Who asks, and what they may do: tokens, impersonation, and role-based access control.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::cluster::Core;
use crate::http::decode_percent;
use crate::selector::LabelSelector;
use crate::status::{Named, Result, Status};
use crate::store::{Key, Object};
use crate::value::Get;

/// Who issues the tokens of service accounts.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";
const ACCOUNT: &str = "system:serviceaccount:";

/// The user of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: String,
    /// Uid, often empty.
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Further facts.
    pub extra: Vec<(String, Vec<String>)>,
}

impl User {
    /// The administrator that in-process callers act as.
    pub fn system(name: &str) -> Self {
        User { name: name.into(), groups: vec![MASTERS.into(), AUTHENTICATED.into()], ..User::default() }
    }

    /// True if everything is allowed.
    pub fn is_master(&self) -> bool {
        self.groups.iter().any(|g| g == MASTERS)
    }

    fn anonymous() -> Self {
        User {
            name: "system:anonymous".into(),
            groups: vec!["system:unauthenticated".into()],
            ..User::default()
        }
    }

    fn account(namespace: &str, name: &str) -> Self {
        User {
            name: format!("{ACCOUNT}{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{namespace}"),
                AUTHENTICATED.into(),
            ],
            ..User::default()
        }
    }
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attributes<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// A path instead of a resource.
    pub(crate) path: Option<&'a str>,
}

impl Attributes<'_> {
    fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.into()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }

    /// Why it is refused.
    pub(crate) fn refusal(&self, user: &User) -> String {
        let place = if self.namespace.is_empty() {
            "at the cluster scope".to_string()
        } else {
            format!("in the namespace {:?}", self.namespace)
        };
        format!(
            "User {:?} cannot {} resource {:?} in API group {:?} {place}",
            user.name,
            self.verb,
            self.full_resource(),
            self.group
        )
    }
}

/// The secrets of a cluster, and the checks.
#[derive(Default)]
pub(crate) struct Auth {
    secrets: OnceLock<Secrets>,
}

/// What proves identities.
#[derive(Clone)]
pub(crate) struct Secrets {
    /// The administrator's bearer token.
    pub(crate) admin: String,
    /// Signs the tokens of service accounts.
    pub(crate) key: Vec<u8>,
}

impl Secrets {
    /// New ones.
    pub(crate) fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        let key: [u8; 32] = rand::random();
        Secrets { admin: URL_SAFE_NO_PAD.encode(bytes), key: key.to_vec() }
    }
}

impl Auth {
    /// Sets the secrets, once.
    pub(crate) fn set(&self, secrets: Secrets) {
        let _ = self.secrets.set(secrets);
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        self.secrets.get_or_init(Secrets::random)
    }

    /// The user of an `Authorization` header.
    pub(crate) fn authenticate(&self, core: &Core, header: Option<&HeaderValue>) -> Result<User> {
        let Some(header) = header else { return Ok(User::anonymous()) };
        let text = header.to_str().unwrap_or_default();
        let Some(token) = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")) else {
            return Ok(User::anonymous());
        };
        self.token(core, token.trim()).map(|(user, _)| user).ok_or_else(Status::unauthorized)
    }

    /// The user and audiences of a token.
    pub(crate) fn token(&self, core: &Core, token: &str) -> Option<(User, Vec<String>)> {
        if same(token.as_bytes(), self.secrets().admin.as_bytes()) {
            return Some((User::system("system:admin"), Vec::new()));
        }
        let claims = self.verify(token)?;
        if claims["exp"].as_i64()? < Timestamp::now().as_second() {
            return None;
        }
        let namespace = claims.text(&["kubernetes.io", "namespace"]);
        let name = claims.text(&["kubernetes.io", "serviceaccount", "name"]);
        let uid = claims.text(&["kubernetes.io", "serviceaccount", "uid"]);
        let account = core.store.get(&Key::new(&"serviceaccounts".into(), namespace, name))?;
        if account.value.text(&["metadata", "uid"]) != uid {
            return None;
        }
        let audiences = claims.items(&["aud"]).iter().filter_map(|a| a.as_str().map(String::from)).collect();
        Some((User { uid: uid.into(), ..User::account(namespace, name) }, audiences))
    }

    fn verify(&self, token: &str) -> Option<Value> {
        let (head, signature) = token.rsplit_once('.')?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secrets().key).ok()?;
        mac.update(head.as_bytes());
        mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let (_, claims) = head.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    /// A token of a service account.
    pub(crate) fn issue(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        audiences: &[String],
        until: Timestamp,
    ) -> String {
        let now = Timestamp::now().as_second();
        let claims = json!({
            "aud": audiences, "exp": until.as_second(), "iat": now, "nbf": now, "iss": ISSUER,
            "jti": crate::names::uid(), "sub": format!("{ACCOUNT}{namespace}:{name}"),
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
        });
        let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
        let head = format!("{}.{}", encode(&json!({"alg": "HS256", "typ": "JWT"})), encode(&claims));
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secrets().key).expect("any length is a key");
        mac.update(head.as_bytes());
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// Why something is allowed; `None` if it is not.
    pub(crate) fn allows(&self, core: &Core, user: &User, attributes: &Attributes<'_>) -> Option<String> {
        if user.is_master() {
            return Some(String::new());
        }
        for grant in grants(core, user, attributes.namespace) {
            if grant.rules.iter().any(|rule| covers(rule, attributes)) {
                return Some(grant.reason);
            }
        }
        None
    }

    /// All rules that a user has in a namespace.
    pub(crate) fn rules(&self, core: &Core, user: &User, namespace: &str) -> Vec<Value> {
        if user.is_master() {
            let all = json!(["*"]);
            return vec![
                json!({"verbs": all, "apiGroups": all, "resources": all}),
                json!({"verbs": all, "nonResourceURLs": all}),
            ];
        }
        grants(core, user, namespace).into_iter().flat_map(|g| g.rules).collect()
    }
}

/// Compares without telling by the time where texts differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

struct Grant {
    reason: String,
    rules: Vec<Value>,
}

const ROLES: &str = "roles.rbac.authorization.k8s.io";
const CLUSTER_ROLES: &str = "clusterroles.rbac.authorization.k8s.io";

fn grants(core: &Core, user: &User, namespace: &str) -> Vec<Grant> {
    let mut out = Vec::new();
    let (cluster, _) = core.store.list("clusterrolebindings.rbac.authorization.k8s.io", None);
    let (own, _) = match namespace {
        "" => (Vec::new(), 0),
        ns => core.store.list("rolebindings.rbac.authorization.k8s.io", Some(ns)),
    };
    for binding in cluster.iter().chain(&own) {
        let Some(subject) = binding.value.items(&["subjects"]).iter().find(|s| is_subject(s, user, binding))
        else {
            continue;
        };
        let kind = binding.value.text(&["roleRef", "kind"]);
        let role = binding.value.text(&["roleRef", "name"]);
        let Some(rules) = rules_of(core, kind, role, &binding.key.namespace) else { continue };
        let shown = match subject.text(&["kind"]) {
            "ServiceAccount" => {
                let ns = subject.text(&["namespace"]);
                let ns = if ns.is_empty() { &*binding.key.namespace } else { ns };
                format!("ServiceAccount \"{}/{ns}\"", subject.text(&["name"]))
            }
            other => format!("{other} {:?}", subject.text(&["name"])),
        };
        let name = if binding.key.namespace.is_empty() {
            format!("ClusterRoleBinding {:?}", binding.key.name)
        } else {
            format!("RoleBinding \"{}/{}\"", binding.key.name, binding.key.namespace)
        };
        out.push(Grant { reason: format!("RBAC: allowed by {name} of {kind} {role:?} to {shown}"), rules });
    }
    out
}

/// The rules of a role; aggregated roles have those of the roles that they select.
pub(crate) fn rules_of(core: &Core, kind: &str, name: &str, namespace: &str) -> Option<Vec<Value>> {
    let key = match kind {
        "ClusterRole" => Key::new(&CLUSTER_ROLES.into(), "", name),
        _ => Key::new(&ROLES.into(), namespace, name),
    };
    let role = core.store.get(&key)?;
    let mut rules = role.value.items(&["rules"]).to_vec();
    for selector in role.value.items(&["aggregationRule", "clusterRoleSelectors"]) {
        let Some(selector) = LabelSelector::from_value(selector) else { continue };
        for other in core.store.list(CLUSTER_ROLES, None).0 {
            if other.key.name != role.key.name && selector.selects(&other.value) {
                rules.extend(other.value.items(&["rules"]).iter().cloned());
            }
        }
    }
    Some(rules)
}

fn is_subject(subject: &Value, user: &User, binding: &Object) -> bool {
    let name = subject.text(&["name"]);
    match subject.text(&["kind"]) {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|g| g == name),
        "ServiceAccount" => {
            let ns = subject.text(&["namespace"]);
            let ns = if ns.is_empty() { &*binding.key.namespace } else { ns };
            user.name == format!("{ACCOUNT}{ns}:{name}")
        }
        _ => false,
    }
}

fn lists(rule: &Value, key: &str, wanted: &str) -> bool {
    rule.items(&[key]).iter().any(|v| v == wanted || v == "*")
}

/// True if a rule allows something.
fn covers(rule: &Value, attributes: &Attributes<'_>) -> bool {
    if !lists(rule, "verbs", attributes.verb) {
        return false;
    }
    if let Some(path) = attributes.path {
        return rule.items(&["nonResourceURLs"]).iter().filter_map(Value::as_str).any(|p| {
            match p.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => p == path,
            }
        });
    }
    let full = attributes.full_resource();
    let any_parent = format!("*/{}", attributes.subresource);
    let resource = rule.items(&["resources"]).iter().any(|r| {
        r == "*" || r == full.as_str() || (!attributes.subresource.is_empty() && r == any_parent.as_str())
    });
    let names = rule.items(&["resourceNames"]);
    lists(rule, "apiGroups", attributes.group)
        && resource
        && (names.is_empty() || names.iter().any(|n| n == attributes.name))
}

/// Refuses roles with rules that their author does not have.
pub(crate) fn check_escalation(
    core: &Core,
    user: &User,
    namespace: &str,
    rules: &[Value],
) -> Result<(), String> {
    let mut missing = Vec::new();
    for rule in rules {
        let parts = single_rules(rule);
        let held = parts.iter().all(|part| {
            let text = |key: &str| part.text(&[key]).to_string();
            let (verb, group, resource, name, path) =
                (text("verb"), text("group"), text("resource"), text("name"), text("path"));
            let (resource, sub) = resource.split_once('/').unwrap_or((&resource, ""));
            let attributes = Attributes {
                verb: &verb,
                group: &group,
                resource,
                subresource: sub,
                namespace,
                name: &name,
                path: (!path.is_empty()).then_some(path.as_str()),
            };
            core.auth.allows(core, user, &attributes).is_some()
        });
        if !held {
            missing.push(rule_text(rule));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let groups: Vec<String> = user.groups.iter().map(|g| format!("{g:?}")).collect();
    Err(format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        groups.join(" "),
        missing.join("\n")
    ))
}

fn single_rules(rule: &Value) -> Vec<Value> {
    let all = |key: &str| -> Vec<String> {
        rule.items(&[key]).iter().filter_map(|v| v.as_str().map(Into::into)).collect()
    };
    let names = match all("resourceNames") {
        names if names.is_empty() => vec![String::new()],
        names => names,
    };
    let mut out = Vec::new();
    for verb in all("verbs") {
        for path in all("nonResourceURLs") {
            out.push(json!({"verb": verb, "path": path}));
        }
        for group in all("apiGroups") {
            for resource in all("resources") {
                for name in &names {
                    out.push(json!({"verb": verb, "group": group, "resource": resource, "name": name}));
                }
            }
        }
    }
    out
}

fn rule_text(rule: &Value) -> String {
    let mut parts = Vec::new();
    for (key, label) in [
        ("nonResourceURLs", "NonResourceURLs"),
        ("apiGroups", "APIGroups"),
        ("resources", "Resources"),
        ("resourceNames", "ResourceNames"),
        ("verbs", "Verbs"),
    ] {
        let list: Vec<String> = rule.items(&[key]).iter().map(Value::to_string).collect();
        if !list.is_empty() {
            parts.push(format!("{label}:[{}]", list.join(" ")));
        }
    }
    format!("{{{}}}", parts.join(", "))
}

/// The user that a request impersonates, or its own.
pub(crate) fn impersonate(core: &Core, user: User, headers: &HeaderMap) -> Result<User> {
    let get = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_string();
    let name = get("impersonate-user");
    let uid = get("impersonate-uid");
    let groups: Vec<String> =
        headers.get_all("impersonate-group").iter().filter_map(|v| v.to_str().ok().map(Into::into)).collect();
    let mut extra: Vec<(String, Vec<String>)> = Vec::new();
    for (key, value) in headers {
        let Some(key) = key.as_str().strip_prefix("impersonate-extra-") else { continue };
        let key = decode_percent(key);
        let value = value.to_str().unwrap_or_default().to_string();
        match extra.iter_mut().find(|(k, _)| *k == key) {
            Some((_, values)) => values.push(value),
            None => extra.push((key, vec![value])),
        }
    }
    if name.is_empty() {
        if groups.is_empty() && uid.is_empty() && extra.is_empty() {
            return Ok(user);
        }
        let list: Vec<String> = groups.iter().map(|g| format!("{g:?}")).collect();
        return Err(Status::bad_request(format!(
            "requested &user.DefaultInfo{{Name:\"\", UID:{uid:?}, Groups:[]string{{{}}}, \
             Extra:map[string][]string(nil)}} without impersonating a user name",
            list.join(", ")
        )));
    }
    let account = name.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':'));
    let (resource, namespace, wanted) = match account {
        Some((namespace, account)) => ("serviceaccounts", namespace, account),
        None => ("users", "", name.as_str()),
    };
    may_impersonate(core, &user, resource, namespace, wanted)?;
    for group in &groups {
        may_impersonate(core, &user, "groups", "", group)?;
    }
    let mut out = match account {
        Some((namespace, account)) => User::account(namespace, account),
        None => User { name, ..User::default() },
    };
    if !groups.is_empty() {
        out.groups = groups;
    }
    if out.name != "system:anonymous" && !out.groups.iter().any(|g| g == AUTHENTICATED) {
        out.groups.push(AUTHENTICATED.into());
    }
    out.uid = uid;
    out.extra = extra;
    Ok(out)
}

fn may_impersonate(core: &Core, user: &User, resource: &str, namespace: &str, name: &str) -> Result<()> {
    let attributes = Attributes { verb: "impersonate", resource, namespace, name, ..Attributes::default() };
    if core.auth.allows(core, user, &attributes).is_some() {
        return Ok(());
    }
    Err(Status::forbidden(Named { kind: resource, group: "", name }, &attributes.refusal(user)))
}
