//! Decides what a Delete does to a document.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;

use crate::cfn::physical_id::{FailedCreate, is_generated};
use crate::cfn::request::{Request, RequestType};
use crate::resource::document::desired::{Declared, OnDelete, is_document_name};
use crate::resource::document::key_ownership::{last_since, tags_of};
use crate::resource::document::observed::{Description, Status};
use crate::resource::document::ownership::{
    Origin, Owner, Ownership, PREFIX, TOLERANCE, Tags, is_overtaken, of_ownership,
};

/// What a Delete applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nothing: the Create left nothing behind, or the physical id is not one of this provider's.
    Nothing,
    /// The document with this name.
    Document(String),
    /// A Create of the document with this name that failed or was cancelled. It is undone, whatever `OnDelete` says.
    Create {
        name: String,
        /// When CloudFormation signed that Create.
        signed: RangeInclusive<i64>,
    },
    /// The same, for a Create whose response said that it left nothing behind. Another delivery of it may have written since.
    NotCreated {
        name: String,
        /// When CloudFormation signed that Create.
        signature: i64,
    },
}

/// Decides, from the physical id and the properties of a Delete, what it applies to.
pub(crate) fn target(request: &Request, declared: &Declared, signature: i64) -> Target {
    let id = request.physical_resource_id.as_deref().unwrap_or_default();
    match (FailedCreate::parse(id), &declared.name) {
        (Some(FailedCreate::NotCreated { signature: Some(signature) }), Some(name)) => {
            Target::NotCreated { name: name.clone(), signature }
        }
        (Some(FailedCreate::NotCreated { .. }), _) => Target::Nothing,
        (Some(FailedCreate::Unfinished { signature, id }), _) => {
            Target::Create { name: id, signed: signature..=signature }
        }
        (None, Some(name)) if name == id => Target::Document(id.to_owned()),
        (None, Some(name)) if is_generated(id, &request.stack_id, &request.logical_resource_id) => {
            Target::Create { name: name.clone(), signed: signature - request.service_timeout..=signature + TOLERANCE }
        }
        (None, _) if is_document_name(id) => Target::Document(id.to_owned()),
        (None, _) => Target::Nothing,
    }
}

/// Whether the request with this signature has left its tags on the document.
pub(crate) fn shows_request(tags: &Tags, owner: &Owner, signature: i64) -> bool {
    let since = Ownership::by(owner, tags).and_then(|ownership| ownership.since);
    [since, last_since(tags, owner)].contains(&Some(signature))
}

/// Who wrote to a document last, as far as the undo of a failed request is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LastWriter {
    /// The failed request, which left this ownership on it.
    FailedRequest(Ownership),
    /// Another request of the same resource.
    AnotherRequest,
    /// Nobody, or another resource.
    AnotherOwner,
}

/// Decides, from the tags, who wrote to the document last. `signed` is the range of times in which CloudFormation signed the
/// failed request.
pub(crate) fn last_writer(owner: &Owner, tags: &Tags, signed: &RangeInclusive<i64>) -> LastWriter {
    match Ownership::by(owner, tags) {
        None => LastWriter::AnotherOwner,
        Some(ownership) if ownership.since.is_some_and(|since| signed.contains(&since)) => {
            LastWriter::FailedRequest(ownership)
        }
        Some(_) => LastWriter::AnotherRequest,
    }
}

/// Whether a Delete that failed has nothing left to do: the document is gone or is being deleted. `status` is its status now.
pub(crate) fn is_gone(status: Option<&Status>) -> bool {
    match status {
        None | Some(Status::Deleting) => true,
        Some(Status::Active | Status::Creating | Status::Updating | Status::Failed(_)) => false,
    }
}

/// In the rollback of a failed rename, the name of the document that the rename began to manage. Such a rollback is an Update
/// whose physical id and properties have the old name, and whose `OldResourceProperties` declare the new one.
pub(crate) fn abandoned_name<'a>(request: &Request, old: &'a Declared) -> Option<&'a str> {
    let name = old.name.as_deref().filter(|_| request.request_type == RequestType::Update)?;
    let is_rollback = request.physical_resource_id.as_deref() != Some(name)
        && Declared::read(&request.properties).name == request.physical_resource_id;
    is_rollback.then_some(name)
}

/// What a Delete does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Release {
    /// Nothing: this resource does not own the document, or a later request has written to it.
    Leave,
    /// The resource created the document: delete it.
    Delete,
    /// The document stays, without the ownership tags.
    Revert(Revert),
}

/// Steps that restore a document. Every step is attempted, even if others fail, with one exception: a Delete stops if the
/// promotion fails. The ownership tags change last, so that an undo or a Delete that is cut off can be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Revert {
    /// The version that becomes the default version again.
    pub(crate) promote: Option<String>,
    pub(crate) unshare: Vec<String>,
    pub(crate) set_tags: Tags,
    pub(crate) remove_tags: BTreeSet<String>,
}

