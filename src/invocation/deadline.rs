//! Divides the time of an invocation, so that the response is delivered before Lambda ends the process.

use std::time::Duration;

use tokio::time::Instant;

/// Lambda's default timeout. It is assumed if the deadline has passed already, since some local tools send 1970.
const ASSUMED_TIMEOUT: Duration = Duration::from_secs(3);

/// When each phase of an invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadlines {
    /// The work is interrupted here.
    pub(crate) work: Instant,
    /// The undo is interrupted here, and the response is sent.
    pub(crate) undo: Instant,
    /// If no response has been started by then, the watchdog sends one.
    pub(crate) watchdog: Instant,
    /// The last attempt to deliver the response ends here.
    pub(crate) response: Instant,
}

impl Deadlines {
    /// Divides `remaining`, which begins at `started`.
    ///
    /// The undo gets a fifth of it and the response a quarter, each at most 15 s.
    pub(crate) fn new(started: Instant, remaining: Duration) -> Self {
        let remaining = if remaining.is_zero() { ASSUMED_TIMEOUT } else { remaining };
        let longest = Duration::from_secs(15);
        let for_response = (remaining / 4).min(longest);
        let for_undo = (remaining / 5).min(longest);
        // Time to tell Lambda that the invocation has ended.
        let margin = for_response / 5;
        let end = started + remaining;
        Self {
            work: end - for_response - for_undo,
            undo: end - for_response,
            watchdog: end - for_response + for_response / 4,
            response: end - margin,
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
            let Deadlines { work, undo, watchdog, response } = Deadlines::new(started, remaining);
            assert!(
                started < work
                    && work < undo
                    && undo < watchdog
                    && watchdog < response
                    && response < started + remaining
            );
            assert!(work - started > remaining / 2, "the work has most of the time");
        }
    }

    #[tokio::test]
    async fn a_deadline_in_the_past_counts_as_lambdas_default_timeout() {
        let started = Instant::now();
        assert_eq!(Deadlines::new(started, Duration::ZERO), Deadlines::new(started, Duration::from_secs(3)));
    }
}
