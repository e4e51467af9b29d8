//! Runs work so that a panic or a timeout becomes a value.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::failure::Failure;

// The deadline of the work that is being polled.
tokio::task_local!(static DEADLINE: Instant);

/// Why guarded work has no result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WorkError {
    /// It returned a failure.
    Failed(Failure),
    /// It reached its deadline.
    TimedOut,
    /// It panicked. The payload is dropped, since it may quote a property.
    Panicked,
}

/// Runs `work` until it completes, panics or reaches `deadline`. Work that is interrupted is dropped.
///
/// # Errors
/// The work failed, panicked or reached its deadline.
pub(crate) async fn run<T>(deadline: Instant, work: impl Future<Output = Result<T, Failure>>) -> Result<T, WorkError> {
    let mut work = Box::pin(DEADLINE.scope(deadline, work));
    let in_time = poll_fn(|context| {
        // After a stall, the timer may not have fired yet, but the work must not be polled again.
        if Instant::now() >= deadline { Poll::Ready(Err(WorkError::TimedOut)) } else { poll(&mut work, context) }
    });
    let result = tokio::select! {
        biased;
        () = tokio::time::sleep_until(deadline) => Err(WorkError::TimedOut),
        result = in_time => result,
    };
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(work))) {
        forget(payload);
    }
    result
}

/// Whether the calling work is past its deadline.
///
/// Work can't be interrupted before its next `.await`. After a stall it must not send the request it was about to send: the
/// watchdog may already have responded that nothing was done.
pub(crate) fn is_past_deadline() -> bool {
    DEADLINE.try_with(|deadline| Instant::now() >= *deadline).unwrap_or(false)
}

/// Runs `work` until it completes or panics.
///
/// # Errors
/// The work failed or panicked.
pub(crate) async fn catch<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, WorkError> {
    let mut work = Box::pin(work);
    poll_fn(|context| poll(&mut work, context)).await
}

fn poll<T>(
    work: &mut Pin<Box<impl Future<Output = Result<T, Failure>>>>,
    context: &mut Context<'_>,
) -> Poll<Result<T, WorkError>> {
    match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(|result| result.map_err(WorkError::Failed)),
        Err(payload) => {
            forget(payload);
            Poll::Ready(Err(WorkError::Panicked))
        }
    }
}

/// Drops the payload of a panic. If the drop panics, the payload of that second panic is leaked.
fn forget(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn work_that_completes_returns_its_own_result() {
        assert_eq!(run(soon(), async { Ok(7) }).await, Ok(7));
        let failure = Failure::new("No.");
        assert_eq!(run::<()>(soon(), async { Err(failure.clone()) }).await, Err(WorkError::Failed(failure.clone())));
    }

    #[tokio::test]
    async fn a_panic_is_a_value() {
        let panicking = async {
            tokio::task::yield_now().await;
            panic!("on purpose")
        };
        assert_eq!(run::<()>(soon(), panicking).await, Err(WorkError::Panicked));
    }

    #[tokio::test]
    async fn a_panic_while_interrupted_work_is_dropped_changes_nothing() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("on purpose")
            }
        }
        let bomb = Bomb;
        let hanging = async move {
            let _bomb = bomb;
            std::future::pending::<Result<(), Failure>>().await
        };
        assert_eq!(run(Instant::now() + Duration::from_millis(5), hanging).await, Err(WorkError::TimedOut));
    }

    #[tokio::test]
    async fn work_that_stalled_can_tell_that_it_is_past_its_deadline() {
        let deadline = Instant::now() + Duration::from_millis(10);
        let mut seen = Vec::new();
        let work = poll_fn(|_| {
            seen.push(is_past_deadline());
            std::thread::sleep(Duration::from_millis(20));
            seen.push(is_past_deadline());
            Poll::Ready(Ok(()))
        });
        assert_eq!(run(deadline, work).await, Ok(()));
        assert_eq!((seen, is_past_deadline()), (vec![false, true], false));
    }

    #[tokio::test]
    async fn work_past_its_deadline_is_never_polled() {
        let mut polls = 0;
        let work = poll_fn(|_| {
            polls += 1;
            Poll::Ready(Ok(()))
        });
        assert_eq!(run(Instant::now(), work).await, Err(WorkError::TimedOut));
        assert_eq!(polls, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_times_out_at_its_deadline() {
        let started = Instant::now();
        let deadline = started + Duration::from_secs(5);
        assert_eq!(run::<()>(deadline, std::future::pending()).await, Err(WorkError::TimedOut));
        assert_eq!(Instant::now() - started, Duration::from_secs(5));
    }

    #[tokio::test]
    async fn work_that_stalled_past_its_deadline_is_not_polled_again() {
        let deadline = Instant::now() + Duration::from_millis(20);
        let mut polls = 0;
        let stalling = poll_fn(|context| -> Poll<Result<(), Failure>> {
            polls += 1;
            std::thread::sleep(Duration::from_millis(60));
            context.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!(run(deadline, stalling).await, Err(WorkError::TimedOut));
        assert_eq!(polls, 1);
    }
}
