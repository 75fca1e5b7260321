//! The controllers and the simulated kubelet on the embedded cluster, in process, with a clock that tests move.

mod jobs;
mod lifecycle;
mod pods;
mod workloads;
mod world;
