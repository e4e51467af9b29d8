//! Which resource manages a document, recorded in the document's tags.

use std::collections::BTreeMap;

/// Tags by key: those of a document, or those that a template declares.
pub(crate) type Tags = BTreeMap<String, String>;

/// The prefix of all ownership tags.
pub(crate) const PREFIX: &str = "cfn-ssm-document:";
/// The prefix of the tags that record which resource manages a key.
pub(crate) const KEY_PREFIX: &str = "cfn-ssm-document:key:";
/// The stack that manages the document.
pub(crate) const STACK_ID: &str = "cfn-ssm-document:stack-id";
/// The resource in that stack.
pub(crate) const LOGICAL_ID: &str = "cfn-ssm-document:logical-id";
/// `created` or `adopted`. The function's role may delete only documents that carry `created`.
pub(crate) const ORIGIN: &str = "cfn-ssm-document:origin";
/// The default version when the resource began to manage the document.
pub(crate) const PREVIOUS_DEFAULT_VERSION: &str = "cfn-ssm-document:previous-default-version";
/// When CloudFormation signed the last request that wrote, in seconds since 1970.
pub(crate) const SINCE: &str = "cfn-ssm-document:since";
/// The default version as the last request left it. While a request promotes a version, the tag and the default version may
/// differ.
pub(crate) const DEFAULT_VERSION: &str = "cfn-ssm-document:default-version";
/// When the drift guard last began to repair the document, in seconds since 1970.
pub(crate) const REPAIRED_AT: &str = "cfn-ssm-document:repaired-at";
/// A digest of the attachments that the document carries.
pub(crate) const ATTACHMENTS: &str = "cfn-ssm-document:attachments";
/// The tag that CloudFormation sets on what `AWS::SSM::Document` creates.
pub(crate) const NATIVE_STACK_ID: &str = "aws:cloudformation:stack-id";

/// AWS's limit for [one resource](https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html).
pub(crate) const MAX_TAGS: usize = 50;

/// By how many seconds two of CloudFormation's signatures may be out of order.
pub(crate) const TOLERANCE: i64 = 2;

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The stack's ARN.
    pub(crate) stack_id: String,
    /// The resource's name in its template.
    pub(crate) logical_id: String,
}

/// How a resource became the document's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The owner created it and may delete it.
    Created,
    /// The document existed before. It is never deleted.
    Adopted,
}

/// A document's ownership, as its tags describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ownership {
    pub(crate) owner: Owner,
    pub(crate) origin: Origin,
    pub(crate) previous_default_version: Option<String>,
    pub(crate) since: Option<i64>,
}

impl Origin {
    /// Reads the origin from a document's tags. A document whose origin is missing counts as adopted, so that it is never
    /// deleted.
    pub(crate) fn of(tags: &Tags) -> Self {
        match tags.get(ORIGIN).map(String::as_str) {
            Some("created") => Self::Created,
            _ => Self::Adopted,
        }
    }
}

impl Ownership {
    /// Reads the ownership that a document's tags describe; `None` if no resource owns the document.
    pub(crate) fn of(tags: &Tags) -> Option<Self> {
        let owner = Owner {
            stack_id: tags.get(STACK_ID)?.clone(),
            logical_id: tags.get(LOGICAL_ID).cloned().unwrap_or_default(),
        };
        Some(Self {
            owner,
            origin: Origin::of(tags),
            previous_default_version: tags.get(PREVIOUS_DEFAULT_VERSION).cloned(),
            since: since(tags),
        })
    }

    /// The ownership of a document that belongs to `owner`; `None` if `owner` does not own it.
    pub(crate) fn by(owner: &Owner, tags: &Tags) -> Option<Self> {
        Self::of(tags).filter(|ownership| ownership.owner == *owner)
    }
}

impl Owner {
    /// The tags of a document that this owner creates.
    pub(crate) fn tags_of_created(&self) -> Tags {
        self.tags("created")
    }

    /// The tags of a document that this owner adopts while `default_version` is its default version.
    pub(crate) fn tags_of_adopted(&self, default_version: &str) -> Tags {
        let mut tags = self.tags("adopted");
        tags.insert(PREVIOUS_DEFAULT_VERSION.into(), default_version.into());
        tags
    }

