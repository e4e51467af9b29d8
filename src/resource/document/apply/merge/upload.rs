//! Uploads merged content or, if AWS refuses it as a duplicate, finds the version that has it.

use super::context::Merge;
use crate::resource::document::apply::context::NotApplied;
use crate::resource::document::aws::write::NotUploaded;
use crate::resource::document::content::Content;
use crate::resource::document::desired::Desired;
use crate::resource::document::observed::Document;
use crate::resource::document::ownership::{ORIGIN, Origin};
use crate::resource::document::plan::merge::remembered_versions;
use crate::resource::document::plan::versions::{AfterRefusal, OnDuplicate, Remedy, after_refusal, oldest_prunable};

impl Merge<'_> {
    /// Returns the version that has the content, and the latest version.
    pub(super) async fn upload(&self, document: &Document, content: &Content) -> Result<(String, String), NotApplied> {
        let latest = &document.description.latest_version;
        let tags = &document.description.tags;
        let is_created = tags.get(ORIGIN).is_some_and(|origin| origin == "created");
        let origin = if is_created { Origin::Created } else { Origin::Adopted };
        let desired = Desired::session(self.reader.name, content.clone());
        let whole = self.whole(&desired);
        let mut tried = Vec::new();
        loop {
            self.undo_log.step("uploading a version");
            let NotUploaded { refusal, failure } = match self.writer.upload(&desired, latest, None).await {
                Ok(described) => {
                    let number = described.version.number.unwrap_or_default();
                    return Ok((number.clone(), number));
                }
                Err(refused) => refused,
            };
            match after_refusal(refusal, origin, &tried) {
                AfterRefusal::ObserveAgain => return Err(NotApplied::Outdated(failure)),
                AfterRefusal::Fail => return Err(failure.into()),
                AfterRefusal::Prune => {
                    let mut versions = self.reader.versions().await?;
                    let remembered = remembered_versions(tags);
                    versions.retain(|version| version.number == *latest || !remembered.contains(&version.number));
                    let Some(oldest) = oldest_prunable(&versions) else { return Err(failure.into()) };
                    tracing::info!(
                        version = oldest.number,
                        "the oldest version is deleted to make room for the new one"
                    );
                    self.writer.delete_version(&oldest.number).await?;
                    tried.push(Remedy::Prune);
                }
                AfterRefusal::Search => match whole.find(origin).await? {
                    OnDuplicate::Use(number) => return Ok((number, latest.clone())),
                    OnDuplicate::Replace(version) if !tried.contains(&Remedy::ReplaceFailed) => {
                        self.writer.delete_version(&version).await?;
                        tried.push(Remedy::ReplaceFailed);
                    }
                    OnDuplicate::Replace(version) | OnDuplicate::Refuse(version) => {
                        return Err(whole.only_in_failed_version(&version, document).into());
                    }
                    OnDuplicate::None => {
                        return Err(failure.and("No Active version has the desired content.").into());
                    }
                },
            }
        }
    }
}
