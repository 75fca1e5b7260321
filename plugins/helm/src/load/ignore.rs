//! `.helmignore`: which files of a folder do not belong to the chart.
//!
//! Archives are never filtered, only folders are, as in Helm.

use std::collections::BTreeSet;

use super::LoadError;
use crate::chart::File;
use crate::text::glob_match;

/// The rules of one `.helmignore`.
#[derive(Debug, Clone)]
pub struct Rules {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    negate: bool,
    folders_only: bool,
    scope: Scope,
    glob: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Path,
    BaseName,
}

impl Rules {
    /// Parses the file; the rule that dot files in `templates/` are ignored is always added.
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let mut rules = Self { patterns: Vec::new() };
        for line in text.trim_start_matches('\u{feff}').lines() {
            rules.add(line)?;
        }
        rules.add("templates/.?*")?;
        Ok(rules)
    }

    fn add(&mut self, line: &str) -> Result<(), LoadError> {
        let rule = line.trim();
        if rule.is_empty() || rule.starts_with('#') {
            return Ok(());
        }
        if rule.contains("**") {
            return Err(LoadError::new("double-star (**) syntax is not supported"));
        }
        if glob_match(rule, "abc").is_none() {
            return Err(LoadError::new("syntax error in pattern"));
        }
        let (negate, rule) = rule.strip_prefix('!').map_or((false, rule), |rest| (true, rest));
        let (folders_only, rule) = rule.strip_suffix('/').map_or((false, rule), |rest| (true, rest));
        let (scope, glob) = match rule.strip_prefix('/') {
            Some(rest) => (Scope::Path, rest),
            None if rule.contains('/') => (Scope::Path, rule),
            None => (Scope::BaseName, rule),
        };
        self.patterns.push(Pattern { negate, folders_only, scope, glob: glob.to_owned() });
        Ok(())
    }

    fn ignores(&self, path: &str, is_folder: bool) -> bool {
        for pattern in &self.patterns {
            let matches = pattern.matches(path);
            if pattern.negate {
                if (pattern.folders_only && !is_folder) || !matches {
                    return true;
                }
            } else if matches && (is_folder || !pattern.folders_only) {
                return true;
            }
        }
        false
    }

    /// Whether the file, or a folder above it, is ignored.
    pub fn ignores_file(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.into_iter().any(|folder| self.ignores(folder, true)) || self.ignores(path, false)
    }
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        let subject = match self.scope {
            Scope::Path => path,
            Scope::BaseName => path.rsplit('/').next().unwrap_or(path),
        };
        glob_match(&self.glob, subject).unwrap_or(false)
    }
}

/// Drops what the folder's own `.helmignore` names.
pub fn filter(files: Vec<File>) -> Result<Vec<File>, LoadError> {
    let text = files
        .iter()
        .find(|file| file.name == ".helmignore")
        .map(|file| String::from_utf8_lossy(&file.data).into_owned())
        .unwrap_or_default();
    let rules = Rules::parse(&text)?;
    let dropped: BTreeSet<String> =
        files.iter().filter(|file| rules.ignores_file(&file.name)).map(|file| file.name.clone()).collect();
    Ok(files.into_iter().filter(|file| !dropped.contains(&file.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(rules: &str, paths: &str) -> String {
        let files = paths.split(' ').map(|path| File::new(path, "")).collect::<Vec<_>>();
        let mut files = files;
        files.push(File::new(".helmignore", rules.to_owned()));
        match filter(files) {
            Ok(files) => files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn rules_follow_helm() {
        let paths = "Chart.yaml templates/.swp templates/a.yaml docs/a.md docs/b/c.txt a.md x/docs/d";
        let results: Vec<String> =
            ["", "*.md", "docs/", "/a.md", "docs/*.md", "!*.yaml", "a/**", "[", "# *\n\n x ", "?.md"]
                .iter()
                .map(|rules| format!("{rules:?}: {}", kept(rules, paths)))
                .collect();
        insta::assert_snapshot!(results.join("\n"), @r##"
        "": Chart.yaml templates/a.yaml docs/a.md docs/b/c.txt a.md x/docs/d .helmignore
        "*.md": Chart.yaml templates/a.yaml docs/b/c.txt x/docs/d .helmignore
        "docs/": Chart.yaml templates/a.yaml a.md .helmignore
        "/a.md": Chart.yaml templates/a.yaml docs/a.md docs/b/c.txt x/docs/d .helmignore
        "docs/*.md": Chart.yaml templates/a.yaml docs/b/c.txt a.md x/docs/d .helmignore
        "!*.yaml": Chart.yaml
        "a/**": double-star (**) syntax is not supported
        "[": syntax error in pattern
        "# *\n\n x ": Chart.yaml templates/a.yaml docs/a.md docs/b/c.txt a.md .helmignore
        "?.md": Chart.yaml templates/a.yaml docs/b/c.txt x/docs/d .helmignore
        "##);
    }
}
