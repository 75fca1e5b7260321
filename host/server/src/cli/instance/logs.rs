//! `osc instance logs`: the last lines of a pod, and new ones as they come.

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::Value;
use tokio::time::Instant;

use crate::cli::client::{Events, path};
use crate::cli::failure::{FAILED, Failure};
use crate::cli::output::{Format, OutputArgs, plain, plain_block};
use crate::cli::{Session, duration};

/// How long a server may be away before following gives up.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Name or id of the instance
    instance: String,
    /// This pod; the first when left out
    #[arg(long)]
    pod: Option<String>,
    /// This container; the pod's main one when left out
    #[arg(long, short = 'c')]
    container: Option<String>,
    /// How many of the last lines
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
    /// Only lines of this last time, such as `90s`, `5m` or `1h`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    since: Option<u32>,
    /// Of the container's run before
    #[arg(long)]
    previous: bool,
    /// Go on with new lines until the container ends
    #[arg(long, short = 'f', conflicts_with = "previous")]
    follow: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(session: &mut Session, args: LogsArgs) -> Result<(), Failure> {
    let filters = [
        ("pod", args.pod),
        ("container", args.container),
        ("tail", args.tail.map(|lines| lines.to_string())),
        ("since_seconds", args.since.map(|seconds| seconds.to_string())),
        ("previous", args.previous.then(|| "true".to_owned())),
    ];
    let query: Vec<(&str, String)> =
        filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    if args.follow {
        return follow(session, &path(&["instances", &args.instance, "logs", "follow"]), &query, args.output)
            .await;
    }
    let place = path(&["instances", &args.instance, "logs"]);
    let found = session.client.send(session.client.request(Method::GET, &place).query(&query)).await?;
    let lines = found.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
    match args.output.format {
        Format::Table => session.ui.text(&log_text(&lines, &mut String::new())),
        format => session.ui.document(format, &Value::Array(lines)),
    }
}

/// Prints what comes until the container ends. A server that went away is waited for, and nothing is printed twice.
async fn follow(
    session: &mut Session,
    place: &str,
    query: &[(&str, String)],
    output: OutputArgs,
) -> Result<(), Failure> {
    let mut last_event = None;
    let mut source = String::new();
    let mut events = connect(session, place, query, None).await?;
    let mut last_heard = Instant::now();
    loop {
        match events.next().await {
            Ok(Some(event)) => {
                last_heard = Instant::now();
                if event.fields.get("event").is_some_and(|name| name == "end") {
                    return Ok(());
                }
                last_event = event.fields.get("id").cloned().or(last_event);
                let data = event.fields.get("data").and_then(|data| serde_json::from_str::<Value>(data).ok());
                if let Some(lines) = data {
                    print(session, output.format, &lines, &mut source)?;
                }
            }
            Ok(None) | Err(_) => {
                events = loop {
                    tokio::time::sleep(PAUSE).await;
                    match connect(session, place, query, last_event.as_deref()).await {
                        Ok(events) => break events,
                        Err(failure) if failure.exit != FAILED || last_heard.elapsed() > PATIENCE => {
                            return Err(failure);
                        }
                        Err(_) => {}
                    }
                };
            }
        }
    }
}

async fn connect(
    session: &Session,
    place: &str,
    query: &[(&str, String)],
    last_event: Option<&str>,
) -> Result<Events, Failure> {
    let mut request = session.client.request(Method::GET, place).query(query);
    if let Some(id) = last_event {
        request = request.header("Last-Event-ID", id);
    }
    session.client.stream(request).await
}

fn print(session: &mut Session, format: Format, lines: &Value, source: &mut String) -> Result<(), Failure> {
    match format {
        Format::Table => session.ui.text(&log_text(std::slice::from_ref(lines), source)),
        // One document a line, so that a program can read along.
        Format::Json => session.ui.text(&format!("{lines}\n")),
        Format::Yaml => {
            session.ui.text("---\n")?;
            session.ui.document(format, lines)
        }
    }
}

/// Log lines, headed by pod and container where these are others than `source`.
fn log_text(lines: &[Value], source: &mut String) -> String {
    let mut text = String::new();
    for line in lines {
        let field = |name: &str| line.get(name).and_then(Value::as_str);
        let here = match (field("pod"), field("container")) {
            (Some(pod), Some(container)) => format!("==> {pod} {container}"),
            (Some(pod), None) => format!("==> {pod}"),
            _ => String::new(),
        };
        if here != *source {
            text.push_str(&format!("{}\n", plain(&here)));
            *source = here;
        }
        let message =
            line.as_str().or_else(|| field("message")).or_else(|| field("text")).or_else(|| field("log"));
        text.push_str(plain_block(message.unwrap_or_default()).trim_end_matches('\n'));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn log_lines_are_headed_by_their_pod() {
        let lines = [
            json!({"pod": "a", "container": "web", "message": "one\n"}),
            json!({"pod": "a", "container": "web", "message": "two"}),
            json!({"pod": "b", "container": "web", "message": "three"}),
        ];
        assert_eq!(log_text(&lines, &mut String::new()), "==> a web\none\ntwo\n==> b web\nthree\n");
    }
}
