//! The executor over a cluster in memory: what it leaves behind, whatever happens on the way.

mod bench;
mod crashes;

use osc_plugin_api::documents::plan::{
    Action, HookDelete, Kept, OnTimeout, Policy, Propagation, Step, Until,
};
use serde_json::json;

use self::bench::{Bench, config_map, deployment, hook, job, object_ref, plan};
use super::*;
use crate::operations::journal::CrashPoint;
use crate::store::operations::OperationState;

fn apply(name: &str, objects: Vec<serde_json::Value>) -> Step {
    Step::new(name, Action::Apply { objects, policy: Policy::Owned })
}

fn with_policy(name: &str, objects: Vec<serde_json::Value>, policy: Policy) -> Step {
    Step::new(name, Action::Apply { objects, policy })
}

fn wait(name: &str, refs: Vec<ObjectRef>, until: Until, on_timeout: OnTimeout) -> Step {
    Step::new(name, Action::Wait { refs, selector: None, until, timeout_seconds: 20, on_timeout })
}

fn delete(name: &str, refs: Vec<ObjectRef>) -> Step {
    let on_timeout = OnTimeout::ExplainFinalizers;
    let propagation = Propagation::Background;
    Step::new(name, Action::Delete { refs, propagation, until_gone: true, timeout_seconds: 20, on_timeout })
}

#[tokio::test]
async fn installs_and_notes_what_it_made() {
    let bench = Bench::new().await;
    let steps = vec![
        apply("apply", vec![deployment("web", 2), config_map("settings", "1")]),
        wait("wait", vec![object_ref("apps/v1", "Deployment", "web")], Until::Ready, OnTimeout::Fail),
    ];
    let id = bench.operation("install", &plan(steps)).await;
    assert_eq!(bench.run(id).await, OperationState::Succeeded);
    assert_eq!(bench.inventory().await, ["ConfigMap shop/settings owned", "Deployment shop/web owned"]);
    assert_eq!(bench.journal(id).await, ["apply: done, 2 objects", "wait: done"]);
    let live = bench.cluster.snapshot();
    let marked = live.iter().filter(|object| object["metadata"]["annotations"][INSTANCE_MARK] == "shop/web");
    assert_eq!(marked.count(), 2);
    assert_eq!(bench.ends(), ["Succeeded"]);
}

#[tokio::test]
async fn prunes_its_own_part_and_nothing_that_holds_data() {
    let bench = Bench::new().await;
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}});
    let mut kept = config_map("kept", "1");
    kept["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
    let first = vec![config_map("old", "1"), config_map("stays", "1"), kept, claim, config_map("named", "1")];
    bench.done("install", plan(vec![apply("apply", first)])).await;
    bench.cluster.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "foreign", "namespace": "shop"}}));
    let prune = Step::new("prune", Action::Prune { propagation: Propagation::Background });
    let mut second = plan(vec![apply("apply", vec![config_map("stays", "2")]), prune]);
    second.keep.push(Kept { object: object_ref("v1", "ConfigMap", "named"), reason: "asked".into() });
    bench.done("update", second).await;
    assert_eq!(
        bench.names(),
        [
            "ConfigMap shop/foreign",
            "ConfigMap shop/kept",
            "ConfigMap shop/named",
            "ConfigMap shop/stays",
            "PersistentVolumeClaim shop/data"
        ]
    );
    assert_eq!(
        bench.inventory().await,
        ["ConfigMap shop/stays owned", "PersistentVolumeClaim shop/data owned"]
    );
}

#[tokio::test]
async fn takes_nothing_that_belongs_to_others() {
    let bench = Bench::new().await;
    let mut foreign = config_map("settings", "theirs");
    foreign["metadata"]["namespace"] = json!("shop");
    bench.cluster.put(foreign.clone());
    let id =
        bench.operation("install", &plan(vec![apply("apply", vec![config_map("settings", "ours")])])).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(
        bench.reason(id).await,
        "step `apply` failed: ConfigMap shop/settings exists already and does not belong to this instance: delete it, \
         or adopt its release"
    );
    assert_eq!(bench.cluster.calls(), [] as [&str; 0]);
    // What may exist already is left alone, and not ours to delete later.
    bench
        .done(
            "install",
            plan(vec![with_policy("apply", vec![config_map("settings", "ours")], Policy::CreateOnly)]),
        )
        .await;
    assert_eq!(bench.inventory().await, [] as [&str; 0]);
    bench
        .done("uninstall", plan(vec![delete("delete", vec![object_ref("v1", "ConfigMap", "settings")])]))
        .await;
    assert_eq!(bench.names(), ["ConfigMap shop/settings"]);
}

