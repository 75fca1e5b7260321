//! Errors of templates as a chain, outermost first, from which Helm makes its messages.

use std::fmt;

/// An error and what caused it. Its text is its own words followed by those of its causes, so that deep
/// recursion does not repeat them at every level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    own: String,
    cause: Option<Box<Chain>>,
}

impl Chain {
    /// An error without a cause.
    pub fn new(text: impl Into<String>) -> Box<Self> {
        Box::new(Self { own: text.into(), cause: None })
    }

    /// An error whose text goes on with that of its cause.
    pub fn caused(own: impl Into<String>, cause: Box<Chain>) -> Box<Self> {
        Box::new(Self { own: own.into(), cause: Some(cause) })
    }

    /// What caused it.
    pub fn cause(&self) -> Option<&Self> {
        self.cause.as_deref()
    }

    /// The text up to the next level of a template, which is all that a level's own message is made of.
    pub fn head(&self) -> String {
        let mut head = self.own.clone();
        let mut next = self.cause();
        while let Some(chain) = next {
            head.push_str(&chain.own);
            if chain.own.starts_with("template:") {
                break;
            }
            next = chain.cause();
        }
        head
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut next = Some(self);
        while let Some(chain) = next {
            f.write_str(&chain.own)?;
            next = chain.cause();
        }
        Ok(())
    }
}

impl std::error::Error for Chain {}

impl Drop for Chain {
    /// One after the other: a chain may be longer than the stack is deep.
    fn drop(&mut self) {
        let mut next = self.cause.take();
        while let Some(mut chain) = next {
            next = chain.cause.take();
        }
    }
}
