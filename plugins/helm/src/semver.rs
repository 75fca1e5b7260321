//! Versions and constraints by the rules of Masterminds/semver v3, which Helm and its templates use.
//!
//! They differ from Cargo's: `1.2` is a version, `=1.2` matches `1.2.7`, `>1.2` compares by minor, `1.2 - 1.4` is a
//! range, and pre-releases match only where the constraint names one.

mod constraint;

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use crate::text::quote;

pub use constraint::Constraint;

const MAX_VERSION: usize = 256;

/// Why a version or constraint was refused; the texts are those of the original.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("invalid semantic version")]
    Invalid,
    #[error("version string empty")]
    Empty,
    #[error("invalid characters in version")]
    Characters,
    #[error("version segment starts with 0")]
    LeadingZero,
    #[error("invalid metadata string")]
    Metadata,
    #[error("invalid prerelease string")]
    Prerelease,
    #[error("version string is too long (max 256 bytes)")]
    VersionTooLong,
    #[error("constraint string is too long (max 512 bytes)")]
    ConstraintTooLong,
    #[error("too many constraint groups (max 32)")]
    TooManyGroups,
    #[error("improper constraint: {}", quote(.0))]
    Improper(String),
    #[error("constraint parser error")]
    Parser,
    #[error("{prefix}strconv.ParseUint: parsing {text}: {reason}")]
    Number { prefix: &'static str, text: String, reason: &'static str },
}

/// One version.
#[derive(Debug, Clone)]
pub struct Version {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
    /// Without the leading `-`; empty if there is none.
    pub pre: String,
    /// Build metadata without the leading `+`; empty if there is none.
    pub metadata: String,
    /// The text that was parsed.
    pub original: String,
}

static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?$")
        .expect("the pattern is constant")
});

impl Version {
    /// Parses leniently: a leading `v`, missing parts and leading zeros are accepted.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_VERSION {
            return Err(Error::VersionTooLong);
        }
        let parts = VERSION.captures(text).ok_or(Error::Invalid)?;
        let part = |index: usize| parts.get(index).map_or("", |found| found.as_str());
        let version = Self {
            major: number(part(1), "error parsing version segment: ")?,
            minor: optional_number(part(2))?,
            patch: optional_number(part(3))?,
            pre: part(5).to_owned(),
            metadata: part(8).to_owned(),
            original: text.to_owned(),
        };
        if !version.pre.is_empty() {
            check_prerelease(&version.pre)?;
        }
        if !version.metadata.is_empty() {
            check_metadata(&version.metadata)?;
        }
        Ok(version)
    }

    /// Parses only what the standard calls a version.
    pub fn parse_strict(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if text.len() > MAX_VERSION {
            return Err(Error::VersionTooLong);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::Invalid);
        };
        let (rest, metadata) = match rest.split_once('+') {
            Some((rest, metadata)) => {
                check_metadata(metadata)?;
                (rest, metadata)
            }
            None => (rest, ""),
        };
        let (patch, pre) = match rest.split_once('-') {
            Some((patch, pre)) => {
                check_prerelease(pre)?;
                (patch, pre)
            }
            None => (rest, ""),
        };
        for segment in [major, minor, patch] {
            if !segment.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Error::Characters);
            }
            if segment.len() > 1 && segment.starts_with('0') {
                return Err(Error::LeadingZero);
            }
        }
        Ok(Self {
            major: number(major, "")?,
            minor: number(minor, "")?,
            patch: number(patch, "")?,
            pre: pre.to_owned(),
            metadata: metadata.to_owned(),
            original: text.to_owned(),
        })
    }

    /// Order by precedence; build metadata does not count.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.major
            .cmp(&other.major)
            .then(self.minor.cmp(&other.minor))
            .then(self.patch.cmp(&other.patch))
            .then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prerelease(&self.pre, &other.pre),
            })
    }

    /// The next release of the same minor version: drops a pre-release, else counts the patch up.
    pub fn inc_patch(&self) -> Self {
        let patch = if self.pre.is_empty() { self.patch.saturating_add(1) } else { self.patch };
        self.bumped(self.major, self.minor, patch)
    }

    /// The next minor version.
    pub fn inc_minor(&self) -> Self {
        self.bumped(self.major, self.minor.saturating_add(1), 0)
    }

    /// The next major version.
    pub fn inc_major(&self) -> Self {
        self.bumped(self.major.saturating_add(1), 0, 0)
    }

    fn bumped(&self, major: u64, minor: u64, patch: u64) -> Self {
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        Self {
            major,
            minor,
            patch,
            pre: String::new(),
            metadata: String::new(),
            original: format!("{prefix}{major}.{minor}.{patch}"),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(out, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(out, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn number(text: &str, prefix: &'static str) -> Result<u64, Error> {
    let reason = if text.is_empty() { "invalid syntax" } else { "value out of range" };
    text.parse().map_err(|_| Error::Number { prefix, text: format!("{text:?}"), reason })
}

fn optional_number(text: &str) -> Result<u64, Error> {
    match text.strip_prefix('.') {
        Some(digits) => number(digits, "error parsing version segment: "),
        None => Ok(0),
    }
}

fn is_identifier(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn check_prerelease(text: &str) -> Result<(), Error> {
    for part in text.split('.') {
        if part.is_empty() {
            return Err(Error::Prerelease);
        }
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            if part.len() > 1 && part.starts_with('0') {
                return Err(Error::LeadingZero);
            }
        } else if !is_identifier(part) {
            return Err(Error::Prerelease);
        }
    }
    Ok(())
}

fn check_metadata(text: &str) -> Result<(), Error> {
    if text.split('.').all(|part| !part.is_empty() && is_identifier(part)) {
        Ok(())
    } else {
        Err(Error::Metadata)
    }
}

fn compare_prerelease(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => compare_identifier(left, right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_identifier(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}