    /// The tags of a document that this owner manages, with those that record what existed before.
    pub(crate) fn tags_of_document(&self, before: Tags) -> Tags {
        let mut tags = self.tags("adopted");
        tags.extend(before);
        tags
    }

    fn tags(&self, origin: &str) -> Tags {
        [(STACK_ID, self.stack_id.as_str()), (LOGICAL_ID, &self.logical_id), (ORIGIN, origin)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }
}

/// When CloudFormation signed the last request that wrote, in seconds since 1970; `None` if the tags don't say.
pub(crate) fn since(tags: &Tags) -> Option<i64> {
    tags.get(SINCE)?.parse().ok()
}

/// Whether a request that was signed more than [`TOLERANCE`] seconds after `signature` has written to the document.
pub(crate) fn is_overtaken(tags: &Tags, signature: Option<i64>) -> bool {
    since(tags).zip(signature).is_some_and(|(since, signature)| since > signature + TOLERANCE)
}

/// The ownership tags among `tags`, without those of single keys.
pub(crate) fn of_ownership(tags: &Tags) -> Tags {
    let is_of_document = |key: &str| key.starts_with(PREFIX) && !key.starts_with(KEY_PREFIX);
    tags.iter().filter(|(key, _)| is_of_document(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The tags that do not change during a request: who owns the document, what existed before, and when the request was signed.
pub(crate) fn of_request(tags: &Tags) -> Tags {
    let keys = [STACK_ID, LOGICAL_ID, ORIGIN, PREVIOUS_DEFAULT_VERSION, SINCE];
    keys.iter().filter_map(|key| tags.get_key_value(*key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { stack_id: "stack".into(), logical_id: "Preferences".into() }
    }

    #[test]
    fn an_ownership_is_read_back_from_its_tags() {
        let mut created = owner().tags_of_created();
        created.insert(SINCE.into(), "1700000000".into());
        let expected = Ownership {
            owner: owner(),
            origin: Origin::Created,
            previous_default_version: None,
            since: Some(1_700_000_000),
        };
        assert_eq!(Ownership::of(&created), Some(expected.clone()));
        let adopted =
            Ownership { origin: Origin::Adopted, previous_default_version: Some("3".into()), since: None, ..expected };
        assert_eq!(Ownership::of(&owner().tags_of_adopted("3")), Some(adopted));
        assert_eq!(Ownership::of(&Tags::new()), None);
    }

    #[test]
    fn a_document_whose_origin_is_missing_counts_as_adopted() {
        let mut tags = owner().tags_of_created();
        tags.remove(ORIGIN);
        assert_eq!(Ownership::of(&tags).unwrap().origin, Origin::Adopted);
    }

    #[test]
    fn an_ownership_belongs_to_one_owner() {
        let other = Owner { logical_id: "Other".into(), ..owner() };
        assert!(Ownership::by(&owner(), &owner().tags_of_created()).is_some());
        assert_eq!(Ownership::by(&owner(), &other.tags_of_created()), None);
    }

    #[test]
    fn a_request_is_overtaken_by_one_signed_more_than_two_seconds_later() {
        let tags = |since: &str| Tags::from([(SINCE.to_owned(), since.to_owned())]);
        for (tags, signature, overtaken) in [
            (tags("103"), Some(100), true),
            (tags("102"), Some(100), false),
            (tags("90"), Some(100), false),
            (tags("soon"), Some(100), false),
            (Tags::new(), Some(100), false),
            (tags("103"), None, false),
        ] {
            assert_eq!(is_overtaken(&tags, signature), overtaken, "{tags:?} {signature:?}");
        }
    }

    #[test]
    fn other_tags_are_not_ownership_tags() {
        let mut tags = owner().tags_of_created();
        tags.insert("aws:cloudformation:stack-id".into(), "other".into());
        tags.insert("team".into(), "blue".into());
        assert_eq!(of_ownership(&tags), owner().tags_of_created());
    }
}
