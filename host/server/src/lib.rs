//! The server `osc`: see ARCHITECTURE.md for the map.

pub mod error;
pub mod registry;
pub mod secrets;
pub mod store;
