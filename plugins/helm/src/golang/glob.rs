//! gobwas/glob with `/` as separator, for `.Files.Glob`.

/// How many alternatives and characters a match may look at.
const MAX_WORK: usize = 1_000_000;

/// Whether a name matches; a malformed pattern matches everything, as in Helm.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    if !is_valid(&pattern) {
        return true;
    }
    let mut work = 0;
    matches_at(&pattern, &name, &mut work)
}

fn is_valid(pattern: &[char]) -> bool {
    let (mut braces, mut class, mut i) = (0usize, false, 0);
    while i < pattern.len() {
        match pattern[i] {
            '\\' => i += 1,
            '[' if !class => class = true,
            ']' if class => class = false,
            '{' if !class => braces += 1,
            '}' if !class => match braces.checked_sub(1) {
                Some(left) => braces = left,
                None => return false,
            },
            _ => {}
        }
        i += 1;
    }
    braces == 0 && !class
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
            let Some(end) = rest.iter().position(|c| *c == ']') else { return false };
            let (class, after) = (&rest[..end], &rest[end + 1..]);
            let Some((&n, tail)) = name.split_first() else { return false };
            let (negated, class) = match class.first() {
                Some('!') => (true, &class[1..]),
                _ => (false, class),
            };
            let inside = match class {
                [low, '-', high] => (*low..=*high).contains(&n),
                list => list.contains(&n),
            };
            inside != negated && matches_at(after, tail, work)
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
}
