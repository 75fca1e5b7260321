//! Serves a cluster until it is interrupted: `cargo run -p osc-sandbox --example cluster -- FOLDER [--api-only]`.
//! With `--api-only` no controllers run, as on the server that the operations were recorded from.

use std::io::Write;
use std::path::PathBuf;

use osc_sandbox::{Cluster, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data_dir = std::env::args().nth(1).map(PathBuf::from);
    let controllers = !std::env::args().any(|argument| argument == "--api-only");
    let cluster = Cluster::start(Options { data_dir, controllers, ..Options::default() }).await?;
    writeln!(std::io::stderr(), "serving on https://{}", cluster.addr())?;
    tokio::signal::ctrl_c().await?;
    cluster.shutdown().await;
    Ok(())
}
