//! Registering clusters and granting rights in them.

use serde_json::json;

use crate::app::{TestApp, kubeconfig};

#[tokio::test]
async fn a_cluster_must_answer_and_its_kubeconfig_be_inline() {
    let app = TestApp::new().await;
    let add = async |name: &str, kubeconfig: String| {
        let body = json!({ "name": name, "region": "eu", "kubeconfig": kubeconfig });
        app.admin().post("/clusters", body).await
    };
    let added = add("prod", kubeconfig("cluster")).await.expect(201);
    assert_eq!((&added["state"], &added["version"]), (&json!("available"), &json!("v1.36.3")));
    insta::assert_snapshot!(add("prod", kubeconfig("cluster")).await.problem(), @"409 already-exists: cluster `prod` already exists");
    insta::assert_snapshot!(
        add("far", kubeconfig("away")).await.problem(),
        @"503 cluster-unreachable: cluster `far` is not reachable: connection refused"
    );
    let exec = kubeconfig("cluster").replace("token: secret", "exec: {command: sh}");
    let refused = add("evil", exec).await;
    assert!(refused.status.is_client_error() && refused.text.contains("exec"), "{}", refused.text);
    insta::assert_snapshot!(
        add("Prod!", kubeconfig("cluster")).await.problem(),
        @"400 invalid: invalid `name`: `Prod!` must be lower-case letters, digits and inner hyphens, at most 63 characters"
    );
}

#[tokio::test]
async fn a_namespace_is_granted_to_one_tenant() {
    let app = TestApp::new().await;
    app.add_cluster("prod").await;
    app.user("olga", "other", "owner").await;
    app.user("timo", "third", "owner").await;
    let grant = async |tenant: &str, namespace: &str| {
        let body = json!({ "tenant": tenant, "namespace": namespace });
        app.admin().post("/clusters/prod/grants", body).await
    };
    let made = grant("other", "shop").await.expect(201);
    insta::assert_snapshot!(
        grant("third", "shop").await.problem(),
        @"409 conflict: namespace `shop` of cluster `prod` belongs to another tenant"
    );
    let id = made["id"].as_str().unwrap();
    app.admin().delete(&format!("/clusters/prod/grants/{id}")).await.expect(204);
    grant("third", "shop").await.expect(201);
}

#[tokio::test]
async fn forms_are_offered_names_of_granted_namespaces_only() {
    let app = TestApp::new().await;
    app.add_cluster("prod").await;
    let class = |name: &str, by_default: &str| {
        json!({ "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": name,
            "annotations": { "storageclass.kubernetes.io/is-default-class": by_default } } })
    };
    let secret = |name: &str, kind: &str| {
        json!({ "apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": { "name": name, "namespace": "default" } })
    };
    for object in [
        class("archive", "false"),
        class("fast", "true"),
        secret("tls", "kubernetes.io/tls"),
        secret("sh.helm.release.v1.web.v1", "helm.sh/release.v1"),
    ] {
        app.cluster.put(object);
    }
    let offered = app.admin().get("/clusters/prod/choices?namespace=default").await.expect(200);
    assert_eq!(offered, json!({ "storage_classes": ["fast", "archive"], "secrets": ["tls"] }));
    let without = app.admin().get("/clusters/prod/choices").await.expect(200);
    assert_eq!(without["secrets"], json!([]));

    app.user("olga", "other", "owner").await;
    app.admin()
        .post("/clusters/prod/grants", json!({ "tenant": "other", "namespace": "shop" }))
        .await
        .expect(201);
    insta::assert_snapshot!(
        app.admin().get("/clusters/prod/choices?namespace=shop").await.problem(),
        @"422 refused: namespace `shop` of cluster `prod` belongs to another tenant"
    );
}
