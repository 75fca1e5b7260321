//! `oscctl create|package`: a package's first files, and its archive.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::files::{self, Files};
use crate::cli::failure::Failure;
use crate::cli::output::Ui;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The folder or archive to make; its name becomes the service's
    #[arg(short = 'o', long = "output", value_name = "PATH", default_value = "sample-operator")]
    output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// Folder of the package
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,
    /// The archive to make; `NAME-VERSION` and the ending of its kind when left out
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes a package that satisfies the specification.
pub(crate) fn create(ui: &mut Ui, args: CreateArgs) -> Result<(), Failure> {
    let said = args.output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let said = [".zip", ".tgz", ".tar.gz"].iter().find_map(|end| said.strip_suffix(end)).unwrap_or(&said);
    let name = if is_service_name(said) { said } else { "sample-operator" };
    files::write(&args.output, &scaffold(name))?;
    ui.text(&format!("Successfully created OSC package `{name}` in {}\n", args.output.display()))
}

/// `^[a-z][a-z0-9\-]*[a-z0-9]$`, and short enough to be published.
pub(super) fn is_service_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=64).contains(&name.len())
        && name.bytes().all(inside)
        && name.as_bytes()[0].is_ascii_lowercase()
        && !name.ends_with('-')
}

fn scaffold(name: &str) -> Files {
    let singular: String = name.strip_suffix("-operator").unwrap_or(name).replace('-', "");
    let kind = super::convert::camel_case(name.strip_suffix("-operator").unwrap_or(name));
    let plural = format!("{singular}s");
    let group = format!("{singular}.example.org");
    let fill = |text: &str| {
        let pairs = [
            ("@NAME@", name),
            ("@SINGULAR@", &singular),
            ("@KIND@", &kind),
            ("@PLURAL@", &plural),
            ("@GROUP@", &group),
        ];
        pairs.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value)).into_bytes()
    };
    vec![
        ("metadata.yaml".into(), fill(include_str!("scaffold/metadata.yaml"))),
        ("lifecycle.yaml".into(), fill(include_str!("scaffold/lifecycle.yaml"))),
        ("README.md".into(), fill(include_str!("scaffold/README.md"))),
        (format!("manifests/{singular}_crd.yaml"), fill(include_str!("scaffold/crd.yaml"))),
        (format!("manifests/{singular}_csd.yaml"), fill(include_str!("scaffold/csd.yaml"))),
        ("manifests/vendor/monitor_config.yaml".into(), fill(include_str!("scaffold/monitor_config.yaml"))),
        ("manifests/vendor/log_config.yaml".into(), fill(include_str!("scaffold/log_config.yaml"))),
    ]
}

/// Packs a folder as its kind wants it: charts as `.tgz`, everything else as `.zip`.
pub(crate) fn pack(ui: &mut Ui, args: PackArgs) -> Result<(), Failure> {
    if !args.folder.is_dir() {
        return Err(Failure::usage(format!("`{}` is no folder", args.folder.display())));
    }
    let files = files::read(&args.folder)?;
    check_names(&files)?;
    let chart = find(&files, "Chart.yaml");
    let facts = match chart.or_else(|| find(&files, "metadata.yaml")) {
        Some(text) => parse(text).map_err(Failure::refused)?,
        None => {
            return Err(Failure::refused(format!(
                "`{}` holds no package: it has neither `metadata.yaml` nor `Chart.yaml`",
                args.folder.display()
            ))
            .hint("start one with `oscctl create -o FOLDER`"));
        }
    };
    let field = |name: &str| facts.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (Some(name), Some(version)) = (field("name"), field("version")) else {
        return Err(Failure::refused("the package needs a `name` and a `version`, both texts")
            .hint("quote the version, or `2.0` becomes a number"));
    };
    if chart.is_none() {
        check_whole(&files, name)?;
    }
    let ending = if chart.is_some() { "tgz" } else { "zip" };
    let output = args.output.unwrap_or_else(|| format!("{name}-{version}.{ending}").into());
    files::write(&output, &files)?;
    ui.text(&format!("Successfully packed {name} {version} into {}\n", output.display()))
}

