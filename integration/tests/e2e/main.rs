//! Journeys with the built binary, as its users make them.

mod input;
mod offline;
mod story;
