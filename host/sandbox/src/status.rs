//! Errors as the API answers them: `Status` objects with the reasons and texts of a real server.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// A refusal, in the words of the Kubernetes API.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
    /// The machine-readable reason; empty if a real server gives none.
    pub reason: &'static str,
    /// What to tell a person.
    pub message: String,
    /// `details`: name, group, kind, causes; `None` leaves it out.
    pub details: Option<Map<String, Value>>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
}

/// The result of everything that may be refused.
pub type Result<T, E = Status> = std::result::Result<T, E>;

/// One reason why an object is invalid.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// Path of the field, as in `spec.ports[0].port`.
    pub field: String,
    /// Machine-readable reason, as in `FieldValueRequired`.
    pub reason: &'static str,
    /// Text after the field's path.
    pub message: String,
}

impl Cause {
    fn new(field: impl Into<String>, reason: &'static str, message: impl Into<String>) -> Self {
        Cause { field: field.into(), reason, message: message.into() }
    }

    /// `Required value`, with a detail unless that is empty.
    pub fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, "FieldValueRequired", with_detail("Required value", detail))
    }

    /// `Invalid value: V: detail`.
    pub fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            field,
            "FieldValueInvalid",
            with_detail(&format!("Invalid value: {}", quote(value)), detail),
        )
    }

    /// `Unsupported value: V: supported values: …`.
    pub fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let text = format!("Unsupported value: {}: supported values: {}", quote(value), list.join(", "));
        Self::new(field, "FieldValueNotSupported", text)
    }

    /// `Forbidden: detail`.
    pub fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, "FieldValueForbidden", with_detail("Forbidden", detail))
    }

    /// `Duplicate value: V`.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self::new(field, "FieldValueDuplicate", format!("Duplicate value: {}", quote(value)))
    }

    /// `Not found: V`.
    pub fn not_found(field: impl Into<String>, value: &Value) -> Self {
        Self::new(field, "FieldValueNotFound", format!("Not found: {}", quote(value)))
    }

    /// `Too long: may not be more than N bytes`.
    pub fn too_long(field: impl Into<String>, limit: usize) -> Self {
        Self::new(field, "FieldValueTooLong", format!("Too long: may not be more than {limit} bytes"))
    }

    /// `Too many: N: must have at most M items`.
    pub fn too_many(field: impl Into<String>, found: usize, limit: usize) -> Self {
        let s = if limit == 1 { "" } else { "s" };
        Self::new(field, "FieldValueTooMany", format!("Too many: {found}: must have at most {limit} item{s}"))
    }

    /// `Invalid value: V: detail` with reason `FieldValueTypeInvalid`.
    pub fn type_invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self::new(
            field,
            "FieldValueTypeInvalid",
            with_detail(&format!("Invalid value: {}", quote(value)), detail),
        )
    }

    /// Any other reason.
    pub fn other(field: impl Into<String>, reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(field, reason, message)
    }
}

fn with_detail(text: &str, detail: &str) -> String {
    if detail.is_empty() { text.to_string() } else { format!("{text}: {detail}") }
}

/// A value as Go prints it in field errors: texts quoted, numbers plain, the rest as JSON.
pub fn quote(value: &Value) -> String {
    match value {
        Value::String(text) => go_quote(text),
        other => go_json(&other.to_string()),
    }
}

/// JSON as Go writes it, which escapes what means something in HTML.
pub fn go_json(text: &str) -> String {
    if !text.contains(['<', '>', '&']) {
        return text.to_string();
    }
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A text as Go's `%q` prints it.
pub fn go_quote(text: &str) -> String {
    quoted(text, |c, out| match c {
        c if (c as u32) < 0x20 || c as u32 == 0x7f => out.push_str(&format!("\\x{:02x}", c as u32)),
        c => out.push(c),
    })
}

/// A text in double quotes, where letters that mean nothing special are written by `other`.
pub(crate) fn quoted(text: &str, other: impl Fn(char, &mut String)) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => other(c, &mut out),
        }
    }
    out.push('"');
    out
}

/// The kind and group that `details` name, as in `configmaps` or `Deployment` of `apps`.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Resource or kind.
    pub kind: &'a str,
    /// API group, empty for core.
    pub group: &'a str,
    /// Name of the object, may be empty.
    pub name: &'a str,
}

impl Named<'_> {
    /// `deployments.apps "d"`.
    fn text(&self) -> String {
        format!("{} {}", self.resource(), go_quote(self.name))
    }

    fn resource(&self) -> String {
        if self.group.is_empty() { self.kind.to_string() } else { format!("{}.{}", self.kind, self.group) }
    }

    fn details(&self) -> Map<String, Value> {
        let mut map = Map::new();
        for (key, value) in [("name", self.name), ("group", self.group), ("kind", self.kind)] {
            if !value.is_empty() {
                map.insert(key.into(), value.into());
            }
        }
        map
    }
}

