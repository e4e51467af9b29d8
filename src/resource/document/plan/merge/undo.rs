//! Decides how to restore the keys to what they were before a failed request, whatever `OnDelete` says.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::default_version_tag::{can_record, correction, tag_of};
use super::key_plan::{Earlier, Former, KeyChange, KeyPlan, KeysPlanned, base, nothing};
use super::merged::{is_skeleton, merge, value_in};
use super::put_back::{edit_back, needed_version};
use crate::failure::{Failure, Problem};
use crate::invocation::clock::Clock;
use crate::resource::document::content::{Content, Format, KeyPath};
use crate::resource::document::desired::NamedKeys;
use crate::resource::document::key_ownership::{Before, KeyOwner, KeyOwnerships, key_ownerships, tag_key};
use crate::resource::document::observed::{Document, Observed};
use crate::resource::document::ownership::{DEFAULT_VERSION, ORIGIN, Owner, Ownership, Tags};
use crate::resource::document::plan::merge::merged::SKELETON;
use crate::resource::document::plan::undo::CreateCall;

/// The keys that one request took, and what else it wrote. It is updated *before* each write.
#[derive(Debug, Clone)]
pub(crate) struct KeysUndo {
    pub(crate) name: String,
    pub(crate) owner: Owner,
    pub(crate) taken: BTreeMap<KeyPath, Former>,
    /// The progress of the call that creates the document, if none existed before.
    pub(crate) created: Option<CreateCall>,
    /// The version that the request promotes.
    pub(crate) promoted: Option<String>,
    /// Whether the request sets the tag that names the default version.
    pub(crate) records_default_version: bool,
    /// Determines how old a version is.
    pub(crate) clock: Clock,
}

impl KeysUndo {
    /// For a request that has written nothing yet.
    pub(crate) fn new(name: &str, owner: &Owner, clock: &Clock) -> Self {
        Self {
            name: name.to_owned(),
            owner: owner.clone(),
            taken: BTreeMap::new(),
            created: None,
            promoted: None,
            records_default_version: false,
            clock: clock.clone(),
        }
    }

    /// Records keys that the request is about to take. For each key, the first record counts.
    pub(crate) fn takes(&mut self, taken: &BTreeMap<KeyPath, Former>) {
        for (key, former) in taken {
            self.taken.entry(key.clone()).or_insert_with(|| former.clone());
        }
    }

    pub(super) fn plan_undo(&self, observed: &Observed) -> Result<KeysPlanned, Failure> {
        let Observed::Present(document) = observed else {
            let is_awaited = matches!(self.created, Some(CreateCall::Sent | CreateCall::Succeeded));
            let plan = if is_awaited { KeyPlan::LookAgain } else { KeyPlan::Nothing };
            return Ok(KeysPlanned { plan, warnings: Vec::new() });
        };
        if self.promoted.as_ref().is_some_and(|promoted| is_before(&document.description.default_version, promoted)) {
            return Ok(KeysPlanned { plan: KeyPlan::LookAgain, warnings: Vec::new() });
        }
        let tags = &document.description.tags;
        let (mine, owned, base) = (KeyOwner::from(&self.owner), key_ownerships(tags), base(document)?);
        let mut change = KeyChange::default();
        let mut edits = Vec::new();
        let is_thirds = |key: &KeyPath, former: &Former| {
            let tag = tag_key(key);
            owned.get(key).is_some_and(|now| now.owner != mine) && tags.get(&tag) != former.tag.as_ref()
        };
        let taken = || self.taken.iter().filter(|(key, former)| !is_thirds(key, former));
        for (key, former) in taken() {
            if value_in(&base, key) == Some(&former.declared) {
                edits.push(former.put_back.clone());
            }
            match &former.tag {
                Some(tag) => drop(change.set_tags_afterwards.insert(tag_key(key), tag.clone())),
                // What the request set may not be visible yet.
                None => drop(change.remove_tags_afterwards.insert(tag_key(key))),
            }
        }
        change.content = merge(&base, &edits)?;
        let left = owned.iter().filter(|(key, ownership)| ownership.owner != mine || !self.taken.contains_key(*key));
        let is_last = left.count() == 0 && Ownership::of(tags).is_none();
        let is_created = self.created.is_some_and(|call| call != CreateCall::Refused)
            && tags.get(ORIGIN).is_none_or(|origin| origin == "created");
        let is_empty = is_skeleton(change.content.as_ref().unwrap_or(&base));
        if is_created && is_last && is_empty {
            // Without visible tags, a document whose creation was not confirmed may be another writer's.
            let is_seen = tags.contains_key(ORIGIN) || self.created == Some(CreateCall::Succeeded);
            let plan = if is_seen { KeyPlan::Delete } else { KeyPlan::LookAgain };
            return Ok(KeysPlanned { plan, warnings: Vec::new() });
        }
        if is_created && is_last {
            change.remove_tags_afterwards.insert(ORIGIN.to_owned());
        }
        if is_last {
            change.remove_tags_afterwards.insert(DEFAULT_VERSION.to_owned());
        } else {
            let description = &document.description;
            change.records_default_version = can_record(description, &change.set_tags_afterwards);
            if change.content.is_none() {
                change.set_tags = match self.records_default_version {
                    // What the request set may not be visible yet.
                    true => tag_of(&description.default_version),
                    false => Tags::new(),
                };
            }
        }
        Ok(KeysPlanned { plan: KeyPlan::Change(change), warnings: Vec::new() })
    }
}

