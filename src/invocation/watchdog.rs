//! Responds from a second thread if the working thread stalls.
//!
//! The deadline of [`super::guard`] is a timer on the working thread. It can't fire while that thread computes or blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use tokio::time::Instant;

use crate::failure::Failure;

/// The right to send the response. Only the first caller of [`ResponseRight::take`] gets it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ResponseRight(Arc<AtomicBool>);

impl ResponseRight {
    /// Takes the right. Returns whether the caller got it.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }
}

/// A thread that responds at a deadline.
#[derive(Debug)]
pub(crate) struct Watchdog {
    stop: Sender<()>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
}

impl Watchdog {
    /// Starts a thread that runs `respond` at `deadline`, unless the watchdog is stopped or the right is taken before that.
    ///
    /// If the thread can't be started, the work goes on without a watchdog.
    pub(crate) fn start(
        deadline: Instant,
        right: ResponseRight,
        respond: impl FnOnce() -> Result<(), Failure> + Send + 'static,
    ) -> Self {
        let (stop, stopped) = channel::<()>();
        let wait = deadline.saturating_duration_since(Instant::now());
        let thread =
            std::thread::Builder::new().name("watchdog".into()).spawn(move || match stopped.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) if right.take() => respond(),
                _ => Ok(()),
            });
        Self {
            stop,
            thread: thread.inspect_err(|error| tracing::warn!(%error, "the watchdog could not be started")).ok(),
        }
    }

    /// Stops the watchdog without waiting for its thread.
    pub(crate) fn stop(self) {
        drop(self.stop);
    }

    /// Waits until the watchdog has delivered its response.
    ///
    /// # Errors
    /// The response was not delivered.
    pub(crate) fn join(self) -> Result<(), Failure> {
        match self.thread.map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(Failure::new("The watchdog panicked. This is a bug.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_watchdog_responds_at_its_deadline_while_the_thread_is_stalled() {
        let right = ResponseRight::default();
        let watchdog =
            Watchdog::start(Instant::now() + Duration::from_millis(10), right.clone(), || Err(Failure::new("sent")));
        std::thread::sleep(Duration::from_millis(100));
        assert!(!right.take(), "the watchdog has taken the right");
        assert_eq!(watchdog.join(), Err(Failure::new("sent")));
    }

    #[tokio::test]
    async fn a_watchdog_that_is_stopped_or_late_does_not_respond() {
        let right = ResponseRight::default();
        let watchdog =
            Watchdog::start(Instant::now() + Duration::from_secs(60), right.clone(), || Err(Failure::new("sent")));
        watchdog.stop();
        assert!(right.take());
        let late = Watchdog::start(Instant::now(), right.clone(), || Err(Failure::new("sent")));
        assert_eq!(late.join(), Ok(()));
    }
}
