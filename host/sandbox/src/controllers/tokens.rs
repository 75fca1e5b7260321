//! Secrets of type `kubernetes.io/service-account-token`: filled with a token, deleted with their account.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::builtin::{SECRETS, SERVICE_ACCOUNTS};
use crate::client::{Pending, Resource};
use crate::object::{self, Look, annotation, name, namespace, text, uid};
use crate::reconcile::cache::Cache;
use crate::reconcile::context::Context;
use crate::reconcile::{Key, Outcome, Reconciler, Seen};

const TYPE: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

/// Fills token secrets.
pub(super) struct Tokens {
    root_ca: String,
}

impl Tokens {
    pub(super) fn new(root_ca: &str) -> Self {
        Self { root_ca: root_ca.to_owned() }
    }

    async fn look(&self, context: &Context, key: &Key) -> Outcome {
        let Some(secret) = context.cache().of(key).filter(|secret| !object::is_terminating(secret)) else {
            return Ok(None);
        };
        let Some(account) = annotation(&secret, ACCOUNT) else { return Ok(None) };
        let account = context.cache().get(&SERVICE_ACCOUNTS, &key.namespace, account);
        let known = annotation(&secret, ACCOUNT_UID);
        let Some(account) = account.filter(|account| known.is_none_or(|known| known == uid(account))) else {
            context.delete(&SECRETS, &secret, None).await?;
            return Ok(None);
        };
        if known.is_some() && secret.look("/data/token").is_some() {
            return Ok(None);
        }
        let token = context.client().account_token(&key.namespace, name(&account), uid(&account));
        let Some(token) = token else { return Ok(None) };
        let encode = |text: &str| Value::from(STANDARD.encode(text));
        let mut new = (*secret).clone();
        new["metadata"]["annotations"][ACCOUNT_UID] = uid(&account).into();
        if !new["data"].is_object() {
            new["data"] = json!({});
        }
        new["data"]["token"] = encode(&token);
        new["data"]["namespace"] = encode(&key.namespace);
        new["data"]["ca.crt"] = encode(&self.root_ca);
        context.update(&SECRETS, new).await?;
        Ok(None)
    }
}

impl Reconciler for Tokens {
    fn name(&self) -> &'static str {
        "serviceaccount-token-controller"
    }

    fn watches(&self) -> Vec<Resource> {
        vec![SECRETS, SERVICE_ACCOUNTS]
    }

    fn affected(&self, cache: &Cache, seen: &Seen<'_>, enqueue: &mut dyn FnMut(Key)) {
        let object = seen.object();
        if *seen.resource == SECRETS {
            if text(object, "/type") == TYPE {
                enqueue(seen.key());
            }
        } else if seen.old.is_none() || seen.new.is_none() {
            for secret in cache.list(&SECRETS, namespace(object)) {
                if text(&secret, "/type") == TYPE && annotation(&secret, ACCOUNT) == Some(name(object)) {
                    enqueue(Key::of(&SECRETS, &secret));
                }
            }
        }
    }

    fn reconcile<'a>(&'a self, context: &'a Context, key: &'a Key) -> Pending<'a, Outcome> {
        Box::pin(self.look(context, key))
    }
}
