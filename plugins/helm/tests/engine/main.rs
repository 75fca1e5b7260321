//! The rendering engine against recorded answers of real Helm, where they are at hand.

mod corpus;
mod functions;
mod shared;
mod yaml;
