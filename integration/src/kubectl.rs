//! The real `kubectl`, where there is one, for looking at results with somebody else's eyes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::osc::{Ended, run};
use crate::skip;

/// `kubectl` for one cluster.
pub struct Kubectl {
    kubeconfig: PathBuf,
}

impl Kubectl {
    /// None, with a line on standard error, when this machine has no `kubectl`.
    pub fn new(kubeconfig: &Path) -> Option<Kubectl> {
        if Command::new("kubectl").args(["version", "--client"]).output().is_err() {
            skip("there is no `kubectl`, so results are not looked at with it");
            return None;
        }
        Some(Kubectl { kubeconfig: kubeconfig.to_owned() })
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> Result<Ended> {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(args);
        run(command)
    }

    /// One object.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        self.run(&["get", kind, name, "-n", namespace, "-o", "json"])?.json()
    }

    /// Whether there is no such object.
    pub fn is_absent(&self, kind: &str, namespace: &str, name: &str) -> Result<bool> {
        let found = self.run(&["get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "name"])?;
        ensure!(found.code == Some(0), "{}", found.err);
        Ok(found.out.trim().is_empty())
    }
}
