//! Who owns which field: the algorithms of structured merge and diff, as server-side apply needs them.
//!
//! `fields` holds sets of paths, `merge` compares and merges values by their schema, `check` says what does not fit it,
//! `managed` keeps `metadata.managedFields` and `apply` is server-side apply.

pub mod apply;
pub mod check;
pub mod fields;
pub mod managed;
pub mod merge;
