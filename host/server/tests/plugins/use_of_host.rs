//! What plugins reach through the host, within their grants and the call's scope.

use std::sync::Arc;

use osc_plugin_api::manifest::Grants;
use osc_server::plugins::{Allowed, Call, VirtualTime};
use serde_json::{Value, json};

use crate::support::{ID, TestCluster, TestHost, call, config_map, failure, package, request};

fn in_cluster(cluster: &Arc<TestCluster>) -> Call {
    Call { cluster: Some(cluster.clone()), ..call() }
}

fn get(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Value {
    json!({"do": "get", "object": {"api_version": api_version, "kind": kind, "namespace": namespace, "name": name}})
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_answer_documents() {
    let host = TestHost::with_fixture().await;
    let detected = host.plugins.detect(&call()).await;
    assert_eq!(detected.len(), 1);
    assert_eq!((detected[0].0.as_str(), detected[0].1.certainty), (ID, 90));
    let opened = host.plugins.open_package(&call()).await.unwrap();
    assert_eq!((opened.plugin.as_str(), opened.facts.name.as_str()), (ID, "redis"));
    let rendering = host.plugins.render(ID, &call(), request(json!({}))).await.unwrap();
    let findings = host.plugins.scan(ID, &call(), &rendering).await.unwrap();
    assert_eq!(findings[0].message, "1 objects");
    let planned = host.plan_in(&call(), json!({})).await.unwrap();
    assert_eq!(planned.plan.steps.len(), 1);
    assert!(planned.reads.is_empty() && planned.warnings.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_a_failure() {
    let host = TestHost::with_fixture().await;
    match host.act(json!({"do": "refuse"})).await.unwrap_err() {
        osc_server::error::Error::PluginRefused { code, message, details, .. } => {
            assert_eq!((code.as_str(), message.as_str()), ("refused", "the fixture refuses"));
            assert_eq!(details, json!({"asked": true}));
        }
        other => panic!("{other}"),
    }
    assert_eq!(host.plugins.get(ID).unwrap().faults, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_settings() {
    let host = TestHost::with_fixture().await;
    assert_eq!(host.act(json!({"do": "read", "path": "fixture.txt"})).await.unwrap(), "redis");
    let error = host.act(json!({"do": "read", "path": "gone"})).await.unwrap_err();
    assert_eq!(error.to_string(), "the package has no file `gone`");
    let settings = json!({"mirror": "registry.local"}).as_object().unwrap().clone();
    host.plugins.set_settings(ID, settings, 7).await.unwrap();
    assert_eq!(host.act(json!({"do": "setting", "key": "mirror"})).await.unwrap(), "\"registry.local\"");
    assert_eq!(host.act(json!({"do": "setting", "key": "none"})).await.unwrap(), "null");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_shows_the_own_namespace_and_notes_what_was_read() {
    let host = TestHost::with_fixture().await;
    let cluster = Arc::new(TestCluster {
        objects: vec![config_map("mine", "a"), config_map("theirs", "b")],
        ..TestCluster::default()
    });
    let call = in_cluster(&cluster);

    let mine = host.plan_in(&call, get("v1", "ConfigMap", None, "a")).await.unwrap();
    assert!(mine.plan.notes.unwrap().contains("\"name\":\"a\""));
    assert_eq!(mine.reads[0].object, "v1 ConfigMap mine/a");
    assert!(mine.reads[0].digest.starts_with("sha256:"));
    let absent = host.plan_in(&call, get("v1", "ConfigMap", Some("mine"), "none")).await.unwrap();
    assert_eq!(absent.reads[0].digest, "");

    let theirs = host.plan_in(&call, get("v1", "ConfigMap", Some("theirs"), "b")).await.unwrap();
    assert_eq!(theirs.plan.notes.as_deref(), Some("null"));
    let warning = "ConfigMap `b` of namespace `theirs` is out of the instance's reach and was read as absent";
    assert_eq!(theirs.plan.warnings, [warning]);
    let node = host.plan_in(&call, get("v1", "Node", None, "n")).await.unwrap();
    assert_eq!(node.plan.notes.as_deref(), Some("null"));
    let listed =
        host.act_in(&call, json!({"do": "list", "api_version": "v1", "kind": "ConfigMap"})).await.unwrap();
    assert!(listed.contains("\"name\":\"a\"") && !listed.contains("\"name\":\"b\""), "{listed}");
    let class =
        json!({"do": "list", "api_version": "storage.k8s.io/v1", "kind": "StorageClass", "namespace": "x"});
    host.act_in(&call, class).await.unwrap();
    let asked = cluster.asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        ["ConfigMap mine/a", "ConfigMap mine/none", "ConfigMap in Some(\"mine\")", "StorageClass in None"],
        "nothing else was ever asked of the cluster"
    );

    let error = host.act_in(&call, get("v1", "Secret", Some("mine"), "a")).await.unwrap_err();
    assert!(error.to_string().contains("no grant for this kind"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_narrows_grants() {
    let host = TestHost::with_fixture().await;
    let narrow = Grants {
        cluster: vec!["v1/Secret".into()],
        http: vec!["example.org".into()],
        ..crate::support::manifest("0.1.0").grants
    };
    host.plugins.set_granted(ID, Allowed::Only(narrow)).await.unwrap();
    let cluster = Arc::new(TestCluster { objects: vec![config_map("mine", "a")], ..TestCluster::default() });
    for kind in ["ConfigMap", "Secret"] {
        let error = host.act_in(&in_cluster(&cluster), get("v1", kind, None, "a")).await.unwrap_err();
        assert!(error.to_string().contains("no grant for this kind"), "asked for and allowed: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_granted_hosts_are_called() {
    let host = TestHost::with_fixture().await;
    for url in [
        "http://evil.example/",
        "http://api.example.org:99/",
        "http://169.254.169.254/",
        "file:///etc/passwd",
    ] {
        let error = host.act(json!({"do": "http", "url": url})).await.unwrap_err();
        match error {
            osc_server::error::Error::PluginRefused { code, .. } => {
                assert!(code == "denied" || code == "host", "{code}")
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_are_apart_for_each_tenant_and_still_while_planning() {
    let host = TestHost::with_fixture().await;
    let put = |value: &str| json!({"do": "kv", "key": "k", "value": value});
    let of = |tenant| Call { tenant: Some(tenant), ..call() };
    assert_eq!(host.act_in(&of(1), put("one")).await.unwrap(), "");
    assert_eq!(host.act_in(&of(2), put("two")).await.unwrap(), "");
    assert_eq!(host.act_in(&of(1), put("three")).await.unwrap(), "one");

    let planning = Call { virtual_time: Some(virtual_time(1)), ..of(1) };
    assert_eq!(host.act_in(&planning, put("forgotten")).await.unwrap(), "three");
    assert_eq!(host.act_in(&planning, put("forgotten")).await.unwrap(), "three");
}

fn virtual_time(seed: u8) -> VirtualTime {
    VirtualTime { seed: [seed; 32], now: "2026-01-02T03:04:05.006Z".parse().unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_and_random_numbers_come_again_while_planning() {
    let host = TestHost::with_fixture().await;
    let planning = |seed| Call { virtual_time: Some(virtual_time(seed)), ..call() };
    let clock = host.act_in(&planning(1), json!({"do": "clock"})).await.unwrap();
    assert_eq!(clock, "1767323045.006000000");
    assert_ne!(host.act(json!({"do": "clock"})).await.unwrap(), clock);

    let first = host.act_in(&planning(1), json!({"do": "random"})).await.unwrap();
    assert_eq!(host.act_in(&planning(1), json!({"do": "random"})).await.unwrap(), first);
    assert_ne!(host.act_in(&planning(2), json!({"do": "random"})).await.unwrap(), first);
    let really = host.act(json!({"do": "random"})).await.unwrap();
    assert_ne!(host.act(json!({"do": "random"})).await.unwrap(), really);
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_that_nobody_knows_are_named() {
    let host = TestHost::with_fixture().await;
    let files = vec![("readme.md".to_owned(), bytes::Bytes::from_static(b"x"))];
    let stranger = Arc::new(osc_server::registry::archive::Package::from_files(files).unwrap());
    let error = host.plugins.open_package(&Call { package: Some(stranger), ..call() }).await.err().unwrap();
    assert!(error.to_string().contains("no plugin knows this kind of package"), "{error}");
    assert_eq!(package("a").digest(), package("a").digest());
    failure(host.act(json!({"do": "panic"})).await);
}
