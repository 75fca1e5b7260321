//! Waiting for objects of a cluster by watching them.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::StreamExt;
use kube::core::WatchEvent;
use serde_json::Value;

/// Waits until what a path answers is as wanted, an object or a list, and returns it. What cannot be read is null.
pub async fn until(
    client: &kube::Client,
    path: &str,
    limit: Duration,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let mut found = Value::Null;
    let waiting = async {
        loop {
            let request = http::Request::get(path).body(Vec::new())?;
            found = client.request(request).await.unwrap_or_default();
            if wanted(&found) {
                return anyhow::Ok(());
            }
            change(client, path, &found).await?;
        }
    };
    match tokio::time::timeout(limit, waiting).await {
        Ok(ended) => ended?,
        Err(_) => anyhow::bail!("`{path}` never got there: {found:#}"),
    }
    Ok(found)
}

/// Waits for the next change after what was found.
async fn change(client: &kube::Client, path: &str, found: &Value) -> Result<()> {
    let list = found["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    let version = found["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let watch = if list {
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{path}{separator}watch=true&resourceVersion={version}")
    } else {
        let (collection, name) = path.rsplit_once('/').context("no path of an object")?;
        format!("{collection}?watch=true&fieldSelector=metadata.name%3D{name}&resourceVersion={version}")
    };
    let request = http::Request::get(watch).body(Vec::new())?;
    let mut events = client.request_events::<Value>(request).await?.boxed();
    // A watch that ends or fails tells to look again, too.
    let _: Option<Result<WatchEvent<Value>, _>> = events.next().await;
    Ok(())
}
