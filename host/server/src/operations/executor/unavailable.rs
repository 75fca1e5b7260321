//! A cluster that cannot be used at all, because its registration or kubeconfig is refused. An operation on it fails
//! with that reason instead of being tried for ever.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _, ready};
use osc_plugin_api::documents::object::ObjectRef;
use serde_json::Value;

use super::Target;
use crate::error::{Error, Result};
use crate::kube::api::{ApplyOptions, ClusterApi, DeleteOptions, Deleted, LogOptions};
use crate::kube::discovery::Discovery;
use crate::operations::scope::Grant;

/// Where an operation runs that cannot run. `None` for errors that the server itself has, which pass.
pub(super) fn target(error: &Error) -> Option<Target> {
    if matches!(error, Error::Database(_) | Error::Internal(_)) {
        return None;
    }
    let cluster = Arc::new(Unavailable(error.to_string()));
    let (namespace, instance) = (String::new(), String::new());
    Some(Target { cluster, cluster_id: 0, namespace, instance, grant: Grant::default() })
}

/// Refuses everything with one reason.
struct Unavailable(String);

impl Unavailable {
    fn refuse<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T>> {
        ready(Err(Error::Refused(self.0.clone()))).boxed()
    }
}

impl ClusterApi for Unavailable {
    fn version(&self) -> BoxFuture<'_, Result<String>> {
        self.refuse()
    }

    fn discovery(&self, _: bool) -> BoxFuture<'_, Result<Arc<Discovery>>> {
        self.refuse()
    }

    fn get<'a>(&'a self, _: &'a ObjectRef) -> BoxFuture<'a, Result<Option<Value>>> {
        self.refuse()
    }

    fn list<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: Option<&'a str>,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>>> {
        self.refuse()
    }

    fn apply<'a>(&'a self, _: &'a Value, _: &'a ApplyOptions) -> BoxFuture<'a, Result<Value>> {
        self.refuse()
    }

    fn create<'a>(&'a self, _: &'a Value, _: &'a str, _: bool) -> BoxFuture<'a, Result<Value>> {
        self.refuse()
    }

    fn patch<'a>(&'a self, _: &'a ObjectRef, _: &'a Value, _: &'a str) -> BoxFuture<'a, Result<Value>> {
        self.refuse()
    }

    fn delete<'a>(&'a self, _: &'a ObjectRef, _: &'a DeleteOptions) -> BoxFuture<'a, Result<Deleted>> {
        self.refuse()
    }

    fn logs<'a>(&'a self, _: &'a str, _: &'a str, _: &'a LogOptions) -> BoxFuture<'a, Result<String>> {
        self.refuse()
    }
}
