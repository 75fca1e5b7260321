//! The binary `osc`.
fn main() {}
