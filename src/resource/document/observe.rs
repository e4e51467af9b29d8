//! Puts together what is to be known of a document before anything is decided. Reads only.

use aws_sdk_ssm::types::DocumentDescription;

use super::content::Content;
use super::observed::{Document, Observed, Status, Version};
use super::read::{Reader, plain_requirement, status_of, tags_of};
use crate::cfn::failure::Failure;
use crate::resource::backoff::Backoff;

/// The document as it is, once AWS is done with what it is doing to it.
///
/// One round trip, unless the default version has not the `desired` content and is not the latest: then that is read, too.
///
/// # Errors
/// A reading call failed. It waits for ever while AWS is creating, updating or deleting: the caller's deadline ends it.
pub async fn observe(reader: Reader<'_>, desired: &Content, sharing: bool) -> Result<Observed, Failure> {
    let mut backoff = Backoff::new();
    loop {
        if let Some(observed) = glance(reader, desired, sharing).await? {
            return Ok(observed);
        }
        backoff.pause().await;
    }
}

/// `None` while the document is changing.
async fn glance(reader: Reader<'_>, desired: &Content, sharing: bool) -> Result<Option<Observed>, Failure> {
    let shared_with = async { if sharing { reader.shared_with().await } else { Ok(Default::default()) } };
    let (description, default, shared_with) =
        tokio::try_join!(reader.describe(None), reader.version(None, desired.format), shared_with)?;
    let (description, default) = match (description, default) {
        (None, None) => return Ok(Some(Observed::Absent)),
        (Some(description), Some(default)) => (description, default),
        // It came or went between the two calls.
        _ => return Ok(None),
    };
    let default_version = description.default_version.clone().unwrap_or_else(|| default.number.clone());
    let is_changing = |status: &Status| matches!(status, Status::Pending | Status::Deleting);
    if is_changing(&status_of(&description)) || is_changing(&default.status) || default_version != default.number {
        return Ok(None);
    }
    let latest_version = description.latest_version.clone().unwrap_or_else(|| default_version.clone());
    let latest = if latest_version == default_version || desired.same_as(&default.content) {
        None
    } else {
        match reader.version(Some(&latest_version), desired.format).await? {
            Some(latest) if is_changing(&latest.status) => return Ok(None),
            latest => latest,
        }
    };
    let document = document(&description, default, latest, latest_version);
    Ok(Some(Observed::Present(Document { shared_with, ..document })))
}

fn document(
    description: &DocumentDescription,
    default: Version,
    latest: Option<Version>,
    latest_version: String,
) -> Document {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let mut requires: Vec<_> = description.requires().iter().map(plain_requirement).collect();
    requires.sort();
    Document {
        document_type: description.document_type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        account: given(&description.owner),
        display_name: given(&description.display_name),
        target_type: given(&description.target_type),
        requires,
        tags: tags_of(description),
        hash: given(&description.hash),
        created_at: description.created_date().map(|date| date.secs()),
        default,
        latest,
        latest_version,
        shared_with: Default::default(),
    }
}
