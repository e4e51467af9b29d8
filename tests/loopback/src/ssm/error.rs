//! What SSM says when it refuses: an HTTP status, a code, and for most codes a message.

/// An error as SSM words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError {
    /// The HTTP status: 400 for what the caller did, 500 for what the service did.
    pub status: u16,
    /// The code, as in `__type`.
    pub code: String,
    /// The text; some of SSM's errors have none.
    pub message: Option<String>,
}

impl ModelError {
    /// A refusal of the caller's request (status 400) with a text.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { status: 400, code: code.to_owned(), message: Some(message.into()) }
    }

    /// A refusal whose shape in the API has no message member.
    pub(crate) fn bare(code: &str) -> Self {
        Self { status: 400, code: code.to_owned(), message: None }
    }

    pub(crate) fn no_document(name: &str) -> Self {
        Self::new("InvalidDocument", format!("Document with name {name} does not exist."))
    }

    pub(crate) fn no_version(name: &str, version: &str) -> Self {
        Self::new("InvalidDocumentVersion", format!("Document version {version} of document {name} does not exist."))
    }

    /// The error for a request that violates a constraint of the API's shapes.
    pub(crate) fn constraint(value: Option<&str>, member: &str, constraint: &str) -> Self {
        let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
        let mut letters = member.chars();
        let member: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
        let text = format!(
            "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
        );
        Self::new("ValidationException", text)
    }
}

impl std::fmt::Display for ModelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message.as_deref().unwrap_or("no message"))
    }
}

impl std::error::Error for ModelError {}
