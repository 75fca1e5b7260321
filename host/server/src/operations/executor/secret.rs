//! Steps of type `secret`: values that are made here, once, and are in no plan, journal or plugin.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Generate, Policy, SecretKey};
use rand::RngExt as _;
use serde_json::{Map, Value, json};

use super::{Run, Stop};
use crate::error::Error;
use crate::kube::api::is_transient;
use crate::operations::journal::{Detail, Held};
use crate::secrets::hex;

const MAX_LENGTH: u32 = 4096;
/// Letters and digits that nobody mistakes for another.
const ALPHABET: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Refuses sizes that would be no secret, or no Secret.
pub(in crate::operations) fn check(generate: &Generate) -> Result<(), String> {
    let (size, least, what) = match generate {
        Generate::Password { length } => (*length, 8, format!("a password of {length} characters")),
        Generate::Hex { bytes } | Generate::Base64 { bytes } => {
            (*bytes, 8, format!("a key of {bytes} bytes"))
        }
    };
    if (least..=MAX_LENGTH).contains(&size) {
        return Ok(());
    }
    Err(format!("{what} is not allowed: take between {least} and {MAX_LENGTH}"))
}

fn generate(generate: &Generate) -> String {
    let mut random = rand::rng();
    let bytes =
        |random: &mut rand::rngs::ThreadRng, n: u32| -> Vec<u8> { (0..n).map(|_| random.random()).collect() };
    match generate {
        Generate::Password { length } => {
            (0..*length).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
        }
        Generate::Hex { bytes: n } => hex(&bytes(&mut random, *n)),
        Generate::Base64 { bytes: n } => STANDARD.encode(bytes(&mut random, *n)),
    }
}

impl Run<'_> {
    /// Makes the Secret, or adds the keys that it lacks. What is there is never changed.
    pub(super) async fn secret(
        &self,
        object: &ObjectRef,
        keys: &[SecretKey],
        keep: bool,
        detail: &mut Detail,
    ) -> Result<String, Stop> {
        let object = self.scopes(false).await?.place(object.clone(), &self.target.namespace);
        let live = self.ask(|| self.cluster().get(&object)).await?;
        let (live, message) = match live {
            Some(live) => self.complete_secret(&object, live, keys).await?,
            None => (self.make_secret(&object, keys).await?, format!("{} keys made", keys.len())),
        };
        if !keep && self.owns(&live) {
            let uid = live["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            detail.hold(Held { object, uid, policy: Policy::CreateOnly });
        }
        Ok(message)
    }

    async fn make_secret(&self, object: &ObjectRef, keys: &[SecretKey]) -> Result<Value, Stop> {
        let data: Map<String, Value> = keys
            .iter()
            .map(|key| (key.name.clone(), STANDARD.encode(generate(&key.generate)).into()))
            .collect();
        let mut wanted = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data,
            "metadata": {"name": object.name, "namespace": object.namespace},
        });
        super::apply::annotate(&mut wanted, super::INSTANCE_MARK, &self.ownership().mark());
        let exists =
            |error: &Error| matches!(error, Error::Cluster { reason, .. } if reason == "AlreadyExists");
        let make = || self.cluster().create(&wanted, "osc", false);
        match self.ask_while(make, |error| is_transient(error) && !exists(error)).await {
            Ok(live) => Ok(live),
            // A try whose answer was lost may have made it; its values are as good as these.
            Err(stop) => match self.ask(|| self.cluster().get(object)).await? {
                Some(live) if self.owns(&live) => Ok(live),
                _ => Err(stop),
            },
        }
    }

    async fn complete_secret(
        &self,
        object: &ObjectRef,
        live: Value,
        keys: &[SecretKey],
    ) -> Result<(Value, String), Stop> {
        let missing: Vec<&SecretKey> = keys.iter().filter(|key| live["data"][&key.name].is_null()).collect();
        if missing.is_empty() {
            return Ok((live, "exists already".into()));
        }
        let mut operations = vec![json!({
            "op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"],
        })];
        if !live["data"].is_object() {
            operations.push(json!({"op": "add", "path": "/data", "value": {}}));
        }
        for key in &missing {
            let path = format!("/data/{}", key.name.replace('~', "~0").replace('/', "~1"));
            operations
                .push(json!({"op": "add", "path": path, "value": STANDARD.encode(generate(&key.generate))}));
        }
        let operations = Value::Array(operations);
        let patched = self.ask(|| self.cluster().patch(object, &operations, "osc")).await?;
        Ok((patched, format!("{} keys added", missing.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generates_what_is_asked_for_and_never_the_same() {
        let password = Generate::Password { length: 24 };
        assert_eq!(generate(&password).len(), 24);
        assert!(generate(&password).bytes().all(|b| ALPHABET.contains(&b)));
        assert_ne!(generate(&password), generate(&password));
        assert_eq!(generate(&Generate::Hex { bytes: 16 }).len(), 32);
        assert_eq!(STANDARD.decode(generate(&Generate::Base64 { bytes: 33 })).unwrap().len(), 33);
    }

    #[test]
    fn refuses_sizes_that_make_no_secret() {
        assert!(check(&Generate::Password { length: 7 }).is_err());
        assert!(check(&Generate::Hex { bytes: 5000 }).is_err());
        assert!(check(&Generate::Base64 { bytes: 32 }).is_ok());
    }
}
