//! Serves a cluster until it is interrupted: `cargo run -p osc-sandbox --example cluster -- FOLDER`.

use std::io::Write;
use std::path::PathBuf;

use osc_sandbox::{Cluster, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data_dir = std::env::args().nth(1).map(PathBuf::from);
    let cluster = Cluster::start(Options { data_dir, ..Options::default() }).await?;
    writeln!(std::io::stderr(), "serving on https://{}", cluster.addr())?;
    tokio::signal::ctrl_c().await?;
    cluster.shutdown().await;
    Ok(())
}
