//! What an instance's page and `osc instance` show while it runs: its log as it comes, and what no plugin offers.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use osc_integration::charts::chart;

use crate::story::Stage;

#[test]
fn a_log_is_followed_and_missing_abilities_are_said() -> Result<()> {
    let stage = Stage::sandbox()?;
    stage.push("greeter", &chart("greeter")?)?;
    stage.change("instance deploy greeter --name web --cluster sandbox --namespace web")?;

    let once = stage.json("instance logs web")?;
    ensure!(once[0]["pod"].is_string() && once[0]["container"].is_string(), "{once}");
    let mut follow = stage.server.command(["instance", "logs", "web", "--follow", "-o", "json"])?;
    let mut following = follow.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(following.stdout.take().context("no standard output")?).lines();
    let first = lines.next().context("nothing came")??;
    let first: serde_json::Value = serde_json::from_str(&first)?;
    ensure!(first["pod"] == once[0]["pod"] && first["container"] == once[0]["container"], "{first}");
    // The stream ends with the pod.
    stage.change("instance delete web --yes")?;
    ensure!(following.wait()?.code() == Some(0), "following did not end");

    stage.change("instance deploy greeter --name web --cluster sandbox --namespace web")?;
    for command in ["metrics", "expose"] {
        let refused = stage.server.osc(["instance", command, "web"])?;
        ensure!(refused.code == Some(3), "{refused:?}");
        ensure!(refused.err.contains("hint: install one with the role"), "{refused:?}");
        ensure!(stage.server.osc(["instance", command, "nothing"])?.code == Some(4), "{command}");
    }
    ensure!(
        stage.server.osc(["instance", "logs", "web", "--container", "none"])?.code == Some(4),
        "container"
    );
    Ok(())
}
