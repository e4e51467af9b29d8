//! How far the work of one request has come: what the answer needs when the work is cut short.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the work has reached; `U` is what a resource needs to undo it.
#[derive(Debug)]
pub struct UndoLog<U> {
    state: Mutex<State<U>>,
}

#[derive(Debug)]
struct State<U> {
    step: String,
    written: Option<Written<U>>,
}

/// Something was written, or may have been: a request that was sent and not answered counts.
#[derive(Debug, Clone)]
pub struct Written<U> {
    /// The physical id for the answer of a Create that can't undo it.
    pub physical_resource_id: String,
    /// How to undo it.
    pub undo: U,
}

impl<U> Written<U> {
    /// The same with another way to undo it.
    pub fn map<V>(self, wrap: impl FnOnce(U) -> V) -> Written<V> {
        Written { physical_resource_id: self.physical_resource_id, undo: wrap(self.undo) }
    }
}

impl<U: Clone> UndoLog<U> {
    /// Nothing done yet.
    pub fn new() -> Self {
        Self { state: Mutex::new(State { step: "reading the request".into(), written: None }) }
    }

    /// Notes what is being done, for the reason of a request that runs out of time.
    pub fn step(&self, step: impl Into<String>) {
        self.state().step = step.into();
    }

    /// What is being done.
    pub fn current_step(&self) -> String {
        self.state().step.clone()
    }

    /// To be called *before* the first write that a failure must undo.
    pub fn will_write(&self, written: Written<U>) {
        self.state().written = Some(written);
    }

    /// Changes how to undo what was written, if anything was.
    pub fn amend(&self, change: impl FnOnce(&mut U)) {
        if let Some(written) = &mut self.state().written {
            change(&mut written.undo);
        }
    }

    /// What a failure must undo.
    pub fn written(&self) -> Option<Written<U>> {
        self.state().written.clone()
    }

    /// To be called when it is undone.
    pub fn undone(&self) {
        self.state().written = None;
    }

    fn state(&self) -> MutexGuard<'_, State<U>> {
        // A panic while it was locked leaves it whole: every change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<U: Clone> Default for UndoLog<U> {
    fn default() -> Self {
        Self::new()
    }
}
