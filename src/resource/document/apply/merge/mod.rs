//! Carries out decisions about keys: one writer at a time, on top of the version that was observed.

pub(crate) mod context;
mod promote;
mod tags;
mod upload;

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use self::context::Merge;
use self::promote::Limit;
use super::context::{Applied, Apply, NotApplied};
use super::delete::{delete, wait_until_gone};
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::invocation::undo_log::{UndoEntry, UndoLog};
use crate::read_lag::ReadLag;
use crate::resource::document::aws::observe::Look;
use crate::resource::document::aws::read::Reader;
use crate::resource::document::aws::write::{NotCreated, NotWritten, Writer};
use crate::resource::document::content::{Content, KeyPath};
use crate::resource::document::desired::Desired;
use crate::resource::document::intent::{Intent, Operation};
use crate::resource::document::key_ownership::KeyOwner;
use crate::resource::document::observed::{Document, Observed};
use crate::resource::document::ownership::Tags;
use crate::resource::document::plan::merge::turn::{Promotion, Turn, turn};
use crate::resource::document::plan::merge::{
    Earlier, Former, KeyChange, KeyPlan, KeyRequest, KeysPlanned, Undo, lost_keys,
};
use crate::resource::document::plan::undo::CreateCall;
use crate::resource::document::plan::visibility::{may_hide_key_owners, may_hide_tags_of_version};
use crate::resource::undo::Undo as AnyUndo;

/// After this many outdated decisions, a request fails. Most requests reach their deadline first.
const MAX_ROUNDS: usize = 30;

/// The outcome of one decision.
enum Round {
    Done(Option<Applied>),
    /// Another writer has the document.
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

    /// Decides and carries out the decision, beginning with `observed`, until a decision is carried out on the document that it
    /// was made for. Returns the resulting document, or `None` if it does not exist.
    ///
    /// # Errors
    /// The request is refused, or a call failed. What this wrote is in the undo log.
    pub(crate) async fn run(&self, mut observed: Observed) -> Result<Option<Applied>, Failure> {
        let (mut backoff, lag, mut rounds) = (Backoff::new(), ReadLag::begin(), 0);
        loop {
            match self.round(&observed).await {
                Ok(Round::Done(applied)) => return Ok(applied),
                Ok(Round::Locked) => self.undo_log.step("waiting for another writer of the document"),
                Ok(Round::NotVisible) if lag.is_possible() => {}
                Ok(Round::NotVisible) => return self.not_visible().map(|()| None),
                Err(NotApplied::Failed(failure)) => return Err(failure),
                Err(NotApplied::Outdated(failure)) => {
                    rounds += 1;
                    // Another writer has had its turn, so this request's turn may come soon.
                    backoff = Backoff::new();
                    if rounds == MAX_ROUNDS {
                        return Err(failure.and("This happened repeatedly. Try again."));
                    }
                }
            }
            backoff.pause().await;
            observed = self.observe().await?;
        }
    }

