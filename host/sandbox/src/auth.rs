//! Who asks, and what they may do: tokens, impersonation, and role-based access control.

mod roles;

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
use crate::status::{Named, Result, Status};
use crate::store::Key;
use crate::value::Get;

pub(crate) use roles::{check_escalation, rules_of};
use roles::{covers, grants};

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

    /// The user that the specification of a review names.
    pub(crate) fn of_review(spec: &Value) -> Self {
        let groups =
            spec.items(&["groups"]).iter().filter_map(|group| group.as_str().map(Into::into)).collect();
        User { name: spec.text(&["user"]).into(), groups, ..User::default() }
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

impl<'a> Attributes<'a> {
    /// What the specification of an access review asks about.
    fn of_review(spec: &'a Value) -> Self {
        match spec.get("resourceAttributes").filter(|asked| !asked.is_null()) {
            Some(a) => Attributes {
                verb: a.text(&["verb"]),
                group: a.text(&["group"]),
                resource: a.text(&["resource"]),
                subresource: a.text(&["subresource"]),
                namespace: a.text(&["namespace"]),
                name: a.text(&["name"]),
                path: None,
            },
            None => {
                let a = &spec["nonResourceAttributes"];
                Attributes { verb: a.text(&["verb"]), path: Some(a.text(&["path"])), ..Attributes::default() }
            }
        }
    }
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

    /// The status of an access review with a specification.
    pub(crate) fn review(&self, core: &Core, user: &User, spec: &Value) -> Value {
        match self.allows(core, user, &Attributes::of_review(spec)) {
            Some(reason) if reason.is_empty() => json!({"allowed": true}),
            Some(reason) => json!({"allowed": true, "reason": reason}),
            None => json!({"allowed": false}),
        }
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
