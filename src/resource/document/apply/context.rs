//! What the steps of a plan share: their inputs, their outcomes, and the undo that they keep up to date.

use crate::failure::Failure;
use crate::invocation::clock::Clock;
use crate::invocation::undo_log::{UndoEntry, UndoLog};
use crate::resource::document::aws::read::{Described, Reader};
use crate::resource::document::aws::write::{NotTagged, Writer};
use crate::resource::document::intent::Intent;
use crate::resource::document::observed::Observed;
use crate::resource::document::plan::adopted::Adopted;
use crate::resource::document::plan::undo::DocumentUndo;
use crate::resource::undo::Undo;

/// Everything needed to carry out plans for one document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apply<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) writer: Writer<'a>,
    pub(crate) intent: Intent<'a>,
    /// Determines how old a version is.
    pub(crate) clock: &'a Clock,
    pub(crate) undo_log: &'a UndoLog<Undo>,
}

/// The document after the plan was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) default_version: String,
    pub(crate) latest_version: String,
    /// The hash of the default version.
    pub(crate) hash: Option<String>,
}

/// Why a plan was not carried out.
#[derive(Debug)]
pub(crate) enum NotApplied {
    /// A step failed.
    Failed(Failure),
    /// The document has changed since the plan was made, as the failure says, and must be observed again.
    Outdated(Failure),
}

/// An observed document, and whether this invocation adopted it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Observation {
    pub(crate) observed: Observed,
    pub(crate) adopted: Adopted,
}

impl Observation {
    /// Returns what was observed, with the first adoption of this invocation.
    pub(crate) fn after(self, earlier: Adopted) -> (Observed, Adopted) {
        (self.observed, earlier.or(self.adopted))
    }
}

impl From<Failure> for NotApplied {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NotTagged> for NotApplied {
    fn from(not_tagged: NotTagged) -> Self {
        match not_tagged {
            NotTagged::Gone(failure) => Self::Outdated(failure),
            NotTagged::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl Apply<'_> {
    pub(super) fn recorded_undo(&self) -> Option<DocumentUndo> {
        match self.undo_log.entry()?.undo {
            Undo::Document(undo) => Some(undo),
            Undo::Keys(_) | Undo::ServiceSetting(_) => None,
        }
    }

    /// Records what to undo if the request fails. Replaces an earlier entry.
    pub(super) fn record(&self, undo: DocumentUndo) {
        self.undo_log.note(UndoEntry { physical_id: self.intent.desired.name.clone(), undo: Undo::Document(undo) });
    }

    pub(super) fn amend(&self, change: impl FnOnce(&mut DocumentUndo)) {
        self.undo_log.amend(|undo| {
            if let Undo::Document(undo) = undo {
                change(undo);
            }
        });
    }
}

/// The version that has the desired content.
pub(super) enum MadeVersion {
    /// None was made: the observed versions stay as they are.
    Observed,
    /// An existing, Active version to promote.
    Promote(String),
    /// A version that was uploaded, or that was found after AWS refused a duplicate.
    Uploaded(Box<Uploaded>),
}

/// A version that was uploaded or found, which may not be Active yet.
#[derive(Debug)]
pub(super) struct Uploaded {
    pub(super) number: String,
    pub(super) described: Described,
    pub(super) promote: bool,
}

/// The newer of two versions.
pub(super) fn newer<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.parse::<u64>().ok() > other.parse::<u64>().ok() { one } else { other }
}
