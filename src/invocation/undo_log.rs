//! Records the current step of a request and how to undo what it wrote.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The current step, and how to undo what was written. `U` is what a resource needs to undo it.
#[derive(Debug)]
pub(crate) struct UndoLog<U> {
    state: Mutex<State<U>>,
}

#[derive(Debug)]
struct State<U> {
    step: String,
    /// What the step last saw.
    seen: Option<String>,
    entry: Option<UndoEntry<U>>,
}

/// Something that was written, or may have been: a call whose response was lost counts as well.
#[derive(Debug, Clone)]
pub(crate) struct UndoEntry<U> {
    /// The physical id of the resource. If the write can't be undone, a failed Create responds with a physical id that
    /// contains this one.
    pub(crate) physical_id: String,
    /// How to undo it.
    pub(crate) undo: U,
}

impl<U: Clone> UndoLog<U> {
    /// Creates an empty log.
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { step: "reading the request".into(), seen: None, entry: None }) }
    }

    /// Records the current step. A request that runs out of time names it in its reason.
    pub(crate) fn step(&self, step: impl Into<String>) {
        let (step, mut state) = (step.into(), self.state());
        (state.step, state.seen) = (step, None);
    }

    /// Records what a waiting step last saw, such as "it is Updating".
    pub(crate) fn seen(&self, what: impl Into<String>) {
        self.state().seen = Some(what.into());
    }

    /// Returns the current step, followed in parentheses by what it last saw.
    pub(crate) fn current_step(&self) -> String {
        let state = self.state();
        match &state.seen {
            Some(seen) => format!("{} ({seen})", state.step),
            None => state.step.clone(),
        }
    }

    /// Records how to undo what follows, in place of an earlier entry. Called *before* the first write.
    pub(crate) fn note(&self, entry: UndoEntry<U>) {
        self.state().entry = Some(entry);
    }

    /// Changes how to undo what was written, if there is an entry.
    pub(crate) fn amend(&self, change: impl FnOnce(&mut U)) {
        if let Some(entry) = &mut self.state().entry {
            change(&mut entry.undo);
        }
    }

    /// Returns what a failure must undo.
    pub(crate) fn entry(&self) -> Option<UndoEntry<U>> {
        self.state().entry.clone()
    }

    /// Removes the entry. Called when everything is undone.
    pub(crate) fn clear(&self) {
        self.state().entry = None;
    }

    fn state(&self) -> MutexGuard<'_, State<U>> {
        // Even after a panic under the lock, the response and the undo need what was recorded.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<U: Clone> Default for UndoLog<U> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_waits_names_what_it_saw_last_until_the_next_step() {
        let log = UndoLog::<()>::new();
        log.step("waiting for version 2 to become Active");
        log.seen("it is Creating");
        log.seen("it is Updating");
        assert_eq!(log.current_step(), "waiting for version 2 to become Active (it is Updating)");
        log.step("promoting version 2");
        assert_eq!(log.current_step(), "promoting version 2");
    }
}
