//! The drift guard: detects a default version that somebody changed by hand and, if configured to, restores it.
//!
//! [`event`] reads what EventBridge sends; [`check`] reads a document, asks CloudFormation, and uses the [`rules`] to decide
//! whether to repair the document; [`report`] writes the metrics. Versions are immutable, so comparing version numbers is
//! enough to find a difference. In a shared document, the managed keys are compared as well.

mod check;
pub(crate) mod event;
pub(crate) mod guard;
mod list;
pub mod report;
pub(crate) mod rules;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use tokio::time::timeout;

use self::check::{DriftCheck, Outcome};
use self::event::{Event, Moved};
pub(crate) use self::guard::Guard;
pub use self::guard::Mode;
use crate::failure::Failure;

/// How many documents the daily check reads concurrently.
const AT_ONCE: usize = 8;

/// How long before the end of the invocation the check is stopped, so that its failure can still be returned and logged.
const RESERVE: Duration = Duration::from_secs(5);

impl Guard<'_> {
    /// Handles an event within `time`.
    ///
    /// # Errors
    /// A document can't be read, or `time` has run out. Lambda then retries the event.
    pub(crate) async fn handle(&self, event: Event, time: Duration) -> Result<(), Failure> {
        let work = async {
            match event {
                Event::Moved(moved) => self.check(&moved.name.clone(), Some(&moved)).await.map(drop),
                Event::Daily => self.check_all().await,
            }
        };
        timeout(time.saturating_sub(RESERVE), work).await.unwrap_or_else(|_| {
            Err(Failure::new(
                "The drift guard ran out of time. Its reports so far are valid. Lambda retries the event, which repeats the \
                 check.",
            ))
        })
    }

    async fn check(&self, name: &str, moved: Option<&Moved>) -> Result<Outcome, Failure> {
        DriftCheck { guard: self, name, moved }.run().await
    }

    /// Checks every document of the account that has the tag `cfn-ssm-document:default-version`, then logs one line about all
    /// of them.
    async fn check_all(&self) -> Result<(), Failure> {
        let listed = list::guarded_documents(self.client).await?;
        // Boxed one by one, since the compiler rejects a stream of closures as not general enough.
        let checks: Vec<_> = listed.guarded.iter().map(|name| self.check(name, None).boxed()).collect();
        let outcomes: Vec<Result<Outcome, Failure>> = stream::iter(checks).buffer_unordered(AT_ONCE).collect().await;
        let count = |wanted: Outcome| outcomes.iter().filter(|outcome| outcome.as_ref().ok() == Some(&wanted)).count();
        let (drifted, repaired) = (count(Outcome::Drifted), count(Outcome::Repaired));
        let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        tracing::info!(
            documents = listed.documents,
            guarded = listed.guarded.len(),
            drifted = drifted + repaired,
            repaired,
            failed,
            "the daily drift check is done"
        );
        match outcomes.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some(first) => Err(first.and(format!("Documents that could not be checked: {failed}."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_read_and_another_word_is_refused_by_name() {
        assert_eq!(
            ["Off", "Report", "Repair"].map(|text| Mode::parse(text).unwrap()),
            [Mode::Off, Mode::Report, Mode::Repair]
        );
        assert!(Mode::parse("report").unwrap_err().to_string().contains("\"report\""));
    }
}
