//! Journeys with the built binary, as its users make them.

mod authors;
mod crash;
mod input;
mod live;
mod offline;
mod releases;
mod story;
