//! The harness: an app in a folder of its own, and clients of its API.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use osc_server::api::router::router;
use osc_server::app::{App, Outside};
use osc_server::config::Config;
use osc_server::domain::clusters::ClusterSource;
use osc_server::domain::{setup, tokens};
use osc_server::error::{Error, Result};
use osc_server::kube::api::ClusterApi;
use osc_server::kube::clusters::ClusterEntry;
use osc_server::kube::fake::FakeCluster;
use osc_server::plugins::{Builtin, Compiler, builtin};
use osc_server::scheduler;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Every cluster is the same one in memory, unless its kubeconfig names `away`.
struct FakeClusters(FakeCluster);

impl ClusterSource for FakeClusters {
    fn get(&self, entry: ClusterEntry<'_>) -> Result<Arc<dyn ClusterApi>> {
        if entry.kubeconfig.contains("away") {
            return Err(Error::Unreachable {
                cluster: entry.name.into(),
                reason: "connection refused".into(),
            });
        }
        Ok(Arc::new(self.0.clone()))
    }

    fn probe(&self, entry: ClusterEntry<'_>) -> Result<Arc<dyn ClusterApi>> {
        self.get(entry)
    }

    fn forget(&self, _id: i64) {}
}

pub(crate) struct TestApp {
    pub(crate) app: Arc<App>,
    pub(crate) cluster: FakeCluster,
    router: Router,
    admin: String,
    _folder: tempfile::TempDir,
}

/// Who calls.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    token: Option<String>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.body
    }

    /// Status, code and detail of a problem, for snapshots.
    pub(crate) fn problem(&self) -> String {
        let text = |name: &str| self.body[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}: {}", self.status.as_u16(), text("code"), text("detail"))
    }
}

impl TestApp {
    /// An app without plugins: quick.
    pub(crate) async fn new() -> TestApp {
        TestApp::with_plugins(Vec::new()).await
    }

    /// An app with the built-in components; none when this build lacks them.
    pub(crate) async fn with_helm() -> Option<TestApp> {
        let all: Vec<Builtin> = builtin().iter().copied().filter(|plugin| !plugin.wasm.is_empty()).collect();
        if all.is_empty() {
            eprintln!("skipped: the components are not built, run `make plugins`");
            return None;
        }
        Some(TestApp::with_plugins(all).await)
    }

    async fn with_plugins(builtin: Vec<Builtin>) -> TestApp {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(folder.path().to_owned(), "127.0.0.1:0".parse().unwrap());
        let cluster = FakeCluster::new(&["default"]);
        let outside = Outside {
            clusters: Arc::new(FakeClusters(cluster.clone())),
            egress: None,
            builtin,
            compiler: Compiler::InProcess,
            // Compiled code is the same for all tests.
            plugin_cache: Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins")),
        };
        let app = App::open_with(config, outside).await.unwrap();
        setup::first_start(&app).await.unwrap();
        let admin = tokens::mint_bearer(&app, setup::ADMIN, "test").await.unwrap();
        TestApp { router: router(app.clone()), app, cluster, admin, _folder: folder }
    }

    /// Runs what would run beside the requests.
    pub(crate) fn start(&self) {
        tokio::spawn(scheduler::run(self.app.clone()));
    }

    pub(crate) fn admin(&self) -> Client {
        Client { router: self.router.clone(), token: Some(self.admin.clone()) }
    }

    pub(crate) fn nobody(&self) -> Client {
        Client { router: self.router.clone(), token: None }
    }

    /// A user with a role in a tenant, which is made when absent.
    pub(crate) async fn user(&self, name: &str, tenant: &str, role: &str) -> Client {
        let admin = self.admin();
        admin.post("/users", json!({ "name": name })).await.expect(201);
        if admin.get(&format!("/tenants/{tenant}/members")).await.status == StatusCode::NOT_FOUND {
            admin.post("/tenants", json!({ "name": tenant })).await.expect(201);
        }
        let member = format!("/tenants/{tenant}/members/{name}");
        admin.send(Method::PUT, &member, Some(json!({ "role": role }))).await.expect(200);
        let token = tokens::mint_bearer(&self.app, name, "test").await.unwrap();
        Client { router: self.router.clone(), token: Some(token) }
    }

    /// A cluster of the first tenant.
    pub(crate) async fn add_cluster(&self, name: &str) {
        let body = json!({ "name": name, "region": "eu", "kubeconfig": kubeconfig("cluster") });
        self.admin().post("/clusters", body).await.expect(201);
    }

    /// Waits until an operation has ended.
    pub(crate) async fn ended(&self, operation: &Value) -> Value {
        let mut events = self.app.events.subscribe();
        let place = format!("/operations/{}", operation["id"].as_str().unwrap());
        loop {
            let found = self.admin().get(&place).await.expect(200);
            if matches!(found["state"].as_str(), Some("succeeded" | "failed" | "cancelled" | "paused")) {
                return found;
            }
            // A listener that lags looks again too.
            let _ = events.recv().await;
        }
    }
}

impl Client {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None).await
    }

    /// A request below `/api/v1`.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
                .unwrap(),
            None => request.body(Body::empty()).unwrap(),
        };
        self.call(request).await
    }

    /// Uploads one package.
    pub(crate) async fn push(&self, name: &str, package: Vec<u8>) -> Answer {
        let request = Request::post(format!("/api/v1/packages?filename={name}"));
        self.call(request.body(Body::from(package)).unwrap()).await
    }

    /// Any request; host and token are added.
    pub(crate) async fn call(&self, mut request: Request<Body>) -> Answer {
        let headers = request.headers_mut();
        headers.entry(header::HOST).or_insert("localhost:8080".parse().unwrap());
        if let Some(token) = &self.token {
            headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        if headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream") {
            return Answer { status, headers, body: Value::Null, text: String::new() };
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
    }
}

/// A kubeconfig of a server with this name.
pub(crate) fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
         clusters: [{{name: k, cluster: {{server: 'https://{server}.example'}}}}]\n\
         users: [{{name: u, user: {{token: secret}}}}]\n"
    )
}

/// A packed chart.
pub(crate) fn chart(name: &str, version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let about = format!("apiVersion: v2\nname: {name}\nversion: {version}\ndescription: A chart for tests\n");
    archive(&format!("{name}/"), [("Chart.yaml", about.as_str())].into_iter().chain(files.iter().copied()))
}

/// Files below a prefix as a `.tgz`.
pub(crate) fn archive<'a>(prefix: &str, files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let mut archive = tar::Builder::new(gzip);
    for (path, content) in files {
        let mut entry = tar::Header::new_gnu();
        entry.set_size(content.len() as u64);
        entry.set_mode(0o644);
        archive.append_data(&mut entry, format!("{prefix}{path}"), content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}
