//! What is kept in the object store: packages, component files and sealed documents.

pub mod archive;
pub mod blobs;
