//! The writes of one invocation: each attempt is admitted before it starts, and counted until it has a reply. Whether anything
//! may have been written is recorded for the whole invocation.
//!
//! Every attempt passes through [`attempt`], including a client's retries. It finds the invocation's [`Writes`] in a
//! task-local, so that nothing is kept from one invocation to the next.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::time::{Instant, timeout_at};

use super::guard;
use crate::failure::Failure;

// The writes of the invocation that is being polled.
tokio::task_local!(static WRITES: Arc<Writes>);

/// Resolves to the time by which an attempt must end, if there is one.
pub(crate) type Admission<'a> = Pin<Box<dyn Future<Output = Result<Option<Instant>, Failure>> + Send + 'a>>;

/// Decides whether an attempt to write may start.
pub(crate) trait Gate: fmt::Debug + Send + Sync {
    /// Decides whether an attempt may start now. An error says why nothing may be written.
    fn admit(&self) -> Admission<'_>;
}

/// The gate of one invocation, and the record of its attempts.
#[derive(Debug)]
pub(crate) struct Writes {
    gate: Arc<dyn Gate>,
    without_reply: AtomicUsize,
    any: AtomicBool,
}

/// The outcome of an attempt that was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It was not sent, or AWS refused it: it changes nothing.
    Nothing,
    /// It has a reply, and may have taken effect.
    Replied,
    /// It has no reply, and may still take effect.
    Unknown,
}

/// Why an attempt has no result of its own.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// It was not admitted, so it was not sent.
    Refused(Refused),
    /// It was sent, and cut off when its time ended.
    CutOff,
}

/// Why the gate refused an attempt. The client's error returns it from [`source`](std::error::Error::source).
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub(crate) Failure);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl Writes {
    /// Creates an empty record of attempts that `gate` admits.
    pub(crate) fn new(gate: Arc<dyn Gate>) -> Self {
        Self { gate, without_reply: AtomicUsize::new(0), any: AtomicBool::new(false) }
    }

    /// Whether an attempt to write was sent and has no reply: cut off, reset, timed out, or in flight when the work was
    /// interrupted. Such a write may still take effect.
    pub(crate) fn has_unreplied(&self) -> bool {
        self.without_reply.load(Ordering::SeqCst) > 0
    }

    /// Whether anything was written, or may have been.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::SeqCst) || self.has_unreplied()
    }
}

/// Whether the invocation that is being polled has written anything, or may have.
pub(crate) fn any() -> bool {
    WRITES.try_with(|writes| writes.any()).unwrap_or(false)
}

/// Whether the invocation that is being polled has made an attempt to write that has no reply, and may still take effect.
pub(crate) fn any_unreplied() -> bool {
    WRITES.try_with(|writes| writes.has_unreplied()).unwrap_or(false)
}

/// Runs `work`, whose attempts to write pass through `writes`.
pub(crate) async fn within<T>(writes: Arc<Writes>, work: impl Future<Output = T>) -> T {
    WRITES.scope(writes, work).await
}

/// Makes an attempt to write: `send` is polled only if the attempt is admitted, and only until its time ends. `effect` interprets
/// the result.
///
/// Outside [`within`], every attempt is admitted.
///
/// # Errors
/// The attempt was refused or cut off.
pub(crate) async fn attempt<T>(send: impl Future<Output = T>, effect: impl FnOnce(&T) -> Effect) -> Result<T, Stopped> {
    let Ok(writes) = WRITES.try_with(Arc::clone) else { return Ok(send.await) };
    let end = writes.gate.admit().await.map_err(|reason| Stopped::Refused(Refused(reason)))?;
    if guard::is_past_deadline() {
        // Admission took the rest of the time: the guard ends the work at its next poll.
        return std::future::pending().await;
    }
    // Counted before it is sent: if this future is dropped before the reply arrives, the attempt still counts as one without a
    // reply.
    writes.without_reply.fetch_add(1, Ordering::SeqCst);
    let result = match end {
        Some(end) => timeout_at(end, send).await.map_err(|_| Stopped::CutOff)?,
        None => send.await,
    };
    match effect(&result) {
        Effect::Unknown => {}
        Effect::Nothing => {
            writes.without_reply.fetch_sub(1, Ordering::SeqCst);
        }
        Effect::Replied => {
            writes.any.store(true, Ordering::SeqCst);
            writes.without_reply.fetch_sub(1, Ordering::SeqCst);
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::time::Duration;

    /// Admits attempts that end within this time, or none.
    #[derive(Debug)]
    struct Test(Option<Duration>);

    impl Gate for Test {
        fn admit(&self) -> Admission<'_> {
            let decision = self.0.map(|time| Some(Instant::now() + time)).ok_or_else(|| Failure::new("No."));
            Box::pin(ready(decision))
        }
    }

    fn writes(gate: Test) -> Arc<Writes> {
        Arc::new(Writes::new(Arc::new(gate)))
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn what_may_still_take_effect_is_distinguished_from_what_is_done_and_what_did_nothing() {
        for (effect, has_unreplied, any) in
            [(Effect::Nothing, false, false), (Effect::Replied, false, true), (Effect::Unknown, true, true)]
        {
            let writes = writes(Test(Some(SECOND)));
            let result = within(Arc::clone(&writes), attempt(ready(7), |_| effect)).await;
            assert_eq!(result.unwrap(), 7);
            assert_eq!((writes.has_unreplied(), writes.any()), (has_unreplied, any), "{effect:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_is_cut_off_at_the_end_of_its_time_and_has_no_reply() {
        let writes = writes(Test(Some(SECOND)));
        let started = Instant::now();
        let result = within(Arc::clone(&writes), attempt(pending::<()>(), |()| Effect::Replied)).await;
        assert!(matches!(result, Err(Stopped::CutOff)));
        assert_eq!((started.elapsed(), writes.has_unreplied()), (SECOND, true));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_dropped_in_flight_has_no_reply() {
        let writes = writes(Test(Some(SECOND * 60)));
        let work = within(Arc::clone(&writes), attempt(pending::<()>(), |()| Effect::Replied));
        assert!(tokio::time::timeout(SECOND, work).await.is_err());
        assert!(writes.has_unreplied());
    }

    #[tokio::test]
    async fn an_attempt_that_is_refused_is_not_sent() {
        let writes = writes(Test(None));
        let send = async { panic!("it must not be polled") };
        let result = within(Arc::clone(&writes), attempt(send, |()| Effect::Replied)).await;
        let Err(Stopped::Refused(Refused(reason))) = result else { panic!("it is refused") };
        assert_eq!(reason, Failure::new("No."));
        assert!(!writes.any());
    }
}
