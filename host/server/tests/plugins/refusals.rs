//! Files that are no plugin of this server are refused in words.

use osc_plugin_api::manifest::Grants;
use osc_server::plugins::Allowed;

use crate::support::{ID, TestHost, component, manifest};

/// Every occurrence, in place; both must have the same length.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "`{from}` is in the component");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

async fn refusal(file: Vec<u8>) -> String {
    let host = TestHost::empty().await;
    let error = host.plugins.install(file.into()).await.expect_err("must be refused");
    assert!(host.plugins.list().is_empty());
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_components() {
    assert!(refusal(b"hello".to_vec()).await.contains("not a WebAssembly component"));
    assert!(refusal(Vec::new()).await.contains("not a WebAssembly component"));
    assert!(refusal(b"\0asm\x01\0\0\0".to_vec()).await.contains("a core module, not a component"));
    let truncated = component()[..100_000].to_vec();
    assert!(refusal(truncated).await.contains("damaged"));
    assert!(refusal(component()).await.contains("build it with `osc plugin build`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_versions_of_the_interfaces() {
    let newer = manifest("0.1.0")
        .append_to(&replaced(&component(), "osc:host/log@0.1.0", "osc:host/log@0.2.0"))
        .unwrap();
    let message = refusal(newer).await;
    assert!(message.contains("made for `osc:host/log@0.2.0`, and this server speaks 0.1.0"), "{message}");
    let unknown =
        manifest("0.1.0").append_to(&replaced(&component(), "osc:host/log@", "osc:host/gol@")).unwrap();
    assert!(
        refusal(unknown).await.contains("imports `osc:host/gol@0.1.0`, which this server does not offer")
    );
    let role = replaced(&component(), "osc:plugin/scanner@", "osc:plugin/skinner@"[..19].into());
    let role = manifest("0.1.0").append_to(&role).unwrap();
    assert!(refusal(role).await.contains("does not export `osc:plugin/scanner`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_without_a_publisher_are_for_built_in_plugins() {
    let mut plain = manifest("0.1.0");
    plain.id = "fixture".into();
    assert!(
        refusal(plain.append_to(&component()).unwrap()).await.contains("`publisher.fixture` is expected")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn interfaces_that_are_not_granted_keep_a_plugin_disabled() {
    let host = TestHost::empty().await;
    host.plugins.install(manifest("0.1.0").append_to(&component()).unwrap().into()).await.unwrap();
    let error = host.plugins.enable(ID).await.unwrap_err();
    assert!(error.to_string().contains("uses `cluster`, which is not granted"), "{error}");
    let error = host.act(serde_json::json!({})).await.unwrap_err();
    assert!(error.to_string().contains("is not enabled"), "{error}");
    host.plugins.set_granted(ID, Allowed::ALL).await.unwrap();
    host.plugins.enable(ID).await.unwrap();
    host.assert_well().await;
    // Taking an interface away disables it.
    let info = host.plugins.set_granted(ID, Allowed::Only(Grants::default())).await.unwrap();
    assert_eq!(info.state.as_str(), "disabled");
    assert!(info.reason.unwrap().contains("not granted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_must_ask_for_what_is_used() {
    let mut modest = manifest("0.1.0");
    modest.grants.http.clear();
    let host = TestHost::empty().await;
    host.plugins.install(modest.append_to(&component()).unwrap().into()).await.unwrap();
    host.plugins.set_granted(ID, Allowed::ALL).await.unwrap();
    let error = host.plugins.enable(ID).await.unwrap_err();
    assert!(error.to_string().contains("uses `http`, which its own manifest does not ask for"), "{error}");
}
