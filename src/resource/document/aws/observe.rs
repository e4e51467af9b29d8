//! Reads everything about a document that a decision needs. It writes nothing.

use std::collections::BTreeSet;

use super::read::{Described, Reader};
use crate::failure::Failure;
use crate::resource::document::content::Content;
use crate::resource::document::intent::Intent;
use crate::resource::document::observed::{Description, Document, Status, Version};

/// What one look at a document shows.
#[derive(Debug)]
pub(crate) enum Look<T> {
    /// AWS is creating, updating or deleting it: look again later.
    Changing(Status),
    /// No document has this name.
    Absent,
    /// The document exists.
    Present(T),
}

/// Describes the document. A document that is new to the resource is described before its content is read: usually it does not
/// exist yet, and then one call on one connection is enough.
///
/// # Errors
/// A call failed.
pub(crate) async fn describe(reader: Reader<'_>) -> Result<Look<Description>, Failure> {
    Ok(reader.describe().await?.map_or(Look::Absent, to_look))
}

/// Reads the content of the described document, and its shares if the request manages them, in one round trip, or in two if the
/// latest version must be read as well.
///
/// # Errors
/// A call failed.
pub(crate) async fn read(
    reader: Reader<'_>,
    description: Description,
    intent: Intent<'_>,
) -> Result<Look<Document>, Failure> {
    let content = &intent.desired.content;
    let (default, shared_with) = tokio::try_join!(reader.default_version(content.format), shared_with(reader, intent))?;
    match default {
        Some(default) => complete(reader, description, default, shared_with, content).await,
        // The document was deleted between the two calls.
        None => Ok(Look::Changing(Status::Deleting)),
    }
}

/// Describes and reads the document concurrently, in one round trip, or in two if the latest version must be read as well.
///
/// # Errors
/// A call failed.
pub(crate) async fn describe_and_read(reader: Reader<'_>, intent: Intent<'_>) -> Result<Look<Document>, Failure> {
    let content = &intent.desired.content;
    let (described, default, shared_with) =
        tokio::try_join!(reader.describe(), reader.default_version(content.format), shared_with(reader, intent))?;
    match (described.map(to_look), default) {
        (None, None) => Ok(Look::Absent),
        (Some(Look::Present(description)), Some(default)) => {
            complete(reader, description, default, shared_with, content).await
        }
        (Some(Look::Changing(status)), _) => Ok(Look::Changing(status)),
        // The document was created or deleted between the two calls.
        (Some(Look::Present(_) | Look::Absent), None) => Ok(Look::Changing(Status::Deleting)),
        (Some(Look::Absent) | None, Some(_)) => Ok(Look::Changing(Status::Creating)),
    }
}

fn to_look(described: Described) -> Look<Description> {
    match described.status() {
        status @ (Status::Creating | Status::Updating | Status::Deleting) => Look::Changing(status),
        Status::Active | Status::Failed(_) => Look::Present(described.description),
    }
}

async fn shared_with(reader: Reader<'_>, intent: Intent<'_>) -> Result<BTreeSet<String>, Failure> {
    if intent.manages_sharing() { reader.shared_with().await } else { Ok(BTreeSet::new()) }
}

async fn complete(
    reader: Reader<'_>,
    description: Description,
    default: Version,
    shared_with: BTreeSet<String>,
    desired: &Content,
) -> Result<Look<Document>, Failure> {
    if default.status.is_pending() || default.status == Status::Deleting {
        return Ok(Look::Changing(default.status));
    }
    if description.default_version != default.number {
        return Ok(Look::Changing(Status::Updating));
    }
    let latest = if description.latest_version == default.number || desired.same_as(&default.content) {
        None
    } else {
        match reader.version(&description.latest_version, desired.format).await? {
            Some(latest) if latest.status.is_pending() || latest.status == Status::Deleting => {
                return Ok(Look::Changing(latest.status));
            }
            latest => latest,
        }
    };
    Ok(Look::Present(Document { description, default, latest, shared_with }))
}
