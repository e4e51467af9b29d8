//! Sets tags without promoting a version, and removes those that nobody needs.

use super::applied;
use super::context::Merge;
use super::promote::outdated;
use crate::read_lag;
use crate::resource::document::apply::context::{Applied, NotApplied};
use crate::resource::document::key_ownership::KeyOwner;
use crate::resource::document::observed::Document;
use crate::resource::document::ownership::DEFAULT_VERSION;
use crate::resource::document::plan::merge::KeyChange;
use crate::resource::document::plan::merge::default_version_tag::tags_of_no_owner;
use crate::resource::document::plan::merge::lock::{Access, Announced};
use crate::resource::document::plan::merge::recheck::{AfterTags, after_tags};

impl Merge<'_> {
    /// Sets tags, then confirms that they are still correct for the document. Returns `None` if they must wait because another
    /// writer holds the lock.
    pub(super) async fn set_tags(
        &self,
        document: &Document,
        change: &KeyChange,
        announced: Announced,
    ) -> Result<Option<Applied>, NotApplied> {
        if self.request.waits_to_set_tags(change) && self.access(document, announced, None).await? == Access::Locked {
            return Ok(None);
        }
        let (name, default_version) = (self.reader.name, &document.default.number);
        if let (true, Some(tagged)) =
            (change.only_records_default_version(), document.description.tags.get(DEFAULT_VERSION))
        {
            tracing::warn!(
                document = name,
                default_version,
                tagged,
                "the default version differs from the one in the tag"
            );
        }
        self.record_taken(change);
        self.amend(|undo| undo.records_default_version |= change.only_records_default_version());
        self.writer.tag(&change.set_tags).await?;
        if change.needs_recheck() {
            let (mine, seen) = (KeyOwner::from(self.owner), self.reader.describe().await?);
            match after_tags(change, &mine, &document.description, seen.as_ref().map(|seen| &seen.description)) {
                AfterTags::Valid => {}
                AfterTags::Outdated => {
                    // Wait until reads show these tags. Otherwise, the next decision might miss a wrong tag.
                    read_lag::until_over().await;
                    return Err(outdated());
                }
                AfterTags::Lost(failure) => return Err(NotApplied::Failed(failure)),
            }
        }
        Ok(Some(applied(document)))
    }

    /// Removes the last ownership tags once no resource owns the document or any of its keys.
    pub(super) async fn leave_no_tags(&self, change: &KeyChange) -> Result<(), NotApplied> {
        if !self.request.may_leave_no_owner(change) {
            return Ok(());
        }
        let seen = self.reader.describe().await?;
        let left = seen.map(|seen| tags_of_no_owner(&seen.description.tags)).unwrap_or_default();
        Ok(self.writer.untag(left).await?)
    }
}
