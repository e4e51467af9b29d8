//! Decides whether to set the tag that names the default version of a document that several resources share.
//!
//! The tag is set *before* a promotion. By then, the version that will be promoted locks the document; for a version that was
//! found and not uploaded, the tag itself is the lock. So tags are set in the order of the promotions. If a
//! request is interrupted after it promotes a version, the tag already names that version.

use super::owners::count_tags;
use crate::resource::document::key_ownership::key_ownerships;
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{DEFAULT_VERSION, MAX_TAGS, ORIGIN, Ownership, REPAIRED_AT, Tags};

/// Whether the document has the tag, or room for it in addition to its tags and those that the request sets.
pub(super) fn can_record(document: &Description, set: &Tags) -> bool {
    document.tags.contains_key(DEFAULT_VERSION) || count_tags(document, set) < MAX_TAGS
}

/// The tag to set if no version is promoted: it names the default version. Empty if the document's tag already names
/// that version, or if there is no room for the tag.
pub(super) fn correction(document: &Description, set: &Tags) -> Tags {
    if !can_record(document, set) {
        return Tags::new();
    }
    document.lacking(tag_of(&document.default_version))
}

/// The tags to remove from a document once no resource owns it or any of its keys. If the last two owners release their keys at
/// the same time, each may still see the other as an owner. Each then removes only the tags of its own keys, so the tags that
/// are returned here are left over.
pub(crate) fn tags_of_no_owner(tags: &Tags) -> Vec<String> {
    if Ownership::of(tags).is_some() || !key_ownerships(tags).is_empty() {
        return Vec::new();
    }
    let of_document = [ORIGIN, DEFAULT_VERSION, REPAIRED_AT].into_iter().filter(|tag| tags.contains_key(*tag));
    of_document.map(str::to_owned).collect()
}

/// The tag that names this version.
pub(crate) fn tag_of(version: &str) -> Tags {
    Tags::from([(DEFAULT_VERSION.to_owned(), version.to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(tags: &[(&str, &str)], others: usize) -> Description {
        let others = (0..others).map(|number| (format!("team-{number}"), String::new()));
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).chain(others).collect();
        Description { tags, default_version: "3".into(), ..Description::default() }
    }

    #[test]
    fn tags_that_simultaneous_releases_leave_are_removed_once_there_is_no_owner() {
        let left = [(ORIGIN, "created"), (DEFAULT_VERSION, "3"), (REPAIRED_AT, "5"), ("team", "blue")];
        let expected = [ORIGIN, DEFAULT_VERSION, REPAIRED_AT].map(str::to_owned);
        assert_eq!(tags_of_no_owner(&document(&left, 0).tags), expected);
        for owner in
            [("cfn-ssm-document:key:inputs.a", "1 5 00000000 stack/a"), ("cfn-ssm-document:stack-id", "stack/a")]
        {
            assert_eq!(tags_of_no_owner(&document(&[left[1], owner], 0).tags), [""; 0]);
        }
    }

    #[test]
    fn the_tag_is_corrected_unless_it_names_the_default_version_or_has_no_room() {
        let one_key = Tags::from([("cfn-ssm-document:key:inputs.a".to_owned(), String::new())]);
        for (document, has_room, expected) in [
            (document(&[(DEFAULT_VERSION, "3")], 0), true, Tags::new()),
            (document(&[(DEFAULT_VERSION, "2")], 0), true, tag_of("3")),
            (document(&[], 48), true, tag_of("3")),
            (document(&[], 49), false, Tags::new()),
            // AWS's own tags don't count.
            (document(&[("aws:cloudformation:stack-id", "s")], 48), true, tag_of("3")),
            // A tag that is there needs no room.
            (document(&[(DEFAULT_VERSION, "2")], 49), true, tag_of("3")),
        ] {
            let decided = (can_record(&document, &one_key), correction(&document, &one_key));
            assert_eq!(decided, (has_room, expected), "{} tags", document.tags.len());
        }
    }
}
