//! Answers from a thread of its own when the function's only other thread is stalled.
//!
//! The deadline of [`super::guard`] is a timer on the thread that does the work: it can't fire while that thread computes or
//! blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use tokio::time::Instant;

use crate::failure::Failure;

/// The right to send the one answer: whoever takes it first has it.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicBool>);

impl Turn {
    /// Whether the caller is the one who answers.
    pub fn take(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }
}

/// A thread that waits for its moment.
#[derive(Debug)]
pub struct Watchdog {
    stop: Sender<()>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
}

impl Watchdog {
    /// Runs `answer` at `deadline` in a thread of its own, unless it is stopped before or the turn is taken.
    ///
    /// Where no thread can be had, there is no watchdog: the work goes on without.
    pub fn arm(deadline: Instant, turn: Turn, answer: impl FnOnce() -> Result<(), Failure> + Send + 'static) -> Self {
        let (stop, stopped) = channel::<()>();
        let wait = deadline.saturating_duration_since(Instant::now());
        let thread =
            std::thread::Builder::new().name("watchdog".into()).spawn(move || match stopped.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) if turn.take() => answer(),
                _ => Ok(()),
            });
        Self { stop, thread: thread.inspect_err(|error| tracing::warn!(%error, "there is no watchdog")).ok() }
    }

    /// Ends the watchdog without waiting for its thread.
    pub fn stop(self) {
        drop(self.stop);
    }

    /// Waits for the answer that the watchdog has begun.
    ///
    /// # Errors
    /// Where that answer was not delivered.
    pub fn answered(self) -> Result<(), Failure> {
        match self.thread.map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(Failure::new("The watchdog's answer was not delivered.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_watchdog_answers_at_its_deadline_while_the_thread_is_stalled() {
        let turn = Turn::default();
        let watchdog =
            Watchdog::arm(Instant::now() + Duration::from_millis(10), turn.clone(), || Err(Failure::new("sent")));
        std::thread::sleep(Duration::from_millis(100));
        assert!(!turn.take(), "the watchdog has taken the turn");
        assert_eq!(watchdog.answered(), Err(Failure::new("sent")));
    }

    #[tokio::test]
    async fn a_watchdog_that_is_stopped_or_late_does_not_answer() {
        let turn = Turn::default();
        let watchdog =
            Watchdog::arm(Instant::now() + Duration::from_secs(60), turn.clone(), || Err(Failure::new("sent")));
        watchdog.stop();
        assert!(turn.take());
        let late = Watchdog::arm(Instant::now(), turn.clone(), || Err(Failure::new("sent")));
        assert_eq!(late.answered(), Ok(()));
    }
}
