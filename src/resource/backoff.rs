//! Pauses between looks at something that AWS is still changing.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// Pauses that double from 0.2 s up to 5 s.
#[derive(Debug)]
pub struct Backoff(Duration);

impl Backoff {
    /// From the shortest.
    pub fn new() -> Self {
        Self(FIRST)
    }

    /// Waits for the next pause.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST);
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}
