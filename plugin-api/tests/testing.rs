//! The native harness behaves as the server does.

use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::host::{Host, Level};
use osc_plugin_api::testing::TestHost;
use serde_json::json;

#[test]
fn answers_from_memory() {
    let config_map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "ns", "labels": {"app": "web"}}});
    let host = TestHost::new()
        .with_file("Chart.yaml", "name: x")
        .with_object(config_map.clone())
        .with_setting("mirror", json!("registry.local"))
        .with_namespace("ns");

    assert_eq!(host.read_text("Chart.yaml").unwrap(), "name: x");
    assert_eq!(host.find("gone").unwrap(), None);
    assert_eq!(host.setting("mirror"), Some(json!("registry.local")));
    let reference = ObjectRef::of(&config_map).unwrap();
    assert_eq!(host.objects(&[reference]).unwrap(), [Some(config_map.clone())]);
    assert_eq!(host.list("v1", "ConfigMap", None, Some("app=web")).unwrap(), [config_map]);
    assert!(host.list("v1", "ConfigMap", Some("other"), None).unwrap().is_empty());
    assert_eq!(host.send(&Default::default()).unwrap_err().code, "denied");
    host.kv_set("k", b"v").unwrap();
    assert_eq!(host.kv_keys("").unwrap(), ["k"]);
    host.log(Level::Info, "done");
    assert_eq!(host.logged(), [(Level::Info, "done".to_owned())]);
}
