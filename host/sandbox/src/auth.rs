//! Who asks.

/// The user of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: String,
    /// Uid, often empty.
    pub uid: String,
    /// Groups.
    pub groups: Vec<String>,
    /// Further facts.
    pub extra: Vec<(String, Vec<String>)>,
}

impl User {
    /// The administrator that in-process callers act as.
    pub fn system(name: &str) -> Self {
        User {
            name: name.into(),
            uid: String::new(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            extra: Vec::new(),
        }
    }

    /// True if everything is allowed.
    pub fn is_master(&self) -> bool {
        self.groups.iter().any(|g| g == "system:masters")
    }
}
