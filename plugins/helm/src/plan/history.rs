//! The records of a release that the cluster holds.

use osc_plugin_api::{Error, Result};

use super::Context;
use crate::release::{OPERATION, Record, State};

/// Records that a release keeps; Helm's default.
const MAX_RECORDS: usize = 10;

/// All revisions of a release, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) records: Vec<Record>,
    /// Records that cannot be read.
    pub(super) warnings: Vec<String>,
}

impl History {
    pub(super) fn read(context: &Context<'_>) -> Result<Self> {
        let selector = format!("owner=helm,name={}", context.release());
        let secrets = context.host.list("v1", "Secret", Some(context.namespace()), Some(&selector))?;
        let mut history = Self::default();
        for secret in secrets
            .iter()
            .filter(|secret| secret["type"].as_str().is_none_or(|kind| kind == "helm.sh/release.v1"))
        {
            match Record::from_secret(secret) {
                Ok(record) => history.records.push(record),
                Err(reason) => history.warnings.push(reason),
            }
        }
        history.records.sort_by_key(Record::version);
        Ok(history)
    }

    pub(super) fn last(&self) -> Option<&Record> {
        self.records.last()
    }

    pub(super) fn find(&self, version: u32) -> Option<&Record> {
        self.records.iter().find(|record| record.version() == version)
    }

    /// The revision in force: the last deployed one, else the last.
    pub(super) fn deployed(&self) -> Option<&Record> {
        self.records.iter().rev().find(|record| record.state() == State::Deployed).or_else(|| self.last())
    }

    /// The number of the next revision; the server's own count wins unless the cluster is ahead.
    pub(super) fn next_version(&self, wanted: u32) -> u32 {
        let next = self.last().map_or(1, |record| record.version().saturating_add(1));
        next.max(wanted).max(1)
    }

    /// The revision that another program works on, or left unfinished.
    fn foreign(&self) -> Option<&Record> {
        self.last().filter(|last| last.state().is_pending() && !last.description().starts_with(OPERATION))
    }

    /// Refuses to work beside another program.
    pub(super) fn check_idle(&self) -> Result<()> {
        let Some(last) = self.foreign() else { return Ok(()) };
        Err(Error::new(
            "operation-in-progress",
            format!(
                "another program works on release `{}`: revision {} is {}; wait for it, or roll the instance back if \
                 that program is gone",
                last.name(),
                last.version(),
                last.state().name()
            ),
        ))
    }

    /// What ends the work of another program, as `helm rollback` and `helm uninstall` do, says so.
    pub(super) fn warnings_of_ending(&self) -> Vec<String> {
        let ending = self.foreign().map(|last| {
            format!(
                "revision {} of release `{}` is {}: this ends it, so make sure that no other program is at work",
                last.version(),
                last.name(),
                last.state().name()
            )
        });
        self.warnings.iter().cloned().chain(ending).collect()
    }

    /// The revision that nobody will finish, marked as failed.
    pub(super) fn abandoned(&self) -> Option<Record> {
        self.last().filter(|last| last.state().is_pending()).map(abandon)
    }

    /// Records that are over once another one is stored: all but the newest and those in force.
    pub(super) fn surplus(&self) -> Vec<&Record> {
        let kept = MAX_RECORDS - 1;
        let old = self.records.iter().rev().skip(kept);
        old.filter(|record| record.state() != State::Deployed).collect()
    }

    /// What becomes of the older records once a new one is deployed.
    pub(super) fn superseded(&self) -> Vec<Record> {
        let is_open = |record: &&Record| record.state() == State::Deployed || record.state().is_pending();
        self.records
            .iter()
            .filter(is_open)
            .map(|record| match record.state() {
                // An operation of ours that never came to its end.
                state if state.is_pending() => abandon(record),
                _ => record.with_state(State::Superseded, record.description()),
            })
            .collect()
    }
}

fn abandon(record: &Record) -> Record {
    record.with_state(State::Failed, format!("{} (abandoned)", record.description()))
}
