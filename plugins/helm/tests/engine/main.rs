//! The rendering engine against recorded answers of real Helm, where they are at hand.

mod shared;
mod yaml;
