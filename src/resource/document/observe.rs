//! Puts together what is to be known of a document before anything is decided. Reads only.
//!
//! Each gives `None` while AWS is creating, updating or deleting: then it is to be looked at again.

use std::collections::BTreeSet;

use aws_sdk_ssm::types::DocumentDescription;

use super::content::Content;
use super::observed::{Description, Document, Observed, Status, Version};
use super::read::{Reader, given, plain_requirement, status_of, tags_of};
use crate::failure::Failure;

/// The document as it is, read side by side: one round trip, unless its default version has not the `desired` content and is not
/// the latest; then that is read, too. `sharing` tells whether it matters with whom it is shared.
///
/// # Errors
/// A reading call failed.
pub async fn observe(reader: Reader<'_>, desired: &Content, sharing: bool) -> Result<Option<Observed>, Failure> {
    let (description, default, shared_with) =
        tokio::try_join!(reader.describe(None), reader.version(None, desired.format), shared_with(reader, sharing))?;
    match (description, default) {
        (None, None) => Ok(Some(Observed::Absent)),
        (Some(description), Some(default)) => match settled(description) {
            Some(description) => whole(reader, description, default, shared_with, desired).await,
            None => Ok(None),
        },
        // It came or went between the two calls.
        _ => Ok(None),
    }
}

/// The document that was described, with its content: one round trip, unless as for [`observe`].
///
/// # Errors
/// A reading call failed.
pub async fn described(
    reader: Reader<'_>,
    description: Description,
    desired: &Content,
    sharing: bool,
) -> Result<Option<Observed>, Failure> {
    let (default, shared_with) = tokio::try_join!(reader.version(None, desired.format), shared_with(reader, sharing))?;
    match default {
        Some(default) => whole(reader, description, default, shared_with, desired).await,
        None => Ok(None),
    }
}

async fn shared_with(reader: Reader<'_>, sharing: bool) -> Result<BTreeSet<String>, Failure> {
    if sharing { reader.shared_with().await } else { Ok(BTreeSet::new()) }
}

async fn whole(
    reader: Reader<'_>,
    description: Description,
    default: Version,
    shared_with: BTreeSet<String>,
    desired: &Content,
) -> Result<Option<Observed>, Failure> {
    if is_changing(&default.status) || description.default_version != default.number {
        return Ok(None);
    }
    let latest = if description.latest_version == default.number || desired.same_as(&default.content) {
        None
    } else {
        match reader.version(Some(&description.latest_version), desired.format).await? {
            Some(latest) if is_changing(&latest.status) => return Ok(None),
            latest => latest,
        }
    };
    Ok(Some(Observed::Present(Document { description, default, latest, shared_with })))
}

fn is_changing(status: &Status) -> bool {
    matches!(status, Status::Pending | Status::Deleting)
}

/// What a description tells in plain values.
pub fn settled(description: DocumentDescription) -> Option<Description> {
    if is_changing(&status_of(&description)) {
        return None;
    }
    let mut requires: Vec<_> = description.requires().iter().map(plain_requirement).collect();
    requires.sort();
    let (document_type, tags) = (description.document_type(), tags_of(&description));
    let document_type = document_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default();
    // What was described is the default version.
    let default_version = given(description.default_version).or_else(|| given(description.document_version));
    let default_version = default_version.unwrap_or_default();
    Some(Description {
        document_type,
        account: given(description.owner),
        display_name: given(description.display_name),
        target_type: given(description.target_type),
        requires,
        tags,
        hash: given(description.hash),
        created_at: description.created_date.map(|date| date.secs()),
        latest_version: given(description.latest_version).unwrap_or_else(|| default_version.clone()),
        default_version,
    })
}
