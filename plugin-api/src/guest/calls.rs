//! One function per exported function: reads the request, calls the trait, writes the answer.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Component, WasmHost, WitError};
use crate::deployer::Deployer;
use crate::scanner::Scanner;
use crate::{Error, Result};

type Answer = Result<String, WitError>;

pub fn detect<C: Component>(plugin: &impl Deployer) -> Answer {
    answer(plugin.detect(&WasmHost::<C>::new()))
}

pub fn inspect<C: Component>(plugin: &impl Deployer) -> Answer {
    answer(plugin.inspect(&WasmHost::<C>::new()))
}

pub fn lint<C: Component>(plugin: &impl Deployer) -> Answer {
    answer(plugin.lint(&WasmHost::<C>::new()))
}

pub fn form<C: Component>(plugin: &impl Deployer) -> Answer {
    answer(plugin.form(&WasmHost::<C>::new()))
}

pub fn render<C: Component>(plugin: &impl Deployer, request: &str) -> Answer {
    answer(read(request).and_then(|request| plugin.render(&WasmHost::<C>::new(), request)))
}

pub fn plan<C: Component>(plugin: &impl Deployer, request: &str) -> Answer {
    answer(read(request).and_then(|request| plugin.plan(&WasmHost::<C>::new(), request)))
}

pub fn status<C: Component>(plugin: &impl Deployer, request: &str) -> Answer {
    answer(read(request).and_then(|request| plugin.status(&WasmHost::<C>::new(), request)))
}

pub fn scan<C: Component>(plugin: &impl Scanner, rendering: &str) -> Answer {
    answer(read(rendering).and_then(|rendering| plugin.scan(&WasmHost::<C>::new(), rendering)))
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
