//! The life of an instance over HTTP, with the real Helm component and a cluster in memory.

use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request};
use osc_plugin_api::manifest::{Grants, Manifest, Role};
use serde_json::{Value, json};

use crate::app::{Answer, Client, TestApp, archive, chart};

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: '{{ .Release.Name }}'}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: 'nginx:{{ .Chart.Version }}'}]}
";

async fn with_web() -> Option<(TestApp, Client)> {
    let app = TestApp::with_helm().await?;
    app.start();
    app.add_cluster("prod").await;
    let admin = app.admin();
    for version in ["1.0.0", "1.1.0"] {
        let files = [("templates/web.yaml", DEPLOYMENT), ("values.yaml", "replicas: 1\n")];
        admin.push("web.tgz", chart("web", version, &files)).await.expect(201);
    }
    Some((app, admin))
}

/// Installs the fixture plugin under an id.
async fn install_fixture(admin: &Client, id: &str) -> Answer {
    let file = "../../target/wasm32-wasip2/plugin/osc_plugin_fixture.wasm";
    let component = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let manifest = Manifest {
        id: id.into(),
        version: "9.0.0".into(),
        roles: vec![Role::Deployer],
        description: String::new(),
        grants: Grants {
            package: true,
            kv: true,
            transform: true,
            cluster: vec!["*".into()],
            http: vec!["a.example".into()],
        },
    };
    let wasm = manifest.append_to(&component).unwrap();
    let request = Request::post("/api/v1/plugins?filename=p.wasm").header("content-type", "application/wasm");
    admin.call(request.body(Body::from(wasm)).unwrap()).await
}

async fn done(app: &TestApp, operation: Value) -> Value {
    let ended = app.ended(&operation).await;
    assert_eq!(ended["state"], "succeeded", "{ended:#}");
    ended
}

async fn shown(client: &Client) -> String {
    let shop = client.get("/instances/shop").await.expect(200);
    format!("{} {} r{} {}", shop["state"], shop["version"], shop["revision"], shop["upgrade_available"])
}

