//! The inputs that the steps of a merge share.

use crate::invocation::clock::Clock;
use crate::invocation::undo_log::UndoLog;
use crate::resource::document::apply::context::Apply;
use crate::resource::document::aws::read::Reader;
use crate::resource::document::aws::write::Writer;
use crate::resource::document::desired::Desired;
use crate::resource::document::intent::{Intent, Operation};
use crate::resource::document::ownership::Owner;
use crate::resource::document::plan::merge::KeyRequest;
use crate::resource::undo::Undo;

/// Everything needed to carry out a [`KeyRequest`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Merge<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) writer: Writer<'a>,
    pub(crate) owner: &'a Owner,
    pub(crate) request: &'a KeyRequest<'a>,
    /// Determines how old a version is.
    pub(crate) clock: &'a Clock,
    pub(crate) undo_log: &'a UndoLog<Undo>,
    /// Whether the shares are needed.
    pub(crate) with_shares: bool,
}

impl Merge<'_> {
    /// The inputs for the steps that make a version of the desired document, such as an upload.
    pub(super) fn apply_for<'b>(&'b self, desired: &'b Desired) -> Apply<'b> {
        let intent =
            Intent { desired, operation: Operation::Create, owner: self.owner, signature: None, account: None };
        Apply { reader: self.reader, writer: self.writer, intent, clock: self.clock, undo_log: self.undo_log }
    }
}
