//! Calls that take effect after their caller has given up.

use serde_json::Value;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

/// When a call whose connection was lost takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakesEffect {
    /// This long after it arrived.
    After(Duration),
    /// When the next call of SSM is carried out, just before it.
    AtNextCall,
    /// When the test says so, by [`crate::Loopback::release_late_calls`].
    WhenReleased,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    At(SystemTime),
    NextCall,
    Release,
}

/// A call that has not taken effect yet.
pub(crate) struct LateCall {
    due: Due,
    pub(crate) operation: String,
    pub(crate) input: Value,
}

impl LateCall {
    /// When it took effect, if it has by `now`.
    pub(crate) fn moment(&self, now: SystemTime) -> SystemTime {
        if let Due::At(moment) = self.due { moment } else { now }
    }
}

/// The calls that have not taken effect yet, in the order they arrived.
#[derive(Default)]
pub(crate) struct LateCalls(Mutex<Vec<LateCall>>);

/// What makes calls take effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// The model is inspected.
    Look,
    /// A call is carried out.
    Call,
    /// The test releases all of them, even those that are not yet due.
    Release,
}

impl LateCalls {
    pub(crate) fn add(&self, effect: TakesEffect, now: SystemTime, operation: &str, input: &Value) {
        let due = match effect {
            TakesEffect::After(time) => Due::At(now + time),
            TakesEffect::AtNextCall => Due::NextCall,
            TakesEffect::WhenReleased => Due::Release,
        };
        self.0.lock().unwrap().push(LateCall { due, operation: operation.to_owned(), input: input.clone() });
    }

    /// Those that take effect now, in the order they do.
    pub(crate) fn take(&self, occasion: Occasion, now: SystemTime) -> Vec<LateCall> {
        let mut calls = self.0.lock().unwrap();
        let (mut due, rest): (Vec<_>, Vec<_>) = calls.drain(..).partition(|call| match call.due {
            Due::At(moment) => moment <= now || occasion == Occasion::Release,
            Due::NextCall => occasion != Occasion::Look,
            Due::Release => occasion == Occasion::Release,
        });
        *calls = rest;
        due.sort_by_key(|call| call.due);
        due
    }
}
