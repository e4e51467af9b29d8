//! Exponential backoff.

use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(5);

/// Pauses that double, up to 5 s.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    /// Creates a backoff whose first pause is `first`.
    pub(crate) fn starting_at(first: Duration) -> Self {
        Self(first)
    }

    /// Creates a backoff for polling AWS, whose first pause is 0.2 s.
    pub(crate) fn new() -> Self {
        Self::starting_at(Duration::from_millis(200))
    }

    pub(crate) fn next_pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }

    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}
