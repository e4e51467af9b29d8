//! Resolves conflicts between the owners of keys.

use std::collections::{BTreeMap, BTreeSet};

use super::key_plan::Former;
use crate::failure::Failure;
use crate::resource::document::content::KeyPath;
use crate::resource::document::desired::{NamedKeys, OnExisting};
use crate::resource::document::key_ownership::{
    Before, KeyOwner, KeyOwnership, KeyOwnerships, key_ownerships, tag_key,
};
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{
    LOGICAL_ID, MAX_TAGS, ORIGIN, Ownership, PREVIOUS_DEFAULT_VERSION, STACK_ID, Tags,
};

/// Refuses a request if a later request has written a key that this resource owns or that this request takes.
pub(super) fn refuse_overtaken(
    name: &str,
    mine: &KeyOwner,
    named: &NamedKeys,
    owned: &KeyOwnerships,
    signature: Option<i64>,
) -> Result<(), Failure> {
    let concerns = |key: &KeyPath, ownership: &KeyOwnership| ownership.owner == *mine || named.keys.contains_key(key);
    let is_overtaken =
        owned.iter().any(|(key, ownership)| concerns(key, ownership) && ownership.is_later_than(signature));
    if is_overtaken {
        return Err(Failure::new(format!(
            "A later request has changed keys of the document {name} since CloudFormation sent this one. This request changes nothing."
        )));
    }
    Ok(())
}

/// Refuses a document that another resource owns as a whole.
pub(super) fn refuse_whole_owner(name: &str, ownership: Option<&Ownership>, is_mine: bool) -> Result<(), Failure> {
    match ownership {
        Some(Ownership { owner, .. }) if !is_mine => Err(Failure::new(format!(
            "DocumentName: the document {name} is managed as a whole by the resource {} of the stack {} (ContentMode: Replace). Move \
             that resource to ContentMode: Merge first or, if its stack no longer exists, remove the tags {STACK_ID} and {LOGICAL_ID} \
             from the document.",
            owner.logical_id, owner.stack_id
        ))),
        Some(_) | None => Ok(()),
    }
}

/// The keys of other resources that the request takes: those that overlap with one of its own.
///
/// # Errors
/// Such keys exist, and `OnExisting` is not `TakeOver`. The failure names every key and its owner.
pub(super) fn taken_from_others(
    mine: &KeyOwner,
    named: &NamedKeys,
    owned: &KeyOwnerships,
    on_existing: OnExisting,
) -> Result<KeyOwnerships, Failure> {
    let (mut taken, mut sentences) = (KeyOwnerships::new(), Vec::new());
    for (key, ownership) in owned.iter().filter(|(_, ownership)| ownership.owner != *mine) {
        let Some(overlapping) = named.keys.keys().find(|named| named.overlaps(key)) else { continue };
        let inside = if overlapping == key { String::new() } else { format!(", which overlaps with {overlapping},") };
        let stack = ownership.owner.stack_name();
        sentences.push(format!("{key}{inside} is managed by another resource (stack {stack})."));
        taken.insert(key.clone(), ownership.clone());
    }
    match (on_existing, sentences.len()) {
        (OnExisting::TakeOver, _) | (_, 0) => Ok(taken),
        (OnExisting::Adopt | OnExisting::Fail, count) => {
            let which = if count == 1 {
                "it from one of the two resources"
            } else {
                "each key from one of the two resources that name it"
            };
            Err(Failure::new(format!("{} Remove {which}, or set OnExisting: TakeOver.", sentences.join(" "))))
        }
    }
}

/// Refuses a request to manage a whole document if other resources own some of its keys. The failure names them.
pub(crate) fn refuse_key_owners(name: &str, mine: &KeyOwner, tags: &Tags) -> Result<(), Failure> {
    let owned = key_ownerships(tags);
    let others = owned.iter().filter(|(_, ownership)| ownership.owner != *mine);
    let named: Vec<String> =
        others.map(|(key, ownership)| format!("{key} (stack {})", ownership.owner.stack_name())).collect();
    if named.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "DocumentName: other resources manage keys of the document {name} (ContentMode: Merge): {}. Use ContentMode: Merge \
         for this resource, too, or delete those resources. To own the whole document anyway, set OnExisting: TakeOver.",
        named.join(", ")
    )))
}

/// The tags that record what existed before the resource, derived from the tags of its keys: the earliest default version counts.
pub(crate) fn whole_document_before(mine: &KeyOwner, tags: &Tags) -> Option<Tags> {
    let owned = key_ownerships(tags);
    let mine: Vec<&KeyOwnership> = owned.values().filter(|ownership| ownership.owner == *mine).collect();
    let first = mine.iter().map(|ownership| &ownership.before).min_by_key(|before| match before {
        Before::NoDocument => 0,
        Before::Version(version) => version.parse().unwrap_or(u64::MAX),
    })?;
    let origin = tags.get(ORIGIN).map_or("adopted", String::as_str);
    let mut whole = Tags::from([(ORIGIN.to_owned(), origin.to_owned())]);
    if let Before::Version(version) = first {
        whole.insert(PREVIOUS_DEFAULT_VERSION.to_owned(), version.clone());
    }
    Some(whole)
}

/// The failure that names the taken keys that a *third* resource owns now, if there are any. If a read shows the former owner, it
/// may just be stale.
pub(crate) fn lost_keys(mine: &KeyOwner, taken: &BTreeMap<KeyPath, Former>, seen: &Tags) -> Option<Failure> {
    let owned = key_ownerships(seen);
    let lost: Vec<String> = taken
        .iter()
        .filter_map(|(key, former)| {
            let now = owned.get(key)?;
            let is_former = former.tag.as_ref() == seen.get(&tag_key(key));
            (now.owner != *mine && !is_former).then(|| {
                format!("{key} was taken by another resource (stack {}) at the same time.", now.owner.stack_name())
            })
        })
        .collect();
    (!lost.is_empty()).then(|| Failure::new(lost.join(" ")))
}

/// How many tags the document has once these are set. AWS's own tags don't count.
pub(super) fn count_tags(document: &Description, set: &Tags) -> usize {
    let all: BTreeSet<&String> = document.tags.keys().chain(set.keys()).collect();
    all.iter().filter(|key| !key.starts_with("aws:")).count()
}

/// Refuses tags that AWS would refuse, before anything is written.
pub(super) fn refuse_tags_without_room(name: &str, document: &Description, set: &Tags) -> Result<(), Failure> {
    let count = count_tags(document, set);
    if count > MAX_TAGS {
        return Err(Failure::new(format!(
            "The document {name} would have {count} tags, including one for each key, but AWS allows only {MAX_TAGS}. Remove \
             tags from it, or name fewer keys."
        )));
    }
    Ok(())
}
