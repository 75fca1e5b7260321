//! The one error of plugins: a refusal that a person should read. A panic is a bug instead, and traps.

use serde_json::{Map, Value};

/// A refusal with a stable code; crosses the boundary as `osc:types/types.error`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Stable, in kebab-case: `invalid-values`, `not-supported`.
    pub code: String,
    /// One sentence that names the thing and the way out; lower case, no full stop.
    pub message: String,
    /// A JSON object with more, empty when there is none.
    pub details: Value,
}

/// Result of everything that a plugin does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without details.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Error {
        Error { code: code.into(), message: message.into(), details: Value::Object(Map::new()) }
    }

    /// The same error with one more detail.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Error {
        if !self.details.is_object() {
            self.details = Value::Object(Map::new());
        }
        if let Value::Object(details) = &mut self.details {
            details.insert(key.to_owned(), value.into());
        }
        self
    }

    /// `not-supported`: the plugin does not do this.
    pub fn not_supported(message: impl Into<String>) -> Error {
        Error::new("not-supported", message)
    }

    /// `invalid-package`: the package cannot be used as it is.
    pub fn invalid_package(message: impl Into<String>) -> Error {
        Error::new("invalid-package", message)
    }

    /// `invalid-values`: the user's values do not fit the package.
    pub fn invalid_values(message: impl Into<String>) -> Error {
        Error::new("invalid-values", message)
    }

    /// `invalid-document`: a document that crossed the boundary cannot be read.
    pub fn invalid_document(message: impl Into<String>) -> Error {
        Error::new("invalid-document", message)
    }
}
