//! Decides whether a document or a version is so new that reads may not show all that was written with it. A `Duration` that names
//! a moment is the time since 1970. The clocks of AWS and of the function may differ.

use std::time::Duration;

use crate::read_lag::LONGEST_LAG;
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{Ownership, of_ownership};

/// Whether the document may only seem to have no owner: its version is new, so another delivery of the request may have created or
/// adopted it.
pub(crate) fn may_hide_owner(document: &Description, now: Duration) -> bool {
    Ownership::of(&document.tags).is_none() && is_new(document, now)
}

/// Whether the document may only seem to have no owners of keys: it was just created.
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
    use super::*;
    use crate::resource::document::ownership::{Owner, Tags};

    #[test]
    fn only_a_new_document_without_an_owner_may_hide_one() {
        let owned = Owner { stack_id: "stack".into(), logical_id: "Document".into() }.tags_of_created();
        let keys = Tags::from([("cfn-ssm-document:origin".to_owned(), "created".to_owned())]);
        let foreign = Tags::from([("team".to_owned(), "blue".to_owned())]);
        for (created_at, tags, default_version, hides_owner, hides_key_owners) in [
            (Some(100), &foreign, "1", true, true),
            (Some(95), &foreign, "1", true, true),
            (Some(94), &foreign, "1", false, false),
            // AWS's clock is ahead.
            (Some(105), &foreign, "1", true, true),
            (Some(106), &foreign, "1", false, false),
            (None, &foreign, "1", false, false),
            (Some(100), &foreign, "2", true, false),
            (Some(100), &keys, "1", true, false),
            (Some(100), &owned, "1", false, false),
        ] {
            let (tags, default_version) = (tags.clone(), default_version.to_owned());
            let document = Description { created_at, tags, default_version, ..Description::default() };
            let now = Duration::from_secs(100);
            let decided = (may_hide_owner(&document, now), may_hide_key_owners(&document, now));
            assert_eq!(decided, (hides_owner, hides_key_owners), "{document:?}");
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
