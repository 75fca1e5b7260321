//! Where in the chart a message points to.

use std::sync::LazyLock;

use regex::Regex;

/// `line 12:` in the words of the YAML library.
static YAML_LINE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"yaml: line ([0-9]+)").expect("the pattern is constant"));
/// `NAME/templates/x.yaml:12` in the words of the template engine.
static TEMPLATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[^\s(/]+/((?:charts/[^\s(]+/)?templates/[^\s:()]+):([0-9]+)")
        .expect("the pattern is constant")
});

/// The line in a YAML file that a message names.
pub(super) fn yaml_line(text: &str) -> Option<u32> {
    YAML_LINE.captures(text)?.get(1)?.as_str().parse().ok()
}

/// The line of a template that reads like that, when it is the only one. What a template computes has no line.
pub(super) fn only_line(source: &str, wanted: &str) -> Option<u32> {
    let plain = |line: &str| line.replace(['"', '\''], "").trim_end() == wanted;
    let mut found = source.lines().zip(1..).filter(|(line, _)| plain(line));
    let (_, number) = found.next()?;
    found.next().is_none().then_some(number)
}

/// File and line of a message; a template's own position wins over the folder that Helm names.
pub(super) fn of(path: &str, line: Option<u32>, text: &str) -> (Option<String>, Option<u32>) {
    let own = Some(path.trim_end_matches('/').to_owned()).filter(|path| !path.is_empty());
    if let (true, Some(found)) = (path.ends_with('/'), TEMPLATE.captures(text)) {
        return (Some(found[1].to_owned()), found[2].parse().ok());
    }
    (own, line)
}
