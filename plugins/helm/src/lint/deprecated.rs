//! API versions that Kubernetes has deprecated, from the definitions of Kubernetes 1.37.

/// One line per kind: API version, kind, deprecated in, removed in (or `-`), replacement.
const TABLE: &str = include_str!("deprecated_apis.txt");

/// What Helm says about a kind of an API version on a cluster.
pub(super) fn check(api_version: &str, kind: &str, cluster: (u32, u32)) -> Result<(), String> {
    let Some(entry) = find(api_version, kind) else { return Ok(()) };
    if number(entry.deprecated) > cluster {
        return Ok(());
    }
    let mut text = format!("{api_version} {kind} is deprecated in v{}+", entry.deprecated);
    if let Some(removed) = entry.removed {
        text.push_str(&format!(", unavailable in v{removed}+"));
    }
    if let Some((api_version, kind)) = entry.replacement {
        text.push_str(&format!("; use {api_version} {kind}"));
    }
    Err(text)
}

struct Entry {
    deprecated: &'static str,
    removed: Option<&'static str>,
    replacement: Option<(&'static str, &'static str)>,
}

fn find(api_version: &str, kind: &str) -> Option<Entry> {
    TABLE.lines().find_map(|line| {
        let mut words = line.split(' ');
        if words.next()? != api_version || words.next()? != kind {
            return None;
        }
        let deprecated = words.next()?;
        let removed = words.next().filter(|removed| *removed != "-");
        Some(Entry { deprecated, removed, replacement: words.next().zip(words.next()) })
    })
}

fn number(version: &str) -> (u32, u32) {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    (major.parse().unwrap_or_default(), minor.parse().unwrap_or_default())
}
