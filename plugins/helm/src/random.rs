//! Random numbers from the host: on a real machine random, while planning the same for the same plan.

use rand::{Rng as _, RngExt as _};

/// Fills a buffer.
pub(crate) fn fill(buffer: &mut [u8]) {
    rand::rng().fill_bytes(buffer);
}

/// A number below the bound, which is not 0.
pub(crate) fn below(bound: u64) -> u64 {
    rand::rng().random_range(0..bound.max(1))
}

/// A text of characters of an alphabet.
pub(crate) fn text(alphabet: &[u8], length: usize) -> String {
    (0..length).map(|_| alphabet[below(alphabet.len() as u64) as usize] as char).collect()
}