#[tokio::test]
async fn shared_objects_go_with_their_last_holder() {
    let bench = Bench::new().await;
    let step = || with_policy("share", vec![config_map("common", "1")], Policy::Shared);
    let remove = || delete("delete", vec![object_ref("v1", "ConfigMap", "common")]);
    bench.done("install", plan(vec![step()])).await;
    let other = bench.beside("other").await;
    other.done("install", plan(vec![step()])).await;
    bench.done("uninstall", plan(vec![remove()])).await;
    assert_eq!(bench.names(), ["ConfigMap shop/common"]);
    assert_eq!(bench.inventory().await, [] as [&str; 0]);
    other.done("uninstall", plan(vec![remove()])).await;
    assert_eq!(bench.names(), [] as [&str; 0]);
}

#[tokio::test]
async fn asks_a_busy_cluster_again() {
    let bench = Bench::new().await;
    let busy =
        |status: u16, reason: &str| Error::Cluster { status, reason: reason.into(), message: "later".into() };
    let away = Error::Unreachable { cluster: "c".into(), reason: "gone".into() };
    bench.cluster.fail_next(vec![busy(429, "TooManyRequests"), busy(503, ""), busy(409, "Conflict"), away]);
    bench.done("install", plan(vec![apply("apply", vec![config_map("settings", "1")])])).await;
    bench.cluster.fail_next(vec![busy(422, "Invalid")]);
    let id = bench.operation("update", &plan(vec![apply("apply", vec![config_map("settings", "2")])])).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(bench.reason(id).await, "step `apply` failed: ConfigMap shop/settings: later");
}

#[tokio::test]
async fn a_failed_hook_runs_what_the_plan_has_for_failures_and_can_be_retried() {
    let bench = Bench::new().await;
    let record = |state: &str| {
        with_policy(&format!("record {state}"), vec![config_map("record", state)], Policy::Record)
    };
    let mut wish = plan(vec![
        record("pending"),
        hook("migrate", job("migrate-fail"), vec![HookDelete::Before]),
        apply("apply", vec![config_map("settings", "1")]),
        record("deployed"),
    ]);
    wish.on_failure.push(record("failed"));
    let id = bench.operation("install", &wish).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(bench.reason(id).await, "step `migrate` failed: Job shop/migrate-fail: BackoffLimitExceeded");
    assert_eq!(bench.value("record"), "failed");
    assert_eq!(
        bench.journal(id).await,
        [
            "record pending: done, 1 object",
            "migrate: failed, Job shop/migrate-fail: BackoffLimitExceeded",
            "apply: skipped",
            "record deployed: skipped",
            "record failed: done, 1 object"
        ]
    );
    // The record is ours although the operation failed, so that a delete finds it.
    assert_eq!(bench.inventory().await, ["ConfigMap shop/record record"]);
    bench.cluster.heal();
    bench.executor.retry(id).await.unwrap();
    assert_eq!(bench.run(id).await, OperationState::Succeeded);
    assert_eq!(bench.value("record"), "deployed");
    assert_eq!(bench.count("create Job"), 2);
    let error = bench.executor.retry(id).await.unwrap_err();
    assert_eq!(error.to_string(), format!("operation `{id}` succeeded already"));
}

#[tokio::test]
async fn hooks_are_deleted_as_their_policies_say() {
    let bench = Bench::new().await;
    let steps = vec![
        hook("kept", job("kept"), vec![HookDelete::Before]),
        hook("gone", job("gone"), vec![HookDelete::Succeeded]),
        hook("again", job("kept"), vec![HookDelete::Before]),
    ];
    bench.done("install", plan(steps)).await;
    assert_eq!(bench.names(), ["Job shop/kept"]);
    assert_eq!(bench.inventory().await, [] as [&str; 0]);
    let id = bench.operation("update", &plan(vec![hook("twice", job("kept"), vec![])])).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(bench.reason(id).await, "step `twice` failed: Job shop/kept exists already");
}

