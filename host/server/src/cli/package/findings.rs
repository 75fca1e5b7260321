//! How findings of packages are shown.

use osc_plugin_api::documents::finding::{Finding, Outcome, Severity};
use serde_json::Value;

use super::to_value;
use crate::cli::failure::Failure;
use crate::cli::output::table::{Cell, Column, column, scalar};
use crate::cli::output::{Format, Ui};

/// Columns of a list of findings.
pub(crate) const FINDING_COLUMNS: &[Column] = &[
    column("SEVERITY", Cell::State("/severity")),
    column("CHECK", Cell::Text("/check")),
    column("PLACE", Cell::With(|finding| place(finding).unwrap_or_default())),
    column("MESSAGE", Cell::With(message)),
];

pub(super) fn print_findings(ui: &mut Ui, format: Format, findings: &[Finding]) -> Result<(), Failure> {
    let document = to_value(&findings)?;
    let items = document.as_array().map(Vec::as_slice).unwrap_or_default();
    match format {
        Format::Table if items.is_empty() => ui.text("nothing found\n"),
        format => ui.list(format, items, FINDING_COLUMNS),
    }
}

pub(super) fn is_warning(finding: &Finding) -> bool {
    finding.result == Outcome::Fail && finding.severity != Severity::Info
}

/// Where a finding is: `file:line`, `file`, or the object.
pub(crate) fn place(finding: &Value) -> Option<String> {
    let path = finding.get("path").and_then(Value::as_str);
    match (path, finding.get("line").and_then(Value::as_u64)) {
        (Some(path), Some(line)) => Some(format!("{path}:{line}")),
        (Some(path), None) => Some(path.to_owned()),
        _ => finding.get("object").and_then(Value::as_str).map(str::to_owned),
    }
}

pub(super) fn message(finding: &Value) -> String {
    let text = scalar(finding.get("message"));
    match finding.get("remediation").and_then(Value::as_str) {
        Some(way_out) if !way_out.is_empty() => format!("{text} ({way_out})"),
        _ => text,
    }
}

/// How many findings of which severity: `1 high, 3 low`.
pub(crate) fn findings_count(findings: Option<&Value>) -> String {
    let findings = match findings {
        Some(Value::Array(findings)) => findings,
        other => return scalar(other),
    };
    let count = |severity: &str| {
        findings
            .iter()
            .filter(|finding| finding["severity"] == severity && finding["result"] != "pass")
            .count()
    };
    let counted: Vec<String> = ["critical", "high", "medium", "low", "info"]
        .into_iter()
        .map(|severity| (severity, count(severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    if counted.is_empty() { "none".to_owned() } else { counted.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn findings_are_counted_by_severity() {
        let findings = json!([{"severity": "high", "result": "fail"}, {"severity": "low"}, {"severity": "low"}, {"severity": "info", "result": "pass"}]);
        assert_eq!(findings_count(Some(&findings)), "1 high, 2 low");
        assert_eq!(findings_count(Some(&json!([]))), "none");
    }
}
