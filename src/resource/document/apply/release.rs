//! Releases a document: carries out what a Delete does.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::delete::{delete, wait_until_gone};
use super::undo::{revert, undo};
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;
use crate::resource::document::aws::read::{Described, Reader};
use crate::resource::document::aws::write::Writer;
use crate::resource::document::desired::{Declared, OnDelete};
use crate::resource::document::observed::Status;
use crate::resource::document::ownership::Owner;
use crate::resource::document::plan::release::{
    LastWriter, Release, Revert, is_gone, last_writer, release as plan, shows_request,
};
use crate::resource::document::plan::undo::DocumentUndo;
use crate::resource::undo::Undo;

/// How long a Delete looks for what another delivery of a failed Create has written.
const LONGEST_LOOK: Duration = Duration::from_secs(10);

/// Everything needed to release one document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Releasing<'a> {
    pub(crate) reader: Reader<'a>,
    pub(crate) writer: Writer<'a>,
    pub(crate) owner: &'a Owner,
    pub(crate) declared: &'a Declared,
    pub(crate) signature: Option<i64>,
    pub(crate) undo_log: &'a UndoLog<Undo>,
}

impl Releasing<'_> {
    /// Releases the document as `OnDelete` says, if this resource owns it. It is not an error if the document does not exist or
    /// is deleted meanwhile, since a Delete can be delivered twice.
    ///
    /// # Errors
    /// A call failed. The ownership tags stay, so that another Delete can finish. The exception is a document that is kept and
    /// could not be unshared: its ownership tags are removed.
    pub(crate) async fn release(&self) -> Result<(), Failure> {
        let Some((described, shared_with)) = self.observe().await? else {
            tracing::info!("the document does not exist");
            return Ok(());
        };
        let applied = self.apply(&described, shared_with).await;
        self.fail_unless_gone(applied).await
    }

    /// Undoes the Create that was signed in this range, if its tags are still on the document. A document that an earlier Create
    /// of the same resource left behind stays.
    ///
    /// # Errors
    /// A call failed. If the document is to be restored, every step is attempted, even if others fail.
    pub(crate) async fn undo_create(&self, signed: &RangeInclusive<i64>) -> Result<(), Failure> {
        self.undo_log.step("undoing the failed request");
        let Some(Described { description, .. }) = self.reader.describe().await? else { return Ok(()) };
        let ownership = match last_writer(self.owner, &description.tags, signed) {
            LastWriter::FailedRequest(ownership) => ownership,
            LastWriter::AnotherOwner => return Ok(()),
            LastWriter::AnotherRequest => {
                tracing::warn!(
                    document = self.reader.name,
                    "the tags do not show that the failed request wrote to the document last, so the document stays as \
                     it is"
                );
                return Ok(());
            }
        };
        let shared_with = self.reader.shared_with().await.unwrap_or_else(|_| self.declared.account_ids.clone());
        let mut steps =
            DocumentUndo::of_ownership(self.owner, self.reader.name, &description, &ownership, &self.declared.tags);
        steps.record_shares(self.declared.account_ids.intersection(&shared_with).cloned());
        tracing::info!(document = self.reader.name, plan = "undo the failed request", "planned");
        let undone = undo(self.reader.client, &steps).await;
        self.fail_unless_gone(undone).await
    }

    /// Drops a failure if the document is gone.
    async fn fail_unless_gone(&self, result: Result<(), Failure>) -> Result<(), Failure> {
        let Err(failure) = result else { return Ok(()) };
        match self.reader.describe().await {
            Ok(now) if is_gone(now.as_ref().map(Described::status).as_ref()) => Ok(()),
            Ok(_) | Err(_) => Err(failure),
        }
    }

    /// Whether the document shows that the request with this signature has written to it. Returns `false` if the document can't
    /// be read within 10 s: the Delete must not fail for the same reason as the Create.
    pub(crate) async fn shows_request(&self, signature: i64) -> bool {
        self.undo_log.step("reading the document");
        match tokio::time::timeout(LONGEST_LOOK, self.reader.describe()).await {
            Ok(Ok(Some(seen))) => shows_request(&seen.description.tags, self.owner, signature),
            Ok(Ok(None)) => false,
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(
                    document = self.reader.name,
                    "the document can't be read, so the Create is assumed to have left nothing behind"
                );
                false
            }
        }
    }

    /// Describes the document. Under `Restore`, also reads its shares and waits while AWS is changing it.
    async fn observe(&self) -> Result<Option<(Described, BTreeSet<String>)>, Failure> {
        let mut backoff = Backoff::new();
        loop {
            self.undo_log.step("reading the document");
            let (described, shared_with) = match self.declared.on_delete {
                OnDelete::Retain => (self.reader.describe().await?, Ok(BTreeSet::new())),
                OnDelete::Restore => {
                    let (described, shared_with) = tokio::join!(self.reader.describe(), self.reader.shared_with());
                    (described?, shared_with)
                }
            };
            let Some(described) = described else { return Ok(None) };
            let status = described.status();
            if self.declared.on_delete == OnDelete::Restore && status.is_pending() {
                self.undo_log.step(format!("waiting while AWS changes the document (it is {status})"));
                backoff.pause().await;
                continue;
            }
            // If the shares can't be read, the declared ones are used.
            let shared_with = shared_with.unwrap_or_else(|_| self.declared.account_ids.clone());
            return Ok(Some((described, shared_with)));
        }
    }

    async fn apply(&self, described: &Described, shared_with: BTreeSet<String>) -> Result<(), Failure> {
        let description = &described.description;
        let release = plan(self.owner, description, &shared_with, self.declared, self.signature);
        tracing::info!(plan = %release, "planned");
        self.undo_log.step("releasing the document");
        match release {
            Release::Leave => Ok(()),
            Release::Delete => {
                delete(self.writer, &description.document_type, shared_with).await?;
                wait_until_gone(self.reader).await
            }
            Release::Revert(steps) => {
                if let Some(version) = &steps.promote {
                    self.promote_again(version).await?;
                }
                revert(self.writer, &Revert { promote: None, ..steps }).await
            }
        }
    }

    async fn promote_again(&self, version: &str) -> Result<(), Failure> {
        match self.reader.describe_version(version).await? {
            Some(found) if found.status() == Status::Active => Ok(self.writer.promote(version).await.map(drop)?),
            _ => {
                tracing::warn!(
                    version,
                    "the earlier default version no longer exists or is not Active, so the current one \
                    stays"
                );
                Ok(())
            }
        }
    }
}
