//! The client: what a real API server answers is understood.

use anyhow::Result;
use osc_integration::realkube::RealKube;
use osc_plugin_api::documents::object::ObjectRef;
use osc_plugin_api::documents::plan::{Action, Plan, Policy, Step};
use osc_server::kube::api::{ApplyOptions, ClusterApi, DeleteOptions, Deleted, is_not_found, is_transient};
use osc_server::kube::discovery::is_unknown_kind;
use osc_server::operations::managed_fields;
use osc_server::operations::preview::{self, ChangeAction, Subject};
use serde_json::{Value, json};

use crate::host::cluster;

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default",
        "labels": {"app": "x"}}, "data": data})
}

fn by(manager: &str, force: bool) -> ApplyOptions {
    ApplyOptions { manager: manager.into(), force, dry_run: false }
}

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

#[tokio::test]
async fn speaks_with_a_real_api_server() -> Result<()> {
    let Some(kube) = RealKube::start_api_only().await? else { return Ok(()) };
    let cluster = cluster(kube.kubeconfig())?;
    discovers(&*cluster).await?;
    applies(&*cluster).await?;
    moves_fields(&*cluster).await?;
    deletes(&*cluster).await?;
    previews(&*cluster).await
}

async fn discovers(cluster: &dyn ClusterApi) -> Result<()> {
    assert!(cluster.version().await?.starts_with("v1."));
    let discovery = cluster.discovery(false).await?;
    let versions = discovery.api_versions();
    for wanted in
        ["v1", "apps/v1", "apps/v1/Deployment", "v1/Pod", "v1/Eviction", "policy/v1/PodDisruptionBudget"]
    {
        assert!(
            versions.iter().any(|version| version == wanted) || wanted == "v1/Eviction",
            "`{wanted}` is missing in {versions:?}"
        );
    }
    assert_eq!(discovery.is_namespaced("", "Node"), Some(false));
    assert_eq!(discovery.is_namespaced("apps", "Deployment"), Some(true));
    Ok(())
}

async fn applies(cluster: &dyn ClusterApi) -> Result<()> {
    let first = cluster.apply(&config_map("a", json!({"k": "1"})), &by("one", false)).await?;
    assert_eq!(first["data"]["k"], "1");
    let conflict = cluster.apply(&config_map("a", json!({"k": "2"})), &by("two", false)).await.unwrap_err();
    assert!(!is_transient(&conflict) && conflict.to_string().contains("conflict"), "{conflict}");
    assert_eq!(cluster.apply(&config_map("a", json!({"k": "2"})), &by("two", true)).await?["data"]["k"], "2");
    let mut away = config_map("a", json!({}));
    away["metadata"]["namespace"] = json!("absent");
    let error = cluster.apply(&away, &by("one", true)).await.unwrap_err();
    assert!(is_not_found(&error) && !is_unknown_kind(&error), "{error}");
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "default"}});
    assert!(is_unknown_kind(&cluster.apply(&thing, &by("one", true)).await.unwrap_err()));
    let found = cluster.list("v1", "ConfigMap", Some("default"), Some("app=x")).await?;
    assert_eq!(found.iter().map(|object| &object["kind"]).collect::<Vec<_>>(), ["ConfigMap"]);
    Ok(())
}

/// A key that an older manager wrote goes when the new one no longer applies it.
async fn moves_fields(cluster: &dyn ClusterApi) -> Result<()> {
    let live = cluster.create(&config_map("old", json!({"stays": "1", "goes": "1"})), "helm", false).await?;
    let object = ObjectRef::of(&live).expect("a config map");
    let patch = managed_fields::migration(&live, "osc").expect("helm's fields");
    let moved = cluster.patch(&object, &patch, "osc").await?;
    let managers: Vec<&Value> = moved["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| &entry["manager"])
        .collect();
    assert_eq!(managers, ["osc"]);
    let stale = cluster.patch(&object, &patch, "osc").await.unwrap_err();
    assert!(is_transient(&stale), "{stale}");
    let applied = cluster.apply(&config_map("old", json!({"stays": "2"})), &by("osc", false)).await?;
    assert_eq!(applied["data"], json!({"stays": "2"}));
    Ok(())
}

async fn deletes(cluster: &dyn ClusterApi) -> Result<()> {
    let live = cluster.apply(&config_map("b", json!({})), &by("one", true)).await?;
    let object = ObjectRef::of(&live).expect("a config map");
    let with = |uid: &str| DeleteOptions { uid: Some(uid.into()), ..DeleteOptions::default() };
    let other = with("00000000-0000-0000-0000-000000000000");
    assert_eq!(cluster.delete(&object, &other).await?, Deleted::Other);
    let own = with(live["metadata"]["uid"].as_str().expect("a uid"));
    assert_eq!(cluster.delete(&object, &own).await?, Deleted::Accepted);
    assert_eq!(cluster.delete(&object, &own).await?, Deleted::Absent);
    assert_eq!(cluster.get(&object).await?, None);
    Ok(())
}

async fn previews(cluster: &dyn ClusterApi) -> Result<()> {
    let mut plan = Plan::new("osc");
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "hidden"}});
    let mut away = config_map("c", json!({}));
    away["metadata"]["namespace"] = json!("absent");
    let objects = vec![config_map("old", json!({"stays": "3"})), secret, thing, away];
    plan.steps.push(Step::new("crds", Action::Apply { objects: vec![definition()], policy: Policy::Crd }));
    plan.steps.push(Step::new("apply", Action::Apply { objects, policy: Policy::Owned }));
    let live = cluster
        .get(&ObjectRef::of(&config_map("old", json!({}))).expect("a config map"))
        .await?
        .expect("it is there");
    let held = osc_server::store::inventory::InventoryRow {
        tenant_id: 1,
        instance_id: 1,
        part: "main".into(),
        object: ObjectRef::of(&live).expect("a config map"),
        uid: live["metadata"]["uid"].as_str().unwrap_or_default().into(),
        policy: Policy::Owned,
    };
    let subject = Subject { namespace: "default", instance: "web", inventory: &[held] };
    let found = preview::preview(&plan, cluster, subject).await?;
    let told: Vec<(ChangeAction, &str, bool)> =
        found.changes.iter().map(|change| (change.action, change.name.as_str(), change.checked)).collect();
    assert_eq!(
        told,
        [
            (ChangeAction::Create, "things.example.com", true),
            (ChangeAction::Update, "old", true),
            (ChangeAction::Create, "s", true),
            (ChangeAction::Create, "t", false),
            (ChangeAction::Create, "c", false),
        ]
    );
    assert!(found.changes[1].diff.contains("-  stays: '2'\n+  stays: '3'"), "{}", found.changes[1].diff);
    assert!(!found.changes[2].diff.contains("hidden") && !found.changes[2].diff.contains("aGlkZGVu"));
    assert_eq!(found.changes[3].reason.as_deref(), Some("the cluster does not know the kind `Thing` yet"));
    assert_eq!(found.changes[4].reason.as_deref(), Some("the namespace `absent` does not exist yet"));
    Ok(())
}
