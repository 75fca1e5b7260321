//! A version's way to other tenants, with the real Helm component.

use serde_json::json;

use crate::app::{Client, TestApp, archive};

fn web(version: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let facts = format!(
        "apiVersion: v2\nname: web\nversion: {version}\nmaintainers: [{{name: Ann, email: ann@example.org}}]\n"
    );
    archive("web/", [("Chart.yaml", facts.as_str())].into_iter().chain(more.iter().copied()))
}

const ROLE: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: web}\n\
                    rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]\n";

async fn state(client: &Client, version: &str) -> String {
    let path = format!("/services/web/versions/{version}");
    client.get(&path).await.expect(200)["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_version_is_submitted_reviewed_and_published() {
    let Some(app) = TestApp::with_helm().await else { return };
    let admin = app.admin();
    let provider = app.user("petra", "acme", "provider").await;
    let consumer = app.user("carl", "shop", "owner").await;
    provider.push("web.tgz", web("1.0.0", &[])).await.expect(201);
    let post = async |client: &Client, path: &str| client.post(path, json!({})).await;

    // Nobody else sees it, and nobody publishes it alone.
    consumer.get("/services/acme%2Fweb").await.expect(404);
    insta::assert_snapshot!(
        post(&provider, "/services/web/publish").await.problem(),
        @"409 conflict: `web@1.0.0` is private: it needs a review first, submit it"
    );
    post(&consumer, "/services/acme%2Fweb/versions/1.0.0/submit").await.expect(404);
    post(&provider, "/services/web/versions/1.0.0/submit").await.expect(200);
    assert_eq!(state(&provider, "1.0.0").await, "submitted");

    // A reviewer refuses with a reason, then approves.
    provider.get("/reviews").await.expect(403);
    let reviews = admin.get("/reviews").await.expect(200);
    assert_eq!(
        (&reviews["items"][0]["provider"], reviews["items"].as_array().unwrap().len()),
        (&json!("acme"), 1)
    );
    let review = format!("/reviews/{}", reviews["items"][0]["id"].as_str().unwrap());
    let refused = admin.post(&format!("{review}/refuse"), json!({ "reason": "no readme" })).await.expect(200);
    assert_eq!((&refused["state"], &refused["state_reason"]), (&json!("refused"), &json!("no readme")));
    post(&provider, "/services/web/versions/1.0.0/submit").await.expect(200);
    post(&admin, &format!("{review}/approve")).await.expect(200);
    assert_eq!(state(&provider, "1.0.0").await, "approved");
    consumer.get("/services/acme%2Fweb").await.expect(404);

    // Published, it can be subscribed to.
    post(&provider, "/services/web/publish").await.expect(200);
    let seen = consumer.get("/services/web").await.expect(200);
    assert_eq!((&seen["state"], &seen["latest_version"]), (&json!("published"), &json!("1.0.0")));
    consumer.post("/subscriptions", json!({ "service": "acme/web" })).await.expect(200);
}

#[tokio::test]
async fn later_versions_need_a_review_only_for_new_permissions() {
    let Some(app) = TestApp::with_helm().await else { return };
    let admin = app.admin();
    let provider = app.user("petra", "acme", "provider").await;
    let consumer = app.user("carl", "shop", "owner").await;
    for (version, files) in [("1.0.0", &[][..]), ("1.1.0", &[]), ("2.0.0", &[("templates/role.yaml", ROLE)])]
    {
        provider.push("web.tgz", web(version, files)).await.expect(201);
    }
    let post = async |path: &str| provider.post(path, json!({})).await;
    post("/services/web/versions/1.0.0/submit").await.expect(200);
    let review = admin.get("/reviews").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    admin.post(&format!("/reviews/{review}/approve"), json!({})).await.expect(200);
    post("/services/web/versions/1.0.0/publish").await.expect(200);

    // Others are offered what is published, and nothing else.
    let latest = async || consumer.get("/services/web").await.expect(200)["latest_version"].clone();
    assert_eq!(latest().await, "1.0.0");
    post("/services/web/versions/1.1.0/publish").await.expect(200);
    assert_eq!(latest().await, "1.1.0");
    insta::assert_snapshot!(
        post("/services/web/versions/2.0.0/publish").await.problem(),
        @"409 conflict: `web@2.0.0` is private: it needs a review first, submit it"
    );
    post("/services/web/versions/1.1.0/withdraw").await.expect(200);
    assert_eq!(latest().await, "1.0.0");

    // A service that is closed is out of sight, and its subscribers get nothing new.
    consumer.post("/subscriptions", json!({ "service": "web" })).await.expect(200);
    app.add_cluster("prod").await;
    let grant = json!({ "tenant": "shop", "namespace": "*" });
    admin.post("/clusters/prod/grants", grant).await.expect(201);
    post("/services/web/suspend").await.expect(200);
    app.user("nina", "none", "owner").await.get("/services/web").await.expect(404);
    let plan =
        json!({ "verb": "install", "service": "web", "name": "w", "cluster": "prod", "namespace": "shop" });
    insta::assert_snapshot!(
        consumer.post("/plans", plan).await.problem(),
        @"422 refused: service `web` is suspended: its instances go on, new ones are not made"
    );
}

#[tokio::test]
async fn what_others_cannot_rely_on_is_not_published() {
    let Some(app) = TestApp::with_helm().await else { return };
    let admin = app.admin();
    let nobody = archive("web/", [("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n")]);
    admin.push("web.tgz", nobody).await.expect(201);
    insta::assert_snapshot!(
        admin.post("/services/web/publish", json!({})).await.problem(),
        @"422 refused: `web@1.0.0` names nobody to turn to: add `maintainers` with name and address, and push it again"
    );
    admin.push("web.tgz", web("1.1.0+build", &[])).await.expect(201);
    insta::assert_snapshot!(
        admin.post("/services/web/versions/1.1.0%2Bbuild/publish", json!({})).await.problem(),
        @"422 refused: `web@1.1.0+build`: a version with `+` is not published, since tags cannot have it"
    );
    // A reviewer's own version needs nobody else.
    admin.push("web.tgz", web("1.2.0", &[])).await.expect(201);
    let published = admin.post("/services/web/publish", json!({})).await.expect(200);
    assert_eq!((&published["version"], &published["state"]), (&json!("1.2.0"), &json!("published")));
}
