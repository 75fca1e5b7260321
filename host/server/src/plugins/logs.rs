//! What plugins wrote: the newest lines of each, bounded in number and length.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use osc_plugin_api::host::Level;

const KEPT: usize = 1_000;
const LINE: usize = 2_048;
const PER_CALL: usize = 200;

/// One line of a plugin's log.
#[derive(Clone, Debug)]
pub struct LogLine {
    pub time: Timestamp,
    pub level: Level,
    pub message: String,
}

/// The newest lines of one plugin, over all its versions.
#[derive(Default)]
pub(crate) struct Logs(Mutex<VecDeque<LogLine>>);

impl Logs {
    pub(crate) fn write(&self, level: Level, message: &str) {
        let mut end = message.len().min(LINE);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        let shortened = if end < message.len() { "…" } else { "" };
        let message = format!("{}{shortened}", &message[..end]);
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(LogLine { time: Timestamp::now(), level, message });
    }

    /// Oldest first.
    pub(crate) fn lines(&self) -> Vec<LogLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// How much one call wrote.
#[derive(Default)]
pub(crate) struct Volume {
    written: usize,
    dropped: u64,
}

impl Volume {
    pub(crate) fn write(&mut self, logs: &Logs, level: Level, message: &str) {
        if self.written < PER_CALL {
            self.written += 1;
            logs.write(level, message);
        } else {
            self.dropped += 1;
        }
    }

    /// Says at the end of the call what was dropped.
    pub(crate) fn finish(&self, logs: &Logs) {
        if self.dropped > 0 {
            logs.write(Level::Warn, &format!("{} more lines of this call were dropped", self.dropped));
        }
    }
}
