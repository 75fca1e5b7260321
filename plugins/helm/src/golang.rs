//! What Go's standard library does to numbers, texts and times where templates can see it.

pub mod bytes;
pub mod glob;
pub mod number;
pub mod printf;
pub mod quote;
pub mod regexp;
pub mod time;
