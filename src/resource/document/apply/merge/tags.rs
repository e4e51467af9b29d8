//! Sets tags without promoting a version, and removes those that nobody needs.

use super::context::Merge;
use super::promote::outdated;
use crate::failure::Failure;
use crate::resource::document::apply::context::NotApplied;
use crate::resource::document::observed::Document;
use crate::resource::document::ownership::DEFAULT_VERSION;
use crate::resource::document::plan::merge::default_version::tags_of_no_owner;
use crate::resource::document::plan::merge::turn::Turn;
use crate::resource::document::plan::merge::{KeyChange, KeyRequest};

impl Merge<'_> {
    /// Whether the tags may be set now. If one of them names the default version, no other writer may be about to promote a
    /// version. An undo does not wait: the version that its own request uploaded looks like another writer's.
    pub(super) async fn may_set_tags(&self, document: &Document, change: &KeyChange) -> Result<bool, Failure> {
        if !change.only_records_default_version() {
            return Ok(true);
        }
        let is_undo = matches!(self.request, KeyRequest::Undo(_));
        if !is_undo && self.turn(document, None).await? == Turn::Wait {
            return Ok(false);
        }
        if let Some(tagged) = document.description.tags.get(DEFAULT_VERSION) {
            let (document, default_version) = (self.reader.name, &document.default.number);
            tracing::warn!(document, default_version, tagged, "the default version differs from the one in the tag");
        }
        Ok(true)
    }

    /// Reads the document again if only tags were written.
    pub(super) async fn confirm_tags(&self, document: &Document, change: &KeyChange) -> Result<(), NotApplied> {
        let records_default_version = change.only_records_default_version();
        if change.taken.is_empty() && !records_default_version {
            return Ok(());
        }
        let Some(seen) = self.reader.describe().await? else { return Ok(()) };
        if let Some(failure) = self.lost_keys(change, &seen.description.tags) {
            return Err(NotApplied::Failed(failure));
        }
        // The tag may name a different version from the one that another writer has promoted or is about to promote.
        let observed = &document.description;
        let is_as_observed = seen.description.default_version == observed.default_version
            && seen.description.latest_version == observed.latest_version;
        if records_default_version && !is_as_observed { Err(outdated()) } else { Ok(()) }
    }

    /// Removes the document's tags if no resource owns a key any longer. When this request was planned, other resources owned
    /// keys, but they may have released them at the same time.
    pub(super) async fn leave_no_tags(&self, change: &KeyChange) -> Result<(), Failure> {
        let lets_go = !matches!(self.request, KeyRequest::Merge(_)) && !change.remove_tags_afterwards.is_empty();
        if !lets_go || change.remove_tags_afterwards.contains(DEFAULT_VERSION) {
            return Ok(());
        }
        let seen = self.reader.describe().await?;
        let left = seen.map(|seen| tags_of_no_owner(&seen.description.tags)).unwrap_or_default();
        Ok(self.writer.untag(left).await?)
    }
}
