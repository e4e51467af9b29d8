//! Decides which tags a document gets.

use std::collections::BTreeSet;

use ring::digest;

use crate::failure::Failure;
use crate::resource::document::desired::{Attachment, Desired};
use crate::resource::document::intent::Intent;
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{ATTACHMENTS, DEFAULT_VERSION, KEY_PREFIX, MAX_TAGS, SINCE, Tags};

/// The warning if the drift guard can't cover a document.
pub(super) const NO_ROOM_FOR_DEFAULT_VERSION: &str = "leave no room for the tag cfn-ssm-document:default-version, by which \
    the drift guard recognizes this document. Remove a tag.";

/// The version that a document is created with.
pub(super) const FIRST_VERSION: &str = "1";

/// The tags that the old properties declare and the new ones do not. Tags that nobody declared stay.
pub(super) fn no_longer_declared(intent: Intent<'_>, document: &Description) -> BTreeSet<String> {
    let old = intent.previous().map(|previous| previous.tags.keys()).into_iter().flatten();
    old.filter(|key| !intent.desired.tags.contains_key(*key) && document.tags.contains_key(*key)).cloned().collect()
}

/// The tags of key ownership, which the document may have from before this resource owned it as a whole.
pub(super) fn of_keys(document: &Description) -> BTreeSet<String> {
    document.tags.keys().filter(|key| key.starts_with(KEY_PREFIX)).cloned().collect()
}

/// The tag that records when CloudFormation signed the request.
pub(super) fn since(intent: Intent<'_>) -> Option<(String, String)> {
    intent.signature.map(|signature| (SINCE.to_owned(), signature.to_string()))
}

/// The tag that records which attachments the document has, since AWS does not return them.
pub(crate) fn attachments_tag(desired: &Desired) -> Option<(String, String)> {
    let has_attachments = !desired.attachments.is_empty();
    has_attachments.then(|| (ATTACHMENTS.to_owned(), attachments_digest(&desired.attachments)))
}

/// The tag that records which version is the default version; `None` if the resource does not manage that.
pub(super) fn default_version_tag(desired: &Desired, version: &str) -> Option<(String, String)> {
    desired.set_default_version.then(|| (DEFAULT_VERSION.to_owned(), version.to_owned()))
}

/// The tags of a document that is created. Optional tags are included only if there is room.
pub(crate) fn tags_of_new(intent: Intent<'_>) -> Tags {
    let desired = intent.desired;
    let mut tags = intent.owner.tags_of_created();
    tags.extend(desired.tags.clone());
    for optional in [since(intent), default_version_tag(desired, FIRST_VERSION), attachments_tag(desired)] {
        let optional = optional.filter(|_| tags.len() < MAX_TAGS);
        tags.extend(optional);
    }
    tags
}

/// A digest of the declared attachments: the first 16 hex digits of a SHA-256.
pub(super) fn attachments_digest(attachments: &[Attachment]) -> String {
    let digest = digest::digest(&digest::SHA256, format!("{attachments:?}").as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Whether there is room for `tags` in addition to the document's tags and the declared ones.
pub(super) fn fits(intent: Intent<'_>, document: &Description, tags: &Tags) -> bool {
    count(intent, document, tags) <= MAX_TAGS
}

/// Adds an optional tag to those that are about to be set, if there is room. Returns `false` if there is no room.
pub(super) fn add_if_it_fits(
    intent: Intent<'_>,
    document: &Description,
    tags: &mut Tags,
    optional: Option<(String, String)>,
) -> bool {
    let Some((key, value)) = optional else { return true };
    tags.insert(key.clone(), value);
    let fits = fits(intent, document, tags);
    if !fits {
        tags.remove(&key);
    }
    fits
}

/// Refuses declared tags and ownership tags if the document would have more tags than AWS allows.
///
/// # Errors
/// There would be too many tags. The failure says how many.
pub(super) fn refuse_too_many(intent: Intent<'_>, document: &Description, ownership: &Tags) -> Result<(), Failure> {
    let count = count(intent, document, ownership);
    if count > MAX_TAGS {
        return Err(Failure::new(format!(
            "Tags: the document {} would have {count} tags, including those that the provider sets, but AWS allows only \
             {MAX_TAGS}. Remove some.",
            intent.desired.name
        )));
    }
    Ok(())
}

fn count(intent: Intent<'_>, document: &Description, more: &Tags) -> usize {
    let all = document.tags.keys().chain(intent.desired.tags.keys()).chain(more.keys()).collect::<BTreeSet<_>>();
    // AWS's own tags don't count.
    all.iter().filter(|key| !key.starts_with("aws:")).count() - no_longer_declared(intent, document).len()
}
