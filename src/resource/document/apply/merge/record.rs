//! Updates, before each write, the record of what a failed request must undo.

use super::context::Merge;
use crate::invocation::undo_log::UndoEntry;
use crate::resource::document::plan::merge::{KeyChange, KeyRequest, KeysUndo};
use crate::resource::document::plan::undo::CreateCall;
use crate::resource::undo::Undo;

impl Merge<'_> {
    /// Records the keys that the request is about to take.
    pub(super) fn record_taken(&self, change: &KeyChange) {
        if change.taken.is_empty() {
            return;
        }
        if self.undo_log.entry().is_none() {
            self.record(KeysUndo { created: change.is_of_created.then_some(CreateCall::Succeeded), ..self.new_undo() });
        }
        self.amend(|undo| undo.takes(&change.taken));
    }

    /// An undo for a request that has written nothing yet.
    pub(super) fn new_undo(&self) -> KeysUndo {
        KeysUndo::new(self.reader.name, self.owner, self.clock)
    }

    /// Records what to undo if the request fails. Replaces an earlier entry.
    pub(super) fn record(&self, undo: KeysUndo) {
        self.undo_log.note(UndoEntry { physical_id: self.reader.name.to_owned(), undo: Undo::Keys(undo) });
    }

    /// Changes the record. An undo records nothing, since it is not undone itself.
    pub(super) fn amend(&self, change: impl FnOnce(&mut KeysUndo)) {
        if let KeyRequest::Undo(_) = self.request {
            return;
        }
        self.undo_log.amend(|undo| {
            if let Undo::Keys(undo) = undo {
                change(undo);
            }
        });
    }
}
