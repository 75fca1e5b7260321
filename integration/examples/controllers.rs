//! A real API server whose controllers, scheduler and kubelet are the sandbox's: for comparing them with recordings.
//! Prints the path of a kubeconfig and runs until standard input ends.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use osc_integration::api_client::{ApiClient, NODE};
use osc_integration::realkube::RealKube;
use osc_sandbox::clock::SystemClock;
use osc_sandbox::controllers;
use osc_sandbox::kubelet::Kubelet;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some(kube) = RealKube::start_api_only().await? else { return Ok(()) };
    let kubelet = Kubelet::new(NODE).with_pace(Duration::from_millis(100));
    let settings = controllers::Settings { root_ca: "simulated".to_owned() };
    let client = Arc::new(ApiClient::new(kube.client()));
    let _manager = controllers::start(client, Arc::new(SystemClock), &settings, vec![Arc::new(kubelet)]);
    writeln!(std::io::stdout(), "{}", kube.kubeconfig_path().display())?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
