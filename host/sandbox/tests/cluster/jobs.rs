//! Jobs and CronJobs.

use serde_json::{Value, json};

use crate::world::{World, is};

const JOBS: &str = "jobs.batch";

fn job(name: &str, annotations: Value, spec: Value) -> Value {
    let mut job = json!({
        "metadata": {"name": name},
        "spec": {"template": {
            "metadata": {"annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "job:1"}]},
        }},
    });
    for (key, value) in spec.as_object().unwrap() {
        job["spec"][key] = value.clone();
    }
    job
}

#[tokio::test]
async fn a_job_completes_by_itself_after_a_while_and_is_removed_when_its_time_is_over() {
    let world = World::new().await;
    world.create(JOBS, job("once", json!({}), json!({"ttlSecondsAfterFinished": 60})));
    world.until(JOBS, "once", |j| j["status"]["ready"] == 1).await;
    world.pass(5);
    let done = world.until(JOBS, "once", |j| is(j, "Complete")).await;
    assert_eq!(done["status"]["succeeded"], 1);
    assert!(world.list("pods").iter().all(|pod| pod["metadata"]["finalizers"].is_null()));
    world.pass(61);
    world.until_gone(JOBS, "once").await;
}

#[tokio::test]
async fn a_job_that_fails_is_tried_again_with_growing_pauses() {
    let world = World::new().await;
    world.create(JOBS, job("bad", json!({"sandbox.osc.io/exit": "3"}), json!({"backoffLimit": 2})));
    for (failed, pause) in [(1, 11), (2, 21)] {
        world.until(JOBS, "bad", |j| j["status"]["failed"] == failed).await;
        assert_eq!(world.list("pods").len(), failed as usize);
        world.pass(pause);
    }
    let bad = world.until(JOBS, "bad", |j| is(j, "Failed")).await;
    assert_eq!(bad["status"]["failed"], 3);
    let events = world.list("events");
    assert!(events.iter().any(|event| event["reason"] == "SuccessfulCreate"), "{events:?}");
}

#[tokio::test]
async fn an_indexed_job_gives_each_pod_its_index() {
    let world = World::new().await;
    let spec = json!({"completions": 3, "parallelism": 2, "completionMode": "Indexed"});
    world.create(JOBS, job("parts", json!({"sandbox.osc.io/exit": "0"}), spec));
    let done = world.until(JOBS, "parts", |j| is(j, "Complete")).await;
    assert_eq!(done["status"]["completedIndexes"], "0-2");
}

#[tokio::test]
async fn a_cron_job_makes_jobs_on_time() {
    let world = World::new().await;
    let template = job("x", json!({"sandbox.osc.io/exit": "0"}), json!({}));
    let spec = json!({"schedule": "*/5 * * * *", "jobTemplate": {"spec": template["spec"]}});
    world.create("cronjobs.batch", json!({"metadata": {"name": "tick"}, "spec": spec}));
    world.until("cronjobs.batch", "tick", |_| true).await;
    for number in 1..=5 {
        world.pass(300);
        let done = || world.list(JOBS).iter().filter(|job| is(job, "Complete")).count();
        world.until_true("the next job", || done() >= number.min(3)).await;
        let scheduled =
            |c: &Value| c["status"]["lastScheduleTime"].is_string() && c["status"]["active"].is_null();
        world.until("cronjobs.batch", "tick", scheduled).await;
    }
    world.until_true("the history to be cut", || world.list(JOBS).len() <= 3).await;
}

#[tokio::test]
async fn a_job_fails_by_the_rules_for_its_pods() {
    let world = World::new().await;
    let rules = json!([{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [7]}}]);
    let exit = || json!({"sandbox.osc.io/exit": "7"});
    world.create(JOBS, job("ruled", exit(), json!({"podFailurePolicy": {"rules": rules}})));
    let failed = world.until(JOBS, "ruled", |job| is(job, "Failed")).await;
    assert!(
        failed["status"].to_string().contains("failed with exit code 7 matching FailJob rule at index 0")
    );

    let spec = json!({"completions": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 0});
    world.create(JOBS, job("each", exit(), spec));
    let failed = world.until(JOBS, "each", |job| is(job, "Failed")).await;
    assert_eq!(failed["status"]["failedIndexes"], "0,1");
}