#[tokio::test]
async fn a_hook_that_nobody_saw_end_waits_for_a_person() {
    let mut bench = Bench::new().await;
    let wish = plan(vec![
        hook("migrate", job("migrate-hang"), vec![]),
        apply("apply", vec![config_map("settings", "1")]),
    ]);
    let id = bench.operation("install", &wish).await;
    // Begun, started, about to be made, made: then the server dies, and the job vanishes.
    bench.restart(CrashPoint::fail_after(4));
    assert!(bench.executor.run(id).await.is_err());
    assert!(bench.cluster.take(&object_ref("batch/v1", "Job", "migrate-hang")).is_some());
    bench.restart(CrashPoint::never());
    assert_eq!(bench.run(id).await, OperationState::Paused);
    assert_eq!(
        bench.reason(id).await,
        "Job shop/migrate-hang is gone, and nobody saw how it ended; retry to run it again, or cancel"
    );
    assert_eq!(bench.count("create Job"), 1);
    assert_eq!(bench.run(id).await, OperationState::Paused);
    bench.cluster.heal();
    bench.executor.retry(id).await.unwrap();
    assert_eq!(bench.run(id).await, OperationState::Succeeded);
    assert_eq!(bench.count("create Job"), 2);
}

/// How an installation ends whose hook is gone when the server comes back, with this event left of it.
async fn after_event(reason: &str, message: &str) -> (OperationState, String) {
    let mut bench = Bench::new().await;
    let id = bench.operation("install", &plan(vec![hook("migrate", job("migrate-hang"), vec![])])).await;
    bench.restart(CrashPoint::fail_after(4));
    assert!(bench.executor.run(id).await.is_err());
    let job = bench.cluster.take(&object_ref("batch/v1", "Job", "migrate-hang")).unwrap();
    let involved = json!({"kind": "Job", "name": "migrate-hang", "uid": job["metadata"]["uid"]});
    bench
        .cluster
        .put(json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "shop"},
        "involvedObject": involved, "reason": reason, "message": message}));
    bench.restart(CrashPoint::never());
    (bench.run(id).await, bench.reason(id).await)
}

#[tokio::test]
async fn a_hook_that_the_cluster_removed_is_known_by_its_event() {
    let (state, _) = after_event("Completed", "Job completed").await;
    assert_eq!(state, OperationState::Succeeded);
    let (state, reason) = after_event("BackoffLimitExceeded", "Job has reached the limit").await;
    assert_eq!(state, OperationState::Failed);
    assert_eq!(
        reason,
        "step `migrate` failed: Job shop/migrate-hang: BackoffLimitExceeded: Job has reached the limit"
    );
    let (state, _) = after_event("SuccessfulCreate", "Created pod").await;
    assert_eq!(state, OperationState::Paused);
}

#[tokio::test]
async fn cancels_in_the_middle_of_a_wait() {
    let bench = Bench::new().await;
    let mut wish = plan(vec![
        apply("apply", vec![deployment("web-slow", 1)]),
        wait("wait", vec![object_ref("apps/v1", "Deployment", "web-slow")], Until::Ready, OnTimeout::Fail),
        apply("never", vec![config_map("never", "1")]),
    ]);
    wish.on_failure.push(apply("tidy", vec![config_map("tidied", "1")]));
    let id = bench.operation("install", &wish).await;
    bench.clock.stop();
    let cancel = async {
        bench.clock.waited_for().await;
        bench.executor.cancel(id).await
    };
    let (state, cancelled) = tokio::join!(bench.executor.run(id), cancel);
    cancelled.unwrap();
    assert_eq!(state.unwrap(), OperationState::Cancelled);
    assert_eq!(
        bench.journal(id).await,
        ["apply: done, 1 object", "wait: failed, cancelled", "never: skipped", "tidy: done, 1 object"]
    );
    assert_eq!(bench.inventory().await, ["ConfigMap shop/tidied owned", "Deployment shop/web-slow owned"]);
    let error = bench.executor.cancel(id).await.unwrap_err();
    assert_eq!(error.to_string(), format!("operation `{id}` is over already: cancelled"));
}

#[tokio::test]
async fn cancelled_before_it_began_it_does_nothing() {
    let bench = Bench::new().await;
    let mut wish = plan(vec![apply("apply", vec![config_map("settings", "1")])]);
    wish.on_failure.push(apply("tidy", vec![config_map("tidied", "1")]));
    let id = bench.operation("install", &wish).await;
    bench.executor.cancel(id).await.unwrap();
    assert_eq!(bench.run(id).await, OperationState::Cancelled);
    assert_eq!(bench.cluster.calls(), [] as [&str; 0]);
}

