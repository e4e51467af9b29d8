//! What one request declares for a document, and for which resource.

use super::desired::{Declared, Desired};
use super::ownership::Owner;

/// The desired state of one document, with what is needed to decide how to reach it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intent<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) operation: Operation<'a>,
    /// The resource that the request is for.
    pub(crate) owner: &'a Owner,
    /// When CloudFormation signed the request, in seconds since 1970, if known.
    pub(crate) signature: Option<i64>,
    /// The account of the function, if known.
    pub(crate) account: Option<&'a str>,
}

/// What the request does, and whether the document is new to the resource.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation<'a> {
    /// A Create: the document is new to the resource.
    Create,
    /// An Update that changes the name: the document is new to the resource.
    Rename,
    /// An Update of the resource's own document, with what its old properties declared.
    Update(&'a Declared),
}

impl<'a> Intent<'a> {
    /// What the old properties declared for the same document.
    pub(crate) fn previous(&self) -> Option<&'a Declared> {
        match self.operation {
            Operation::Create | Operation::Rename => None,
            Operation::Update(previous) => Some(previous),
        }
    }

    /// Whether the accounts that the document is shared with matter to this request.
    pub(crate) fn manages_sharing(&self) -> bool {
        let declared_before = self.previous().is_some_and(|previous| !previous.account_ids.is_empty());
        declared_before || !self.desired.account_ids.is_empty()
    }
}
