//! The server dies at every point there is, starts again, and ends where an undisturbed run ends.

use osc_plugin_api::documents::plan::{HookDelete, OnTimeout, Plan, Policy, Propagation, Until};
use serde_json::Value;

use super::bench::{Bench, config_map, deployment, hook, job, object_ref, plan};
use super::{apply, delete, wait, with_policy};
use crate::operations::journal::CrashPoint;
use crate::store::operations::OperationState;
use osc_plugin_api::documents::plan::{Action, Step};

fn record(name: &str, state: &str) -> Step {
    with_policy(name, vec![config_map("record", state)], Policy::Record)
}

fn revision(value: &str, extra: &str) -> Plan {
    let mut revision = plan(vec![
        Step::new("ensure", Action::EnsureNamespace { namespace: "shop".into() }),
        record("record pending", "pending"),
        hook("before", job("before"), vec![HookDelete::Before, HookDelete::Succeeded]),
        apply("apply", vec![config_map("settings", value), config_map(extra, "1"), deployment("web", 1)]),
        Step::new("prune", Action::Prune { propagation: Propagation::Background }),
        wait("wait", vec![object_ref("apps/v1", "Deployment", "web")], Until::Ready, OnTimeout::Fail),
        hook("after", job("after"), vec![HookDelete::Before]),
        record("record deployed", "deployed"),
    ]);
    revision.on_failure.push(record("record failed", "failed"));
    revision
}

fn removal() -> Plan {
    let own = ["settings", "second"].map(|name| object_ref("v1", "ConfigMap", name));
    let refs = own.into_iter().chain([object_ref("apps/v1", "Deployment", "web")]).collect();
    plan(vec![
        record("record leaving", "leaving"),
        hook("before delete", job("leave"), vec![HookDelete::Before, HookDelete::Succeeded]),
        delete("delete", refs),
        hook("after delete", job("left"), vec![HookDelete::Before, HookDelete::Succeeded]),
        delete("delete the record", vec![object_ref("v1", "ConfigMap", "record")]),
    ])
}

/// What leads up to the operation that is disturbed, and that operation.
fn scenario(name: &str) -> (Vec<(&'static str, Plan)>, (&'static str, Plan)) {
    let first = || ("install", revision("1", "first"));
    let second = || ("update", revision("2", "second"));
    match name {
        "install" => (vec![], first()),
        "update" => (vec![first()], second()),
        "rollback" => (vec![first(), second()], ("rollback", revision("1", "first"))),
        "failure" => {
            let mut failing = revision("2", "second");
            failing.steps.insert(5, hook("broken", job("broken-fail"), vec![HookDelete::Failed]));
            (vec![first()], ("update", failing))
        }
        _ => (vec![first(), second()], ("uninstall", removal())),
    }
}

/// Everything that must be the same in the end.
#[derive(Debug, PartialEq)]
struct Outcome {
    state: OperationState,
    objects: Vec<Value>,
    inventory: Vec<String>,
    journal: Vec<String>,
    hooks_made: usize,
    ends: Vec<String>,
}

async fn outcome(bench: &Bench, id: i64, state: OperationState) -> Outcome {
    // Messages may differ: what was deleted before the crash is not counted again after it.
    let journal = bench.journal(id).await;
    let journal =
        journal.into_iter().map(|line| line.split(',').next().unwrap_or_default().to_owned()).collect();
    Outcome {
        state,
        objects: bench.cluster.snapshot(),
        inventory: bench.inventory().await,
        journal,
        hooks_made: bench.count("create Job"),
        ends: bench.ends(),
    }
}

async fn prepared(name: &str) -> (Bench, i64) {
    let bench = Bench::without_namespace().await;
    let (before, (kind, wish)) = scenario(name);
    for (kind, plan) in before {
        bench.done(kind, plan).await;
    }
    let id = bench.operation(kind, &wish).await;
    (bench, id)
}

async fn undisturbed(name: &str) -> Outcome {
    let (bench, id) = prepared(name).await;
    let state = bench.run(id).await;
    outcome(&bench, id, state).await
}

/// Dies after each write of the journal.
async fn dies_after_journal_writes(name: &str) {
    let expected = undisturbed(name).await;
    for writes in 1.. {
        let (mut bench, id) = prepared(name).await;
        bench.restart(CrashPoint::fail_after(writes));
        let crashed = bench.executor.run(id).await.is_err();
        bench.restart(CrashPoint::never());
        let state = bench.run(id).await;
        assert_eq!(outcome(&bench, id, state).await, expected, "{name}, dead after {writes} writes");
        if !crashed {
            assert!(writes > 5, "{name} wrote its journal only {writes} times");
            return;
        }
    }
}

/// Dies after each change of the cluster, before the journal knows of it.
async fn dies_after_changes(name: &str) {
    let expected = undisturbed(name).await;
    for changes in 1.. {
        let (mut bench, id) = prepared(name).await;
        bench.cluster.die_after(Some(changes));
        bench.run_until_death(id).await;
        let died = bench.ends().len() < expected.ends.len();
        bench.cluster.die_after(None);
        bench.restart(CrashPoint::never());
        let state = bench.run(id).await;
        assert_eq!(outcome(&bench, id, state).await, expected, "{name}, dead after {changes} changes");
        if !died {
            assert!(changes > 3, "{name} made only {changes} changes");
            return;
        }
    }
}

#[tokio::test]
async fn an_install_survives() {
    dies_after_journal_writes("install").await;
    dies_after_changes("install").await;
}

#[tokio::test]
async fn an_update_survives() {
    dies_after_journal_writes("update").await;
    dies_after_changes("update").await;
}

#[tokio::test]
async fn a_rollback_survives() {
    dies_after_journal_writes("rollback").await;
    dies_after_changes("rollback").await;
}

#[tokio::test]
async fn a_delete_with_hooks_survives() {
    dies_after_journal_writes("delete").await;
    dies_after_changes("delete").await;
}

#[tokio::test]
async fn a_failing_update_survives() {
    dies_after_journal_writes("failure").await;
    dies_after_changes("failure").await;
}
