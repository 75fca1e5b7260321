//! The OpenAPI document, and rules that hold for every operation in it.

use std::path::Path;

use axum::http::Method;
use osc_server::api::router::document;
use serde_json::{Value, json};

use crate::app::TestApp;

/// Operations that work without a login.
const OPEN: [&str; 1] = ["create_session"];

/// (method, path, operation) of every operation.
fn operations() -> Vec<(Method, String, Value)> {
    let document = serde_json::to_value(document()).unwrap();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if let Ok(method) = method.to_uppercase().parse::<Method>()
                && operation.get("operationId").is_some()
            {
                found.push((method, path.trim_start_matches("/api/v1").to_owned(), operation.clone()));
            }
        }
    }
    assert!(found.len() > 60, "{}", found.len());
    found
}

#[test]
fn the_committed_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/openapi.json");
    let wanted = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    if present != wanted {
        std::fs::write(&path, wanted).unwrap();
        panic!(
            "`web/openapi.json` was out of date and is written anew: run `npm run schema` in `web` and commit both"
        );
    }
}

#[tokio::test]
async fn nothing_works_without_a_login() {
    let app = TestApp::new().await;
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        if OPEN.contains(&id) {
            continue;
        }
        let answer = app.nobody().send(method, &path.replace(['{', '}'], ""), None).await;
        assert_eq!(answer.status, 401, "{id}: {}", answer.text);
    }
}

/// A body that is complete, so that only rights can be in the way.
fn body_of(operation: &str) -> Option<Value> {
    Some(match operation {
        "update_user" => json!({ "disabled": true }),
        "set_member" => json!({ "role": "owner" }),
        "create_grant" => json!({ "tenant": "other", "namespace": "x" }),
        "set_plugin_grants" => json!("requested"),
        "set_plugin_settings" => json!({ "priority": 1 }),
        "refuse_review" => json!({ "reason": "no" }),
        "describe_instance" => json!({ "description": "mine" }),
        "update_instance" | "upgrade_instance" | "rollback_instance" | "test_instance" => json!({}),
        _ => return None,
    })
}

#[tokio::test]
async fn others_cannot_reach_what_is_not_theirs() {
    let app = TestApp::new().await;
    app.add_cluster("prod").await;
    let mallory = app.user("mallory", "other", "owner").await;
    let token = app.admin().get("/tokens").await.expect(200)["items"][0]["id"].as_str().unwrap().to_owned();
    for (method, path, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        if !path.contains('{') {
            continue;
        }
        let name = match path.split('/').nth(1).unwrap() {
            "tokens" => token.as_str(),
            "users" => "admin",
            "tenants" => "default",
            "clusters" => "prod",
            _ => "1",
        };
        let mine = path
            .replacen("{name}", name, 1)
            .replacen("{id}", if name == "prod" { "1" } else { name }, 1)
            .replace("{user}", "mallory")
            .replace("{service}", name)
            .replace("{version}", "1");
        let answer = mallory.send(method, &mine, body_of(id)).await;
        assert!(
            matches!(answer.status.as_u16(), 403 | 404),
            "{id} {mine}: {} {}",
            answer.status,
            answer.text
        );
    }
}

#[tokio::test]
async fn lists_of_others_are_empty() {
    let app = TestApp::new().await;
    app.add_cluster("prod").await;
    let mallory = app.user("mallory", "other", "owner").await;
    for path in ["/clusters", "/services", "/subscriptions", "/instances", "/operations", "/audit"] {
        let list = mallory.get(path).await.expect(200);
        assert_eq!(list["items"].as_array().unwrap().len(), 0, "{path}: {list}");
    }
    let all = mallory.get("/audit?all=true").await;
    insta::assert_snapshot!(all.problem(), @"403 forbidden: not allowed: only an administrator of the platform may do this");
}
