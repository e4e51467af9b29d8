//! Decides what happens to a document that several resources share, each with its own keys (`ContentMode: Merge`). Everything
//! here is pure.
//!
//! A [`KeyRequest`] is what one invocation wants for its keys. A decision is made from what was observed. If the document changes
//! before the decision is carried out, the document is observed again and another decision is made.

pub(crate) mod default_version_tag;
pub(super) mod desired;
mod key_plan;
pub(crate) mod lock;
mod merged;
pub(super) mod owners;
pub(crate) mod promotion;
mod put_back;
pub(crate) mod recheck;
mod release;
mod undo;

use std::collections::BTreeSet;

pub(crate) use self::desired::DesiredKeys;
use self::key_plan::nothing;
pub(crate) use self::key_plan::{Earlier, Former, KeyChange, KeyPlan, KeysPlanned};
pub(crate) use self::owners::lost_keys;
pub(crate) use self::release::Releasing;
pub(crate) use self::undo::{KeysUndo, UndoneCreate};
use crate::failure::Failure;
use crate::resource::document::observed::Observed;
use crate::resource::document::ownership::DEFAULT_VERSION;
use crate::resource::document::plan::undo::CreateCall;

/// What a request wants for its keys.
#[derive(Debug)]
pub(crate) enum KeyRequest<'a> {
    /// A Create or an Update: the keys must have these values.
    Merge(DesiredKeys<'a>),
    /// A Delete: the resource must no longer own keys.
    Release(Releasing<'a>),
    /// A Delete after a failed Create: the keys must be as they were before the Create.
    UndoCreate(UndoneCreate<'a>),
    /// A failed request undoes what it did.
    Undo(&'a KeysUndo),
}

impl KeyRequest<'_> {
    /// The earlier versions whose content the decision needs.
    pub(crate) fn needed_versions(&self, observed: &Observed) -> BTreeSet<String> {
        let Observed::Present(document) = observed else { return BTreeSet::new() };
        match self {
            Self::Merge(desiring) => desiring.needed_versions(document),
            Self::Release(releasing) => releasing.needed_versions(document),
            Self::UndoCreate(undone) => undone.needed_versions(document),
            Self::Undo(_) => BTreeSet::new(),
        }
    }

    /// Decides what to do.
    ///
    /// # Errors
    /// The request is refused.
    pub(crate) fn decide(&self, observed: &Observed, earlier: &Earlier) -> Result<KeysPlanned, Failure> {
        let mut planned = match (self, observed) {
            (Self::Merge(desiring), Observed::Absent) => desiring.create(),
            (Self::Merge(desiring), Observed::Present(document)) => desiring.change(document, earlier),
            (Self::Release(_) | Self::UndoCreate(_), Observed::Absent) => Ok(nothing()),
            (Self::Release(releasing), Observed::Present(document)) => releasing.release(document, earlier),
            (Self::UndoCreate(undone), Observed::Present(document)) => undone.undo(document, earlier),
            (Self::Undo(undo), observed) => undo.plan_undo(observed),
        }?;
        if matches!(&planned.plan, KeyPlan::Change(change) if change.is_empty()) {
            planned.plan = KeyPlan::Nothing;
        }
        Ok(planned)
    }

    /// Whether a change that only sets tags must wait for the lock. A tag that names the default version must not be set while
    /// another writer is about to promote a version. An undo does not wait: the version that its own request uploaded looks like
    /// another writer's.
    pub(crate) fn waits_to_set_tags(&self, change: &KeyChange) -> bool {
        change.only_records_default_version() && !matches!(self, Self::Undo(_))
    }

    /// Whether the change may leave the document with no key owners, even though the document had other owners when the change
    /// was planned: they may have released their keys at the same time.
    pub(crate) fn may_leave_no_owner(&self, change: &KeyChange) -> bool {
        match self {
            Self::Merge(_) => false,
            Self::Release(_) | Self::UndoCreate(_) | Self::Undo(_) => {
                !change.remove_tags_afterwards.is_empty() && !change.remove_tags_afterwards.contains(DEFAULT_VERSION)
            }
        }
    }

    /// Whether the request succeeds even if what it waits for never becomes visible. It does if the call that creates the
    /// document got no reply, because that call may have had no effect.
    pub(crate) fn accepts_invisible(&self) -> bool {
        matches!(self, Self::Undo(KeysUndo { created: Some(CreateCall::Sent), promoted: None, .. }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::invocation::clock::Clock;
    use crate::resource::document::desired::{NamedKeys, OnDelete};
    use crate::resource::document::observed::{Description, Document, Status, Version};
    use crate::resource::document::ownership::{Owner, Tags};

    #[test]
    fn an_empty_change_is_planned_as_nothing() {
        let undo = undo(None, None);
        let version = Version { number: "1".into(), version_name: None, status: Status::Active, content: "{}".into() };
        let tags = Tags::from([("cfn-ssm-document:key:inputs.b".to_owned(), "1 5 00000000 stack/b".to_owned())]);
        let description = Description { tags, default_version: "1".into(), ..Description::default() };
        let document = Document { description, default: version, latest: None, shared_with: BTreeSet::new() };
        let planned = KeyRequest::Undo(&undo).decide(&Observed::Present(document), &Earlier::new()).unwrap();
        assert!(matches!(planned.plan, KeyPlan::Nothing), "{:?}", planned.plan);
    }

    #[test]
    fn only_a_tag_of_the_default_version_waits_for_the_lock_unless_it_is_an_undo() {
        let tags =
            |key: &str| KeyChange { set_tags: Tags::from([(key.to_owned(), "1".into())]), ..KeyChange::default() };
        let (owner, undo, named) = (owner(), undo(None, None), NamedKeys::default());
        let release = KeyRequest::Release(releasing(&owner, &named));
        for (request, key, expected) in [
            (&release, DEFAULT_VERSION, true),
            (&release, "cfn-ssm-document:key:inputs.a", false),
            (&KeyRequest::Undo(&undo), DEFAULT_VERSION, false),
        ] {
            assert_eq!(request.waits_to_set_tags(&tags(key)), expected, "{request:?} {key}");
        }
    }

    #[test]
    fn only_a_release_or_an_undo_that_expects_other_owners_may_leave_none() {
        let (owner, undo, named) = (owner(), undo(None, None), NamedKeys::default());
        let release = KeyRequest::Release(releasing(&owner, &named));
        let key = "cfn-ssm-document:key:inputs.a";
        for (removed, expected) in [(&[][..], false), (&[key], true), (&[key, DEFAULT_VERSION], false)] {
            let remove_tags_afterwards = removed.iter().map(|&key| key.to_owned()).collect();
            let change = KeyChange { remove_tags_afterwards, ..KeyChange::default() };
            for request in [&release, &KeyRequest::Undo(&undo)] {
                assert_eq!(request.may_leave_no_owner(&change), expected, "{request:?} {removed:?}");
            }
        }
    }

    #[test]
    fn only_an_undo_whose_create_call_has_no_reply_may_end_without_seeing_the_document() {
        for (created, promoted, expected) in [
            (Some(CreateCall::Sent), None, true),
            (Some(CreateCall::Sent), Some("2"), false),
            (Some(CreateCall::Succeeded), None, false),
            (None, None, false),
        ] {
            let undo = undo(created, promoted);
            assert_eq!(KeyRequest::Undo(&undo).accepts_invisible(), expected, "{created:?} {promoted:?}");
        }
        let (owner, named) = (owner(), NamedKeys::default());
        assert!(!KeyRequest::Release(releasing(&owner, &named)).accepts_invisible());
    }

    fn owner() -> Owner {
        Owner { stack_id: "stack/a".into(), logical_id: "Keys".into() }
    }

    fn undo(created: Option<CreateCall>, promoted: Option<&str>) -> KeysUndo {
        let clock = Clock::new(|| Duration::from_secs(100));
        KeysUndo { created, promoted: promoted.map(str::to_owned), ..KeysUndo::new("Doc", &owner(), &clock) }
    }

    fn releasing<'a>(owner: &'a Owner, named: &'a NamedKeys) -> Releasing<'a> {
        Releasing { owner, named, on_delete: OnDelete::Restore, signature: None }
    }
}
