//! Creates, changes and deletes a document that several resources share.

use std::collections::BTreeMap;

use super::Attempt;
use super::context::Merge;
use super::promote::{Limit, Lock};
use crate::failure::Failure;
use crate::resource::document::apply::context::{Applied, NotApplied};
use crate::resource::document::apply::delete::{delete, wait_until_gone};
use crate::resource::document::aws::write::{NotCreated, NotWritten};
use crate::resource::document::content::{Content, KeyPath};
use crate::resource::document::desired::Desired;
use crate::resource::document::observed::Document;
use crate::resource::document::ownership::Tags;
use crate::resource::document::plan::merge::lock::{Access, Announced, access};
use crate::resource::document::plan::merge::promotion::Promotion;
use crate::resource::document::plan::merge::recheck::{BeforeDelete, before_delete};
use crate::resource::document::plan::merge::{Former, KeyChange, KeysUndo};
use crate::resource::document::plan::undo::CreateCall;
use crate::resource::document::plan::visibility::may_hide_tags_of_version;

impl Merge<'_> {
    pub(super) async fn create(
        &self,
        content: Content,
        tags: &Tags,
        taken: BTreeMap<KeyPath, Former>,
    ) -> Result<Attempt, NotApplied> {
        self.undo_log.step("creating the document");
        self.record(KeysUndo { created: Some(CreateCall::Sent), taken, ..self.new_undo() });
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
        Ok(Attempt::CarriedOut(Some(Applied { default_version: version.clone(), latest_version: version, hash })))
    }

    pub(super) async fn change(
        &self,
        document: &Document,
        change: KeyChange,
        announced: Announced,
    ) -> Result<Attempt, NotApplied> {
        if change.finds_own_value {
            let created_at = self.reader.created_at(&document.default.number).await?;
            if may_hide_tags_of_version(created_at, self.clock.now()) {
                return Ok(Attempt::Locked);
            }
        }
        let applied = match &change.content {
            Some(content) => self.write(document, content, &change, announced).await?,
            None => self.set_tags(document, &change, announced).await?,
        };
        let Some(applied) = applied else { return Ok(Attempt::Locked) };
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
        Ok(Attempt::CarriedOut(Some(applied)))
    }

    /// Makes a version with the content, and promotes it once the tags that must precede the promotion are set. Returns `None` if
    /// another writer holds the lock.
    async fn write(
        &self,
        document: &Document,
        content: &Content,
        change: &KeyChange,
        announced: Announced,
    ) -> Result<Option<Applied>, NotApplied> {
        let merged_with = document.default.number.clone();
        let (promotion, lock) = match self.access(document, announced, Some(content)).await? {
            Access::Locked => return Ok(None),
            Access::Promote(within) => {
                self.record_taken(change);
                self.writer.tag(&change.set_tags).await?;
                let latest = document.description.latest_version.clone();
                let lock = match within {
                    Some(within) => Lock::Version(Limit::from_now(within)),
                    None => Lock::Tag(Limit::of_write()),
                };
                (Promotion { version: latest.clone(), latest, merged_with }, lock)
            }
            Access::Upload => {
                self.record_taken(change);
                let limit = Limit::of_write();
                // `join!`, not `try_join!`, as in `change`.
                let (tagged, uploaded) =
                    tokio::join!(self.writer.tag(&change.set_tags), self.upload(document, content));
                tagged?;
                let (version, latest) = uploaded?;
                let promotion = Promotion { version, latest, merged_with };
                let lock = if promotion.locks() { Lock::Version(limit) } else { Lock::Tag(Limit::of_write()) };
                (promotion, lock)
            }
        };
        self.promote(&promotion, lock, change, content).await.map(Some)
    }

    /// Reads the lock. `content` is what the request is about to write, if anything.
    pub(super) async fn access(
        &self,
        document: &Document,
        announced: Announced,
        content: Option<&Content>,
    ) -> Result<Access, Failure> {
        Ok(access(&self.reader.latest(&document.description, self.clock.now()).await?, announced, content))
    }

    /// Deletes the document, unless it has changed or another writer holds the lock.
    pub(super) async fn delete(&self, document: &Document, announced: Announced) -> Result<Attempt, NotApplied> {
        self.undo_log.step("deleting the document");
        if self.access(document, announced, None).await? == Access::Locked {
            return Ok(Attempt::Locked);
        }
        let (again, shared_with) = tokio::join!(self.reader.describe(), self.reader.shared_with());
        match before_delete(&document.description, again?.as_ref().map(|again| &again.description)) {
            BeforeDelete::Delete => {}
            BeforeDelete::Gone => return Ok(Attempt::CarriedOut(None)),
            BeforeDelete::Outdated => {
                return Err(NotApplied::Outdated(Failure::new("The document was changed in the meantime.")));
            }
        }
        delete(self.writer, &document.description.document_type, shared_with.unwrap_or_default()).await?;
        wait_until_gone(self.reader).await?;
        Ok(Attempt::CarriedOut(None))
    }
}
