//! Journeys with the built binary, as its users make them.

mod crash;
mod input;
mod offline;
mod releases;
mod story;
