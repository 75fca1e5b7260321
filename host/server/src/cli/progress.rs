//! Watching an operation: its steps on standard error as they happen.
//!
//! Events only say that something changed; the operation is read anew after each, so a lost event or connection
//! costs nothing but a moment.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::client::{Client, Events, path};
use super::failure::{FAILED, Failure};
use super::output::Ui;
use super::output::table::{duration, scalar};

/// The operation is read at least this often.
const REFRESH: Duration = Duration::from_secs(5);
/// How long a server may be away before the watch gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Follows an operation to its end and answers its last state.
pub(crate) async fn watch(client: &Client, ui: &mut Ui, id: &str) -> Result<Value, Failure> {
    let place = path(&["operations", id]);
    let stream = path(&["operations", id, "events"]);
    let mut shown = Shown::default();
    let mut events: Option<Events> = None;
    let mut pause = Duration::from_millis(200);
    let mut last_seen = Instant::now();
    loop {
        // Subscribed before the state is read, so that no change falls between the two.
        if events.is_none() {
            events = client.events(&stream).await.ok();
        }
        match client.get(&place).await {
            Ok(operation) => {
                last_seen = Instant::now();
                pause = Duration::from_millis(200);
                shown.update(&operation, ui);
                if is_final(&operation) {
                    return Ok(operation);
                }
            }
            Err(failure) if failure.exit != FAILED || last_seen.elapsed() > PATIENCE => {
                return Err(failure
                    .hint(format!("the operation goes on; look again with `osc operation watch {id}`")));
            }
            Err(_) => {
                shown.lost(client.server(), ui);
                events = None;
            }
        }
        match &mut events {
            Some(stream) => {
                // A time-out is no end: the state is read again and the same stream goes on.
                if let Ok(Err(_) | Ok(None)) = timeout(REFRESH, stream.next()).await {
                    events = None;
                    tokio::time::sleep(pause).await;
                }
            }
            None => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(REFRESH);
            }
        }
    }
}

/// Whether an operation has ended.
pub(crate) fn is_final(operation: &Value) -> bool {
    matches!(operation.get("state").and_then(Value::as_str), Some("succeeded" | "failed" | "cancelled"))
}

/// What has been said so far.
#[derive(Default)]
struct Shown {
    title: bool,
    state: String,
    steps: Vec<String>,
    lost: bool,
}

impl Shown {
    fn update(&mut self, operation: &Value, ui: &mut Ui) {
        let text = |name: &str| scalar(operation.get(name));
        if self.lost {
            self.lost = false;
            ui.note("the server is back");
        }
        if !self.title {
            self.title = true;
            ui.note(&format!("operation {}: {} `{}`", text("id"), text("kind"), text("instance")));
        }
        for (i, step) in operation.get("steps").and_then(Value::as_array).into_iter().flatten().enumerate() {
            if self.steps.len() <= i {
                self.steps.push("pending".to_owned());
            }
            let state = scalar(step.get("state"));
            if self.steps[i] != state {
                if let Some(line) = step_line(step, &state) {
                    ui.note_state(&state, &line);
                }
                self.steps[i] = state;
            }
        }
        let state = text("state");
        if state != self.state {
            let reason = text("reason");
            match state.as_str() {
                "succeeded" | "failed" | "cancelled" | "paused" if reason.is_empty() => {
                    ui.note_state(&state, "")
                }
                "succeeded" | "failed" | "cancelled" | "paused" => ui.note_state(&state, &reason),
                _ => {}
            }
            self.state = state;
        }
    }

    fn lost(&mut self, server: &str, ui: &mut Ui) {
        if !self.lost {
            self.lost = true;
            ui.note(&format!("`{server}` does not answer; trying again"));
        }
    }
}

fn step_line(step: &Value, state: &str) -> Option<String> {
    let text = |name: &str| step.get(name).and_then(Value::as_str);
    let mut line = text("name").unwrap_or_default().to_owned();
    // Steps for a failure are skipped when there is none.
    if state == "pending" || state == "skipped" {
        return None;
    }
    if let Some(took) = duration(text("started_at"), text("finished_at")).filter(|_| state != "started") {
        line.push_str(&format!(" ({took})"));
    }
    if let Some(message) = text("message").filter(|message| !message.is_empty()) {
        line.push_str(&format!(": {message}"));
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use serde_json::json;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Buffer {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(data);
            Ok(data.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_change_is_said_once() {
        let buffer = Buffer::default();
        let mut ui = Ui::captured(std::io::sink(), buffer.clone());
        let mut shown = Shown::default();
        let operation = |state: &str, reason: Value, steps: Value| json!({"id": "7", "kind": "install", "instance": "shop", "state": state, "reason": reason, "steps": steps});
        let started =
            json!([{"name": "apply 3 objects", "state": "started"}, {"name": "wait", "state": "pending"}]);
        shown.update(&operation("running", Value::Null, started.clone()), &mut ui);
        shown.update(&operation("running", Value::Null, started), &mut ui);
        let ended = json!([
            {"name": "apply 3 objects", "state": "done", "started_at": "2026-05-04T12:00:00Z", "finished_at": "2026-05-04T12:00:00.25Z"},
            {"name": "wait", "state": "failed", "message": "`Deployment shop` is not ready"}]);
        shown.update(&operation("failed", json!("step `wait` failed"), ended), &mut ui);
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        assert_snapshot!(text, @r"
        operation 7: install `shop`
        started  apply 3 objects
        done     apply 3 objects (250ms)
        failed   wait: `Deployment shop` is not ready
        failed   step `wait` failed
        ");
    }
}
