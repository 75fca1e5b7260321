//! Signing in, origins, hosts, and what others may not see.

use axum::body::Body;
use axum::http::{Request, header};
use osc_server::domain::setup;
use serde_json::json;

use crate::app::{TestApp, kubeconfig};

#[tokio::test]
async fn a_link_signs_in_once_and_its_session_needs_the_right_origin() {
    let app = TestApp::new().await;
    let token = setup::admin_link(&app.app).await.unwrap();
    let body = json!({ "token": token });
    let first = app.nobody().post("/session", body.clone()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.body["name"], "admin");
    let cookie = first.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let again = app.nobody().post("/session", body).await;
    insta::assert_snapshot!(again.problem(), @"401 unauthenticated: sign in first");

    let cookie = cookie.split(';').next().unwrap();
    let me = Request::get("/api/v1/me").header(header::COOKIE, cookie).body(Body::empty()).unwrap();
    app.nobody().call(me).await.expect(200);
    let change = |origin: Option<&str>| {
        let request = Request::post("/api/v1/tokens").header(header::COOKIE, cookie);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = match origin {
            Some(origin) => request.header(header::ORIGIN, origin),
            None => request,
        };
        request.body(Body::from(r#"{"name": "t"}"#)).unwrap()
    };
    app.nobody().call(change(None)).await.expect(403);
    app.nobody().call(change(Some("http://localhost:3000"))).await.expect(403);
    app.nobody().call(change(Some("null"))).await.expect(403);
    app.nobody().call(change(Some("http://localhost:8080"))).await.expect(201);
}

#[tokio::test]
async fn passwords_sign_in_and_a_new_one_ends_tokens() {
    let app = TestApp::new().await;
    let alice = app.user("alice", "default", "consumer").await;
    let admin = app.admin();
    let body = json!({ "password": "correct horse" });
    admin.send(axum::http::Method::PATCH, "/users/alice", Some(body)).await.expect(200);
    insta::assert_snapshot!(alice.get("/me").await.problem(), @"401 unauthenticated: sign in first");
    for (name, password, status) in
        [("alice", "correct horse", 200), ("alice", "wrong horse", 401), ("nobody", "correct horse", 401)]
    {
        let answer = app.nobody().post("/session", json!({ "name": name, "password": password })).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn foreign_host_names_are_refused() {
    let app = TestApp::new().await;
    let ask = |host: &str| Request::get("/healthz").header(header::HOST, host).body(Body::empty()).unwrap();
    for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST"] {
        assert_eq!(app.nobody().call(ask(host)).await.status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", ""] {
        assert_eq!(app.nobody().call(ask(host)).await.status, 421, "{host}");
    }
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let app = TestApp::new().await;
    for path in ["/", "/healthz", "/api/v1/me", "/api/v1/nothing", "/metrics", "/api/openapi.json"] {
        let answer = app.nobody().call(Request::get(path).body(Body::empty()).unwrap()).await;
        for name in ["x-content-type-options", "content-security-policy", "x-request-id", "x-frame-options"] {
            assert!(answer.headers.contains_key(name), "{path} lacks {name}");
        }
    }
    let missing = app.nobody().get("/nothing").await;
    insta::assert_snapshot!(missing.problem(), @"404 not-found: `/api/v1/nothing` is no resource of this server");
    let method = app.nobody().delete("/me").await;
    insta::assert_snapshot!(method.problem(), @"405 method-not-allowed: this resource has no such method");
}

#[tokio::test]
async fn changing_calls_are_audited_whatever_comes_of_them() {
    let app = TestApp::new().await;
    app.add_cluster("prod").await;
    let viewer = app.user("vera", "default", "viewer").await;
    let body = json!({ "name": "c", "region": "r", "kubeconfig": kubeconfig("away") });
    viewer.post("/clusters", body.clone()).await.expect(403);
    app.admin().post("/clusters", body).await.expect(503);
    let entries = app.admin().get("/audit?resource=cluster").await.expect(200);
    let lines: Vec<_> = entries["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            format!("{} {} {} {}", entry["actor"], entry["operation"], entry["name"], entry["result"])
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "admin" "CreateCluster" "c" "failed"
    "vera" "CreateCluster" "c" "refused"
    "admin" "CreateCluster" "prod" "ok"
    "#);
}
