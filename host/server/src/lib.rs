//! The server `osc`: see ARCHITECTURE.md for the map.

pub mod error;
