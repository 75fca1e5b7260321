//! Clients and executor against a real control plane. Without it (`integration/realkube/build.sh`) the tests skip.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod client;
mod crash;
mod host;
