//! The rendering engine against recorded answers of real Helm, where they are at hand.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its input fails")]

mod charts;
mod corpus;
mod functions;
mod shared;
mod snippets;
mod yaml;
