//! Constraints: conditions that a version is checked against.

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::{Error, Version, compare_prerelease};
use crate::text::quote;

const MAX_CONSTRAINT: usize = 512;
const MAX_GROUPS: usize = 32;

/// Alternatives of conditions, each of which a version must meet together.
#[derive(Debug, Clone)]
pub struct Constraint {
    groups: Vec<Group>,
}

#[derive(Debug, Clone)]
struct Group {
    conditions: Vec<Condition>,
    /// Whether a condition names a pre-release, so that pre-releases may match.
    with_pre: bool,
}

#[derive(Debug, Clone)]
struct Condition {
    operator: String,
    text: String,
    version: Version,
    /// Some part is missing or a wildcard.
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

struct Patterns {
    condition: Regex,
    range: Regex,
    find: Regex,
    valid: Regex,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let version = r"v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
    let operators = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
    let space = r"[\t\n\f\r ]";
    let pattern = |text: String| Regex::new(&text).expect("the patterns are constant");
    Patterns {
        condition: pattern(format!("^{space}*({operators}){space}*({version}){space}*$")),
        range: pattern(format!("{space}*({version}){space}+-{space}+({version}){space}*")),
        find: pattern(format!("({operators}){space}*({version})")),
        valid: pattern(format!(
            "^({space}*({operators}){space}*({version}){space}*)((?:{space}+|,{space}*)({operators}){space}*({version}){space}*)*$"
        )),
    }
});

impl Constraint {
    /// Parses conditions joined by blanks or commas (and) and `||` (or).
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_CONSTRAINT {
            return Err(Error::ConstraintTooLong);
        }
        let text = rewrite_ranges(text);
        if text.split("||").count() > MAX_GROUPS {
            return Err(Error::TooManyGroups);
        }
        let groups = text.split("||").map(parse_group).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// Whether a version meets the constraint.
    pub fn check(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            group.conditions.iter().all(|condition| condition.check(version, group.with_pre).is_ok())
        })
    }

    /// Why a version does not meet the constraint; `Ok` if it does.
    pub fn validate(&self, version: &Version) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        let mut said_prerelease = false;
        for group in &self.groups {
            let mut met = true;
            for condition in &group.conditions {
                if !group.with_pre && !version.pre.is_empty() {
                    if !said_prerelease {
                        reasons.push(prerelease_reason(version));
                        said_prerelease = true;
                    }
                    met = false;
                } else if let Err(reason) = condition.check(version, group.with_pre) {
                    reasons.push(reason);
                    met = false;
                }
            }
            if met {
                return Ok(());
            }
        }
        Err(reasons)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.groups.iter().enumerate() {
            if index > 0 {
                out.write_str(" || ")?;
            }
            for (index, condition) in group.conditions.iter().enumerate() {
                let gap = if index > 0 { " " } else { "" };
                write!(out, "{gap}{}{}", condition.operator, condition.text)?;
            }
        }
        Ok(())
    }
}

fn prerelease_reason(version: &Version) -> String {
    format!("\"{version}\" is a prerelease version and the constraint is only looking for release versions")
}

fn rewrite_ranges(text: &str) -> String {
    let mut result = text.to_owned();
    for found in PATTERNS.range.captures_iter(text) {
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
        result = result.replacen(part(0), &format!(">= {}, <= {} ", part(1), part(11)), 1);
    }
    result
}

fn parse_group(text: &str) -> Result<Group, Error> {
    if !PATTERNS.valid.is_match(text) {
        return Err(Error::Improper(text.to_owned()));
    }
    let conditions = PATTERNS
        .find
        .find_iter(text)
        .map(|found| Condition::parse(found.as_str()))
        .collect::<Result<Vec<_>, _>>()?;
    let with_pre = conditions.iter().any(|condition| !condition.version.pre.is_empty());
    Ok(Group { conditions, with_pre })
}

