//! Go's `text/template`: texts with actions, parsed once, executed against values.
//!
//! Errors carry Go's positions and the printed node, because Helm's messages quote them.

pub mod ast;
pub mod error;
pub mod exec;
mod lex;
pub mod parse;
