//! What runs without being asked: reconcilers on a timer and when poked, and open operations.

mod driver;
mod reconcilers;

pub use driver::run;
