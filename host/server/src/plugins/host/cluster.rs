//! `osc:host/cluster`: live objects, in the reach of the call's instance and the plugin's grants.

use osc_plugin_api::documents::object::ObjectRef;
use serde_json::Value;

use crate::error;
use crate::plugins::bindings::imports::osc::host::cluster::{Error, Host};
use crate::plugins::bindings::imports::osc::types::types;
use crate::plugins::call::State;
use crate::plugins::cluster::{Reach, reach};
use crate::registry::archive::digest;

/// Objects that one call may ask for by name at once.
const MANY: usize = 1_000;
/// Bytes of JSON that one call may read.
const TOTAL: usize = 64 << 20;

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl Host for State {
    async fn get(&mut self, object: types::ObjectRef) -> Answer<Option<String>> {
        self.get_object(object).await
    }

    async fn get_all(&mut self, objects: Vec<types::ObjectRef>) -> Answer<Vec<Option<String>>> {
        if objects.len() > MANY {
            return Ok(Err(Error::Other(format!("more than {MANY} objects at once"))));
        }
        let mut found = Vec::with_capacity(objects.len());
        for object in objects {
            match self.get_object(object).await? {
                Ok(object) => found.push(object),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(found))
    }

    async fn list(
        &mut self,
        api_version: String,
        kind: String,
        namespace: Option<String>,
        label_selector: Option<String>,
    ) -> Answer<Vec<String>> {
        let own = self.call.namespace.as_deref();
        let reached = reach(&api_version, &kind, namespace.as_deref(), None, own);
        let namespace =
            match self.admit(&api_version, &kind, reached, || format!("{kind} of {}", place(&namespace))) {
                Ok(Some(namespace)) => namespace,
                Ok(None) => return Ok(Ok(Vec::new())),
                Err(error) => return Ok(Err(error)),
            };
        let Some(cluster) = self.call.cluster.clone() else { return Ok(Ok(Vec::new())) };
        let selector = label_selector.as_deref().map(|selector| format!(" ({selector})")).unwrap_or_default();
        let what = format!("{api_version} {kind} {}/*{selector}", namespace.as_deref().unwrap_or_default());
        let listed = self.outside(async move {
            cluster.list(&api_version, &kind, namespace.as_deref(), label_selector.as_deref()).await
        });
        let objects = match listed.await? {
            Ok(objects) => objects,
            Err(error) => return Ok(Err(refusal(error))),
        };
        let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
        self.note_read(what, digest(texts.join("\n").as_bytes()));
        Ok(self.within_total(texts.iter().map(String::len).sum()).map(|()| texts))
    }
}

impl State {
    async fn get_object(&mut self, object: types::ObjectRef) -> Answer<Option<String>> {
        let types::ObjectRef { api_version, kind, namespace, name } = object;
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        let own = self.call.namespace.as_deref();
        let reached = reach(&api_version, &kind, namespace.as_deref(), Some(&name), own);
        let shown = || format!("{kind} `{name}` of {}", place(&namespace));
        let namespace = match self.admit(&api_version, &kind, reached, shown) {
            Ok(Some(namespace)) => namespace,
            Ok(None) => return Ok(Ok(None)),
            Err(error) => return Ok(Err(error)),
        };
        let Some(cluster) = self.call.cluster.clone() else { return Ok(Ok(None)) };
        let object = ObjectRef { api_version, kind, namespace, name };
        let what = format!("{} {object}", object.api_version);
        let found = match self.outside(async move { cluster.get(&object).await }).await? {
            Ok(found) => found.map(|object| object.to_string()),
            Err(error) => return Ok(Err(refusal(error))),
        };
        let hash = found.as_deref().map(|text| digest(text.as_bytes())).unwrap_or_default();
        self.note_read(what, hash);
        Ok(self.within_total(found.as_deref().map_or(0, str::len)).map(|()| found))
    }

    /// The namespace to read in; none beyond the call's reach, which warns. A kind without a grant is an error.
    fn admit(
        &mut self,
        api_version: &str,
        kind: &str,
        reached: Reach,
        shown: impl Fn() -> String,
    ) -> Result<Option<Option<String>>, Error> {
        if !self.plugin.grants.kind(api_version, kind) {
            return Err(Error::Denied);
        }
        match reached {
            Reach::Shared => Ok(Some(None)),
            Reach::Namespace(namespace) => Ok(Some(Some(namespace))),
            Reach::Beyond => {
                // Without a cluster nothing is there anyway.
                if self.call.cluster.is_some() {
                    self.warn(format!("{} is out of the instance's reach and was read as absent", shown()));
                }
                Ok(None)
            }
        }
    }

    fn within_total(&mut self, bytes: usize) -> Result<(), Error> {
        self.given += bytes;
        if self.given > TOTAL {
            return Err(Error::Other(format!("more than {} MiB were read from the cluster", TOTAL >> 20)));
        }
        Ok(())
    }
}

fn place(namespace: &Option<String>) -> String {
    namespace.as_ref().map_or("the cluster".into(), |namespace| format!("namespace `{namespace}`"))
}

fn refusal(error: error::Error) -> Error {
    match error {
        error::Error::Unreachable { .. } => Error::Unreachable(error.to_string()),
        error::Error::Forbidden(_) | error::Error::Cluster { status: 403, .. } => Error::Denied,
        other => Error::Other(other.to_string()),
    }
}
