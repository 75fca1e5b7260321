//! What plugins import: one file per interface of `osc:host`. Each function checks the grant, then works like any
//! other code of the server.

mod cluster;
mod config;
mod http;
mod kv;
mod log;
mod package;
mod transform;

use super::bindings::imports::osc::types::types;
use super::call::State;

impl types::Host for State {}
