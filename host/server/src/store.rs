//! SQLite: the only place with SQL. Functions over `&Connection`, one file per resource; no rules here.

pub mod db;
mod migrate;
