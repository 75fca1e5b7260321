//! Rendering beside the real helm.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use osc_integration::charts::fixtures;
use osc_integration::osc::{Home, run};
use osc_integration::realkube;

use crate::{RUNS, Row, median, row, time};

/// A small chart as a process, beside the real helm if it is there.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let home = Home::new()?;
    let chart = fixtures().join("charts/greeter");
    let repeated = |mut once: Box<dyn FnMut() -> Result<()> + '_>| -> Result<Duration> {
        once()?;
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let started = Instant::now();
            once()?;
            times.push(started.elapsed());
        }
        Ok(median(times))
    };
    let path = chart.as_os_str();
    let ours = repeated(Box::new(|| {
        home.osc([std::ffi::OsStr::new("package"), "render".as_ref(), path])?.ok()?;
        Ok(())
    }))?;
    let mut rows = vec![row("osc package render, small chart", time(ours))];
    if let Some(helm) = realkube::helm() {
        let theirs = repeated(Box::new(|| {
            let mut command = Command::new(&helm);
            command.args(["template", "x"]).arg(path);
            run(command)?.ok()?;
            Ok(())
        }))?;
        rows.push(row("helm template, the same chart", time(theirs)));
    }
    Ok(rows)
}
