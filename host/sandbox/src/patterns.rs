//! Regular expressions that come from outside: compiled once for all who use them, and only up to a size that is good
//! for everybody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use regex::{Regex, RegexBuilder};

/// What a text is as a pattern.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// A pattern, and how many bytes it takes at most.
    Fine(Regex, usize),
    /// No pattern.
    Broken,
    /// More than is compiled here; what it matches is not known.
    TooLarge,
}

/// How many bytes a compiled pattern may take; most need no more than the first.
const SIZES: [usize; 3] = [1 << 16, 1 << 19, 1 << 22];
/// How many patterns are kept, and how long they may be for that.
const KEPT: usize = 512;
const KEPT_LENGTH: usize = 4_096;

static KNOWN: Mutex<Option<HashMap<String, Arc<Pattern>>>> = Mutex::new(None);

/// The pattern of a text.
pub(crate) fn pattern(text: &str) -> Arc<Pattern> {
    let mut known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(found) = known.as_ref().and_then(|known| known.get(text)) {
        return found.clone();
    }
    drop(known);
    let made = Arc::new(compile(text));
    if text.len() <= KEPT_LENGTH {
        known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let kept = known.get_or_insert_default();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(text.to_owned(), made.clone());
    }
    made
}

fn compile(text: &str) -> Pattern {
    for size in SIZES {
        match RegexBuilder::new(text).size_limit(size).dfa_size_limit(size).build() {
            Ok(regex) => return Pattern::Fine(regex, size),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(_) => return Pattern::Broken,
        }
    }
    Pattern::TooLarge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_bounded() {
        assert!(
            matches!(&*pattern("^[a-z]+$"), Pattern::Fine(regex, size) if regex.is_match("ab") && *size == SIZES[0])
        );
        assert!(matches!(&*pattern("("), Pattern::Broken));
        assert!(matches!(&*pattern(r"(\pL{999}){999}"), Pattern::TooLarge));
        for number in 0..2 * KEPT {
            pattern(&format!("^{number}$"));
        }
        assert!(KNOWN.lock().unwrap().as_ref().is_some_and(|known| known.len() <= KEPT));
    }
}
