//! Sets of completion indexes as their text: `0,2-4,7`.

use std::collections::BTreeSet;

/// Reads a text; what lies beyond the number of completions does not count.
pub(super) fn parse(text: &str, completions: i64) -> BTreeSet<i64> {
    let mut found = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
            found.extend(first.max(0)..=last.min(completions - 1));
        }
    }
    found
}

/// Writes it; runs of three and more are ranges.
pub(super) fn text(indexes: &BTreeSet<i64>) -> String {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => runs.push((*index, *index)),
        }
    }
    let texts = runs.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    });
    texts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_written() {
        for written in ["", "0", "0,1", "0-2", "0,2-4,7", "1,3,5,6"] {
            assert_eq!(text(&parse(written, 10)), written);
        }
        assert_eq!(text(&parse("0-9", 3)), "0-2");
    }
}
