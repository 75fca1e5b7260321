//! Where recorded answers lie: `OSC_SHARED`, or `shared` beside the repository.

use std::path::PathBuf;

use serde_json::Value;

/// A file of the recorded corpora; `None`, with a line on standard error, when it is not on this machine.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("OSC_SHARED").map_or(beside, PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no recorded answers at {}", path.display());
    None
}

/// A JSON file of the recorded corpora.
pub(crate) fn json(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(file(name)?).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// Fails with the first misses when there are any.
pub(crate) fn expect_none(misses: &[String], total: usize) {
    let shown: Vec<&str> = misses.iter().take(12).map(String::as_str).collect();
    assert!(misses.is_empty(), "{} of {total} differ:\n{}", misses.len(), shown.join("\n"));
}

/// Templates nest deep, and debug builds have large frames.
pub(crate) fn with_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).unwrap().join().unwrap()
}