impl Condition {
    fn parse(text: &str) -> Result<Self, Error> {
        let parts = PATTERNS.condition.captures(text).ok_or_else(|| Error::Improper(text.to_owned()))?;
        let part = |parts: &Captures<'_>, index: usize| {
            parts.get(index).map_or(String::new(), |part| part.as_str().to_owned())
        };
        let is_open = |text: &str| matches!(text.trim_start_matches('.'), "" | "x" | "X" | "*");
        let (major, minor, patch, pre) = (part(&parts, 3), part(&parts, 4), part(&parts, 5), part(&parts, 6));
        let (mut dirty, mut minor_dirty, mut patch_dirty) = (true, false, false);
        let version = if is_open(&major) {
            format!("0.0.0{pre}")
        } else if is_open(&minor) {
            minor_dirty = true;
            format!("{major}.0.0{pre}")
        } else if is_open(&patch) {
            patch_dirty = true;
            format!("{major}{minor}.0{pre}")
        } else {
            dirty = false;
            part(&parts, 2)
        };
        let version = Version::parse(&version).map_err(|_| Error::Parser)?;
        Ok(Self {
            operator: part(&parts, 1),
            text: part(&parts, 2),
            version,
            dirty,
            minor_dirty,
            patch_dirty,
        })
    }

    fn check(&self, version: &Version, with_pre: bool) -> Result<(), String> {
        if !version.pre.is_empty() && !with_pre {
            return Err(prerelease_reason(version));
        }
        let (met, relation) = match self.operator.as_str() {
            "!=" => (self.is_other(version), "equal to"),
            ">" => (self.is_below(version), "less than or equal to"),
            "<" => (version.compare(&self.version).is_lt(), "greater than or equal to"),
            ">=" | "=>" => (version.compare(&self.version).is_ge(), "less than"),
            "<=" | "=<" => (self.is_at_least(version), "greater than"),
            "~" | "~>" => return self.check_tilde(version),
            "^" => return self.check_caret(version),
            _ if self.dirty => return self.check_tilde(version),
            _ => (version.compare(&self.version).is_eq(), "not equal to"),
        };
        if met { Ok(()) } else { Err(format!("\"{version}\" is {relation} {}", quote(&self.text))) }
    }

    fn is_other(&self, version: &Version) -> bool {
        if !self.dirty {
            return version.compare(&self.version).is_ne();
        }
        if self.version.major != version.major {
            return true;
        }
        if self.minor_dirty {
            return false;
        }
        if self.version.minor != version.minor {
            return true;
        }
        if self.patch_dirty {
            return compare_prerelease_parts(&version.pre, &self.version.pre).is_ne();
        }
        if self.version.patch != version.patch {
            return true;
        }
        version.compare(&self.version).is_ne()
    }

    fn is_below(&self, version: &Version) -> bool {
        if !self.dirty || self.version.major != version.major {
            return version.compare(&self.version).is_gt();
        }
        if self.minor_dirty {
            return false;
        }
        if self.patch_dirty {
            return version.minor > self.version.minor;
        }
        version.compare(&self.version).is_gt()
    }

    fn is_at_least(&self, version: &Version) -> bool {
        if !self.dirty {
            return version.compare(&self.version).is_le();
        }
        let above_minor = version.major == self.version.major && version.minor > self.version.minor;
        version.major <= self.version.major && (!above_minor || self.minor_dirty)
    }

    fn check_tilde(&self, version: &Version) -> Result<(), String> {
        let base = &self.version;
        if version.compare(base).is_lt() {
            return Err(format!("\"{version}\" is less than {}", quote(&self.text)));
        }
        if (base.major, base.minor, base.patch) == (0, 0, 0) && !self.minor_dirty && !self.patch_dirty {
            return Ok(());
        }
        if version.major != base.major {
            return Err(format!("\"{version}\" does not have same major version as {}", quote(&self.text)));
        }
        if version.minor != base.minor && !self.minor_dirty {
            return Err(format!(
                "\"{version}\" does not have same major and minor version as {}",
                quote(&self.text)
            ));
        }
        Ok(())
    }

    fn check_caret(&self, version: &Version) -> Result<(), String> {
        let (base, text) = (&self.version, quote(&self.text));
        let other = |what: &str| Err(format!("\"{version}\" does not have same {what} version as {text}"));
        if version.compare(base).is_lt() {
            return Err(format!("\"{version}\" is less than {text}"));
        }
        if base.major > 0 || self.minor_dirty {
            return if version.major == base.major { Ok(()) } else { other("major") };
        }
        if version.major > 0 {
            return other("major");
        }
        if base.minor > 0 || self.patch_dirty {
            if version.minor == base.minor {
                return Ok(());
            }
            return Err(format!(
                "\"{version}\" does not have same minor version as {text}. Expected minor versions to match when constraint major version is 0"
            ));
        }
        if version.minor > 0 {
            return other("minor");
        }
        if version.patch == base.patch {
            return Ok(());
        }
        Err(format!(
            "\"{version}\" does not equal {text}. Expect version and constraint to equal when major and minor versions are 0"
        ))
    }
}

