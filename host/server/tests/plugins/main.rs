//! Real components in the real host: each role, each limit, and what happens while plugins come and go.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod lifecycle;
mod limits;
mod refusals;
mod released;
mod support;
mod use_of_host;
