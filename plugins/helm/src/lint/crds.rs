//! Rules about the files in `crds/`.

use super::templates::{Document, documents, first_error};
use super::{Level, Report, place};
use crate::chart::{Chart, File};
use crate::load::LoadError;
use crate::template;

const FOLDER: &str = "crds/";
const RULE: &str = "crds";

pub(super) fn check(report: &mut Report, files: &[File], loaded: &Result<Chart, LoadError>) {
    if files.iter().any(|file| file.name == "crds") {
        report.check(Level::Error, RULE, FOLDER, Err("not a directory".to_owned()));
        return;
    }
    if !files.iter().any(|file| file.name.starts_with(FOLDER)) {
        return;
    }
    let chart = match loaded {
        Ok(chart) => chart,
        Err(error) => {
            report.check(Level::Error, RULE, FOLDER, Err(error.to_string()));
            return;
        }
    };
    for (path, text) in template::crds(chart) {
        let path = path.rfind("/crds/").map_or(path.as_str(), |at| &path[at + 1..]);
        let (documents, separator) = documents(&text);
        for (number, document) in documents.iter().enumerate() {
            let document = match Document::parse(document) {
                Ok(Some(document)) => document,
                Ok(None) => continue,
                Err(error) => return unreadable(report, path, &first_error(&text, number, error)),
            };
            let is_definition = document.api_version.starts_with("apiextensions.k8s.io");
            report.check(
                Level::Error,
                RULE,
                path,
                if is_definition {
                    Ok(())
                } else {
                    Err("apiVersion is not in 'apiextensions.k8s.io'".to_owned())
                },
            );
            let is_kind = document.kind == "CustomResourceDefinition";
            report.check(
                Level::Error,
                RULE,
                path,
                if is_kind {
                    Ok(())
                } else {
                    Err("object kind is not 'CustomResourceDefinition'".to_owned())
                },
            );
        }
        if let Some(error) = separator {
            return unreadable(report, path, &error);
        }
    }
}

fn unreadable(report: &mut Report, path: &str, error: &str) {
    let line = place::yaml_line(error);
    report.check_at(Level::Error, RULE, path, line, Err(format!("unable to parse YAML: {error}")));
}
