//! Decides what a Create or an Update does to the keys that it names.

use std::collections::{BTreeMap, BTreeSet};

use super::default_version_tag::{can_record, correction, tag_of};
use super::key_plan::{Earlier, Former, KeyChange, KeyPlan, KeysPlanned, base};
use super::merged::{edits_to_set, findings, merge, refuse_other_shape, skeleton, value_in};
use super::owners::{refuse_overtaken, refuse_tags_without_room, refuse_whole_owner, taken_from_others};
use super::put_back::{edit_back, needed_version, put_back};
use crate::failure::{Failure, Problem, fail_on};
use crate::resource::document::content::{Content, Edit, KeyPath};
use crate::resource::document::desired::{ContentMode, NamedKeys, OnDelete, OnExisting};
use crate::resource::document::intent::{Intent, Operation};
use crate::resource::document::key_ownership::{
    Before, KeyOwner, KeyOwnership, KeyOwnerships, key_ownerships, tag_key,
};
use crate::resource::document::observed::Document;
use crate::resource::document::ownership::{
    ATTACHMENTS, LOGICAL_ID, MAX_TAGS, ORIGIN, Origin, Ownership, PREVIOUS_DEFAULT_VERSION, SINCE, STACK_ID, Tags,
};
use crate::resource::document::plan::adoption::refuse_other_kind;
use crate::resource::document::plan::tags::{FIRST_VERSION, NO_ROOM_FOR_DEFAULT_VERSION};

/// The keys of a resource, as its properties name them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DesiredKeys<'a> {
    pub(crate) intent: Intent<'a>,
    pub(crate) named: &'a NamedKeys,
}

/// Whether the document has these keys with these values.
pub(crate) fn shows_keys(named: &NamedKeys, document: &Document) -> bool {
    base(document).is_ok_and(|base| named.keys.iter().all(|(key, value)| value_in(&base, key) == Some(value)))
}

