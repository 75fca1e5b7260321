//! Plugins come, change and go while the server runs.

use std::sync::Arc;

use osc_server::plugins::{Allowed, Call, Plugins};
use osc_server::store::plugins::PluginState;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{ID, TestCluster, TestHost, call, component, config_map, fixture, manifest, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_lets_calls_in_flight_finish_on_the_old_version() {
    let host = TestHost::with_fixture().await;
    let hold = Arc::new(Semaphore::new(0));
    let cluster = Arc::new(TestCluster {
        objects: vec![config_map("mine", "a")],
        hold: Some(hold.clone()),
        ..TestCluster::default()
    });
    let arrived = cluster.arrived.clone();
    let call = Call { cluster: Some(cluster), ..call() };
    let values = json!({"do": "get", "object": {"api_version": "v1", "kind": "ConfigMap", "name": "a"}});
    let in_flight = host.act_in(&call, values);
    let swap = async {
        arrived.notified().await;
        let info = host.plugins.install(fixture("0.2.0")).await.unwrap();
        assert_eq!((info.version.as_str(), info.state), ("0.2.0", PluginState::Enabled));
        host.assert_well().await;
        hold.add_permits(1);
    };
    let (answer, ()) = tokio::join!(in_flight, swap);
    assert!(answer.unwrap().contains("\"name\":\"a\""));
    assert_eq!(host.plugins.get(ID).unwrap().version, "0.2.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_needs_more_does_not_replace_one_in_force() {
    let host = TestHost::with_fixture().await;
    let narrow = Allowed::Only(manifest("0.1.0").grants);
    host.plugins.set_granted(ID, narrow).await.unwrap();
    let mut greedy = manifest("0.2.0");
    greedy.grants.http.clear();
    let error = host.plugins.install(greedy.append_to(&component()).unwrap().into()).await.unwrap_err();
    assert!(error.to_string().contains("uses `http`"), "{error}");
    assert_eq!(host.plugins.get(ID).unwrap().version, "0.1.0");
    host.assert_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_folder_appear_change_and_vanish() {
    let host = TestHost::empty().await;
    let file = host.data.path().join("plugins/anything.wasm");
    std::fs::write(&file, fixture("0.1.0")).unwrap();
    host.plugins.rescan().await.unwrap();
    let info = host.plugins.get(ID).unwrap();
    assert_eq!((info.version.as_str(), info.state), ("0.1.0", PluginState::Loaded));

    host.plugins.set_granted(ID, Allowed::ALL).await.unwrap();
    host.plugins.enable(ID).await.unwrap();
    // Another length, so that the change shows whatever the clock's steps are.
    std::fs::write(&file, fixture("0.1.10")).unwrap();
    host.plugins.rescan().await.unwrap();
    let info = host.plugins.get(ID).unwrap();
    assert_eq!((info.version.as_str(), info.state), ("0.1.10", PluginState::Enabled));

    std::fs::write(&file, b"broken").unwrap();
    host.plugins.rescan().await.unwrap();
    let info = host.plugins.get(ID).unwrap();
    assert_eq!(info.version, "0.1.10", "the version in force stays");
    assert!(info.reason.unwrap().contains("is refused"));
    host.assert_well().await;

    std::fs::remove_file(&file).unwrap();
    host.plugins.rescan().await.unwrap();
    assert!(host.plugins.list().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_did_survives_a_restart() {
    let host = TestHost::with_fixture().await;
    let settings = json!({"a": 1}).as_object().unwrap().clone();
    host.plugins.set_settings(ID, settings.clone(), 3).await.unwrap();
    let TestHost { plugins, data } = host;
    drop(plugins);
    let host = TestHost { plugins: open(data.path()).await, data };
    let info = host.plugins.get(ID).unwrap();
    assert_eq!((info.state, info.allowed, info.priority), (PluginState::Enabled, Allowed::ALL, 3));
    assert_eq!(info.settings, settings);
    host.assert_well().await;
    host.plugins.disable(ID).await.unwrap();
    assert!(host.plugins.deployers().is_empty());
    host.plugins.remove(ID).await.unwrap();
    assert!(host.plugins.list().is_empty());
    assert!(!host.data.path().join(format!("plugins/{ID}.wasm")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_plugins_can_be_replaced_and_come_back() {
    let data = tempfile::tempdir().unwrap();
    let mut plain = manifest("0.1.0");
    plain.id = "plain".into();
    let wasm: &'static [u8] = plain.append_to(&component()).unwrap().leak();
    let db = osc_server::store::db::Db::open(&data.path().join("osc.db"), 2).unwrap();
    let plugins = Plugins::open(osc_server::plugins::PluginsSettings {
        builtin: vec![
            osc_server::plugins::Builtin { id: "plain", wasm },
            osc_server::plugins::Builtin { id: "missing", wasm: &[] },
        ],
        compiler: osc_server::plugins::Compiler::InProcess,
        cache_dir: std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache"),
        ..osc_server::plugins::PluginsSettings::new(data.path(), db)
    })
    .await
    .unwrap();
    assert_eq!(plugins.deployers(), ["plain"], "built-in plugins are enabled with what they ask for");
    assert!(plugins.remove("plain").await.unwrap_err().to_string().contains("built in"));

    plain.version = "9.0.0".into();
    let info = plugins.install(plain.append_to(&component()).unwrap().into()).await.unwrap();
    assert_eq!((info.source, info.state), ("installed", PluginState::Loaded));
    plugins.remove("plain").await.unwrap();
    let info = plugins.get("plain").unwrap();
    assert_eq!((info.version.as_str(), info.source, info.state), ("0.1.0", "built-in", PluginState::Enabled));
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_code_in_the_cache_is_made_again() {
    let cache = tempfile::tempdir().unwrap();
    let wasm: &'static [u8] = fixture("0.1.0").to_vec().leak();
    let builtin = || vec![osc_server::plugins::Builtin { id: ID, wasm }];
    let offline =
        || Plugins::offline_with(cache.path(), builtin(), osc_server::plugins::Compiler::InProcess).unwrap();
    offline().inspect(ID, &call()).await.unwrap();
    let code = std::fs::read_dir(cache.path()).unwrap().flatten().map(|entry| entry.path());
    let code =
        code.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "cwasm")).unwrap();
    let good = std::fs::read(&code).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&code, &bad).unwrap();
    assert_eq!(offline().inspect(ID, &call()).await.unwrap().name, "redis");
    assert_eq!(std::fs::read(&code).unwrap().len(), good.len());
    assert_ne!(std::fs::read(&code).unwrap(), bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_compiles_in_a_child_and_takes_the_code_from_the_cache_later() {
    let cache = tempfile::tempdir().unwrap();
    let wasm: &'static [u8] = fixture("0.1.0").to_vec().leak();
    let open = |compiler| {
        let builtin = vec![osc_server::plugins::Builtin { id: ID, wasm }];
        Plugins::offline_with(cache.path(), builtin, compiler).unwrap()
    };
    let child = osc_server::plugins::Compiler::Child(env!("CARGO_BIN_EXE_osc").into());
    assert_eq!(open(child).inspect(ID, &call()).await.unwrap().name, "redis");
    // No compiler is needed any more.
    let none = osc_server::plugins::Compiler::Child("/nowhere".into());
    assert_eq!(open(none).inspect(ID, &call()).await.unwrap().name, "redis");
    let left: Vec<_> =
        std::fs::read_dir(cache.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "the code, its hash and nothing else: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_does_not_compile_is_refused_with_the_reason() {
    let cache = tempfile::tempdir().unwrap();
    // Valid on the surface, broken inside a function body.
    let mut broken = component();
    let code = broken.windows(3).rposition(|window| window == [0x0b, 0x0b, 0x0b]).unwrap();
    broken[code] = 0xff;
    let wasm: &'static [u8] = manifest("0.1.0").append_to(&broken).unwrap().leak();
    let child = osc_server::plugins::Compiler::Child(env!("CARGO_BIN_EXE_osc").into());
    let builtin = vec![osc_server::plugins::Builtin { id: ID, wasm }];
    let plugins = Plugins::offline_with(cache.path(), builtin, child).unwrap();
    let error = plugins.inspect(ID, &call()).await.unwrap_err().to_string();
    assert!(error.contains("it cannot be loaded: it cannot be compiled"), "{error}");
}
