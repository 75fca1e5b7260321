//! Each compares what the database wants with what is, takes no input, and may run any number of times.

pub(super) mod clusters;
pub(super) mod expiry;
pub(super) mod instances;