    async fn round(&self, observed: &Observed) -> Result<Round, NotApplied> {
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
            (KeyPlan::LookAgain, _) => Ok(Round::NotVisible),
            (KeyPlan::Nothing, Observed::Present(document)) => Ok(Round::Done(Some(applied(document)))),
            (KeyPlan::Create { content, tags, undo }, _) => self.create(content, &tags, undo).await,
            (KeyPlan::Change(change), Observed::Present(document)) => self.change(document, change).await,
            (KeyPlan::Delete, Observed::Present(document)) => self.delete(document).await,
            (KeyPlan::Nothing | KeyPlan::Change(_) | KeyPlan::Delete, Observed::Absent) => Ok(Round::Done(None)),
        }
    }

    async fn create(
        &self,
        content: Content,
        tags: &Tags,
        taken: BTreeMap<KeyPath, Former>,
    ) -> Result<Round, NotApplied> {
        self.undo_log.step("creating the document");
        self.note(Undo { created: Some(CreateCall::Sent), ..self.undo_of(taken) });
        let desired = Desired::session(self.reader.name, content);
        let created = match self.writer.create(&desired, tags).await {
            Ok(created) => created,
            Err(NotCreated::AlreadyExists(failure)) => {
                // Either nothing was written, or an earlier attempt wrote the document and its tags say so.
                self.undo_log.clear();
                return Err(NotApplied::Outdated(failure));
            }
            Err(NotCreated::Failed(NotWritten::Refused(failure))) => {
                self.undo_log.clear();
                return Err(failure.into());
            }
            Err(NotCreated::Failed(NotWritten::Uncertain(failure))) => return Err(failure.into()),
        };
        self.amend(|undo| undo.created = Some(CreateCall::Succeeded));
        let created = self.apply_for(&desired).wait_until_active(created, None).await?;
        let version = created.version.number.unwrap_or_else(|| "1".into());
        let hash = created.description.hash;
        Ok(Round::Done(Some(Applied { default_version: version.clone(), latest_version: version, hash })))
    }

    async fn change(&self, document: &Document, change: KeyChange) -> Result<Round, NotApplied> {
        if change.is_empty() {
            return Ok(Round::Done(Some(applied(document))));
        }
        if change.finds_own_value {
            let created_at = self.reader.created_at(&document.default.number).await?;
            if may_hide_tags_of_version(created_at, self.clock.now()) {
                return Ok(Round::Locked);
            }
        }
        let applied = match &change.content {
            Some(content) => match self.write(document, content, &change).await? {
                Some(applied) => applied,
                None => return Ok(Round::Locked),
            },
            None => {
                if !self.may_set_tags(document, &change).await? {
                    return Ok(Round::Locked);
                }
                self.take(&change);
                self.amend(|undo| undo.records_default_version |= change.only_records_default_version());
                self.writer.tag(&change.set_tags).await?;
                self.confirm_tags(document, &change).await?;
                applied(document)
            }
        };
        self.undo_log.step("recording who manages the keys");
        // `join!`, not `try_join!`: if one fails, the others must not still be in flight while the change is undone.
        let (tagged, untagged, unshared) = tokio::join!(
            self.writer.tag(&change.set_tags_afterwards),
            self.writer.untag(change.remove_tags_afterwards.iter().cloned()),
            self.writer.share(&[], &change.unshare),
        );
        tagged?;
        untagged?;
        unshared?;
        self.leave_no_tags(&change).await?;
        Ok(Round::Done(Some(applied)))
    }

    /// Makes and promotes a version with the content, after setting the tags that must precede it. Returns `None` if it is
    /// another writer's turn.
    async fn write(
        &self,
        document: &Document,
        content: &Content,
        change: &KeyChange,
    ) -> Result<Option<Applied>, NotApplied> {
        let (default, latest_version) = (&document.default.number, &document.description.latest_version);
        let turn = self.turn(document, Some(content)).await?;
        if turn == Turn::Wait {
            return Ok(None);
        }
        self.take(change);
        let promotion = |version: String, latest: String| Promotion { version, latest, merged_with: default.clone() };
        let (promotion, limit) = match turn {
            Turn::Wait => return Ok(None),
            Turn::Promote(within) => {
                self.writer.tag(&change.set_tags).await?;
                let limit = within.map(Limit::from_now);
                (promotion(latest_version.clone(), latest_version.clone()), limit)
            }
            Turn::Upload => {
                let limit = Limit::of_upload();
                // `join!`, not `try_join!`, as in `change`.
                let (tagged, uploaded) =
                    tokio::join!(self.writer.tag(&change.set_tags), self.upload(document, content));
                tagged?;
                let (version, latest) = uploaded?;
                // Only an uploaded version locks the document; one that was found does not.
                let limit = (version == latest).then_some(limit);
                (promotion(version, latest), limit)
            }
        };
        self.promote(&promotion, limit, change, content).await.map(Some)
    }

    /// Whose turn it is to write.
    async fn turn(&self, document: &Document, content: Option<&Content>) -> Result<Turn, Failure> {
        let latest_version = &document.description.latest_version;
        if *latest_version == document.default.number {
            return Ok(Turn::Upload);
        }
        let latest = self.reader.latest(latest_version, self.clock.now()).await?;
        // A version that can't be read yet was just created.
        Ok(latest.map_or(Turn::Wait, |latest| turn(&latest, content)))
    }

    fn lost_keys(&self, change: &KeyChange, seen: &Tags) -> Option<Failure> {
        lost_keys(&KeyOwner::from(self.owner), &change.taken, seen)
    }

    /// Deletes the document, unless its tags have changed or another writer has the lock.
    async fn delete(&self, document: &Document) -> Result<Round, NotApplied> {
        self.undo_log.step("deleting the document");
        if self.turn(document, None).await? == Turn::Wait {
            return Ok(Round::Locked);
        }
        let latest_version = &document.description.latest_version;
        let (again, shared_with) = tokio::join!(self.reader.describe(), self.reader.shared_with());
        let Some(again) = again? else { return Ok(Round::Done(None)) };
        if again.description.tags != document.description.tags || again.description.latest_version != *latest_version {
            return Err(NotApplied::Outdated(Failure::new("The document was changed in the meantime.")));
        }
        delete(self.writer, &document.description.document_type, shared_with.unwrap_or_default()).await?;
        wait_until_gone(self.reader).await?;
        Ok(Round::Done(None))
    }

    fn not_visible(&self) -> Result<(), Failure> {
        match self.request {
            KeyRequest::Undo(Undo { created: Some(CreateCall::Sent), promoted: None, .. }) => Ok(()),
            _ => {
                Err(Failure::new(format!("What was written to the document {} is not visible yet.", self.reader.name)))
            }
        }
    }

    /// Records the keys that the request is about to take. For each key, the first record counts.
    fn take(&self, change: &KeyChange) {
        if change.taken.is_empty() {
            return;
        }
        if self.undo_log.entry().is_none() {
            let created = change.is_of_created.then_some(CreateCall::Succeeded);
            self.note(Undo { created, ..self.undo_of(BTreeMap::new()) });
        }
        self.amend(|undo| {
            for (key, former) in &change.taken {
                undo.taken.entry(key.clone()).or_insert_with(|| former.clone());
            }
        });
    }

    fn undo_of(&self, taken: BTreeMap<KeyPath, Former>) -> Undo {
        Undo {
            name: self.reader.name.to_owned(),
            owner: self.owner.clone(),
            taken,
            created: None,
            promoted: None,
            records_default_version: false,
            clock: self.clock.clone(),
        }
    }

    fn note(&self, undo: Undo) {
        self.undo_log.note(UndoEntry { physical_id: self.reader.name.to_owned(), undo: AnyUndo::Keys(undo) });
    }

    /// Changes the recorded undo. An undo records nothing, since it is not undone itself.
    fn amend(&self, change: impl FnOnce(&mut Undo)) {
        if let KeyRequest::Undo(_) = self.request {
            return;
        }
        self.undo_log.amend(|undo| {
            if let AnyUndo::Keys(undo) = undo {
                change(undo);
            }
        });
    }

    /// The steps for a whole document with this content.
    fn apply_for<'b>(&'b self, desired: &'b Desired) -> Apply<'b> {
        let intent =
            Intent { desired, operation: Operation::Create, owner: self.owner, signature: None, account: None };
        Apply { reader: self.reader, writer: self.writer, intent, clock: self.clock, undo_log: self.undo_log }
    }
}

/// Undoes what a failed request did to its keys.
///
/// # Errors
/// A step failed, or what the request wrote is not visible yet.
pub(crate) async fn undo(
    client: &aws_sdk_ssm::Client,
    undo: &Undo,
    undo_log: &UndoLog<AnyUndo>,
) -> Result<(), Failure> {
    let (reader, writer) = (Reader { client, name: &undo.name }, Writer { client, name: &undo.name });
    let (request, owner, clock) = (KeyRequest::Undo(undo), &undo.owner, &undo.clock);
    let merge = Merge { reader, writer, owner, request: &request, clock, undo_log, with_shares: false };
    let observed = merge.observe().await?;
    merge.run(observed).await.map(drop)
}

fn applied(document: &Document) -> Applied {
    Applied {
        default_version: document.default.number.clone(),
        latest_version: document.description.latest_version.clone(),
        hash: document.description.hash.clone(),
    }
}
