//! Deletes a document.

use std::collections::BTreeSet;

use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::resource::document::aws::read::Reader;
use crate::resource::document::aws::write::Writer;
use crate::resource::document::observed::Status;

/// Stops sharing the document and deletes it. If either call fails, the shares are restored.
pub(super) async fn delete(
    writer: Writer<'_>,
    document_type: &str,
    shared_with: BTreeSet<String>,
) -> Result<(), Failure> {
    let shared_with: Vec<String> = shared_with.into_iter().collect();
    let deleted = match writer.share(&[], &shared_with).await {
        Ok(()) => writer.delete(document_type).await,
        Err(failure) => Err(failure),
    };
    let Err(failure) = deleted else { return Ok(()) };
    match writer.share(&shared_with, &[]).await {
        Ok(()) => Err(failure),
        Err(why) => Err(failure.and(format!("Its shares could not be restored: {why}"))),
    }
}

/// Waits until a deleted document is gone, so that its name is free when the response is sent.
pub(super) async fn wait_until_gone(reader: Reader<'_>) -> Result<(), Failure> {
    let mut backoff = Backoff::new();
    while reader.describe().await?.is_some_and(|described| described.status() == Status::Deleting) {
        backoff.pause().await;
    }
    Ok(())
}
