//! Runs work so that a panic or the end of its time becomes a value.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::failure::Failure;

// The deadline of the work that is being polled.
tokio::task_local!(static DEADLINE: Instant);

/// Why guarded work gave no result of its own.
#[derive(Debug, PartialEq, Eq)]
pub enum WorkError {
    /// It failed by itself.
    Failed(Failure),
    /// Its time ran out.
    TimedOut,
    /// It panicked; the payload is dropped, since it may quote what was being worked on.
    Panicked,
}

/// Runs `work` to its end, to `deadline` or to its panic, whichever is first.
///
/// # Errors
/// Tells the three apart. Work that is cut is dropped, so it does nothing more.
pub async fn run<T>(deadline: Instant, work: impl Future<Output = Result<T, Failure>>) -> Result<T, WorkError> {
    let mut work = Box::pin(DEADLINE.scope(deadline, work));
    let in_time = poll_fn(|context| {
        // The clock is asked: the timer has not noticed yet what a stall cost, and the work must not get another turn.
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

/// Whether the work that asks is past its deadline. Nothing interrupts work before it next waits: after a stall it must not
/// send what it was about to send, since it may have been answered already that nothing was done.
pub fn is_over() -> bool {
    DEADLINE.try_with(|deadline| Instant::now() >= *deadline).unwrap_or(false)
}

/// Runs `work` to its end or to its panic.
///
/// # Errors
/// Tells the two apart.
pub async fn catch<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, WorkError> {
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

/// Drops a panic's payload; a payload whose own drop panics is leaked instead.
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
    async fn work_that_ends_gives_its_own_result() {
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
    async fn a_panic_while_cut_work_is_dropped_changes_nothing() {
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
    async fn work_that_stalled_can_ask_whether_its_time_is_over() {
        let deadline = Instant::now() + Duration::from_millis(10);
        let mut answers = Vec::new();
        let work = poll_fn(|_| {
            answers.push(is_over());
            std::thread::sleep(Duration::from_millis(20));
            answers.push(is_over());
            Poll::Ready(Ok(()))
        });
        assert_eq!(run(deadline, work).await, Ok(()));
        assert_eq!((answers, is_over()), (vec![false, true], false));
    }

    #[tokio::test]
    async fn work_whose_time_is_over_gets_no_turn_at_all() {
        let mut polls = 0;
        let work = poll_fn(|_| {
            polls += 1;
            Poll::Ready(Ok(()))
        });
        assert_eq!(run(Instant::now(), work).await, Err(WorkError::TimedOut));
        assert_eq!(polls, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_is_cut_at_its_deadline() {
        let started = Instant::now();
        let deadline = started + Duration::from_secs(5);
        assert_eq!(run::<()>(deadline, std::future::pending()).await, Err(WorkError::TimedOut));
        assert_eq!(Instant::now() - started, Duration::from_secs(5));
    }

    #[tokio::test]
    async fn work_that_stalled_past_its_deadline_gets_no_further_turn() {
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
