//! The controllers and the simulated kubelet on the embedded cluster, in process, with a clock that tests move.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod extensions;
mod jobs;
mod lifecycle;
mod pods;
mod workloads;
mod world;
