//! Who owns which field: the algorithms of structured merge and diff, as server-side apply needs them.
//!
//! `fields` holds sets of paths, `merge` compares and merges values by their schema, `managed` keeps
//! `metadata.managedFields`.

pub mod fields;
pub mod managed;
pub mod merge;
