//! Runs work so that a panic or the end of its time becomes a value.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use tokio::time::Instant;

use super::failure::Failure;

/// Why guarded work gave no result of its own.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut {
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
pub async fn run<T>(deadline: Instant, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Cut> {
    let mut work = pin!(work);
    let unwinding = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(|result| result.map_err(Cut::Failed)),
        Err(payload) => {
            forget(payload);
            Poll::Ready(Err(Cut::Panicked))
        }
    });
    tokio::select! {
        // The deadline is looked at first: after a stall the work must not get another turn.
        biased;
        () = tokio::time::sleep_until(deadline) => Err(Cut::TimedOut),
        result = unwinding => result,
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
        assert_eq!(run::<()>(soon(), async { Err(failure.clone()) }).await, Err(Cut::Failed(failure.clone())));
    }

    #[tokio::test]
    async fn a_panic_is_a_value() {
        let panicking = async {
            tokio::task::yield_now().await;
            panic!("on purpose")
        };
        assert_eq!(run::<()>(soon(), panicking).await, Err(Cut::Panicked));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_is_cut_at_its_deadline() {
        let started = Instant::now();
        let deadline = started + Duration::from_secs(5);
        assert_eq!(run::<()>(deadline, std::future::pending()).await, Err(Cut::TimedOut));
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
        assert_eq!(run(deadline, stalling).await, Err(Cut::TimedOut));
        assert_eq!(polls, 1);
    }
}
