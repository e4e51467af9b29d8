//! A Delete: lets the document go, as `OnDelete` says, and only where it is this resource's.

use aws_sdk_ssm::types::DocumentDescription;

use super::observed::Status;
use super::owner::{Origin, Owner, Tags, origin, ours};
use super::properties::OnDelete;
use super::read::{Reader, status_of, tags_of};
use super::undo::{delete, needs_force};
use super::write::Writer;
use crate::backoff::Backoff;
use crate::failure::Failure;

/// What a Delete does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// Nothing: the document is not this resource's.
    Leave,
    /// The document stays as it is, without our tags.
    LetGo,
    /// The document, which this resource made, is deleted.
    Delete,
    /// The version that was in force when the document was adopted goes in force again; then as [`Release::LetGo`].
    Restore(String),
}

/// Decides, from the tags of the document that is there.
pub fn plan(me: &Owner, tags: &Tags, on_delete: OnDelete) -> Release {
    if Owner::of(tags).as_ref() != Some(me) {
        return Release::Leave;
    }
    match (on_delete, origin(tags)) {
        (OnDelete::Retain, _) => Release::LetGo,
        (OnDelete::Restore, Origin::Created) => Release::Delete,
        (OnDelete::Restore, Origin::Adopted { previous_default_version: Some(version) }) => Release::Restore(version),
        (OnDelete::Restore, Origin::Adopted { previous_default_version: None }) => Release::LetGo,
    }
}

/// Lets the document go. One that is absent, or goes meanwhile, needs nothing: a Delete can be delivered twice.
///
/// # Errors
/// A call failed. The tags go last, so that another Delete finds the document still this resource's.
pub async fn release(reader: Reader<'_>, writer: Writer<'_>, me: &Owner, on_delete: OnDelete) -> Result<(), Failure> {
    let Some(description) = reader.describe(None).await? else {
        tracing::info!("there is no document");
        return Ok(());
    };
    let Err(failure) = carry_out(reader, writer, me, on_delete, &description).await else { return Ok(()) };
    match reader.describe(None).await {
        Ok(None) => Ok(()),
        Ok(Some(now)) if status_of(&now) == Status::Deleting => Ok(()),
        _ => Err(failure),
    }
}

async fn carry_out(
    reader: Reader<'_>,
    writer: Writer<'_>,
    me: &Owner,
    on_delete: OnDelete,
    description: &DocumentDescription,
) -> Result<(), Failure> {
    let tags = tags_of(description);
    let release = plan(me, &tags, on_delete);
    tracing::info!(plan = ?release, "planned");
    let our_keys = || ours(&tags).into_keys();
    match release {
        Release::Leave => Ok(()),
        Release::LetGo => writer.untag(our_keys()).await,
        Release::Delete => {
            let force = description.document_type().is_some_and(|kind| needs_force(kind.as_str()));
            delete(reader, writer, force).await?;
            gone(reader).await
        }
        Release::Restore(version) => {
            if description.default_version.as_ref() != Some(&version) {
                match reader.describe(Some(&version)).await? {
                    Some(found) if status_of(&found) == Status::Active => drop(writer.promote(&version).await?),
                    _ => {
                        tracing::warn!(version, "the version that was in force before is gone: what is in force stays")
                    }
                }
            }
            writer.untag(our_keys()).await
        }
    }
}

/// Waits until a document that was deleted is no longer there, so that its name is free when the answer is given.
async fn gone(reader: Reader<'_>) -> Result<(), Failure> {
    let mut backoff = Backoff::new();
    while reader.describe(None).await?.is_some_and(|description| status_of(&description) == Status::Deleting) {
        backoff.pause().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::owner::{ORIGIN, PREVIOUS_DEFAULT_VERSION};
    use super::*;

    #[test]
    fn a_delete_touches_only_what_is_this_resources_and_deletes_only_what_it_made() {
        let me = Owner { stack_id: "stack".into(), logical_id: "Preferences".into() };
        let other = Owner { stack_id: "stack".into(), logical_id: "Other".into() };
        let without = |mut tags: Tags, key: &str| {
            tags.remove(key);
            tags
        };
        use OnDelete::{Restore, Retain};
        for (tags, on_delete, expected) in [
            (Tags::new(), Restore, Release::Leave),
            (other.tags_of_created(), Restore, Release::Leave),
            (other.tags_of_adopted("1"), Retain, Release::Leave),
            (me.tags_of_created(), Retain, Release::LetGo),
            (me.tags_of_created(), Restore, Release::Delete),
            (me.tags_of_adopted("3"), Retain, Release::LetGo),
            (me.tags_of_adopted("3"), Restore, Release::Restore("3".into())),
            (without(me.tags_of_adopted("3"), PREVIOUS_DEFAULT_VERSION), Restore, Release::LetGo),
            (without(me.tags_of_created(), ORIGIN), Restore, Release::LetGo),
        ] {
            assert_eq!(plan(&me, &tags, on_delete), expected, "{tags:?} {on_delete:?}");
        }
    }
}
