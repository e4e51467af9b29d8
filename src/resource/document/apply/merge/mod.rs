//! Carries out decisions about keys: one writer at a time, on top of the version that was observed.

pub(crate) mod announcement;
mod change;
pub(crate) mod context;
mod promote;
mod record;
mod tags;
mod upload;

use futures_util::future::try_join_all;

use self::announcement::Announcement;
use self::context::Merge;
use super::context::{Applied, NotApplied};
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;
use crate::read_lag::ReadLag;
use crate::resource::document::aws::observe::Look;
use crate::resource::document::aws::read::Reader;
use crate::resource::document::aws::write::Writer;
use crate::resource::document::observed::{Document, Observed};
use crate::resource::document::plan::merge::lock::Announced;
use crate::resource::document::plan::merge::{Earlier, KeyPlan, KeyRequest, KeysPlanned, KeysUndo};
use crate::resource::document::plan::visibility::may_hide_key_owners;
use crate::resource::undo::Undo;

/// After this many outdated decisions, a request fails. Most requests reach their deadline first.
const MAX_OUTDATED: usize = 30;

/// The outcome of one attempt to carry out a decision.
enum Attempt {
    /// The decision was carried out, with this document as the result; `None` if it does not exist.
    CarriedOut(Option<Applied>),
    /// Another writer holds the lock, or the tags of another delivery may not be visible yet.
    Locked,
    /// What this request wrote is not visible yet.
    NotVisible,
}

impl Merge<'_> {
    /// Observes the document. Waits while AWS is changing it, until the caller's deadline.
    ///
    /// # Errors
    /// A call failed.
    pub(crate) async fn observe(&self) -> Result<Observed, Failure> {
        let mut backoff = Backoff::new();
        loop {
            self.undo_log.step("reading the document");
            match self.reader.shared_document(self.with_shares).await? {
                Look::Present(document) if may_hide_key_owners(&document.description, self.clock.now()) => {
                    self.undo_log.step("waiting until the tags of the new document are visible");
                    backoff.pause().await;
                }
                Look::Present(document) => return Ok(Observed::Present(document)),
                Look::Absent => return Ok(Observed::Absent),
                Look::Changing(status) => {
                    self.undo_log.step("waiting while AWS changes the document");
                    self.undo_log.seen(format!("it is {status}"));
                    backoff.pause().await;
                }
            }
        }
    }

    /// Decides what to do with the observed document, and carries out the decision. If the document has changed in the meantime,
    /// observes it and decides again. Returns the resulting document, or `None` if it does not exist. `announcement` holds the
    /// version, if any, that the tag announced at an earlier observation.
    ///
    /// # Errors
    /// The request is refused, or a call failed. If a Create or an Update fails, the undo log holds what must be undone.
    pub(crate) async fn run(
        &self,
        mut observed: Observed,
        mut announcement: Announcement,
    ) -> Result<Option<Applied>, Failure> {
        let (mut backoff, lag, mut outdated) = (Backoff::new(), ReadLag::begin(), 0);
        loop {
            match self.attempt(&observed, announcement.of(&observed)).await {
                Ok(Attempt::CarriedOut(applied)) => return Ok(applied),
                Ok(Attempt::Locked) => self.undo_log.step("waiting for another writer of the document"),
                Ok(Attempt::NotVisible) if lag.is_possible() => {}
                Ok(Attempt::NotVisible) if self.request.accepts_invisible() => return Ok(None),
                Ok(Attempt::NotVisible) => {
                    let name = self.reader.name;
                    return Err(Failure::new(format!("What was written to the document {name} is not visible yet.")));
                }
                Err(NotApplied::Failed(failure)) => return Err(failure),
                Err(NotApplied::Outdated(failure)) => {
                    outdated += 1;
                    // Usually, another writer has just promoted its version, so the lock may soon be free.
                    backoff = Backoff::new();
                    if outdated == MAX_OUTDATED {
                        return Err(failure.and("This happened repeatedly. Try again."));
                    }
                }
            }
            backoff.pause().await;
            observed = self.observe().await?;
        }
    }

    async fn attempt(&self, observed: &Observed, announced: Announced) -> Result<Attempt, NotApplied> {
        let read = self.request.needed_versions(observed).into_iter().map(|version| async move {
            let content = self.reader.content_of(&version).await?;
            Ok::<_, Failure>((version, content))
        });
        let earlier: Earlier = try_join_all(read).await?.into_iter().collect();
        let KeysPlanned { plan, warnings } = self.request.decide(observed, &earlier)?;
        tracing::info!(document = self.reader.name, %plan, "planned");
        for warning in &warnings {
            tracing::warn!(document = self.reader.name, "{warning}");
        }
        match (plan, observed) {
            (KeyPlan::LookAgain, _) => Ok(Attempt::NotVisible),
            (KeyPlan::Nothing, Observed::Present(document)) => Ok(Attempt::CarriedOut(Some(applied(document)))),
            (KeyPlan::Create { content, tags, undo }, _) => self.create(content, &tags, undo).await,
            (KeyPlan::Change(change), Observed::Present(document)) => self.change(document, change, announced).await,
            (KeyPlan::Delete, Observed::Present(document)) => self.delete(document, announced).await,
            (KeyPlan::Nothing | KeyPlan::Change(_) | KeyPlan::Delete, Observed::Absent) => {
                Ok(Attempt::CarriedOut(None))
            }
        }
    }
}

/// Undoes what a failed request did to its keys.
///
/// # Errors
/// A step failed, or what the request wrote is not visible yet.
pub(crate) async fn undo(
    client: &aws_sdk_ssm::Client,
    undo: &KeysUndo,
    undo_log: &UndoLog<Undo>,
) -> Result<(), Failure> {
    let (reader, writer) = (Reader { client, name: &undo.name }, Writer { client, name: &undo.name });
    let (request, owner, clock) = (KeyRequest::Undo(undo), &undo.owner, &undo.clock);
    let merge = Merge { reader, writer, owner, request: &request, clock, undo_log, with_shares: false };
    let observed = merge.observe().await?;
    merge.run(observed, Announcement::default()).await.map(drop)
}

fn applied(document: &Document) -> Applied {
    Applied {
        default_version: document.default.number.clone(),
        latest_version: document.description.latest_version.clone(),
        hash: document.description.hash.clone(),
    }
}
