//! Takes back what a request did to a document before it failed.

use std::collections::BTreeSet;

use aws_sdk_ssm::Client;

use super::observed::{Description, Document};
use super::owner::{Origin, Owner, PREFIX, Tags, origin, ours};
use super::plan::{Asked, Change};
use super::read::{Reader, tags_of};
use super::write::Writer;
use crate::failure::Failure;
use crate::invocation::undo_log::UndoEntry;

/// What is needed to take it back.
#[derive(Debug, Clone, PartialEq)]
pub struct Undo {
    me: Owner,
    name: String,
    before: Before,
}

#[derive(Debug, Clone, PartialEq)]
enum Before {
    /// There was no document. `answered` tells whether AWS answered the call that makes it: an unanswered one may take
    /// effect later.
    Absent { answered: bool },
    /// There was one, with this version in force; these tags were set, with these values before; it was shared anew with these.
    Present { default_version: String, set_tags: Tags, tags: Tags, shared: Vec<String> },
}

impl Undo {
    /// For a document that is being made.
    pub fn of_created(me: &Owner, name: &str) -> UndoEntry<Self> {
        Self::to(me, name, Before::Absent { answered: false })
    }

    fn to(me: &Owner, name: &str, before: Before) -> UndoEntry<Self> {
        let undo = Self { me: me.clone(), name: name.to_owned(), before };
        UndoEntry { physical_id: name.to_owned(), undo }
    }

    /// AWS answered the call that makes the document.
    pub fn answered(&mut self) {
        if let Before::Absent { answered } = &mut self.before {
            *answered = true;
        }
    }

    /// For a document that is there and is being adopted, while its content is not known yet.
    pub fn of_claimed(asked: Asked<'_>, document: &Description, claim: &Tags) -> UndoEntry<Self> {
        let before = Before::Present {
            default_version: document.default_version.clone(),
            set_tags: claim.clone(),
            tags: document.tags.clone(),
            shared: Vec::new(),
        };
        Self::to(asked.me, &asked.desired.name, before)
    }

    /// For a document that is there and is being changed. `is_first` tells whether the resource meets it first: then an earlier
    /// attempt at the same request may have adopted it, and what that attempt did is taken back, too.
    pub fn of_changed(asked: Asked<'_>, document: &Document, change: &Change, is_first: bool) -> UndoEntry<Self> {
        let Asked { desired, me, .. } = asked;
        let present = &document.description.tags;
        let mut set_tags = change.set_tags.clone();
        set_tags.extend(change.claim.clone());
        let mut tags = present.clone();
        let mut remembered = None;
        // What this resource made before the request, and kept, is none of the request's: it goes back to what it was.
        if let Origin::Adopted { previous_default_version } = origin(present)
            && is_first
            && Owner::of(present).as_ref() == Some(me)
        {
            let mine = ours(present);
            tags.retain(|key, _| !mine.contains_key(key));
            set_tags.extend(mine);
            // It promoted nothing where the default version has not the content: what is in force then is somebody else's choice.
            if desired.set_default_version && desired.content.same_as(&document.default.content) {
                remembered = previous_default_version;
            }
        }
        let before = Before::Present {
            default_version: remembered.unwrap_or_else(|| document.default.number.clone()),
            set_tags,
            tags,
            shared: change.share.clone(),
        };
        Self::to(me, &desired.name, before)
    }

    /// Takes it back, as far as the document is still this resource's.
    ///
    /// A document that was there before is never deleted. Of the tags only those are touched that still have the value which this
    /// request gave them, and where somebody else adopted it meanwhile, the tags of ownership are theirs.
    ///
    /// # Errors
    /// A call failed, or it can't be known whether the document will still appear.
    pub async fn run(&self, client: &Client) -> Result<(), Failure> {
        let (reader, writer) = (Reader { client, name: &self.name }, Writer { client, name: &self.name });
        let description = reader.describe(None).await?;
        let tags = description.as_ref().map(tags_of).unwrap_or_default();
        let is_mine = Owner::of(&tags).as_ref() == Some(&self.me);
        match (&self.before, description) {
            (Before::Absent { answered: false }, None) => Err(Failure::new(format!(
                "Document {} may still appear: AWS did not answer when it was made.",
                self.name
            ))),
            (_, None) => Ok(()),
            (Before::Absent { .. }, Some(description)) => {
                if is_mine && origin(&tags) == Origin::Created {
                    let force = description.document_type().is_some_and(|kind| needs_force(kind.as_str()));
                    delete(reader, writer, force).await?;
                }
                Ok(())
            }
            (Before::Present { default_version, set_tags, tags: before, shared }, Some(description)) => {
                if is_mine && description.default_version.as_ref() != Some(default_version) {
                    writer.promote(default_version).await?;
                }
                let is_ours = |key: &str| is_mine || !key.starts_with(PREFIX);
                let mine = set_tags.iter().filter(|(key, value)| tags.get(*key) == Some(*value) && is_ours(key));
                let (restore, remove): (BTreeSet<_>, BTreeSet<_>) =
                    mine.map(|(key, _)| key.clone()).partition(|key| before.contains_key(key));
                let restore = restore.iter().filter_map(|key| Some((key.clone(), before.get(key)?.clone()))).collect();
                writer.share(&[], shared).await?;
                writer.tag(&restore).await?;
                writer.untag(remove).await
            }
        }
    }
}

/// Unshares and deletes a document that this resource made.
///
/// # Errors
/// A call failed.
pub async fn delete(reader: Reader<'_>, writer: Writer<'_>, force: bool) -> Result<(), Failure> {
    let shared: Vec<String> = reader.shared_with().await?.into_iter().collect();
    writer.share(&[], &shared).await?;
    writer.delete(force).await
}

/// Whether AWS deletes documents of this type only when forced, since others may use them.
pub fn needs_force(document_type: &str) -> bool {
    document_type == "ApplicationConfigurationSchema"
}

#[cfg(test)]
mod tests;