fn find<'a>(files: &'a Files, wanted: &str) -> Option<&'a [u8]> {
    files.iter().find(|(path, _)| path == wanted).map(|(_, content)| content.as_slice())
}

fn parse(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the package's facts are no UTF-8".to_owned())?;
    osc_plugin_helm::yaml::parse_object(text).map_err(|error| format!("the package's facts: {error}"))
}

/// Letters, digits, `_`, `-` and `.`, none of the last three at the end.
fn check_names(files: &Files) -> Result<(), Failure> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let bad = |part: &str| part.is_empty() || !part.chars().all(inside) || part.ends_with(['_', '-', '.']);
    match files.iter().find(|(path, _)| path.split('/').any(bad)) {
        None => Ok(()),
        Some((path, _)) => {
            Err(Failure::refused(format!("`{path}`: a package must not hold a file of this name"))
                .hint("letters, digits, `_`, `-` and `.`, and a letter or digit at the end"))
        }
    }
}

/// What every OSC package has.
fn check_whole(files: &Files, name: &str) -> Result<(), Failure> {
    if !is_service_name(name) {
        return Err(Failure::refused(format!("`{name}` is no name of a service"))
            .hint("lower-case letters, digits and `-`, with a letter first and no `-` at the end"));
    }
    let is_vendor = |path: &str| Path::new(path).components().any(|part| part.as_os_str() == "vendor");
    let crd = files.iter().any(|(path, content)| {
        path.starts_with("manifests/")
            && !is_vendor(path)
            && parse(content).is_ok_and(|object| object["kind"] == "CustomResourceDefinition")
    });
    let missing = match (find(files, "lifecycle.yaml"), crd) {
        (None, _) => "`lifecycle.yaml`",
        (_, false) => "a custom resource definition in `manifests/`",
        _ => return Ok(()),
    };
    Err(Failure::refused(format!("the package lacks {missing}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Ui {
        Ui::captured(std::io::sink(), std::io::sink())
    }

    #[test]
    fn a_scaffold_can_be_packed() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("etcd-operator");
        create(&mut quiet(), CreateArgs { output: made.clone() }).unwrap();
        let files = files::read(&made).unwrap();
        for (path, content) in files.iter().filter(|(path, _)| path.ends_with(".yaml")) {
            assert!(!String::from_utf8_lossy(content).contains('@') || path == "metadata.yaml", "{path}");
            parse(content).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
        let crd = parse(find(&files, "manifests/etcd_crd.yaml").unwrap()).unwrap();
        assert_eq!(crd["metadata"]["name"], "etcds.etcd.example.org");
        let archive = folder.path().join("etcd-operator-0.1.0.zip");
        pack(&mut quiet(), PackArgs { folder: made, output: Some(archive.clone()) }).unwrap();
        assert_eq!(files::read(&archive).unwrap().len(), files.len());
    }

    #[test]
    fn what_is_no_package_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pack_it = || pack(&mut quiet(), PackArgs { folder: folder.path().into(), output: None });
        std::fs::write(folder.path().join("a.txt"), "x").unwrap();
        assert_eq!(pack_it().unwrap_err().exit, 3);
        std::fs::write(folder.path().join("metadata.yaml"), "name: web\nversion: 2.0\n").unwrap();
        assert!(pack_it().unwrap_err().message.contains("version"));
        std::fs::write(folder.path().join("metadata.yaml"), "name: web\nversion: '2.0.0'\n").unwrap();
        assert!(pack_it().unwrap_err().message.contains("lifecycle.yaml"));
        std::fs::write(folder.path().join("bad-"), "x").unwrap();
        assert!(pack_it().unwrap_err().message.contains("bad-"));
    }

    #[test]
    fn names_follow_the_rule() {
        for name in ["ab", "redis-operator", "a1"] {
            assert!(is_service_name(name), "{name}");
        }
        for name in ["", "a", "1a", "a-", "A", "a_b", &"a".repeat(65)] {
            assert!(!is_service_name(name), "{name}");
        }
    }
}