#[tokio::test]
async fn deploy_update_upgrade_roll_back_and_delete() {
    let Some((app, admin)) = with_web().await else { return };
    let body = json!({ "service": "web@1.0.0", "name": "shop", "cluster": "prod", "namespace": "shop" });
    let operation = admin.post("/instances", body.clone()).await.expect(202);
    assert_eq!(operation["kind"], "install");
    insta::assert_snapshot!(admin.post("/instances", body).await.problem(), @"409 already-exists: instance `shop` already exists");
    done(&app, operation).await;
    insta::assert_snapshot!(shown(&admin).await, @r#""running" "1.0.0" r1 "1.1.0""#);

    let operation =
        admin.post("/instances/shop/update", json!({ "values": { "replicas": 3 } })).await.expect(202);
    done(&app, operation).await;
    let values = admin.get("/instances/shop/values").await.expect(200);
    assert_eq!(values["overrides"], json!({ "replicas": 3 }));
    let operation = admin.post("/instances/shop/upgrade", json!({})).await.expect(202);
    done(&app, operation).await;
    insta::assert_snapshot!(shown(&admin).await, @r#""running" "1.1.0" r3 null"#);
    let image = |app: &TestApp| {
        let live = app.cluster.snapshot().into_iter().find(|object| object["kind"] == "Deployment").unwrap();
        live["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(image(&app), "nginx:1.1.0");
    insta::assert_snapshot!(
        admin.post("/instances/shop/upgrade", json!({})).await.problem(),
        @"409 conflict: `shop` is at the newest version `1.1.0` already"
    );

    let operation = admin.post("/instances/shop/rollback", json!({ "revision": 1 })).await.expect(202);
    done(&app, operation).await;
    insta::assert_snapshot!(shown(&admin).await, @r#""running" "1.0.0" r4 "1.1.0""#);
    assert_eq!(image(&app), "nginx:1.0.0");
    let history = admin.get("/instances/shop/history").await.expect(200);
    let numbers: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|row| row["number"].clone()).collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
    let objects = admin.get("/instances/shop/objects").await.expect(200);
    assert!(objects.as_array().unwrap().iter().any(|object| object["kind"] == "Deployment"), "{objects}");
    assert_eq!(admin.get("/instances/shop/diff").await.expect(200)["changes"], json!([]));

    admin.delete("/services/web").await.expect(409);
    admin.delete("/clusters/prod").await.expect(409);
    let operation = admin.delete("/instances/shop").await.expect(202);
    done(&app, operation).await;
    admin.get("/instances/shop").await.expect(404);
    let left = app.cluster.names();
    assert!(!left.iter().any(|name| name.contains("Deployment")), "{left:?}");
    admin.delete("/clusters/prod").await.expect(204);
}

#[tokio::test]
async fn a_plan_is_carried_out_as_shown_or_not_at_all() {
    let Some((app, admin)) = with_web().await else { return };
    let body = json!({ "verb": "install", "service": "web@1.0.0", "name": "shop", "cluster": "prod" });
    let plan = admin.post("/plans", body.clone()).await.expect(200);
    let changes = plan["changes"].as_array().unwrap();
    assert!(changes.iter().any(|c| c["kind"] == "Deployment" && c["action"] == "create"), "{plan:#}");
    admin.get("/instances/shop").await.expect(404);
    let run = |hash: &Value| json!({ "plan": plan["id"], "hash": hash });
    let wrong = admin.post("/operations", run(&json!("0"))).await;
    assert!(wrong.status.is_client_error(), "{}", wrong.text);
    let operation = admin.post("/operations", run(&plan["hash"])).await.expect(202);
    done(&app, operation).await;
    let again = admin.post("/operations", run(&plan["hash"])).await;
    insta::assert_snapshot!(again.problem(), @"409 conflict: plan `1` was carried out already");

    // A plan made before somebody else's change is stale.
    let body = json!({ "verb": "update", "instance": "shop", "values": { "replicas": 2 } });
    let stale = admin.post("/plans", body).await.expect(200);
    let operation =
        admin.post("/instances/shop/update", json!({ "values": { "replicas": 5 } })).await.expect(202);
    done(&app, operation).await;
    let refused = admin.post("/operations", json!({ "plan": stale["id"], "hash": stale["hash"] })).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(
        admin.get(&format!("/plans/{}", stale["id"].as_str().unwrap())).await.expect(200)["state"],
        "stale"
    );
}

#[tokio::test]
async fn rules_of_the_product() {
    let Some((app, admin)) = with_web().await else { return };
    let deploy = async |client: &Client, name: &str, namespace: &str| {
        let body = json!({ "service": "web", "name": name, "cluster": "prod", "namespace": namespace });
        client.post("/instances", body).await
    };
    // Another tenant sees neither service nor cluster.
    let other = app.user("olga", "other", "owner").await;
    insta::assert_snapshot!(deploy(&other, "a", "default").await.problem(), @"404 not-found: service `web` does not exist");
    // Its own package does not help without a grant, and a grant covers its namespace only.
    other.push("web.tgz", chart("web", "9.0.0", &[])).await.expect(201);
    insta::assert_snapshot!(deploy(&other, "a", "default").await.problem(), @"404 not-found: cluster `prod` does not exist");
    admin.post("/clusters/prod/grants", json!({ "tenant": "other", "namespace": "team" })).await.expect(201);
    insta::assert_snapshot!(
        deploy(&other, "a", "default").await.problem(),
        @"422 refused: namespace `default` of cluster `prod` is not granted to this tenant: ask the cluster's owner"
    );
    insta::assert_snapshot!(
        deploy(&admin, "a", "team").await.problem(),
        @"422 refused: namespace `team` of cluster `prod` belongs to another tenant"
    );
    // Frozen: no new instances.
    admin.post("/subscriptions/web/freeze", json!({})).await.expect(200);
    insta::assert_snapshot!(
        deploy(&admin, "a", "default").await.problem(),
        @"422 refused: the subscription of `web` is frozen: thaw it first"
    );
    admin.post("/subscriptions/web/unfreeze", json!({})).await.expect(200);
    let operation = deploy(&admin, "a", "default").await.expect(202);
    done(&app, operation).await;
    // Ending a subscription deletes its instances.
    let end = admin.delete("/subscriptions/web").await.expect(202);
    assert_eq!(end["state"], "ending");
    done(&app, end["operations"][0].clone()).await;
    assert_eq!(admin.get("/instances").await.expect(200)["items"], json!([]));
    insta::assert_snapshot!(deploy(&admin, "b", "default").await.problem(), @"422 refused: subscribe to `web` first");
}

#[tokio::test]
async fn an_instance_that_could_not_be_planned_says_why_and_can_be_deleted() {
    let Some(app) = TestApp::with_helm().await else { return };
    app.start();
    app.add_cluster("prod").await;
    let admin = app.admin();
    let files =
        [("templates/web.yaml", "{{ if not .Values.password }}{{ fail \"give a password\" }}{{ end }}")];
    admin.push("web.tgz", chart("web", "1.0.0", &files)).await.expect(201);
    let body = json!({ "service": "web", "name": "shop", "cluster": "prod" });
    let operation = admin.post("/instances", body.clone()).await.expect(202);
    let ended = app.ended(&operation).await;
    assert_eq!(ended["state"], "failed");
    assert!(ended["reason"].as_str().unwrap().contains("give a password"), "{ended:#}");
    let shop = admin.get("/instances/shop").await.expect(200);
    assert_eq!((&shop["state"], &shop["revision"]), (&json!("failed"), &json!(0)));
    let operation = admin.delete("/instances/shop").await.expect(202);
    done(&app, operation).await;
    admin.get("/instances/shop").await.expect(404);
    // The name is free again, and a plan says at once what is wrong.
    let mut plan = body;
    plan["verb"] = json!("install");
    let refused = admin.post("/plans", plan).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
}

#[tokio::test]
async fn a_cluster_that_is_gone_takes_its_instances_along_when_asked() {
    let Some((app, admin)) = with_web().await else { return };
    let body = json!({ "service": "web", "name": "shop", "cluster": "prod", "namespace": "shop" });
    done(&app, admin.post("/instances", body).await.expect(202)).await;
    insta::assert_snapshot!(
        admin.delete("/clusters/prod").await.problem(),
        @"409 conflict: cluster `prod` has 1 instances: delete them first, or forget them with it if it is gone for good"
    );
    admin.delete("/clusters/prod?forget_instances=true").await.expect(204);
    assert_eq!(admin.get("/instances").await.expect(200)["items"], json!([]));
    assert_eq!(admin.get("/clusters").await.expect(200)["items"], json!([]));
    assert!(app.cluster.names().iter().any(|name| name.contains("shop")), "{:?}", app.cluster.names());
}

#[tokio::test]
async fn a_plugin_is_not_swapped_for_one_that_cannot_read_its_packages() {
    let Some((app, admin)) = with_web().await else { return };
    let body = json!({ "service": "web", "name": "shop", "cluster": "prod", "namespace": "shop" });
    done(&app, admin.post("/instances", body).await.expect(202)).await;
    let refused = install_fixture(&admin, "helm").await;
    insta::assert_snapshot!(
        refused.problem(),
        @"409 conflict: plugin `helm` 9.0.0 cannot read `web@1.1.0`, which has instances: it does not know this kind of package"
    );
    assert_eq!(admin.get("/plugins/helm").await.expect(200)["source"], "built-in");
}

#[tokio::test]
async fn a_package_in_a_package_is_planned_by_its_own_deployer() {
    let Some((app, admin)) = with_web().await else { return };
    install_fixture(&admin, "acme.wrapper").await.expect(201);
    admin.send(Method::PUT, "/plugins/acme.wrapper/grants", Some(json!("requested"))).await.expect(200);
    admin.post("/plugins/acme.wrapper/enable", json!({})).await.expect(200);
    let delegate = json!({ "deployer": "helm", "root": "inner", "values": { "replicas": 7 } }).to_string();
    let files = [
        ("fixture.txt", delegate.as_str()),
        ("inner/Chart.yaml", "apiVersion: v2\nname: wrapped\nversion: 1.0.0\n"),
        ("inner/values.yaml", "replicas: 1\n"),
        ("inner/templates/web.yaml", DEPLOYMENT),
    ];
    admin.push("wrapped.tgz", archive("", files)).await.expect(201);
    let body = json!({ "service": "wrapped", "name": "shop", "cluster": "prod", "namespace": "shop" });
    done(&app, admin.post("/instances", body).await.expect(202)).await;
    let replicas = |app: &TestApp| {
        let all = app.cluster.snapshot();
        all.iter()
            .find(|object| object["kind"] == "Deployment")
            .map(|object| object["spec"]["replicas"].clone())
    };
    assert_eq!(replicas(&app), Some(json!(7)));
    let changed = json!({ "values": { "replicas": 2 } });
    done(&app, admin.post("/instances/shop/update", changed.clone()).await.expect(202)).await;
    assert_eq!(replicas(&app), Some(json!(2)));
    let values = admin.get("/instances/shop/values").await.expect(200);
    assert_eq!(values["overrides"], changed["values"], "only what was set is kept");
}
