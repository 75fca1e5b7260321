//! Errors of templates as a chain of texts, outermost first, from which Helm makes its messages.

use std::fmt;

/// An error and what caused it; each text contains the texts below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub text: String,
    pub cause: Option<Box<Chain>>,
}

impl Chain {
    /// An error without a cause.
    pub fn new(text: impl Into<String>) -> Box<Self> {
        Box::new(Self { text: text.into(), cause: None })
    }

    /// An error with a cause, whose text it must end with.
    pub fn caused(text: impl Into<String>, cause: Box<Chain>) -> Box<Self> {
        Box::new(Self { text: text.into(), cause: Some(cause) })
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Chain {}
