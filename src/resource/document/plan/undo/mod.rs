//! Decides how to undo what a request did to a document, including the tags of an adoption, given what existed before the
//! request.

use std::collections::{BTreeMap, BTreeSet};

use super::release::Revert;
use crate::resource::document::desired::Desired;
use crate::resource::document::intent::Intent;
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{Origin, Owner, Ownership, PREFIX, Tags, of_ownership};

/// What one request wrote to a document, or may have written, and what existed before.
///
/// It is updated *before* each write, so that it is accurate whenever the work is interrupted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DocumentUndo {
    pub(crate) name: String,
    pub(crate) owner: Owner,
    before: Before,
    /// The tags that the request sets, including ownership tags, each with every value that the request writes.
    set_tags: BTreeMap<String, BTreeSet<String>>,
    /// The tags that the request removes.
    removed_tags: BTreeSet<String>,
    /// The accounts that the request shares the document with.
    shared: BTreeSet<String>,
    /// The version that the request makes the default version.
    promoted: Option<String>,
}

/// What existed before the request.
#[derive(Debug, Clone, PartialEq)]
enum Before {
    /// No document.
    Absent(CreateCall),
    /// A document with this default version and these tags.
    Present { default_version: String, tags: Tags },
}

/// The progress of the call that creates the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CreateCall {
    /// It was sent, and no reply says whether it took effect.
    Sent,
    /// AWS refused it.
    Refused,
    /// AWS created the document.
    Succeeded,
}

/// How to undo what a request did.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum UndoPlan {
    /// Nothing: the request left no trace.
    Nothing,
    /// A document that the request created, or may have created, is not visible yet, or its tags are not.
    LookAgain(CreateCall),
    /// The request created the document: delete it.
    Delete,
    /// Restore the document.
    Revert(Revert),
}

impl DocumentUndo {
    /// For a document that the request is about to create.
    pub(crate) fn of_created(intent: Intent<'_>) -> Self {
        Self::new(intent.owner, &intent.desired.name, Before::Absent(CreateCall::Sent))
    }

    /// For a document that exists. If the tags show that an earlier delivery of the same request wrote to it, those writes
    /// count as this delivery's.
    pub(crate) fn of_existing(intent: Intent<'_>, document: &Description) -> Self {
        let Some(ownership) = earlier_delivery(intent, document) else {
            let before =
                Before::Present { default_version: document.default_version.clone(), tags: document.tags.clone() };
            return Self::new(intent.owner, &intent.desired.name, before);
        };
        let Desired { name, tags, account_ids, .. } = intent.desired;
        let mut undo = Self::of_ownership(intent.owner, name, document, &ownership, tags);
        undo.record_shares(account_ids.iter().cloned());
        undo
    }

    /// For a document whose tags say that the request wrote to it. `declared` are the tags that the request declares; whether any
    /// of them existed before is no longer known.
    pub(crate) fn of_ownership(
        owner: &Owner,
        name: &str,
        document: &Description,
        ownership: &Ownership,
        declared: &Tags,
    ) -> Self {
        let before = match (ownership.origin, &ownership.previous_default_version) {
            (Origin::Created, None) => Before::Absent(CreateCall::Succeeded),
            (_, previous) => {
                let mut tags = document.tags.clone();
                tags.retain(|key, value| !key.starts_with(PREFIX) && declared.get(key) != Some(value));
                let default_version = previous.clone().unwrap_or_else(|| document.default_version.clone());
                Before::Present { default_version, tags }
            }
        };
        let mut set_tags = declared.clone();
        set_tags.retain(|key, _| document.tags.contains_key(key));
        set_tags.extend(of_ownership(&document.tags));
        let mut undo = Self::new(owner, name, before);
        undo.record_set_tags(&set_tags);
        undo.promoted = Some(document.default_version.clone());
        undo
    }

    fn new(owner: &Owner, name: &str, before: Before) -> Self {
        Self {
            name: name.to_owned(),
            owner: owner.clone(),
            before,
            set_tags: BTreeMap::new(),
            removed_tags: BTreeSet::new(),
            shared: BTreeSet::new(),
            promoted: None,
        }
    }

    /// Records the outcome of the call that creates the document.
    pub(crate) fn record_create(&mut self, call: CreateCall) {
        if let Before::Absent(before) = &mut self.before {
            *before = call;
        }
    }

    /// Whether no document existed before the request.
    pub(crate) fn is_of_absent(&self) -> bool {
        matches!(self.before, Before::Absent(_))
    }

