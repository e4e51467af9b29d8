//! Decides what a request does to a document. Everything here is pure: it gets what was observed, and it can't write.
//!
//! Adoption is a separate first stage ([`adoption`]): it needs only the description, so its tags can be written while the content
//! is read. [`plan`] decides the rest.

pub(crate) mod adoption;
pub(crate) mod change;
pub(crate) mod merge;
pub(crate) mod patience;
pub(crate) mod release;
mod requires;
pub(crate) mod tags;
pub(crate) mod undo;
pub(crate) mod versions;

use std::fmt;

use self::change::Change;
use crate::failure::{Failure, Problem, fail_on};
use crate::resource::document::intent::Intent;
use crate::resource::document::observed::Observed;

/// What to do with a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plan {
    /// Create it.
    Create,
    /// Change the existing document. The change may be empty.
    Change(Change),
}

/// A plan, and warnings for whoever deploys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) warnings: Vec<Problem>,
}

/// Decides how to get from what was observed to what is desired. An observed document already belongs to this resource:
/// [`adoption`] comes first, and the document has its tags.
///
/// # Errors
/// The request is refused: `Requires` would have to change, the document would have too many tags, or the content has problems.
/// Problems in content that the document already has are warnings: if they were refused, a rollback could not succeed.
pub(crate) fn plan(intent: Intent<'_>, observed: &Observed) -> Result<Planned, Failure> {
    match observed {
        Observed::Present(document) => {
            let (change, warnings) = change::plan(intent, document)?;
            Ok(Planned { plan: Plan::Change(change), warnings })
        }
        Observed::Absent => {
            let findings = &intent.desired.findings;
            fail_on(&findings.problems)?;
            Ok(Planned { plan: Plan::Create, warnings: findings.warnings.clone() })
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create => f.write_str("create the document"),
            Self::Change(change) => change.fmt(f),
        }
    }
}
