//! How a command ends when it does not succeed: what to say, and which exit code.

use std::fmt::Write as _;

use serde_json::Value;

use crate::error::Error;

/// Exit codes, fixed for scripts.
pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const REFUSED: u8 = 3;
pub(crate) const NOT_FOUND: u8 = 4;
pub(crate) const CONFLICT: u8 = 5;

/// A command's bad end.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    pub(crate) exit: u8,
    pub(crate) message: String,
    /// The API's stable code.
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    /// Single problems, one line each.
    pub(crate) details: Vec<String>,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// Everything has been said already; only the exit code is left.
    pub(crate) silent: bool,
}

impl Failure {
    pub(crate) fn new(exit: u8, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into(), ..Failure::default() }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Failure {
        Failure::new(FAILED, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(USAGE, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Failure {
        Failure::new(REFUSED, message)
    }

    /// For a command that has printed its result, which is a bad one.
    pub(crate) fn silent(exit: u8) -> Failure {
        Failure { exit, silent: true, ..Failure::default() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Failure {
        self.hint = Some(hint.into());
        self
    }

    /// Reads a problem document (RFC 9457) of the API.
    pub(crate) fn from_problem(status: u16, problem: &Value) -> Failure {
        let text = |name: &str| problem.get(name).and_then(Value::as_str).map(str::to_owned);
        let message = text("detail")
            .or_else(|| text("title"))
            .unwrap_or_else(|| format!("the server answered {status}"));
        let errors = problem.get("errors").and_then(Value::as_array);
        let details: Vec<String> =
            errors.into_iter().flatten().map(describe_problem).filter(|line| *line != message).collect();
        let code = text("code");
        let hint = match (status, code.as_deref()) {
            (401, _) => Some("sign in with `osc login`, or set OSC_TOKEN".to_owned()),
            _ => text("hint"),
        };
        Failure {
            exit: exit_of_status(status, code.as_deref()),
            message,
            code,
            request_id: text("request_id"),
            details,
            hint,
            silent: false,
        }
    }

    /// The text for standard error, with a final line break.
    pub(crate) fn render(&self) -> String {
        let mut text = format!("error: {}\n", super::output::plain(&self.message));
        for line in &self.details {
            let _ = writeln!(text, "  - {}", super::output::plain(line));
        }
        match (&self.code, &self.request_id) {
            (Some(code), Some(id)) => {
                let _ = writeln!(
                    text,
                    "  code {}, request {}",
                    super::output::plain(code),
                    super::output::plain(id)
                );
            }
            (Some(code), None) => {
                let _ = writeln!(text, "  code {}", super::output::plain(code));
            }
            _ => {}
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "hint: {}", super::output::plain(hint));
        }
        text
    }
}

/// The plugin of a package that cannot be worked with stands for the package, so it counts as refused.
fn exit_of_status(status: u16, code: Option<&str>) -> u8 {
    match status {
        404 => NOT_FOUND,
        409 | 412 => CONFLICT,
        502 if code.is_some_and(|code| code.starts_with("plugin")) => REFUSED,
        400..=499 => REFUSED,
        _ => FAILED,
    }
}

fn describe_problem(problem: &Value) -> String {
    if let Some(text) = problem.as_str() {
        return text.to_owned();
    }
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let Some(message) = text("message").or_else(|| text("detail")).or_else(|| text("reason")) else {
        return problem.to_string();
    };
    let place = super::package::place(problem).or_else(|| text("field").map(|field| format!("`{field}`")));
    match place {
        Some(place) => format!("{place}: {message}"),
        None => message.to_owned(),
    }
}

impl From<Error> for Failure {
    /// For commands that work without a server; what went wrong there is the input's fault unless said otherwise.
    fn from(error: Error) -> Failure {
        let (exit, details) = match &error {
            Error::NotFound { .. } => (NOT_FOUND, Vec::new()),
            Error::AlreadyExists { .. } | Error::Conflict(_) => (CONFLICT, Vec::new()),
            Error::Rejected { findings } => {
                let values = findings.iter().filter_map(|finding| serde_json::to_value(finding).ok());
                (REFUSED, values.map(|finding| describe_problem(&finding)).collect())
            }
            Error::Invalid { .. }
            | Error::Refused(_)
            | Error::Unauthenticated
            | Error::Forbidden(_)
            | Error::TooLarge { .. }
            | Error::Plugin { .. }
            | Error::PluginRefused { .. } => (REFUSED, Vec::new()),
            Error::Unreachable { .. } | Error::Cluster { .. } | Error::Database(_) | Error::Internal(_) => {
                (FAILED, Vec::new())
            }
        };
        Failure { exit, message: error.to_string(), details, ..Failure::default() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::failed(format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        match error.kind() {
            // The reader went away, as `head` does; that is no mistake of anybody.
            std::io::ErrorKind::BrokenPipe => Failure::silent(0),
            _ => Failure::failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn problem(status: u16, text: &str) -> String {
        let failure = Failure::from_problem(status, &serde_json::from_str(text).unwrap());
        format!("{}exit {}", failure.render(), failure.exit)
    }

    #[test]
    fn a_problem_says_code_request_and_the_way_out() {
        let text = r#"{"title": "Not signed in", "detail": "sign in first", "code": "unauthenticated", "request_id": "r-1"}"#;
        assert_snapshot!(problem(401, text), @r"
        error: sign in first
          code unauthenticated, request r-1
        hint: sign in with `osc login`, or set OSC_TOKEN
        exit 3
        ");
    }

    #[test]
    fn findings_in_a_problem_show_file_and_line() {
        let text = r#"{"detail": "package refused", "code": "rejected", "errors": [
            {"path": "Chart.yaml", "line": 3, "message": "`version` is missing"}, {"field": "name", "message": "too long"}, "other"]}"#;
        assert_snapshot!(problem(422, text), @r"
        error: package refused
          - Chart.yaml:3: `version` is missing
          - `name`: too long
          - other
          code rejected
        exit 3
        ");
    }

    #[test]
    fn exit_codes_follow_the_status() {
        let exits = [400, 403, 404, 409, 413, 500, 503].map(|status| exit_of_status(status, None));
        assert_eq!(exits, [3, 3, 4, 5, 3, 1, 1]);
        assert_eq!(exit_of_status(502, Some("plugin-failed")), 3);
        assert_eq!(exit_of_status(502, None), 1);
    }

    #[test]
    fn what_a_server_sends_cannot_move_the_cursor() {
        assert_snapshot!(Failure::failed("a\u{1b}[2Jb\u{9b}c\rd").render(), @"error: a [2Jb c d");
    }
}
