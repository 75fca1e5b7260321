//! gobwas/glob with `/` as separator, for `.Files.Glob`.

/// How many alternatives and characters a match may look at.
const MAX_WORK: usize = 1_000_000;

/// Whether a name matches; a malformed pattern matches everything, as in Helm.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let Some(open) = open_alternatives(&pattern) else { return true };
    // Alternatives without an end go up to the end of the pattern.
    pattern.extend(std::iter::repeat_n('}', open));
    let mut work = 0;
    matches_at(&pattern, &name, &mut work)
}

/// How many alternatives have no end; `None` for a malformed pattern.
fn open_alternatives(pattern: &[char]) -> Option<usize> {
    let (mut open, mut i) = (0usize, 0);
    while i < pattern.len() {
        match pattern[i] {
            '\\' => i += 2,
            '[' => i += 1 + class(&pattern[i + 1..])?.1,
            '{' => (open, i) = (open + 1, i + 1),
            '}' => (open, i) = (open.saturating_sub(1), i + 1),
            _ => i += 1,
        }
    }
    Some(open)
}

/// A class of characters.
struct Class {
    negated: bool,
    ranged: Option<(char, char)>,
    listed: Vec<char>,
}

/// The class behind a `[`, and how long it is with its end; `None` if it is malformed.
fn class(pattern: &[char]) -> Option<(Class, usize)> {
    let negated = pattern.first() == Some(&'!');
    let body = &pattern[usize::from(negated)..];
    let read = |class: Class, length: usize| Some((class, usize::from(negated) + length));
    if let [low, '-', high, ']', ..] = body {
        return (low <= high)
            .then_some(())
            .and_then(|()| read(Class { negated, ranged: Some((*low, *high)), listed: Vec::new() }, 4));
    }
    if body.get(1) == Some(&'-') {
        return None;
    }
    let (mut listed, mut i) = (Vec::new(), 0);
    loop {
        match *body.get(i)? {
            ']' if listed.is_empty() => return None,
            ']' => return read(Class { negated, ranged: None, listed }, i + 1),
            '\\' => {
                listed.push(*body.get(i + 1)?);
                i += 2;
            }
            c => {
                listed.push(c);
                i += 1;
            }
        }
    }
}

fn matches_at(pattern: &[char], name: &[char], work: &mut usize) -> bool {
    *work += 1;
    if *work > MAX_WORK {
        return false;
    }
    let Some((&c, rest)) = pattern.split_first() else { return name.is_empty() };
    match c {
        '*' => {
            let double = rest.first() == Some(&'*');
            let rest = if double { &rest[1..] } else { rest };
            for i in 0..=name.len() {
                if matches_at(rest, &name[i..], work) {
                    return true;
                }
                if !double && name.get(i) == Some(&'/') {
                    return false;
                }
            }
            false
        }
        '?' => name.first().is_some_and(|n| *n != '/') && matches_at(rest, &name[1..], work),
        '[' => {
            let (Some((class, length)), Some((&n, tail))) = (class(rest), name.split_first()) else {
                return false;
            };
            let inside = match class.ranged {
                Some((low, high)) => (low..=high).contains(&n),
                None => class.listed.contains(&n),
            };
            inside != class.negated && matches_at(&rest[length..], tail, work)
        }
        '{' => {
            let (alternatives, after) = split_alternatives(rest);
            alternatives.iter().any(|alternative| {
                let joined: Vec<char> = alternative.iter().chain(after).copied().collect();
                matches_at(&joined, name, work)
            })
        }
        '\\' => match (rest.split_first(), name.split_first()) {
            (Some((c, rest)), Some((n, tail))) => c == n && matches_at(rest, tail, work),
            _ => false,
        },
        c => name.first() == Some(&c) && matches_at(rest, &name[1..], work),
    }
}

/// The alternatives up to the closing brace, and what follows it.
fn split_alternatives(pattern: &[char]) -> (Vec<&[char]>, &[char]) {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    let mut i = 0;
    while i < pattern.len() {
        match pattern[i] {
            '\\' => i += 1,
            '[' => i += class(&pattern[i + 1..]).map_or(0, |(_, length)| length),
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&pattern[start..i]);
                return (found, &pattern[i + 1..]);
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&pattern[start..i]);
                start = i + 1;
            }
            _ => {}
        }
        i += 1;
    }
    (found, &[])
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stop_at_slashes_unless_doubled() {
        assert!(matches("config/*", "config/a.conf"));
        assert!(!matches("config/*", "config/x/a.conf"));
        assert!(matches("config/**", "config/x/a.conf"));
        assert!(matches("**.yaml", "a/b.yaml"));
        assert!(matches("{a,b}/*.{json,yaml}", "b/x.json"));
        assert!(matches("[!a]b", "cb"));
        assert!(!matches("[a-c]b", "db"));
    }

    #[test]
    fn odd_patterns_are_read_as_the_library_does() {
        assert!(matches("[", "x") && matches("[a-]", "x") && matches("[]a]", "x"));
        assert!(matches("{a,b", "b") && !matches("{a,b", "c"));
        assert!(matches("a}", "a}") && !matches("a}", "a"));
        assert!(matches("[\\]]", "]") && !matches("[!!]", "!"));
    }
}
