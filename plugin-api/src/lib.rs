//! What plugins and the server share: documents, and the SDK that plugins are written with.

pub mod documents;
