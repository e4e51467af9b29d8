//! Reads of Systems Manager lag behind writes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;

/// How long a write may take to become visible to reads.
pub(crate) const LONGEST_LAG: Duration = Duration::from_secs(5);

/// Waits until reads show every write that was made before.
pub(crate) async fn until_over() {
    sleep(LONGEST_LAG).await;
}

/// A period that begins after some writes, during which reads may not show them yet. It also paces the reads that wait for those
/// writes.
#[derive(Debug)]
pub(crate) struct ReadLag {
    began: Instant,
    backoff: Backoff,
}

impl ReadLag {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), backoff: Backoff::new() }
    }

    /// Whether a read may still not show an earlier write. After [`LONGEST_LAG`], it shows every one.
    pub(crate) fn is_possible(&self) -> bool {
        self.began.elapsed() < LONGEST_LAG
    }

    /// Pauses before the next read.
    pub(crate) async fn pause(&mut self) {
        self.backoff.pause().await;
    }
}
