//! What plugins and the server share: documents, and the SDK that plugins are written with.
//!
//! A plugin implements [`deployer::Deployer`] or [`scanner::Scanner`] as a function of a [`host::Host`] and documents,
//! and calls [`export_deployer!`] or [`export_scanner!`]. On wasm that exports a component of the worlds in `wit/`;
//! elsewhere the plugin is a plain library, tested with [`testing::TestHost`].

extern crate self as osc_plugin_api;

pub mod deployer;
pub mod documents;
mod error;
mod export;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod guest;
pub mod host;
pub mod manifest;
pub mod objects;
pub mod scanner;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use error::{Error, Result};

/// What the expansion of the export macros names.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod __private {
    pub use wit_bindgen::rt;
}