impl Status {
    /// A status without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Status { code, reason, message: message.into(), details: None, retry_after: None }
    }

    /// The same with empty details.
    fn plain(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Status { details: Some(Map::new()), ..Self::new(code, reason, message) }
    }

    fn named(code: u16, reason: &'static str, named: Named<'_>, message: String) -> Self {
        Status { details: Some(named.details()), ..Self::new(code, reason, message) }
    }

    /// 404 of an object.
    pub fn not_found(named: Named<'_>) -> Self {
        Self::named(404, "NotFound", named, format!("{} not found", named.text()))
    }

    /// 404 of a path or resource.
    pub fn no_resource() -> Self {
        Self::plain(404, "NotFound", "the server could not find the requested resource")
    }

    /// 409 of a create.
    pub fn already_exists(named: Named<'_>) -> Self {
        Self::named(409, "AlreadyExists", named, format!("{} already exists", named.text()))
    }

    /// 409 of an update.
    pub fn conflict(named: Named<'_>, why: &str) -> Self {
        let text = format!("Operation cannot be fulfilled on {}: {why}", named.text());
        Self::named(409, "Conflict", named, text)
    }

    /// The usual 409: somebody else was faster.
    pub fn modified(named: Named<'_>) -> Self {
        const WHY: &str =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(named, WHY)
    }

    /// 409 of server-side apply.
    pub fn apply_conflict(message: String, causes: Vec<Cause>) -> Self {
        let mut status = Self::plain(409, "Conflict", message);
        status.set_causes(&causes);
        status
    }

    /// 422 with causes.
    pub fn invalid(named: Named<'_>, causes: &[Cause]) -> Self {
        let mut seen = HashSet::new();
        let texts = causes.iter().map(|c| format!("{}: {}", c.field, c.message));
        let mut unique: Vec<String> = texts.filter(|text| seen.insert(text.clone())).collect();
        let all = if unique.len() == 1 { unique.remove(0) } else { format!("[{}]", unique.join(", ")) };
        let mut status = Self::named(422, "Invalid", named, format!("{} is invalid: {all}", named.text()));
        status.set_causes(causes);
        status
    }

    /// 422 of a JSON patch that does not apply.
    pub fn unprocessable() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
    }

    fn set_causes(&mut self, causes: &[Cause]) {
        let list: Vec<Value> = causes
            .iter()
            .map(|c| {
                let mut cause = Map::new();
                if !c.reason.is_empty() {
                    cause.insert("reason".into(), c.reason.into());
                }
                cause.insert("message".into(), c.message.clone().into());
                if !c.field.is_empty() {
                    cause.insert("field".into(), c.field.clone().into());
                }
                Value::Object(cause)
            })
            .collect();
        if !list.is_empty() {
            self.details.get_or_insert_default().insert("causes".into(), list.into());
        }
    }

    /// The same with more causes in `details`.
    pub fn with_causes(mut self, causes: &[Cause]) -> Self {
        self.set_causes(causes);
        self
    }

    /// The same, to be tried again after some seconds.
    pub fn with_retry(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self.details.get_or_insert_default().insert("retryAfterSeconds".into(), seconds.into());
        self
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403 of an object or resource.
    pub fn forbidden(named: Named<'_>, why: &str) -> Self {
        let what = if named.name.is_empty() { named.resource() } else { named.text() };
        Self::named(403, "Forbidden", named, format!("{what} is forbidden: {why}"))
    }

    /// 403 of a path.
    pub fn forbidden_path(message: String) -> Self {
        Self::plain(403, "Forbidden", message)
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        const TEXT: &str = "the server does not allow this method on the requested resource";
        Self::plain(405, "MethodNotAllowed", TEXT)
    }

    /// 406.
    pub fn not_acceptable(available: &str) -> Self {
        let text = format!("406: Not Acceptable\n\nAvailable representations: {available}");
        Self::plain(406, "NotAcceptable", text)
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        Self::too_large_because(&format!("limit is {limit}"))
    }

    /// 413 for a reason.
    pub fn too_large_because(why: &str) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: {why}"))
    }

    /// 415.
    pub fn unsupported_media(accepted: &str) -> Self {
        const TEXT: &str = "the body of the request was in an unknown format - accepted media types include";
        Self::new(415, "UnsupportedMediaType", format!("{TEXT}: {accepted}"))
    }

    /// 500 with the reason `InternalError`.
    pub fn internal(message: &str) -> Self {
        Self::plain(500, "InternalError", format!("Internal error occurred: {message}"))
            .with_causes(&[Cause::new("", "", message)])
    }

    /// 500 without a reason: an error that a real server does not classify either.
    pub fn unclassified(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// 501: what the sandbox does not offer.
    pub fn not_offered(message: impl Into<String>) -> Self {
        Self::new(501, "NotImplemented", message)
    }

    /// 410: a version that is no longer known.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// The `Status` object.
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        let map = value.as_object_mut().expect("an object");
        if self.message.is_empty() {
            map.remove("message");
        }
        if !self.reason.is_empty() {
            map.insert("reason".into(), self.reason.into());
        }
        if let Some(details) = &self.details {
            map.insert("details".into(), Value::Object(details.clone()));
        }
        value
    }
}
