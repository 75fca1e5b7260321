//! One function per exported function: reads the request, calls the trait, writes the answer.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{WasmHost, WitError};
use crate::deployer::Deployer;
use crate::scanner::Scanner;
use crate::{Error, Result};

type Answer = Result<String, WitError>;

pub fn detect(plugin: &impl Deployer) -> Answer {
    answer(plugin.detect(&WasmHost))
}

pub fn inspect(plugin: &impl Deployer) -> Answer {
    answer(plugin.inspect(&WasmHost))
}

pub fn lint(plugin: &impl Deployer) -> Answer {
    answer(plugin.lint(&WasmHost))
}

pub fn form(plugin: &impl Deployer) -> Answer {
    answer(plugin.form(&WasmHost))
}

pub fn render(plugin: &impl Deployer, request: &str) -> Answer {
    answer(read(request).and_then(|request| plugin.render(&WasmHost, request)))
}

pub fn plan(plugin: &impl Deployer, request: &str) -> Answer {
    answer(read(request).and_then(|request| plugin.plan(&WasmHost, request)))
}

pub fn status(plugin: &impl Deployer, request: &str) -> Answer {
    answer(read(request).and_then(|request| plugin.status(&WasmHost, request)))
}

pub fn scan(plugin: &impl Scanner, rendering: &str) -> Answer {
    answer(read(rendering).and_then(|rendering| plugin.scan(&WasmHost, rendering)))
}

fn read<T: DeserializeOwned>(document: &str) -> Result<T> {
    serde_json::from_str(document).map_err(|error| Error::invalid_document(format!("request: {error}")))
}

fn answer<T: Serialize>(result: Result<T>) -> Answer {
    let text = result.and_then(|document| {
        serde_json::to_string(&document).map_err(|error| Error::invalid_document(format!("answer: {error}")))
    });
    text.map_err(|error| WitError {
        code: error.code,
        message: error.message,
        details: error.details.to_string(),
    })
}
