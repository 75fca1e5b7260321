//! What Go's standard library does to numbers, strings and times where templates can see it.

pub mod number;