#[tokio::test]
async fn waits_explain_why_they_end() {
    let bench = Bench::new().await;
    let web = || vec![object_ref("apps/v1", "Deployment", "web-slow")];
    let labels = json!({"app": "web"});
    let mut slow = deployment("web-slow", 1);
    slow["spec"]["selector"] = json!({"matchLabels": labels});
    let started = || apply("apply", vec![slow.clone()]);
    bench.cluster.put(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-hangs", "namespace": "shop", "labels": labels},
    }));
    let wish = plan(vec![started(), wait("wait", web(), Until::Ready, OnTimeout::Fail)]);
    let id = bench.operation("install", &wish).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(
        bench.reason(id).await,
        "step `wait` failed: not done after 20 seconds: Deployment shop/web-slow: 0 of 1 replicas made; \
         Pod web-hangs: its phase is Running and it is not ready"
    );
    let wish = plan(vec![started(), wait("wait", web(), Until::Ready, OnTimeout::Continue)]);
    let id = bench.operation("update", &wish).await;
    assert_eq!(bench.run(id).await, OperationState::Succeeded);
    assert!(bench.journal(id).await[1].starts_with("wait: done, went on although not done after 20 seconds"));
}

#[tokio::test]
async fn tells_which_finalizers_hold_an_object() {
    let bench = Bench::new().await;
    let mut held = config_map("held", "1");
    held["metadata"]["finalizers"] = json!(["example.com/guard"]);
    bench.done("install", plan(vec![apply("apply", vec![held])])).await;
    let wish = plan(vec![delete("delete", vec![object_ref("v1", "ConfigMap", "held")])]);
    let id = bench.operation("uninstall", &wish).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(
        bench.reason(id).await,
        "step `delete` failed: not done after 20 seconds: ConfigMap shop/held: it still exists; ConfigMap shop/held is \
         held by the finalizers `example.com/guard`: the controller that set them must run to remove them"
    );
    assert_eq!(bench.inventory().await, ["ConfigMap shop/held owned"]);
}

#[tokio::test]
async fn deletes_only_the_very_object_that_it_made() {
    let bench = Bench::new().await;
    bench.done("install", plan(vec![apply("apply", vec![config_map("settings", "1")])])).await;
    bench.cluster.take(&object_ref("v1", "ConfigMap", "settings"));
    bench.cluster.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}}));
    let wish = plan(vec![delete("delete", vec![object_ref("v1", "ConfigMap", "settings")])]);
    let id = bench.operation("uninstall", &wish).await;
    assert_eq!(bench.run(id).await, OperationState::Succeeded);
    assert_eq!(bench.names(), ["ConfigMap shop/settings"]);
    assert_eq!(
        bench.journal(id).await,
        [
            "delete: done, 0 objects deleted; ConfigMap shop/settings stays: it does not belong to this instance"
        ]
    );
}

#[tokio::test]
async fn secrets_are_made_once_and_are_nowhere_else() {
    let bench = Bench::new().await;
    let key = |name: &str| {
        serde_json::from_value(json!({"name": name, "generate": {"kind": "password", "length": 20}})).unwrap()
    };
    let step = |keys: Vec<&str>| {
        let object = object_ref("v1", "Secret", "credentials");
        Step::new("secret", Action::Secret { object, keys: keys.into_iter().map(key).collect(), keep: false })
    };
    let first = bench.done("install", plan(vec![step(vec!["password"])])).await;
    let value = |key: &str| {
        let secret = bench.cluster.snapshot().into_iter().find(|object| object["kind"] == "Secret").unwrap();
        secret["data"][key].as_str().unwrap().to_owned()
    };
    let password = value("password");
    bench.done("update", plan(vec![step(vec!["password", "token"])])).await;
    assert_eq!(value("password"), password);
    assert_ne!(value("token"), password);
    assert_eq!(bench.inventory().await, ["Secret shop/credentials create-only"]);
    let details = bench.details(first).await;
    assert!(details.contains("credentials") && !details.contains(&password), "{details}");
}