/// Like `compare_prerelease`, but an absent pre-release sorts below any other.
fn compare_prerelease_parts(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare_prerelease(left, right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(constraint: &str, versions: &str) -> String {
        let constraint = match Constraint::parse(constraint) {
            Ok(constraint) => constraint,
            Err(error) => return error.to_string(),
        };
        let met = versions.split(' ').filter(|version| constraint.check(&Version::parse(version).unwrap()));
        met.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn conditions_follow_masterminds() {
        let all = "0.0.3 0.2.3 0.3.0 1.1.9 1.2.0 1.2.7 1.3.0 1.4.9 1.5.0 2.0.0 2.0.0-rc.1";
        let results: Vec<String> = [
            "=1.2",
            "1.2",
            ">1.2",
            "<=1.2",
            "<1.2",
            "1.2 - 1.4",
            "~1.2.3",
            "^1.2",
            "^0.2",
            "^0.0",
            "~0",
            "!=1.2",
            "!=1.x",
            ">=1.2, <1.4",
            ">=1.2 <1.4 || 2.x",
            ">=1.5-0",
            "*",
            "",
            "x.1",
            "=>2",
            ">= a",
            "1.2.3.4",
            "=2.0.0-rc.1",
        ]
        .iter()
        .map(|constraint| format!("{constraint} :: {}", check(constraint, all)))
        .collect();
        insta::assert_snapshot!(results.join("\n"), @r#"
        =1.2 :: 1.2.0 1.2.7
        1.2 :: 1.2.0 1.2.7
        >1.2 :: 1.3.0 1.4.9 1.5.0 2.0.0
        <=1.2 :: 0.0.3 0.2.3 0.3.0 1.1.9 1.2.0 1.2.7
        <1.2 :: 0.0.3 0.2.3 0.3.0 1.1.9
        1.2 - 1.4 :: 1.2.0 1.2.7 1.3.0 1.4.9
        ~1.2.3 :: 1.2.7
        ^1.2 :: 1.2.0 1.2.7 1.3.0 1.4.9 1.5.0
        ^0.2 :: 0.2.3
        ^0.0 :: 0.0.3
        ~0 :: 0.0.3 0.2.3 0.3.0
        !=1.2 :: 0.0.3 0.2.3 0.3.0 1.1.9 1.3.0 1.4.9 1.5.0 2.0.0
        !=1.x :: 0.0.3 0.2.3 0.3.0 2.0.0
        >=1.2, <1.4 :: 1.2.0 1.2.7 1.3.0
        >=1.2 <1.4 || 2.x :: 1.2.0 1.2.7 1.3.0 2.0.0
        >=1.5-0 :: 1.5.0 2.0.0 2.0.0-rc.1
        * :: 0.0.3 0.2.3 0.3.0 1.1.9 1.2.0 1.2.7 1.3.0 1.4.9 1.5.0 2.0.0
         :: improper constraint: ""
        x.1 :: 0.0.3 0.2.3 0.3.0 1.1.9 1.2.0 1.2.7 1.3.0 1.4.9 1.5.0 2.0.0
        =>2 :: 2.0.0
        >= a :: improper constraint: ">= a"
        1.2.3.4 :: improper constraint: "1.2.3.4"
        =2.0.0-rc.1 :: 2.0.0-rc.1
        "#);
    }
}
