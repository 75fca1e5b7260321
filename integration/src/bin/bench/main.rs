//! Measures the built binary as its users meet it, and prints a table. `make bench` builds for release first.

mod cluster;
mod deploy;
mod render;

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;
use osc_integration::osc::{Server, program};

/// How often quick things are repeated; the table shows the median.
const RUNS: usize = 11;

/// One line of the table.
struct Row {
    what: String,
    value: String,
}

fn row(what: impl Into<String>, value: impl Into<String>) -> Row {
    Row { what: what.into(), value: value.into() }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut rows = tokio::task::spawn_blocking(start).await??;
    rows.extend(tokio::task::spawn_blocking(render::rows).await??);
    rows.extend(cluster::rows().await?);
    rows.extend(deploy::rows().await?);
    let wide = rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
    let mut table = String::new();
    for row in rows {
        writeln!(table, "{:wide$}  {:>12}", row.what, row.value)?;
    }
    std::io::stdout().write_all(table.as_bytes())?;
    Ok(())
}

/// What a start takes until plugins are loaded, and what a server that does nothing holds.
fn start() -> Result<Vec<Row>> {
    let mut rows = vec![row("size of the binary", mib(std::fs::metadata(program()?)?.len()))];
    for command in ["serve", "sandbox"] {
        let (mut first, mut again, mut memory) = (Vec::new(), Vec::new(), 0);
        for _ in 0..5 {
            let mut server = Server::start(command, &[], None)?;
            first.push(server.loaded_in()?);
            server.stop()?;
            // Only a first start prints a link; later ones are signed in with the token that is there.
            std::fs::write(server.data().join("admin.token"), server.token())?;
            let server = Server::start(command, &[], Some(server.data()))?;
            again.push(server.loaded_in()?);
            server.osc(["cluster", "list"])?.ok()?;
            memory = server.memory()?.0;
        }
        rows.push(row(format!("osc {command}, first start to ready"), time(median(first))));
        rows.push(row(format!("osc {command}, start to ready"), time(median(again))));
        rows.push(row(format!("osc {command}, memory when idle"), mib(memory)));
    }
    Ok(rows)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn time(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..10_000 => format!("{millis} ms"),
        millis => format!("{:.1} s", millis as f64 / 1000.0),
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
