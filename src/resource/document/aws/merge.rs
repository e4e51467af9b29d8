//! Reads the parts of a shared document that a merge needs. All content is read as JSON.

use std::collections::BTreeSet;
use std::time::Duration;

use super::observe::Look;
use super::read::Reader;
use crate::failure::Failure;
use crate::resource::document::content::{Content, Format};
use crate::resource::document::observed::{Description, Document, Status, Version};
use crate::resource::document::plan::merge::lock::Latest;

impl Reader<'_> {
    /// Describes and reads the document concurrently, and its shares if they are asked for, in one round trip.
    ///
    /// # Errors
    /// A call failed.
    pub(crate) async fn shared_document(&self, with_shares: bool) -> Result<Look<Document>, Failure> {
        let shared_with = async { if with_shares { self.shared_with().await } else { Ok(BTreeSet::new()) } };
        let (described, default, shared_with) =
            tokio::try_join!(self.describe(), self.default_version(Format::Json), shared_with)?;
        let (described, default) = match (described, default) {
            (None, None) => return Ok(Look::Absent),
            // It was created or deleted between the two calls.
            (Some(_), None) => return Ok(Look::Changing(Status::Deleting)),
            (None, Some(_)) => return Ok(Look::Changing(Status::Creating)),
            (Some(described), Some(default)) => (described, default),
        };
        if described.status() == Status::Deleting || default.status == Status::Deleting {
            return Ok(Look::Changing(Status::Deleting));
        }
        if default.status.is_pending() {
            return Ok(Look::Changing(default.status));
        }
        if described.description.default_version != default.number {
            return Ok(Look::Changing(Status::Updating));
        }
        Ok(Look::Present(Document { description: described.description, default, latest: None, shared_with }))
    }

    /// Reads the described document's latest version and its age, unless it is the default version. `now` is the time since
    /// 1970. A version that is not listed yet counts as just created.
    ///
    /// # Errors
    /// A call failed.
    pub(crate) async fn latest(&self, document: &Description, now: Duration) -> Result<Latest, Failure> {
        let number = &document.latest_version;
        if *number == document.default_version {
            return Ok(Latest::IsDefault);
        }
        let (version, created_at) = tokio::try_join!(self.version(number, Format::Json), self.created_at(number))?;
        let age = created_at.map_or(Duration::ZERO, |created_at| now.saturating_sub(created_at));
        Ok(version.map_or(Latest::NotVisible, |Version { status, content, .. }| Latest::NotPromoted {
            status,
            age,
            content,
        }))
    }

    /// Reads the content of a version; `None` if the version is gone, or if its content can't be parsed.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) async fn content_of(&self, version: &str) -> Result<Option<Content>, Failure> {
        let version = self.version(version, Format::Json).await?;
        Ok(version.and_then(|version| Content::read("version", version.content, Some(Format::Json)).ok()))
    }
}
