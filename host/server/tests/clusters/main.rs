//! Clients and executor against a real control plane. Without it (`integration/realkube/build.sh`) the tests skip.

mod client;
mod crash;
mod host;
