//! A component built against a released version of the interfaces must run for ever. Until the first release the
//! interfaces are a draft: build the example `released` anew and run this test with `UPDATE=1` after a change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use osc_plugin_api::documents::rendering::Rendering;
use osc_plugin_api::documents::status::StatusRequest;
use osc_server::plugins::{Allowed, Call};
use osc_server::registry::archive::Package;
use serde_json::json;

use crate::support::{ID, TestCluster, TestHost, call, manifest, request};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn releases() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root().join("integration/fixtures/released"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
}

#[tokio::test(flavor = "multi_thread")]
async fn released_components_run() {
    if std::env::var_os("UPDATE").is_some() {
        let built = root().join("target/wasm32-wasip2/plugin/examples/released.wasm");
        std::fs::copy(built, releases().last().unwrap().join("plugin.wasm")).unwrap();
    }
    for folder in releases() {
        let wasm = std::fs::read(folder.join("plugin.wasm")).unwrap();
        assert!(wasm.len() <= 200_000, "{} bytes", wasm.len());
        run(manifest("0.1.0").append_to(&wasm).unwrap().into()).await;
    }
}

async fn run(wasm: Bytes) {
    let host = TestHost::empty().await;
    host.plugins.install(wasm).await.unwrap();
    host.plugins.set_granted(ID, Allowed::ALL).await.unwrap();
    host.plugins.set_settings(ID, json!({"default": 5}).as_object().unwrap().clone(), 0).await.unwrap();
    host.plugins.enable(ID).await.unwrap();

    let files = vec![("released.txt".to_owned(), Bytes::from_static(b"name"))];
    let live = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"namespace": "mine", "name": "a", "labels": {"a": "b"}}});
    let call = Call {
        package: Some(Arc::new(Package::from_files(files).unwrap())),
        cluster: Some(Arc::new(TestCluster { objects: vec![live], ..TestCluster::default() })),
        ..call()
    };
    let opened = host.plugins.open_package(&call).await.unwrap();
    assert_eq!((opened.plugin.as_str(), opened.facts.name.as_str()), (ID, "name"));
    assert!(host.plugins.lint(ID, &call).await.unwrap().is_empty());
    assert_eq!(host.plugins.logs(ID).unwrap()[0].message, "linted");
    assert_eq!(host.plugins.form(ID, &call).await.unwrap().defaults, json!({"setting": 5}));
    assert!(host.plugins.render(ID, &call, request(json!({}))).await.unwrap().text.ends_with("bytes"));
    for runs in 0..2 {
        let planned = host.plugins.plan(ID, &call, request(json!({}))).await.unwrap();
        let expected = format!("{runs} runs, 1 keys, 1 live, 1 transformed, http denied");
        assert_eq!(planned.plan.notes, Some(expected));
    }
    let error = host.plugins.status(ID, &call, StatusRequest::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "the plugin is asleep");
    let findings = host.plugins.scan(ID, &call, &Rendering::default()).await.unwrap();
    assert!(findings[0].message.ends_with("bytes"));
}

/// What is exported and its types never change; imports may gain functions.
#[test]
fn the_interfaces_only_grow() {
    let update = std::env::var_os("UPDATE").is_some();
    for folder in releases() {
        for package in ["types", "host", "plugin"] {
            let frozen = folder.join("wit").join(package);
            if update {
                std::fs::create_dir_all(&frozen).unwrap();
                for file in std::fs::read_dir(root().join("wit").join(package)).unwrap().flatten() {
                    std::fs::copy(file.path(), frozen.join(file.file_name())).unwrap();
                }
            }
            for file in std::fs::read_dir(&frozen).unwrap().flatten() {
                let name = format!("wit/{package}/{}", file.file_name().display());
                let current = statements(&root().join(&name));
                let old = statements(&file.path());
                let same = if package == "host" || name.ends_with("worlds.wit") {
                    let mut lines = current.iter();
                    old.iter().all(|line| lines.any(|other| other == line))
                } else {
                    old == current
                };
                assert!(same, "{name} is not what {} froze", folder.display());
            }
        }
    }
}

/// Lines without comments and spaces around them.
fn statements(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.map(str::to_owned).collect()
}