impl Revert {
    /// The tags to remove before any are set: if an earlier ownership is restored, all except the ownership tags; otherwise,
    /// none.
    pub(crate) fn removed_first(&self) -> impl Iterator<Item = &String> {
        self.remove_tags.iter().filter(|key| self.restores_ownership() && !key.starts_with(PREFIX))
    }

    /// The tags to remove once the others are set.
    pub(crate) fn removed_last(&self) -> impl Iterator<Item = &String> {
        self.remove_tags.iter().filter(|key| !self.restores_ownership() || key.starts_with(PREFIX))
    }

    fn restores_ownership(&self) -> bool {
        self.set_tags.keys().any(|key| key.starts_with(PREFIX))
    }
}

/// Decides what a Delete does, from the description of the document and from what the resource declares.
pub(crate) fn release(
    owner: &Owner,
    document: &Description,
    shared_with: &BTreeSet<String>,
    declared: &Declared,
    signature: Option<i64>,
) -> Release {
    let Some(ownership) = Ownership::by(owner, &document.tags) else { return Release::Leave };
    if is_overtaken(&document.tags, signature) {
        return Release::Leave;
    }
    let of_keys = tags_of(&document.tags, owner);
    let remove_tags = of_ownership(&document.tags).into_keys().chain(of_keys).collect();
    let mut revert = Revert { remove_tags, ..Revert::default() };
    match (declared.on_delete, ownership.origin) {
        (OnDelete::Retain, _) => Release::Revert(revert),
        (OnDelete::Restore, Origin::Created) => Release::Delete,
        (OnDelete::Restore, Origin::Adopted) => {
            revert.promote = ownership.previous_default_version.filter(|version| *version != document.default_version);
            revert.unshare = declared.account_ids.intersection(shared_with).cloned().collect();
            let declared_tags = declared.tags.keys().filter(|key| document.tags.contains_key(*key));
            revert.remove_tags.extend(declared_tags.cloned());
            Release::Revert(revert)
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leave => f.write_str("leave the document"),
            Self::Delete => f.write_str("delete the document"),
            Self::Revert(Revert { promote: Some(version), .. }) => {
                write!(f, "promote version {version} again, and release the document")
            }
            Self::Revert(Revert { promote: None, .. }) => f.write_str("release the document"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::document::ownership::{ORIGIN, PREVIOUS_DEFAULT_VERSION, SINCE};

    fn owner() -> Owner {
        Owner { stack_id: "stack".into(), logical_id: "Preferences".into() }
    }

    fn with(tags: &Tags) -> Description {
        let default_version = "5".to_owned();
        Description { tags: tags.clone(), default_version, ..Description::default() }
    }

    fn declared(on_delete: OnDelete) -> Declared {
        Declared { on_delete, ..Declared::default() }
    }

    fn revert(promote: Option<&str>, tags: &Tags) -> Release {
        let remove_tags = tags.keys().cloned().collect();
        Release::Revert(Revert { promote: promote.map(str::to_owned), remove_tags, ..Revert::default() })
    }

    #[test]
    fn a_failed_request_wrote_last_if_the_tags_name_its_owner_and_its_signature() {
        let tags = |since: &str| {
            let mut tags = owner().tags_of_created();
            tags.insert(SINCE.into(), since.into());
            tags
        };
        let ownership = Ownership::of(&tags("7")).unwrap();
        let others = Owner { logical_id: "Other".into(), ..owner() };
        for (owner, tags, expected) in [
            (owner(), tags("7"), LastWriter::FailedRequest(ownership)),
            (owner(), tags("4"), LastWriter::AnotherRequest),
            (owner(), tags("10"), LastWriter::AnotherRequest),
            (owner(), owner().tags_of_created(), LastWriter::AnotherRequest),
            (others, tags("7"), LastWriter::AnotherOwner),
            (owner(), Tags::new(), LastWriter::AnotherOwner),
        ] {
            assert_eq!(last_writer(&owner, &tags, &(5..=9)), expected, "{tags:?}");
        }
    }

    #[test]
    fn a_delete_that_failed_has_nothing_left_to_do_once_the_document_is_being_deleted() {
        for (status, gone) in [
            (None, true),
            (Some(Status::Deleting), true),
            (Some(Status::Active), false),
            (Some(Status::Updating), false),
            (Some(Status::Failed(String::new())), false),
        ] {
            assert_eq!(is_gone(status.as_ref()), gone, "{status:?}");
        }
    }

    #[test]
    fn the_physical_id_of_a_delete_decides_its_target() {
        let stack = "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/0";
        let create = |signed| Target::Create { name: "Doc".into(), signed };
        for (id, name, expected) in [
            ("cfn-ssm-document:not-created", Some("Doc"), Target::Nothing),
            ("cfn-ssm-document:not-created:7", Some("Doc"), Target::NotCreated { name: "Doc".into(), signature: 7 }),
            ("cfn-ssm-document:not-created:7", None, Target::Nothing),
            ("cfn-ssm-document:unfinished:7:Doc", None, create(7..=7)),
            ("prod-Preferences-1ABC2DEF3GHI", Some("Doc"), create(100..=1_002)),
            (
                "prod-Preferences-1ABC2DEF3GHI",
                Some("prod-Preferences-1ABC2DEF3GHI"),
                Target::Document("prod-Preferences-1ABC2DEF3GHI".into()),
            ),
            // The old document of a rename, whose cleanup request has the old properties, or properties that can't be read.
            ("Doc", Some("Doc"), Target::Document("Doc".into())),
            ("Doc", None, Target::Document("Doc".into())),
            ("other:provider", Some("Doc"), Target::Nothing),
            ("", Some("Doc"), Target::Nothing),
        ] {
            let request = Request {
                request_type: RequestType::Delete,
                resource_type: "Custom::SsmDocument".into(),
                stack_id: stack.into(),
                logical_resource_id: "Preferences".into(),
                physical_resource_id: Some(id.into()),
                properties: Default::default(),
                old_properties: Default::default(),
                requested_at: None,
                service_timeout: 900,
            };
            let declared = Declared { name: name.map(str::to_owned), ..Declared::default() };
            assert_eq!(target(&request, &declared, 1_000), expected, "{id} {name:?}");
        }
    }

    #[test]
    fn a_delete_touches_only_its_own_document_and_deletes_only_what_the_resource_created() {
        let other = Owner { logical_id: "Other".into(), ..owner() };
        let without = |mut tags: Tags, key: &str| {
            tags.remove(key);
            tags
        };
        let (created, adopted) = (owner().tags_of_created(), owner().tags_of_adopted("3"));
        let (no_origin, no_previous) =
            (without(created.clone(), ORIGIN), without(adopted.clone(), PREVIOUS_DEFAULT_VERSION));
        use OnDelete::{Restore, Retain};
        for (tags, on_delete, expected) in [
            (&Tags::new(), Restore, Release::Leave),
            (&other.tags_of_created(), Restore, Release::Leave),
            (&other.tags_of_adopted("1"), Retain, Release::Leave),
            (&created, Retain, revert(None, &created)),
            (&created, Restore, Release::Delete),
            (&adopted, Retain, revert(None, &adopted)),
            (&adopted, Restore, revert(Some("3"), &adopted)),
            (&owner().tags_of_adopted("5"), Restore, revert(None, &adopted)),
            (&no_previous, Restore, revert(None, &no_previous)),
            (&no_origin, Restore, revert(None, &no_origin)),
        ] {
            let release = release(&owner(), &with(tags), &BTreeSet::new(), &declared(on_delete), Some(100));
            assert_eq!(release, expected, "{tags:?} {on_delete:?}");
        }
    }

    #[test]
    fn a_delete_that_a_later_request_has_overtaken_leaves_the_document() {
        for (since, expected) in [("103", Release::Leave), ("102", Release::Delete)] {
            let mut tags = owner().tags_of_created();
            tags.insert(SINCE.into(), since.into());
            let release = release(&owner(), &with(&tags), &BTreeSet::new(), &declared(OnDelete::Restore), Some(100));
            assert_eq!(release, expected, "{since}");
        }
    }

    #[test]
    fn restore_removes_the_declared_tags_and_shares_of_an_adopted_document_and_no_others() {
        let mut tags = owner().tags_of_adopted("5");
        tags.extend([("team".to_owned(), "blue".to_owned()), ("cost".to_owned(), "7".to_owned())]);
        let declared = Declared {
            on_delete: OnDelete::Restore,
            tags: [("team".to_owned(), "red".to_owned()), ("gone".to_owned(), "x".to_owned())].into(),
            account_ids: ["111111111111".to_owned(), "222222222222".to_owned()].into(),
            ..Declared::default()
        };
        let shared_with = ["222222222222".to_owned(), "333333333333".to_owned()].into();
        let Release::Revert(revert) = release(&owner(), &with(&tags), &shared_with, &declared, None) else {
            panic!("an adopted document is not deleted");
        };
        assert_eq!(revert.unshare, ["222222222222"]);
        let mut expected: BTreeSet<String> = owner().tags_of_adopted("5").into_keys().collect();
        expected.insert("team".into());
        assert_eq!(revert.remove_tags, expected);
        let retained = Declared { on_delete: OnDelete::Retain, ..declared };
        let Release::Revert(revert) = release(&owner(), &with(&tags), &shared_with, &retained, None) else {
            panic!("a retained document is not deleted");
        };
        assert_eq!((revert.unshare.len(), revert.remove_tags.contains("team")), (0, false));
    }
}