    /// Records tags that the request is about to set.
    pub(crate) fn record_set_tags(&mut self, tags: &Tags) {
        for (key, value) in tags {
            self.set_tags.entry(key.clone()).or_default().insert(value.clone());
        }
    }

    /// Records tags that the request is about to remove.
    pub(crate) fn record_removed_tags(&mut self, keys: &BTreeSet<String>) {
        self.removed_tags.extend(keys.iter().cloned());
    }

    /// Records accounts that the request is about to share the document with.
    pub(crate) fn record_shares(&mut self, accounts: impl IntoIterator<Item = String>) {
        self.shared.extend(accounts);
    }

    /// Records the version that the request is about to promote, or `None` if AWS refused to promote it.
    pub(crate) fn record_promotion(&mut self, version: Option<&str>) {
        self.promoted = version.map(str::to_owned);
    }

    /// Decides how to undo what the request wrote. Changes that others have made since then are kept. `seen` may lag behind the
    /// writes.
    pub(crate) fn plan_undo(&self, seen: Option<&Description>) -> UndoPlan {
        match (&self.before, seen) {
            (Before::Absent(CreateCall::Refused), None) | (Before::Present { .. }, None) => UndoPlan::Nothing,
            (Before::Absent(call @ (CreateCall::Sent | CreateCall::Succeeded)), None) => UndoPlan::LookAgain(*call),
            (Before::Absent(call), Some(document)) => match (Ownership::of(&document.tags), call) {
                (Some(ownership), _) if ownership.owner == self.owner && ownership.origin == Origin::Created => {
                    UndoPlan::Delete
                }
                // Its tags are not visible yet.
                (None, CreateCall::Succeeded) => UndoPlan::Delete,
                (None, CreateCall::Sent) => UndoPlan::LookAgain(*call),
                _ => UndoPlan::Nothing,
            },
            (Before::Present { default_version, tags }, Some(document)) => {
                UndoPlan::Revert(self.revert(default_version, tags, document))
            }
        }
    }

    fn revert(&self, default_version: &str, before: &Tags, seen: &Description) -> Revert {
        let owner_before = Ownership::of(before).map(|ownership| ownership.owner);
        let is_another_owners = Ownership::of(&seen.tags)
            .is_some_and(|now| now.owner != self.owner && Some(&now.owner) != owner_before.as_ref());
        let is_default = |version: &str| seen.default_version == version;
        let was_promoted = self.promoted.as_deref().is_some_and(|promoted| {
            promoted != default_version && (is_default(promoted) || is_default(default_version))
        });
        let mut revert = Revert {
            promote: (was_promoted && !is_another_owners).then(|| default_version.to_owned()),
            unshare: self.shared.iter().cloned().collect(),
            ..Revert::default()
        };
        for (key, values) in &self.set_tags {
            let (old, now) = (before.get(key), seen.tags.get(key));
            let was_changed_since = now.is_some_and(|now| !values.contains(now) && Some(now) != old);
            if was_changed_since || is_another_owners && key.starts_with(PREFIX) {
                continue;
            }
            match old {
                Some(old) if values.iter().all(|value| value == old) => {}
                Some(old) => drop(revert.set_tags.insert(key.clone(), old.clone())),
                None => drop(revert.remove_tags.insert(key.clone())),
            }
        }
        let removed = self.removed_tags.iter().filter(|key| !seen.tags.contains_key(*key));
        let put_back = removed.filter_map(|key| before.get_key_value(key));
        revert.set_tags.extend(put_back.map(|(key, value)| (key.clone(), value.clone())));
        revert
    }
}

/// The ownership that an earlier delivery of the same request left on the document.
fn earlier_delivery(intent: Intent<'_>, document: &Description) -> Option<Ownership> {
    let ownership = Ownership::by(intent.owner, &document.tags)?;
    let is_new = document.latest_version == "1";
    let is_same_request = match (ownership.since, intent.signature) {
        (Some(since), Some(signature)) => since == signature && (ownership.origin == Origin::Adopted || is_new),
        // If the tag is missing, the document's age shows whether this request created it.
        (None, Some(signature)) => {
            let created_since = document.created_at.is_some_and(|created| created >= signature);
            ownership.origin == Origin::Created && is_new && created_since
        }
        (_, None) => false,
    };
    is_same_request.then_some(ownership)
}

#[cfg(test)]
mod tests;
