//! A real API server whose controllers, scheduler and kubelet are the sandbox's, or with `--real` the real ones and no
//! kubelet: for comparing them with recordings and for making recordings. Prints the path of a kubeconfig and runs
//! until standard input ends.

use std::io::{Read, Write};

use osc_integration::api_client::start_controllers;
use osc_integration::realkube::RealKube;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let real = std::env::args().any(|argument| argument == "--real");
    let kube = if real { RealKube::start().await? } else { RealKube::start_api_only().await? };
    let Some(kube) = kube else { return Ok(()) };
    let _manager = (!real).then(|| start_controllers(kube.client(), "a certificate"));
    writeln!(std::io::stdout(), "{}", kube.kubeconfig_path().display())?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