/// A Create that failed or was cancelled, identified by its tags.
#[derive(Debug, Clone)]
pub(crate) struct UndoneCreate<'a> {
    pub(crate) name: &'a str,
    pub(crate) owner: &'a Owner,
    pub(crate) named: &'a NamedKeys,
    /// When CloudFormation signed that Create.
    pub(crate) signed: RangeInclusive<i64>,
    pub(crate) clock: &'a Clock,
}

impl UndoneCreate<'_> {
    fn taken(&self, owned: &KeyOwnerships) -> KeyOwnerships {
        let mine = KeyOwner::from(self.owner);
        let is_of_create = |since: Option<i64>| since.is_some_and(|since| self.signed.contains(&since));
        let taken = owned.iter().filter(|(_, key)| key.owner == mine && is_of_create(key.since));
        taken.map(|(key, ownership)| (key.clone(), ownership.clone())).collect()
    }

    pub(super) fn needed_versions(&self, document: &Document) -> BTreeSet<String> {
        let taken = self.taken(&key_ownerships(&document.description.tags));
        taken.values().filter_map(|own| needed_version(&own.before)).collect()
    }

    pub(super) fn undo(&self, document: &Document, earlier: &Earlier) -> Result<KeysPlanned, Failure> {
        let taken = self.taken(&key_ownerships(&document.description.tags));
        if taken.is_empty() {
            return Ok(nothing());
        }
        let (mut undo, mut warnings) = (KeysUndo::new(self.name, self.owner, self.clock), Vec::new());
        undo.records_default_version = !correction(&document.description, &Tags::new()).is_empty();
        let mut untag = Tags::new();
        for (key, ownership) in taken {
            let before = match &ownership.before {
                Before::NoDocument => {
                    undo.created = Some(CreateCall::Succeeded);
                    Content::read("skeleton", SKELETON.to_owned(), Some(Format::Json)).ok()
                }
                Before::Version(version) => earlier.get(version).cloned().flatten(),
            };
            match (before, self.named.keys.get(&key)) {
                (Some(before), Some(declared)) => {
                    let put_back = edit_back(&key, &before);
                    undo.taken.insert(key, Former { tag: None, declared: declared.clone(), put_back });
                }
                _ => {
                    warnings.push(Problem::new(
                        key.as_str(),
                        "keeps its value, because its earlier value, or the value that this resource declared, is not known.",
                    ));
                    untag.insert(tag_key(&key), String::new());
                }
            }
        }
        let mut planned = undo.plan_undo(&Observed::Present(document.clone()))?;
        if let KeyPlan::Change(change) = &mut planned.plan {
            change.remove_tags_afterwards.extend(untag.into_keys());
        }
        planned.warnings.extend(warnings);
        Ok(planned)
    }
}

fn is_before(version: &str, other: &str) -> bool {
    version.parse::<u64>().ok() < other.parse::<u64>().ok()
}
