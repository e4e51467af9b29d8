//! Undoes a failed request, including its adoption. [`plan::undo`](crate::resource::document::plan::undo) decides how.

use aws_sdk_ssm::Client;

use super::delete::delete;
use crate::failure::Failure;
use crate::read_lag::ReadLag;
use crate::resource::document::aws::read::Reader;
use crate::resource::document::aws::write::Writer;
use crate::resource::document::plan::release::Revert;
use crate::resource::document::plan::undo::{CreateCall, DocumentUndo, UndoPlan};

/// Undoes what a failed request did to the document.
///
/// # Errors
/// A call failed, or the document that the request created is not visible yet. If the document is to be restored, every step is
/// attempted, even if others fail.
pub(crate) async fn undo(client: &Client, undo: &DocumentUndo) -> Result<(), Failure> {
    let (reader, writer) = (Reader { client, name: &undo.name }, Writer { client, name: &undo.name });
    let mut lag = ReadLag::begin();
    loop {
        let described = reader.describe().await?;
        let is_pending = described.as_ref().is_some_and(|described| described.status().is_pending());
        let description = described.as_ref().map(|described| &described.description);
        match (undo.plan_undo(description), description) {
            (UndoPlan::Nothing, _) => return Ok(()),
            (UndoPlan::LookAgain(_), _) if lag.is_possible() => {}
            // The caller's record of writes knows whether a call without a reply may still create the document.
            (UndoPlan::LookAgain(CreateCall::Sent | CreateCall::Refused), _) => return Ok(()),
            (UndoPlan::LookAgain(CreateCall::Succeeded), _) => {
                return Err(Failure::new(format!("The document {} was created, but is not visible yet.", undo.name)));
            }
            // AWS refuses to change or delete the document while its status is transient.
            (UndoPlan::Delete | UndoPlan::Revert(_), _) if is_pending => {}
            (UndoPlan::Delete, description) => {
                let document_type = description.map(|description| description.document_type.as_str());
                let shared_with = reader.shared_with().await.unwrap_or_default();
                return delete(writer, document_type.unwrap_or_default(), shared_with).await;
            }
            (UndoPlan::Revert(steps), _) => return revert(writer, &steps).await,
        }
        lag.pause().await;
    }
}

/// Attempts every step, even if others fail.
pub(super) async fn revert(writer: Writer<'_>, steps: &Revert) -> Result<(), Failure> {
    let Revert { promote, unshare, set_tags, remove_tags: _ } = steps;
    let promoted = match promote {
        Some(version) => writer.promote(version).await.map(drop).map_err(Failure::from),
        None => Ok(()),
    };
    let unshared = writer.share(&[], unshare).await;
    let tags_of_request = writer.untag(steps.removed_first().cloned()).await.map_err(Failure::from);
    let tagged = writer.tag(set_tags).await.map_err(Failure::from);
    let untagged = writer.untag(steps.removed_last().cloned()).await.map_err(Failure::from);
    let failures = [promoted, unshared, tags_of_request, tagged, untagged].into_iter().filter_map(Result::err);
    failures.reduce(|all, failure| all.and(failure)).map_or(Ok(()), Err)
}
