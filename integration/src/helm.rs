//! The real `helm` as a second client of a cluster.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::osc::{Ended, run};
use crate::realkube;

/// `helm` for one namespace of one cluster.
pub struct Helm {
    program: PathBuf,
    kubeconfig: PathBuf,
    namespace: String,
    home: TempDir,
}

impl Helm {
    /// None, with a line on standard error, when it has not been built.
    pub fn new(kubeconfig: &Path, namespace: &str) -> Result<Option<Helm>> {
        let Some(program) = realkube::helm() else { return Ok(None) };
        let kubeconfig = kubeconfig.to_owned();
        Ok(Some(Helm { program, kubeconfig, namespace: namespace.to_owned(), home: tempfile::tempdir()? }))
    }

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .arg("--namespace")
            .arg(&self.namespace)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .env("HOME", self.home.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end; answers what it printed.
    pub fn run(&self, line: &str) -> Result<String> {
        self.ended(line)?.ok().with_context(|| format!("helm {line}"))
    }

    /// Runs it to its end, however that is.
    pub fn ended(&self, line: &str) -> Result<Ended> {
        run(self.command(line.split(' ')))
    }

    /// What it prints as JSON.
    pub fn json(&self, line: &str) -> Result<Value> {
        let text = self.run(&format!("{line} -o json"))?;
        serde_json::from_str(&text).with_context(|| format!("helm {line}: no JSON: {text}"))
    }

    /// Starts it in the background.
    pub fn start(&self, line: &str) -> Result<Child> {
        let mut command = self.command(line.split(' '));
        Ok(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    /// The revisions of a release as `NUMBER STATE`, oldest first.
    pub fn history(&self, release: &str) -> Result<Vec<String>> {
        let history = self.json(&format!("history {release}"))?;
        let revisions = history.as_array().context("no list")?.iter();
        let line = |revision: &Value| {
            format!("{} {}", revision["revision"], revision["status"].as_str().unwrap_or_default())
        };
        Ok(revisions.map(line).collect())
    }
}