#[tokio::test]
async fn a_pause_waits_for_a_person() {
    let bench = Bench::new().await;
    let pause = Step::new("look", Action::Pause { message: "look at the data first".into() });
    let wish = plan(vec![pause, apply("apply", vec![config_map("settings", "1")])]);
    let id = bench.operation("update", &wish).await;
    assert_eq!(bench.run(id).await, OperationState::Paused);
    assert_eq!(bench.reason(id).await, "look at the data first");
    assert_eq!(bench.cluster.calls(), [] as [&str; 0]);
    bench.executor.retry(id).await.unwrap();
    assert_eq!(bench.run(id).await, OperationState::Succeeded);
    let id = bench.operation("update", &wish).await;
    assert_eq!(bench.run(id).await, OperationState::Paused);
    bench.executor.cancel(id).await.unwrap();
    assert_eq!(bench.run(id).await, OperationState::Cancelled);
}

#[tokio::test]
async fn namespaces_are_deleted_only_when_ours_and_empty() {
    let bench = Bench::without_namespace().await;
    let ensure = Step::new("ensure", Action::EnsureNamespace { namespace: "shop".into() });
    bench.done("install", plan(vec![ensure, apply("apply", vec![config_map("settings", "1")])])).await;
    let namespace = ObjectRef {
        api_version: "v1".into(),
        kind: "Namespace".into(),
        namespace: None,
        name: "shop".into(),
    };
    let remove = || delete("delete the namespace", vec![namespace.clone()]);
    let id = bench.operation("uninstall", &plan(vec![remove()])).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert!(bench.reason(id).await.contains(
        "the namespace `shop` is not empty, so it is not deleted: it holds ConfigMap shop/settings"
    ));
    let all = plan(vec![delete("delete", vec![object_ref("v1", "ConfigMap", "settings")]), remove()]);
    bench.done("uninstall", all).await;
    assert_eq!(bench.cluster.names(), [] as [&str; 0]);
    let given = Bench::new().await;
    let id = given.operation("uninstall", &plan(vec![remove()])).await;
    assert_eq!(given.run(id).await, OperationState::Failed);
    assert!(given.reason(id).await.contains("the namespace `shop` was not made by us"));
}

#[tokio::test]
async fn refuses_what_leaves_the_grant_before_anything_runs() {
    let bench = Bench::new().await;
    let mut away = config_map("settings", "1");
    away["metadata"]["namespace"] = json!("kube-system");
    let wish = plan(vec![apply("first", vec![config_map("fine", "1")]), apply("second", vec![away])]);
    let id = bench.operation("install", &wish).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(
        bench.reason(id).await,
        "step `second`: ConfigMap kube-system/settings: the namespace `kube-system` is not granted; the cluster's owner can allow it with `osc cluster grant`"
    );
    assert_eq!(bench.cluster.calls(), [] as [&str; 0]);
}

#[tokio::test]
async fn fails_when_its_cluster_cannot_be_used_any_more() {
    let bench = Bench::new().await;
    let id = bench.operation("install", &plan(vec![apply("apply", vec![config_map("settings", "1")])])).await;
    bench.lose_cluster("cluster `c` was removed");
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(bench.reason(id).await, "cluster `c` was removed");
}

#[tokio::test]
async fn definitions_are_upgraded_only_when_that_is_safe() {
    let bench = Bench::new().await;
    let crd = |kind: &str| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                    {"type": "object", "properties": {"spec": {"type": kind}}}}}]}})
    };
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "one"}});
    bench
        .done(
            "install",
            plan(vec![with_policy("crds", vec![crd("object")], Policy::Crd), apply("apply", vec![thing])]),
        )
        .await;
    assert_eq!(
        bench.inventory().await,
        ["CustomResourceDefinition things.example.com crd", "Thing shop/one owned"]
    );
    let id =
        bench.operation("upgrade", &plan(vec![with_policy("crds", vec![crd("string")], Policy::Crd)])).await;
    assert_eq!(bench.run(id).await, OperationState::Failed);
    assert_eq!(
        bench.reason(id).await,
        "step `crds` failed: CustomResourceDefinition things.example.com: the definition cannot be upgraded safely: the \
         type of `v1.spec` would change from `object` to `string`"
    );
    // No prune ever takes a definition.
    let prune = Step::new("prune", Action::Prune { propagation: Propagation::Background });
    bench.done("update", plan(vec![prune])).await;
    assert_eq!(bench.cluster.names().iter().filter(|name| name.contains("things.example.com")).count(), 1);
}
