//! Real components in the real host: each role, each limit, and what happens while plugins come and go.

mod lifecycle;
mod limits;
mod refusals;
mod released;
mod support;
mod use_of_host;
