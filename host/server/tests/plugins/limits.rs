//! Misbehaviour ends as a clear error of its call, and the next call works.

use std::time::{Duration, Instant};

use osc_server::plugins::Call;
use osc_server::store::plugins::PluginState;
use serde_json::json;

use crate::support::{ID, TestHost, call, failure, package, request};

fn soon() -> Call {
    Call { deadline: Duration::from_millis(500), ..call() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spinning_plugin_is_ended_at_its_deadline() {
    let host = TestHost::with_fixture().await;
    host.assert_well().await;
    let started = Instant::now();
    let message = failure(host.act_in(&soon(), json!({"do": "loop"})).await);
    assert_eq!(message, "`plan`: it did not end within 0.5 s");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    host.assert_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded() {
    let host = TestHost::with_fixture().await;
    let message = failure(host.act(json!({"do": "eat-memory"})).await);
    assert_eq!(message, "`plan`: it asked for more than 256 MiB of memory");
    host.assert_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_shows_its_message() {
    let host = TestHost::with_fixture().await;
    let message = failure(host.act(json!({"do": "panic"})).await);
    assert!(message.contains("the fixture panics"), "{message}");
    let lines = host.plugins.logs(ID).unwrap();
    assert!(lines.iter().any(|line| line.message.contains("the fixture panics")));
    host.assert_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recursion_is_bounded() {
    let host = TestHost::with_fixture().await;
    let message = failure(host.act(json!({"do": "recurse"})).await);
    assert!(message.contains("recurs"), "{message}");
    host.assert_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_bounded() {
    let host = TestHost::with_fixture().await;
    let message = failure(host.act(json!({"do": "answer-much"})).await);
    assert!(message.contains("more than"), "{message}");
    host.assert_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_plans_are_refused() {
    let host = TestHost::with_fixture().await;
    let message = failure(host.act(json!({"schema": "osc.plan/v9"})).await);
    assert_eq!(message, "`plan`: its answer is malformed: schema is `osc.plan/v9`, not `osc.plan/v1`");
    host.assert_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_call_is_bounded() {
    let host = TestHost::with_fixture().await;
    let message = failure(host.act_in(&soon(), json!({"do": "log-for-ever"})).await);
    assert_eq!(message, "`plan`: it did not end within 0.5 s");
    host.act(json!({"do": "log-much"})).await.unwrap();
    let lines = host.plugins.logs(ID).unwrap();
    assert!(lines.len() < 500, "{}", lines.len());
    assert_eq!(lines.last().unwrap().message, "99800 more lines of this call were dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_a_plugin_is_bounded() {
    let host = TestHost::with_fixture().await;
    let error = host.act(json!({"do": "kv-much"})).await.unwrap_err();
    assert!(error.to_string().contains("does not fit into the plugin's store"), "{error}");
    host.assert_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_ends_the_guest() {
    let host = TestHost::with_fixture().await;
    host.assert_well().await;
    let call = call();
    for _ in 0..40 {
        let abandoned = host.plugins.plan(ID, &call, request(json!({"do": "loop"})));
        assert!(tokio::time::timeout(Duration::from_millis(1), abandoned).await.is_err());
    }
    // More than there are places: they are all free again.
    let calls = (0..200).map(|_| host.plugins.render(ID, &call, request(json!({}))));
    let answers = futures::future::join_all(calls).await;
    assert!(answers.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_failures_about_several_packages_stop_an_installed_plugin() {
    let host = TestHost::with_fixture().await;
    for _ in 0..6 {
        failure(host.act(json!({"do": "panic"})).await);
    }
    host.assert_well().await;
    assert_eq!(host.plugins.get(ID).unwrap().faults, 6, "one package alone does not stop it");

    for number in 0..5 {
        let call = Call { package: Some(package(&format!("package {number}"))), ..call() };
        failure(host.act_in(&call, json!({"do": "panic"})).await);
    }
    let info = host.plugins.get(ID).unwrap();
    assert_eq!(info.state, PluginState::Faulted);
    assert!(info.reason.unwrap().contains("the fixture panics"));
    let error = host.act(json!({})).await.unwrap_err();
    assert!(error.to_string().contains("enable it to try again"), "{error}");
    assert!(host.plugins.deployers().is_empty());
    host.plugins.enable(ID).await.unwrap();
    host.assert_well().await;
}
