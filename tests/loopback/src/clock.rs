//! The clock from which the loopback AWS takes every time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The machine's clock (the default), or tokio's, which a test can pause.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<(SystemTime, Instant)>);

impl Clock {
    /// The clock of the tokio runtime that this is called in: it reads `base` now, and stands still while the
    /// runtime's time is paused.
    pub fn starting_at(base: SystemTime) -> Self {
        Self(Some((base, Instant::now())))
    }

    /// The time of day.
    pub fn now_system(&self) -> SystemTime {
        match self.0 {
            None => SystemTime::now(),
            Some((base, start)) => base + Instant::now().saturating_duration_since(start),
        }
    }
}

/// How long after 1970 a time is.
pub(crate) fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).expect("a clock after 1970")
}

/// A time as SSM writes it: seconds since 1970, with milliseconds.
pub(crate) fn seconds(time: SystemTime) -> f64 {
    (since_1970(time).as_millis() as f64) / 1000.0
}
