//! Decides what a Delete does to the keys of a resource.

use std::collections::BTreeSet;

use super::default_version_tag::{can_record, correction};
use super::key_plan::{Earlier, KeyChange, KeyPlan, KeysPlanned, base, nothing};
use super::merged::{is_skeleton, merge};
use super::put_back::{needed_version, put_back};
use crate::failure::Failure;
use crate::resource::document::desired::{NamedKeys, OnDelete};
use crate::resource::document::key_ownership::{KeyOwner, KeyOwnerships, key_ownerships, tag_key};
use crate::resource::document::observed::Document;
use crate::resource::document::ownership::{DEFAULT_VERSION, ORIGIN, Owner, Ownership, REPAIRED_AT, Tags};

/// The keys that a resource releases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Releasing<'a> {
    pub(crate) owner: &'a Owner,
    /// The keys and values that the resource declares.
    pub(crate) named: &'a NamedKeys,
    pub(crate) on_delete: OnDelete,
    pub(crate) signature: Option<i64>,
}

impl Releasing<'_> {
    /// The resource's keys, without those that a later request has written.
    fn own(&self, owned: &KeyOwnerships) -> KeyOwnerships {
        let mine = KeyOwner::from(self.owner);
        let own = owned.iter().filter(|(_, key)| key.owner == mine && !key.is_later_than(self.signature));
        own.map(|(key, ownership)| (key.clone(), ownership.clone())).collect()
    }

    pub(super) fn needed_versions(&self, document: &Document) -> BTreeSet<String> {
        match self.on_delete {
            OnDelete::Retain => BTreeSet::new(),
            OnDelete::Restore => {
                let own = self.own(&key_ownerships(&document.description.tags));
                own.values().filter_map(|own| needed_version(&own.before)).collect()
            }
        }
    }

    pub(super) fn release(&self, document: &Document, earlier: &Earlier) -> Result<KeysPlanned, Failure> {
        let tags = &document.description.tags;
        let owned = key_ownerships(tags);
        let own = self.own(&owned);
        if own.is_empty() {
            return Ok(nothing());
        }
        let is_last = own.len() == owned.len() && Ownership::of(tags).is_none();
        let is_created = tags.get(ORIGIN).is_some_and(|origin| origin == "created");
        let mut change =
            KeyChange { remove_tags_afterwards: own.keys().map(tag_key).collect(), ..KeyChange::default() };
        let mut warnings = Vec::new();
        match self.on_delete {
            OnDelete::Retain => {
                if is_created && !is_last {
                    // Values that are retained must stay, so no later Delete may delete the document.
                    change.set_tags_afterwards = Tags::from([(ORIGIN.to_owned(), "adopted".to_owned())]);
                }
            }
            OnDelete::Restore => {
                let (base, mut edits) = (base(document)?, Vec::new());
                for (key, ownership) in &own {
                    match put_back(key, self.named.keys.get(key), &ownership.before, &base, earlier)? {
                        Ok(edit) => edits.extend(edit),
                        Err(why) => warnings.push(why),
                    }
                }
                change.content = merge(&base, &edits)?;
                if is_last && is_created && is_skeleton(change.content.as_ref().unwrap_or(&base)) {
                    return Ok(KeysPlanned { plan: KeyPlan::Delete, warnings });
                }
            }
        }
        if is_last {
            let of_document = [ORIGIN, REPAIRED_AT].into_iter().filter(|tag| tags.contains_key(*tag));
            // The tag of the default version was set after those of the keys, so it may not be visible yet.
            change.remove_tags_afterwards.extend(of_document.chain([DEFAULT_VERSION]).map(str::to_owned));
        } else {
            change.records_default_version = can_record(&document.description, &change.set_tags_afterwards);
            if change.content.is_none() {
                change.set_tags = correction(&document.description, &change.set_tags_afterwards);
            }
        }
        Ok(KeysPlanned { plan: KeyPlan::Change(change), warnings })
    }
}
