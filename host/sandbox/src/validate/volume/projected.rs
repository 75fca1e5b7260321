//! Volumes put together from several sources.

use serde_json::Value;

use super::{downward_file, items, not_reserved};
use crate::status::Cause;
use crate::validate::common::has;
use crate::value::Get;

const CONFLICT: &str = "conflicting duplicate paths";

/// The sources of a projected volume; `at` is the volume's field.
pub(super) fn of_sources(inner: &Value, whole: &str, causes: &mut Vec<Cause>) {
    let mut paths: Vec<&str> = Vec::new();
    for (i, source) in inner.items(&["sources"]).iter().enumerate() {
        let at = format!("{whole}.sources[{i}]");
        let mut count = 0;
        for kind in ["secret", "configMap"] {
            if !has(source, &[kind]) {
                continue;
            }
            count += 1;
            let name = source.text(&[kind, "name"]);
            if name.is_empty() {
                causes.push(Cause::required(format!("{at}.{kind}.name"), ""));
            }
            items(&source[kind], &format!("{at}.{kind}"), causes);
            for item in source.items(&[kind, "items"]) {
                claim(item.text(&["path"]), name, whole, &mut paths, causes);
            }
        }
        if has(source, &["downwardAPI"]) {
            count += 1;
            for file in source.items(&["downwardAPI", "items"]) {
                downward_file(file, &format!("{at}.downwardAPI"), causes);
                let path = file.text(&["path"]);
                claim(path, path, whole, &mut paths, causes);
            }
        }
        if has(source, &["serviceAccountToken"]) {
            count += 1;
            token(&source["serviceAccountToken"], &format!("{at}.serviceAccountToken"), whole, causes);
        }
        if count > 1 {
            causes.push(Cause::forbidden(at, "may not specify more than 1 volume type per source"));
        }
    }
}

/// Takes a path; another source may have taken it already.
fn claim<'a>(path: &'a str, shown: &str, whole: &str, paths: &mut Vec<&'a str>, causes: &mut Vec<Cause>) {
    if path.is_empty() {
        return;
    }
    if paths.contains(&path) {
        causes.push(Cause::invalid(whole, &shown.into(), CONFLICT));
    } else {
        paths.push(path);
    }
}

fn token(token: &Value, at: &str, whole: &str, causes: &mut Vec<Cause>) {
    let field = format!("{at}.expirationSeconds");
    let seconds = token.int(&["expirationSeconds"]).unwrap_or(3600);
    if seconds < 600 {
        let text = "may not specify a duration less than 10 minutes";
        causes.push(Cause::invalid(field, &seconds.into(), text));
    } else if seconds > 1 << 32 {
        let text = "may not specify a duration larger than 2^32 seconds";
        causes.push(Cause::invalid(field, &seconds.into(), text));
    }
    // A real server reports the path under the volume itself.
    let field = format!("{whole}.path");
    match token.text(&["path"]) {
        "" => causes.push(Cause::required(field, "")),
        path => not_reserved(path, &field, causes),
    }
}
