//! The host with the fixture plugin, whose behaviour the values of a request say.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan_request::{InstanceFacts, PlanRequest, Verb};
use osc_plugin_api::manifest::{Grants, Manifest, Role};
use osc_plugin_api::objects;
use osc_server::error::{Error, Result};
use osc_server::plugins::{Allowed, Call, ClusterReader, Compiler, Planned, Plugins, PluginsSettings};
use osc_server::registry::archive::Package;
use osc_server::store::db::Db;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const ID: &str = "fixture.plugin";

/// A host over a database and folder of its own.
pub(crate) struct TestHost {
    pub(crate) plugins: Arc<Plugins>,
    pub(crate) data: TempDir,
}

impl TestHost {
    /// Without any plugin.
    pub(crate) async fn empty() -> TestHost {
        let data = tempfile::tempdir().unwrap();
        let plugins = open(data.path()).await;
        TestHost { plugins, data }
    }

    /// With the fixture plugin, granted what it asks for and enabled.
    pub(crate) async fn with_fixture() -> TestHost {
        let host = TestHost::empty().await;
        host.plugins.install(fixture("0.1.0")).await.unwrap();
        host.plugins.set_granted(ID, Allowed::ALL).await.unwrap();
        host.plugins.enable(ID).await.unwrap();
        host
    }

    /// Lets the fixture do something; answers the notes of its plan.
    pub(crate) async fn act(&self, values: Value) -> Result<String> {
        self.act_in(&call(), values).await
    }

    pub(crate) async fn act_in(&self, call: &Call, values: Value) -> Result<String> {
        Ok(self.plan_in(call, values).await?.plan.notes.unwrap_or_default())
    }

    pub(crate) async fn plan_in(&self, call: &Call, values: Value) -> Result<Planned> {
        self.plugins.plan(ID, call, request(values)).await
    }

    /// The next call works as if nothing had happened.
    pub(crate) async fn assert_well(&self) {
        let rendering = self.plugins.render(ID, &call(), request(json!({}))).await.unwrap();
        assert_eq!(rendering.objects.len(), 1);
    }
}

pub(crate) async fn open(data: &Path) -> Arc<Plugins> {
    let db = Db::open(&data.join("osc.db"), 2).unwrap();
    let settings = PluginsSettings {
        builtin: Vec::new(),
        compiler: Compiler::InProcess,
        cache_dir: Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache"),
        ..PluginsSettings::new(data, db)
    };
    Plugins::open(settings).await.unwrap()
}

/// The component as the compiler made it, without a manifest.
pub(crate) fn component() -> Vec<u8> {
    let file = "../../target/wasm32-wasip2/plugin/osc_plugin_fixture.wasm";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read(file).expect("the fixture plugin is built by `make plugins`")
}

pub(crate) fn manifest(version: &str) -> Manifest {
    Manifest {
        id: ID.into(),
        version: version.into(),
        roles: vec![Role::Deployer, Role::Scanner],
        description: String::new(),
        grants: Grants {
            package: true,
            kv: true,
            transform: true,
            cluster: vec!["v1/ConfigMap".into(), "v1/Node".into(), "storage.k8s.io/v1/StorageClass".into()],
            http: vec!["api.example.org".into()],
        },
    }
}

/// The fixture as a plugin file.
pub(crate) fn fixture(version: &str) -> Bytes {
    manifest(version).append_to(&component()).unwrap().into()
}

pub(crate) fn package(name: &str) -> Arc<Package> {
    let files = vec![("fixture.txt".to_owned(), Bytes::from(name.to_owned()))];
    Arc::new(Package::from_files(files).unwrap())
}

pub(crate) fn call() -> Call {
    Call {
        package: Some(package("redis")),
        namespace: Some("mine".into()),
        deadline: Duration::from_secs(60),
        ..Call::default()
    }
}

pub(crate) fn request(values: Value) -> PlanRequest {
    let instance = InstanceFacts { name: "one".into(), namespace: "mine".into(), ..InstanceFacts::default() };
    PlanRequest { values, ..PlanRequest::new(Verb::Install, instance) }
}

/// The message of a plugin's failure.
pub(crate) fn failure<T>(result: Result<T>) -> String {
    match result.err().expect("must fail") {
        Error::Plugin { plugin, message } => {
            assert_eq!(plugin, ID);
            message
        }
        other => panic!("a failure of the plugin is expected, not: {other}"),
    }
}

/// A cluster in memory; `hold` makes readers wait until it is dropped.
#[derive(Default)]
pub(crate) struct TestCluster {
    pub(crate) objects: Vec<Value>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) hold: Option<Arc<tokio::sync::Semaphore>>,
    pub(crate) arrived: Arc<tokio::sync::Notify>,
}

impl ClusterReader for TestCluster {
    fn get<'a>(&'a self, object: &'a ObjectRef) -> BoxFuture<'a, Result<Option<Value>>> {
        self.asked.lock().unwrap().push(object.to_string());
        Box::pin(async move {
            self.arrived.notify_one();
            if let Some(hold) = &self.hold {
                let _released = hold.acquire().await;
            }
            let found = |live: &&Value| ObjectRef::of(live).is_some_and(|of| of.same_object(object));
            Ok(self.objects.iter().find(found).cloned())
        })
    }

    fn list<'a>(
        &'a self,
        api_version: &'a str,
        kind: &'a str,
        namespace: Option<&'a str>,
        _label_selector: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>>> {
        self.asked.lock().unwrap().push(format!("{kind} in {namespace:?}"));
        let wanted = move |object: &&Value| {
            objects::api_version(object) == Some(api_version)
                && objects::kind(object) == Some(kind)
                && objects::namespace(object) == namespace
        };
        let found = self.objects.iter().filter(wanted).cloned().collect();
        Box::pin(async move { Ok(found) })
    }
}

pub(crate) fn config_map(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name}})
}
