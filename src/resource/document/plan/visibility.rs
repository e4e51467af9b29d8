//! Decides whether a document or a version is so new that reads may not show all that was written with it. `now` and `created_at`
//! are times since 1970. The clocks of AWS and of the function may differ.

use std::time::Duration;

use crate::read_lag::LONGEST_LAG;
use crate::resource::document::desired::OnExisting;
use crate::resource::document::intent::{Intent, Operation};
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{Ownership, of_ownership};

/// Whether another delivery of the request may have set tags that are not visible yet. If the default version is
/// new, the other delivery may have created the document or promoted that version.
pub(crate) fn may_hide_delivery(intent: Intent<'_>, document: &Description, now: Duration) -> bool {
    let may_have_written = match (Ownership::of(&document.tags), intent.operation) {
        (None, _) => true,
        (Some(ownership), _) if ownership.owner != *intent.owner => intent.desired.on_existing == OnExisting::TakeOver,
        (Some(_), Operation::Update(_)) => false,
        (Some(ownership), Operation::Create | Operation::Rename) => ownership.since != intent.signature,
    };
    may_have_written && is_new(document, now)
}

/// Whether the tags that name the owners of keys may not be visible yet, because the document was just created.
pub(crate) fn may_hide_key_owners(document: &Description, now: Duration) -> bool {
    document.default_version == "1" && of_ownership(&document.tags).is_empty() && is_new(document, now)
}

/// Whether the tags that were written with a version may not be visible yet. `created_at` is `None` for a version that is not
/// listed yet.
pub(crate) fn may_hide_tags_of_version(created_at: Option<Duration>, now: Duration) -> bool {
    created_at.is_none_or(|created_at| now < created_at + LONGEST_LAG)
}

fn is_new(document: &Description, now: Duration) -> bool {
    let created_at = document.created_at.and_then(|created_at| u64::try_from(created_at).ok());
    created_at.is_some_and(|created_at| now.as_secs().abs_diff(created_at) <= LONGEST_LAG.as_secs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::document::desired::{Declared, Desired};
    use crate::resource::document::ownership::{Owner, Tags};

    #[test]
    fn only_a_new_version_may_hide_what_another_delivery_wrote() {
        let owner = |name: &str| Owner { stack_id: "stack".into(), logical_id: name.into() };
        let desired = |on_existing: &str| {
            let properties = json!({"DocumentName": "Doc", "DocumentType": "Command", "DocumentContent": "{\"a\": 1}"});
            let mut properties = properties.as_object().cloned().unwrap();
            properties.insert("OnExisting".into(), json!(on_existing));
            Desired::read(&properties).unwrap()
        };
        let (adopt, take_over, declared, own) =
            (desired("Adopt"), desired("TakeOver"), Declared::default(), owner("Own"));
        let now = Duration::from_secs(100);
        let hides = |desired, operation, tags: &Tags, created_at| {
            let intent = Intent { desired, operation, owner: &own, signature: Some(99), account: None };
            let document = Description { created_at, tags: tags.clone(), ..Description::default() };
            may_hide_delivery(intent, &document, now)
        };
        let signed = |owner: &Owner, since: &str| {
            let mut tags = owner.tags_of_created();
            tags.insert("cfn-ssm-document:since".into(), since.into());
            tags
        };
        let foreign = Tags::from([("team".to_owned(), "blue".to_owned())]);
        let (others, earlier, same) = (signed(&owner("Other"), "50"), signed(&own, "50"), signed(&own, "99"));
        let update = Operation::Update(&declared);
        for (desired, operation, tags, expected) in [
            (&adopt, Operation::Create, &foreign, true),
            (&adopt, update, &foreign, true),
            // The resource does not adopt it.
            (&adopt, Operation::Create, &others, false),
            (&take_over, Operation::Create, &others, true),
            (&take_over, update, &others, true),
            (&adopt, Operation::Create, &earlier, true),
            (&adopt, Operation::Rename, &earlier, true),
            (&adopt, update, &earlier, false),
            (&adopt, Operation::Create, &same, false),
            (&take_over, Operation::Rename, &same, false),
        ] {
            assert_eq!(hides(desired, operation, tags, Some(100)), expected, "{operation:?} {tags:?}");
            assert!(!hides(desired, operation, tags, Some(94)), "{operation:?} {tags:?}");
        }
        // AWS's clock may be ahead.
        for (created_at, expected) in [(Some(95), true), (Some(105), true), (Some(106), false), (None, false)] {
            assert_eq!(hides(&adopt, Operation::Create, &foreign, created_at), expected, "{created_at:?}");
        }
    }

    #[test]
    fn only_a_document_that_was_just_created_may_hide_owners_of_keys() {
        let foreign = Tags::from([("team".to_owned(), "blue".to_owned())]);
        let keys = Tags::from([("cfn-ssm-document:origin".to_owned(), "created".to_owned())]);
        for (created_at, tags, default_version, expected) in [
            (Some(100), &foreign, "1", true),
            (Some(94), &foreign, "1", false),
            (None, &foreign, "1", false),
            (Some(100), &foreign, "2", false),
            (Some(100), &keys, "1", false),
        ] {
            let (tags, default_version) = (tags.clone(), default_version.to_owned());
            let document = Description { created_at, tags, default_version, ..Description::default() };
            assert_eq!(may_hide_key_owners(&document, Duration::from_secs(100)), expected, "{document:?}");
        }
    }

    #[test]
    fn a_version_hides_tags_for_five_seconds_and_until_it_is_listed() {
        let at = Duration::from_secs;
        for (created_at, now, expected) in
            [(None, at(100), true), (Some(at(100)), at(104), true), (Some(at(100)), at(105), false)]
        {
            assert_eq!(may_hide_tags_of_version(created_at, now), expected, "{created_at:?} {now:?}");
        }
    }
}
