//! How the time of one invocation is shared out, so that an answer is delivered before Lambda ends the process.

use std::time::Duration;

use tokio::time::Instant;

/// Lambda's own default. A deadline that has passed when the invocation starts can't be a real one: local tools send 1970.
const ASSUMED_TIMEOUT: Duration = Duration::from_secs(3);

/// The ends of the phases of one invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// The work is cut here.
    pub work: Instant,
    /// Undoing a Create is cut here, and the answer is sent.
    pub undo: Instant,
    /// Where the answer has not been begun by here, a thread of its own sends one.
    pub watchdog: Instant,
    /// No attempt to deliver the answer goes beyond this.
    pub answer: Instant,
}

impl Deadlines {
    /// Shares out `remaining`, counted from `started`.
    ///
    /// Undo and answer each have a fifth and a quarter of the time, at most 15 s.
    pub fn new(started: Instant, remaining: Duration) -> Self {
        let remaining = if remaining.is_zero() { ASSUMED_TIMEOUT } else { remaining };
        let longest = Duration::from_secs(15);
        let for_answer = (remaining / 4).min(longest);
        let for_undo = (remaining / 5).min(longest);
        // What Lambda needs to be told that the invocation has ended.
        let margin = for_answer / 5;
        let end = started + remaining;
        Self {
            work: end - for_answer - for_undo,
            undo: end - for_answer,
            watchdog: end - for_answer + for_answer / 4,
            answer: end - margin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_phase_has_time_and_the_last_ends_before_lambda_does() {
        let started = Instant::now();
        for millis in [400, 1_000, 3_000, 30_000, 180_000, 900_000] {
            let remaining = Duration::from_millis(millis);
            let Deadlines { work, undo, watchdog, answer } = Deadlines::new(started, remaining);
            assert!(
                started < work && work < undo && undo < watchdog && watchdog < answer && answer < started + remaining
            );
            assert!(work - started > remaining / 2, "the work has most of the time");
        }
    }

    #[tokio::test]
    async fn a_deadline_in_the_past_is_taken_for_lambdas_default() {
        let started = Instant::now();
        assert_eq!(Deadlines::new(started, Duration::ZERO), Deadlines::new(started, Duration::from_secs(3)));
    }
}
