//! The one error of everything below `api`, free of HTTP. Reuse a variant unless a caller must tell cases apart.

/// What went wrong, for a person to read; `api/error.rs` maps it to a status and a stable code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{kind} `{id}` does not exist")]
    NotFound { kind: &'static str, id: String },
    #[error("{kind} `{id}` already exists")]
    AlreadyExists { kind: &'static str, id: String },
    /// Something else must happen first, or the thing moved meanwhile.
    #[error("{0}")]
    Conflict(String),
    #[error("invalid `{field}`: {reason}")]
    Invalid { field: &'static str, reason: String },
    /// A package that is refused; every place is a finding.
    #[error("package refused: {}", .findings.first().map_or("no reason given", |finding| finding.message.as_str()))]
    Rejected { findings: Vec<osc_plugin_api::documents::finding::Finding> },
    /// A rule of the product, a grant or a policy forbids it.
    #[error("{0}")]
    Refused(String),
    #[error("sign in first")]
    Unauthenticated,
    #[error("not allowed: {0}")]
    Forbidden(String),
    #[error("`{what}` is larger than {limit}")]
    TooLarge { what: String, limit: String },
    /// A plugin trapped, ran out of its limits or answered nonsense.
    #[error("plugin `{plugin}` failed: {message}")]
    Plugin { plugin: String, message: String },
    /// A plugin answered that it refuses.
    #[error("{message}")]
    PluginRefused { plugin: String, code: String, message: String, details: serde_json::Value },
    #[error("cluster `{cluster}` is not reachable: {reason}")]
    Unreachable { cluster: String, reason: String },
    /// The API server of a cluster refused.
    #[error("{message}")]
    Cluster { status: u16, reason: String, message: String },
    #[error("database error: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("{0:#}")]
    Internal(#[from] anyhow::Error),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;
