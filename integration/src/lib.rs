//! The harness of the end-to-end tests: clusters to test against and the programs that tests compare with.

pub mod api_client;
pub mod charts;
pub mod helm;
pub mod kubectl;
pub mod osc;
pub mod realkube;
pub mod until;

use std::fs::OpenOptions;
use std::io::{self, Write};

/// Says on one line why a test does not run here, on standard error and in the list that `make test` counts.
pub fn skip(reason: &str) {
    let _ = writeln!(io::stderr(), "skipped: {reason}");
    if let Some(list) = std::env::var_os("OSC_SKIP_LOG")
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(list)
    {
        // One write, so that lines of tests that run beside each other stay whole.
        let _ = file.write_all(format!("{reason}\n").as_bytes());
    }
}
