//! What the rules of one object may cost.
//!
//! The real API server counts the steps of a rule and refuses the object when there are too many; its prices are taken
//! over. Beside them the true work of this evaluation is counted, in values that are copied or compared, since some of
//! it is free there.

use serde_json::Value;

use super::{Fault, Outcome};
use crate::patterns::{Pattern, pattern};

/// What one evaluation may cost, and all for one object.
const CALL: u64 = 1_000_000;
const OBJECT: u64 = 10_000_000;
/// How many values may be copied or compared for one object.
const WORK: u64 = 20_000_000;
/// How many bytes of a text are as much work as a value.
const TEXT: usize = 16;
/// How much work a letter is for a pattern: its bytes divided by this.
const PATTERN: usize = 1 << 13;

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// That of one evaluation.
    Call,
    /// That of the object.
    Object,
}

/// What is left.
pub(crate) struct Budget {
    call: u64,
    object: u64,
    work: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { call: CALL, object: OBJECT, work: WORK }
    }
}

impl Budget {
    /// Another evaluation begins.
    pub(super) fn begin(&mut self) {
        self.call = CALL;
    }

    /// Takes what a step costs by the real server's prices.
    pub(super) fn pay(&mut self, cost: u64) -> Outcome<()> {
        self.call = self.call.checked_sub(cost).ok_or(Fault::Spent(Limit::Call))?;
        self.object = self.object.checked_sub(cost).ok_or(Fault::Spent(Limit::Object))?;
        Ok(())
    }

    /// Takes work.
    pub(crate) fn work(&mut self, work: usize) -> Outcome<()> {
        self.work = self.work.checked_sub(work as u64).ok_or(Fault::Spent(Limit::Object))?;
        Ok(())
    }

    /// Takes the work of copying or comparing a value.
    pub(crate) fn copy(&mut self, value: &Value) -> Outcome<()> {
        self.work(weight(value))
    }

    /// Takes the work of making a text.
    pub(crate) fn text(&mut self, length: usize) -> Outcome<()> {
        self.work(1 + length / TEXT)
    }

    /// Finds the place of a pattern in a text.
    pub(super) fn find<'t>(&mut self, text: &'t str, regex: &str) -> Outcome<Option<&'t str>> {
        self.pay(tenth(text.len() + 1).saturating_mul((regex.len() as u64).div_ceil(4)))?;
        let found = pattern(regex);
        let Pattern::Fine(regex, size) = &*found else { return Err(Fault::Unknown) };
        // It may have to be compiled, which takes longer than in proportion for large ones.
        self.work((size >> 9) * (size >> 16) + text.len().saturating_mul(size / PATTERN))?;
        Ok(regex.find(text).map(|found| found.as_str()))
    }
}

/// The price of going through a text.
pub(super) fn tenth(length: usize) -> u64 {
    (length as u64).div_ceil(10)
}

/// The size that prices go by.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 1,
    }
}

/// How much there is to copy or compare.
pub(super) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len() / TEXT,
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(map) => {
            1 + map.iter().map(|(key, value)| 1 + key.len() / TEXT + weight(value)).sum::<usize>()
        }
        _ => 1,
    }
}