/// How a key relates to the request.
enum KeyStatus<'a> {
    /// This resource owns it.
    Own(&'a KeyOwnership),
    /// An earlier delivery of this request took it.
    TakenEarlier(&'a KeyOwnership),
    /// An earlier request of the same resource left the key behind, and this Create or rename finds it.
    LeftBehind,
    /// The request takes it, perhaps from another resource.
    New,
}

impl DesiredKeys<'_> {
    fn mine(&self) -> KeyOwner {
        self.intent.owner.into()
    }

    fn status<'a>(&self, key: &KeyPath, owned: &'a KeyOwnerships) -> KeyStatus<'a> {
        let Some(own) = owned.get(key).filter(|ownership| ownership.owner == self.mine()) else {
            return KeyStatus::New;
        };
        let is_of_this_request = own.since.is_some() && own.since == self.intent.signature;
        let was_declared = match self.intent.previous().map(|previous| &previous.mode) {
            Some(ContentMode::Merge(named)) => named.keys.contains_key(key),
            Some(ContentMode::Replace) | None => false,
        };
        match (self.intent.operation, is_of_this_request) {
            (Operation::Update(_), true) if !was_declared => KeyStatus::TakenEarlier(own),
            (Operation::Update(_), _) => KeyStatus::Own(own),
            (Operation::Create | Operation::Rename, true) => KeyStatus::TakenEarlier(own),
            (Operation::Create | Operation::Rename, false) => KeyStatus::LeftBehind,
        }
    }

    fn dropped(&self, owned: &KeyOwnerships) -> KeyOwnerships {
        let mine = self.mine();
        let dropped = owned.iter().filter(|(key, own)| own.owner == mine && !self.named.keys.contains_key(*key));
        dropped.map(|(key, own)| (key.clone(), own.clone())).collect()
    }

    pub(super) fn needed_versions(&self, document: &Document) -> BTreeSet<String> {
        let owned = key_ownerships(&document.description.tags);
        let dropped = match self.intent.desired.on_delete {
            OnDelete::Restore => self.dropped(&owned),
            OnDelete::Retain => KeyOwnerships::new(),
        };
        let taken_earlier = self.named.keys.keys().filter_map(|key| match self.status(key, &owned) {
            KeyStatus::TakenEarlier(own) => needed_version(&own.before),
            KeyStatus::Own(_) | KeyStatus::LeftBehind | KeyStatus::New => None,
        });
        dropped.values().filter_map(|own| needed_version(&own.before)).chain(taken_earlier).collect()
    }

    /// Decides how a document that does not exist is created.
    pub(super) fn create(&self) -> Result<KeysPlanned, Failure> {
        let (name, skeleton) = (&self.intent.desired.name, skeleton()?);
        refuse_other_shape(self.named, &skeleton)?;
        let content = merge(&skeleton, &edits_to_set(self.named, &skeleton))?.unwrap_or_else(|| skeleton.clone());
        let findings = findings(name, self.named, &content);
        fail_on(&findings.problems)?;
        let mut tags = Tags::from([(ORIGIN.to_owned(), "created".to_owned())]);
        tags.extend(self.tags(|_| Before::NoDocument)?);
        tags.extend(tag_of(FIRST_VERSION).into_iter().filter(|_| tags.len() < MAX_TAGS).collect::<Tags>());
        let former = |(key, value): (&KeyPath, &_)| {
            let former = Former { tag: None, declared: Clone::clone(value), put_back: edit_back(key, &skeleton) };
            (key.clone(), former)
        };
        let undo = self.named.keys.iter().map(former).collect();
        Ok(KeysPlanned { plan: KeyPlan::Create { content, tags, undo }, warnings: findings.warnings })
    }

    /// Decides how the keys of the document change.
    pub(super) fn change(&self, document: &Document, earlier: &Earlier) -> Result<KeysPlanned, Failure> {
        let (intent, description) = (self.intent, &document.description);
        let (name, on_existing) = (&intent.desired.name, intent.desired.on_existing);
        let (mine, owned) = (self.mine(), key_ownerships(&description.tags));
        let whole = Ownership::of(&description.tags);
        let owns_whole = whole.as_ref().is_some_and(|whole| whole.owner == *intent.owner);
        refuse_overtaken(name, &mine, self.named, &owned, intent.signature)?;
        refuse_other_kind(intent, description)?;
        refuse_whole_owner(name, whole.as_ref(), owns_whole)?;
        let has_keys = owned.values().any(|ownership| ownership.owner == mine);
        refuse_existing(intent, has_keys || owns_whole)?;
        let others = taken_from_others(&mine, self.named, &owned, on_existing)?;
        let base = base(document)?;
        refuse_other_shape(self.named, &base)?;

        let (dropped, mut warnings) = (self.dropped(&owned), Vec::new());
        let mut edits = edits_to_set(self.named, &base);
        if intent.desired.on_delete == OnDelete::Restore {
            let (put_back, stay) = self.put_back(&dropped, &base, earlier)?;
            edits.extend(put_back);
            warnings.extend(stay);
        }
        let merged = merge(&base, &edits)?;

        let mut findings = findings(name, self.named, merged.as_ref().unwrap_or(&base));
        let statuses: BTreeMap<&KeyPath, KeyStatus<'_>> =
            self.named.keys.keys().map(|key| (key, self.status(key, &owned))).collect();
        let is_own = |status: &KeyStatus<'_>| matches!(status, KeyStatus::Own(_) | KeyStatus::TakenEarlier(_));
        let owns_all = statuses.values().all(is_own);
        if merged.is_none() && owns_all {
            // If values that already exist were refused, a rollback could not succeed.
            findings.warnings.append(&mut findings.problems);
        }
        fail_on(&findings.problems)?;
        warnings.extend(findings.warnings);

        let is_recorded = correction(description, &Tags::new()).is_empty();
        if merged.is_none() && owns_all && dropped.is_empty() && !owns_whole && is_recorded {
            return Ok(KeysPlanned { plan: KeyPlan::Nothing, warnings });
        }
        let before_new = || match &whole {
            Some(Ownership { previous_default_version: Some(version), .. }) => Before::Version(version.clone()),
            Some(Ownership { origin: Origin::Created, .. }) => Before::NoDocument,
            Some(Ownership { origin: Origin::Adopted, .. }) | None => {
                Before::Version(description.default_version.clone())
            }
        };
        let before = |key: &KeyPath| match statuses.get(key) {
            Some(KeyStatus::Own(own) | KeyStatus::TakenEarlier(own)) => own.before.clone(),
            // Keep what the earlier owner recorded when it took the key.
            Some(KeyStatus::New) | None => others.get(key).map_or_else(before_new, |other| other.before.clone()),
            Some(KeyStatus::LeftBehind) => Before::Version(description.default_version.clone()),
        };
        let mut set_tags = description.lacking(self.tags(before)?);
        refuse_tags_without_room(name, description, &set_tags)?;
        let records_default_version = can_record(description, &set_tags);
        if !records_default_version {
            warnings.push(Problem::new("Tags", NO_ROOM_FOR_DEFAULT_VERSION));
        }
        if merged.is_none() {
            set_tags.extend(correction(description, &set_tags));
        }
        let mut change = KeyChange {
            set_tags,
            content: merged,
            records_default_version,
            taken: self.taken(&statuses, &base, earlier, &description.tags),
            finds_own_value: statuses.iter().any(|(key, status)| {
                let has_value = value_in(&base, key).is_some_and(|value| self.named.keys.get(*key) == Some(value));
                matches!(status, KeyStatus::New) && !owned.contains_key(*key) && has_value
            }),
            is_of_created: statuses.values().any(|status| {
                matches!(status, KeyStatus::TakenEarlier(KeyOwnership { before: Before::NoDocument, .. }))
                    && matches!(intent.operation, Operation::Create)
            }),
            ..KeyChange::default()
        };
        let overlapping = others.keys().filter(|key| !self.named.keys.contains_key(*key));
        change.remove_tags_afterwards.extend(dropped.keys().chain(overlapping).map(tag_key));
        if !dropped.is_empty() && intent.desired.on_delete == OnDelete::Retain {
            // Values that are retained must stay, so the document must not be deleted.
            let adopted = Tags::from([(ORIGIN.to_owned(), "adopted".to_owned())]);
            let is_created = description.tags.get(ORIGIN).is_some_and(|origin| origin == "created");
            change.set_tags_afterwards.extend(adopted.into_iter().filter(|_| is_created));
        }
        if owns_whole {
            self.release_the_whole(document, &mut change);
        }
        Ok(KeysPlanned { plan: KeyPlan::Change(change), warnings })
    }

    /// The tags of all keys that the request names.
    fn tags(&self, before: impl Fn(&KeyPath) -> Before) -> Result<Tags, Failure> {
        let mut tags = Tags::new();
        for key in self.named.keys.keys() {
            let ownership = KeyOwnership { before: before(key), since: self.intent.signature, owner: self.mine() };
            if !ownership.fits(key) {
                return Err(Failure::new(format!(
                    "DocumentContent.{key}: the tag that records its owner would be longer than AWS allows. Shorten the stack's name."
                )));
            }
            tags.extend([ownership.tag(key)]);
        }
        Ok(tags)
    }

    fn put_back(
        &self,
        dropped: &KeyOwnerships,
        base: &Content,
        earlier: &Earlier,
    ) -> Result<(Vec<Edit>, Vec<Problem>), Failure> {
        let previous = self.intent.previous().map(|previous| &previous.mode);
        let (mut edits, mut stay) = (Vec::new(), Vec::new());
        for (key, own) in dropped {
            let declared = match previous {
                Some(ContentMode::Merge(named)) => named.keys.get(key),
                Some(ContentMode::Replace) | None => None,
            };
            match put_back(key, declared, &own.before, base, earlier)? {
                Ok(edit) => edits.extend(edit),
                Err(why) => stay.push(why),
            }
        }
        Ok((edits, stay))
    }

    /// The keys that this request takes, each with what is restored if the request fails.
    fn taken(
        &self,
        statuses: &BTreeMap<&KeyPath, KeyStatus<'_>>,
        base: &Content,
        earlier: &Earlier,
        tags: &Tags,
    ) -> BTreeMap<KeyPath, Former> {
        let taken = statuses.iter().filter_map(|(key, status)| {
            let declared = self.named.keys.get(*key)?.clone();
            let (tag, before) = match status {
                KeyStatus::Own(_) => return None,
                KeyStatus::New | KeyStatus::LeftBehind => (tags.get(&tag_key(key)).cloned(), Some(base.clone())),
                KeyStatus::TakenEarlier(own) => match &own.before {
                    Before::NoDocument => (None, skeleton().ok()),
                    Before::Version(version) => (None, earlier.get(version).cloned().flatten()),
                },
            };
            let put_back = edit_back(key, &before?);
            Some(((*key).clone(), Former { tag, declared, put_back }))
        });
        taken.collect()
    }

    /// The resource owned the whole document until now. Removes its ownership tags, and what it declared besides the content.
    fn release_the_whole(&self, document: &Document, change: &mut KeyChange) {
        let tags = &document.description.tags;
        let mut remove =
            BTreeSet::from([STACK_ID, LOGICAL_ID, PREVIOUS_DEFAULT_VERSION, SINCE, ATTACHMENTS].map(str::to_owned));
        if let Some(previous) = self.intent.previous() {
            remove.extend(previous.tags.keys().cloned());
            change.unshare = previous.account_ids.intersection(&document.shared_with).cloned().collect();
        }
        change.remove_tags_afterwards.extend(remove.into_iter().filter(|key| tags.contains_key(key)));
    }
}

fn refuse_existing(intent: Intent<'_>, is_known: bool) -> Result<(), Failure> {
    match (intent.desired.on_existing, intent.operation) {
        (OnExisting::Fail, Operation::Create | Operation::Rename) if !is_known => Err(Failure::new(format!(
            "OnExisting: the document {} already exists, and OnExisting is Fail. Choose another DocumentName, or set \
             OnExisting: Adopt to manage keys in this document.",
            intent.desired.name
        ))),
        (OnExisting::Fail | OnExisting::Adopt | OnExisting::TakeOver, _) => Ok(()),
    }
}
