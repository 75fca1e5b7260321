//! Clock and random numbers while planning: frozen and drawn from a seed, so that a plan can be made again.

use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};

use super::call::VirtualTime;

/// Makes a call's WASI virtual.
pub(super) fn apply(wasi: &mut WasiCtxBuilder, time: &VirtualTime) {
    let mut other = time.seed;
    other.iter_mut().for_each(|byte| *byte ^= 0x5c);
    let mut start = [0; 16];
    start.copy_from_slice(&time.seed[..16]);
    let seconds = u64::try_from(time.now.as_second()).unwrap_or(0);
    let nanoseconds = u32::try_from(time.now.subsec_nanosecond()).unwrap_or(0);
    wasi.secure_random(StdRng::from_seed(time.seed))
        .insecure_random(StdRng::from_seed(other))
        .insecure_random_seed(u128::from_le_bytes(start))
        .wall_clock(Frozen(Duration::new(seconds, nanoseconds)))
        .monotonic_clock(Frozen(Duration::ZERO));
}

struct Frozen(Duration);

impl HostWallClock for Frozen {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Frozen {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }
}
