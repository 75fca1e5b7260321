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
