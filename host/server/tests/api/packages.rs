//! Uploading packages, with the real Helm component.

use crate::app::{TestApp, chart};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";

#[tokio::test]
async fn versions_never_change_and_belong_to_their_tenant() {
    let Some(app) = TestApp::with_helm().await else { return };
    let admin = app.admin();
    let one = chart("web", "1.0.0", &[("templates/service.yaml", SERVICE), ("README.md", "# Web")]);
    let pushed = admin.push("web.tgz", one.clone()).await.expect(201);
    assert_eq!((pushed[0]["service"].as_str(), pushed[0]["state"].as_str()), (Some("web"), Some("ready")));
    // The same again is a no-op, something else under the same version is not.
    assert_eq!(admin.push("web.tgz", one).await.expect(201)[0]["digest"], pushed[0]["digest"]);
    let other = chart("web", "1.0.0", &[("values.yaml", "a: 1\n")]);
    insta::assert_snapshot!(
        admin.push("web.tgz", other).await.problem(),
        @"409 conflict: version `1.0.0` of service `web` exists with another content: versions never change, push a new one"
    );
    admin.push("web.tgz", chart("web", "1.1.0-rc.1", &[])).await.expect(201);
    let service = admin.get("/services/web").await.expect(200);
    assert_eq!((&service["latest_version"], &service["subscribed"]), (&"1.0.0".into(), &true.into()));
    assert_eq!(admin.get("/services/web/versions/1.0.0/readme").await.text, "# Web");
    for (version, has_readme) in [("1.0.0", true), ("1.1.0-rc.1", false)] {
        let shown = admin.get(&format!("/services/web/versions/{version}")).await.expect(200);
        assert_eq!(shown["has_readme"], has_readme, "{version}");
    }
    admin.get("/services/web/versions/1.0.0/form").await.expect(200);

    let other = app.user("olga", "other", "owner").await;
    insta::assert_snapshot!(other.get("/services/web").await.problem(), @"404 not-found: service `web` does not exist");
    insta::assert_snapshot!(
        other.get("/services/default%2Fweb").await.problem(),
        @"404 not-found: service `default/web` does not exist"
    );
    admin.delete("/services/web").await.expect(204);
    admin.get("/services/web").await.expect(404);
}

#[tokio::test]
async fn what_is_no_package_or_too_large_is_refused() {
    let Some(app) = TestApp::with_helm().await else { return };
    let refused = app.admin().push("junk.tgz", b"junk".to_vec()).await;
    assert!(refused.status.is_client_error(), "{}", refused.text);
    let large = app.admin().push("large.tgz", vec![0; (4 << 20) + 1]).await;
    insta::assert_snapshot!(large.problem(), @"413 too-large: `large.tgz` is larger than 4 MB");
    let viewer = app.user("vera", "default", "viewer").await;
    viewer.push("web.tgz", chart("web", "1.0.0", &[])).await.expect(403);
    assert_eq!(app.admin().get("/services").await.expect(200)["items"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_package_that_breaks_a_rule_is_kept_as_rejected_and_may_be_mended() {
    let Some(app) = TestApp::with_helm().await else { return };
    let broken = chart("web", "1.0.0", &[("templates/broken.yaml", "a: {{ .Values.")]);
    let pushed = app.admin().push("web.tgz", broken).await.expect(201);
    assert_eq!(pushed[0]["state"], "rejected", "{pushed}");
    let findings = pushed[0]["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["blocking"] == true), "{findings:?}");
    let mended = app.admin().push("web.tgz", chart("web", "1.0.0", &[])).await.expect(201);
    assert_eq!(mended[0]["state"], "ready");
}
