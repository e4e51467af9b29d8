//! Decides what a request does to a document. Everything here is pure: it receives what was observed, and can't write.
//!
//! Adoption is a separate first stage ([`adoption`]): it needs only the description, so its tags can be written while the content
//! is read. [`change::plan`] and [`Planned::creation`] decide the rest.

pub(crate) mod adopted;
pub(crate) mod adoption;
pub(crate) mod change;
pub(crate) mod merge;
pub(crate) mod patience;
pub(crate) mod release;
mod requires;
pub(crate) mod tags;
pub(crate) mod undo;
pub(crate) mod undo_record;
pub(crate) mod versions;
pub(crate) mod visibility;

use std::fmt;

use self::change::Change;
use crate::failure::{Failure, Problem, fail_on};
use crate::resource::document::intent::Intent;

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

impl Planned {
    /// The plan for a document that exists, from [`change::plan`].
    pub(crate) fn change((change, warnings): (Change, Vec<Problem>)) -> Self {
        Self { plan: Plan::Change(change), warnings }
    }

    /// The plan for a document that does not exist: create it.
    ///
    /// # Errors
    /// The content has problems.
    pub(crate) fn creation(intent: Intent<'_>) -> Result<Self, Failure> {
        let findings = &intent.desired.findings;
        fail_on(&findings.problems)?;
        Ok(Self { plan: Plan::Create, warnings: findings.warnings.clone() })
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
