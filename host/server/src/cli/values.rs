//! The values flags: read here, merged as Helm merges them, sent as one object.
//!
//! Numbers of YAML files are floats and those of `--set` integers, because Helm's templates print them differently.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use osc_plugin_helm::values::{Sources, strvals};
use serde_json::{Map, Value};

use super::failure::Failure;

/// No values file is larger than this.
const MAX_FILE: u64 = 8 << 20;

/// Where values come from, in the order in which they override each other.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Values")]
pub(crate) struct ValuesArgs {
    /// YAML file with values, `-` for standard input (repeatable; later files win)
    #[arg(short = 'f', long = "values", value_name = "FILE", value_delimiter = ',')]
    pub(crate) values: Vec<PathBuf>,
    /// Set values: `a.b=1,c[0].d=text` (repeatable)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Set values that stay text: `a.b=1`
    #[arg(long = "set-string", value_name = "KEY=TEXT")]
    pub(crate) set_string: Vec<String>,
    /// Set values from JSON: `a.b={"c": 1}` or `{"a": 1}`
    #[arg(long = "set-json", value_name = "KEY=JSON")]
    pub(crate) set_json: Vec<String>,
    /// Set values from the content of files: `a.b=FILE`
    #[arg(long = "set-file", value_name = "KEY=FILE")]
    pub(crate) set_file: Vec<String>,
    /// Set a value to exactly the text after the first `=`
    #[arg(long = "set-literal", value_name = "KEY=TEXT")]
    pub(crate) set_literal: Vec<String>,
}

impl ValuesArgs {
    /// Reads the files and merges everything.
    pub(crate) fn read(&self) -> Result<Value, Failure> {
        let mut sources = Sources {
            json: self.set_json.clone(),
            set: self.set.clone(),
            strings: self.set_string.clone(),
            set_files: self.set_file.clone(),
            literals: self.set_literal.clone(),
            ..Sources::default()
        };
        for path in &self.values {
            sources.files.push((path.display().to_string(), read_text(path)?));
        }
        let mut contents = Vec::new();
        let mut problem = None;
        for text in &self.set_file {
            let mut collect = |name: &str| match read_text(Path::new(name)) {
                Ok(content) => {
                    contents.push((name.to_owned(), content.clone()));
                    Ok(content)
                }
                Err(failure) => {
                    let text = failure.message.clone();
                    problem.get_or_insert(failure);
                    Err(text)
                }
            };
            // What is wrong with the assignment itself is said by the merge below.
            let _ = strvals::parse_file(text, &mut Map::new(), &mut collect);
        }
        if let Some(failure) = problem {
            return Err(failure);
        }
        sources.file_contents = contents;
        sources.merge().map_err(Failure::refused)
    }
}

/// Reads a text file of bounded size; `-` is standard input.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    let named = |problem: String| Failure::refused(format!("cannot read `{}`: {problem}", path.display()));
    let mut data = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(MAX_FILE + 1).read_to_end(&mut data)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut data))
    };
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::usage(format!("file `{}` does not exist", path.display())));
        }
        read => read.map_err(|error| named(error.to_string()))?,
    };
    if data.len() as u64 > MAX_FILE {
        return Err(named(format!("it is larger than {} MiB", MAX_FILE >> 20)));
    }
    String::from_utf8(data).map_err(|_| named("it is no UTF-8 text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(files: &[&Path], set: &[&str], set_file: &[String]) -> ValuesArgs {
        ValuesArgs {
            values: files.iter().map(|path| path.to_path_buf()).collect(),
            set: set.iter().map(|text| (*text).to_owned()).collect(),
            set_file: set_file.to_vec(),
            ..ValuesArgs::default()
        }
    }

    #[test]
    fn flags_win_over_files_and_keep_their_kind_of_number() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, "a: {b: 1, c: 2}\nsize: 5\n").unwrap();
        let cert = folder.path().join("cert");
        std::fs::write(&cert, "PEM\n").unwrap();
        let merged =
            args(&[&file], &["a.b=7,d=x"], &[format!("tls.crt={}", cert.display())]).read().ok().unwrap();
        assert_eq!(merged.to_string(), r#"{"a":{"b":7,"c":2.0},"d":"x","size":5.0,"tls":{"crt":"PEM\n"}}"#);
    }

    #[test]
    fn problems_name_the_file_and_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bad.yaml");
        std::fs::write(&file, "a: 1\nb:\n  c: 2\n d: 3\n").unwrap();
        let failure = args(&[&file], &[], &[]).read().err().unwrap();
        assert_eq!(failure.exit, 3);
        assert!(
            failure.message.contains("bad.yaml") && failure.message.contains("line 3"),
            "{}",
            failure.message
        );
        std::fs::write(&file, "- 1\n").unwrap();
        assert_eq!(args(&[&file], &[], &[]).read().err().unwrap().exit, 3);
    }

    #[test]
    fn a_missing_file_is_wrong_usage() {
        let failure = args(&[Path::new("/nonexistent/x.yaml")], &[], &[]).read().err().unwrap();
        assert_eq!(
            (failure.exit, failure.message.as_str()),
            (2, "file `/nonexistent/x.yaml` does not exist")
        );
        let failure = args(&[], &[], &["a=/nonexistent/y".to_owned()]).read().err().unwrap();
        assert_eq!(failure.exit, 2);
    }
}
