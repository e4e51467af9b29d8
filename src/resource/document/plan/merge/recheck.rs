//! Decides, from a description that was read again, whether a decision still fits the document.

use super::key_plan::KeyChange;
use super::owners::lost_keys;
use crate::failure::Failure;
use crate::resource::document::key_ownership::KeyOwner;
use crate::resource::document::observed::Description;

/// What to do about a document that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BeforeDelete {
    /// Delete it.
    Delete,
    /// Nothing: it no longer exists.
    Gone,
    /// Decide again: another writer has changed it.
    Outdated,
}

/// What became of a change that only set tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AfterTags {
    /// It is valid, or the document no longer exists.
    Valid,
    /// Decide again: another writer has changed the document.
    Outdated,
    /// Another resource took a key at the same time.
    Lost(Failure),
}

/// Decides whether the document may still be deleted.
pub(crate) fn before_delete(observed: &Description, seen: Option<&Description>) -> BeforeDelete {
    match seen {
        None => BeforeDelete::Gone,
        Some(seen) if seen.tags == observed.tags && seen.latest_version == observed.latest_version => {
            BeforeDelete::Delete
        }
        Some(_) => BeforeDelete::Outdated,
    }
}

/// Decides whether a change that only set tags is valid. If it set the tag that names the default version and the versions have
/// changed since, the tag may name the wrong version: another writer has promoted one, or is about to.
pub(crate) fn after_tags(
    change: &KeyChange,
    mine: &KeyOwner,
    observed: &Description,
    seen: Option<&Description>,
) -> AfterTags {
    let Some(seen) = seen else { return AfterTags::Valid };
    if let Some(failure) = lost_keys(mine, &change.taken, &seen.tags) {
        return AfterTags::Lost(failure);
    }
    let has_same_versions =
        seen.default_version == observed.default_version && seen.latest_version == observed.latest_version;
    if change.only_records_default_version() && !has_same_versions { AfterTags::Outdated } else { AfterTags::Valid }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::document::content::{Content, Edit, Format, KeyPath, Node};
    use crate::resource::document::ownership::{DEFAULT_VERSION, Owner, Tags};
    use crate::resource::document::plan::merge::Former;

    const KEY: &str = "cfn-ssm-document:key:inputs.a";

    fn description(default: &str, latest: &str, tags: &[(&str, &str)]) -> Description {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Description { default_version: default.into(), latest_version: latest.into(), tags, ..Description::default() }
    }

    #[test]
    fn a_document_is_deleted_only_as_it_was_observed() {
        let observed = description("1", "2", &[("team", "blue")]);
        for (seen, expected) in [
            (None, BeforeDelete::Gone),
            (Some(observed.clone()), BeforeDelete::Delete),
            (Some(description("2", "2", &[("team", "blue")])), BeforeDelete::Delete),
            (Some(description("1", "3", &[("team", "blue")])), BeforeDelete::Outdated),
            (Some(description("1", "2", &[("team", "blue"), (KEY, "1 5 00000000 stack/b")])), BeforeDelete::Outdated),
        ] {
            assert_eq!(before_delete(&observed, seen.as_ref()), expected, "{seen:?}");
        }
    }

    #[test]
    fn tags_are_read_again_for_lost_keys_and_for_the_versions_that_a_corrected_tag_names() {
        let mine = KeyOwner::from(&Owner { stack_id: "stack/a".into(), logical_id: "Keys".into() });
        let path = KeyPath::parse("inputs.a").unwrap();
        let content = Content::read("it", r#"{"inputs": {"a": "1"}}"#.into(), Some(Format::Json)).unwrap();
        let declared: Node = content.node.as_ref().unwrap().at(["inputs", "a"]).unwrap().clone();
        let put_back = Edit { path: path.clone(), value: None, kept_levels: 0 };
        let former = Former { tag: Some("1 5 00000000 stack/former".into()), declared, put_back };
        let takes = KeyChange { taken: [(path, former)].into(), ..KeyChange::default() };
        let corrects =
            KeyChange { set_tags: Tags::from([(DEFAULT_VERSION.into(), "1".into())]), ..KeyChange::default() };
        let observed = description("1", "1", &[]);
        let decide = |change: &KeyChange, seen: &Description| after_tags(change, &mine, &observed, Some(seen));

        assert_eq!(after_tags(&takes, &mine, &observed, None), AfterTags::Valid);
        for (owner, is_lost) in [("former", false), ("third", true)] {
            let seen = description("1", "2", &[(KEY, &format!("1 5 00000000 stack/{owner}"))]);
            assert_eq!(matches!(decide(&takes, &seen), AfterTags::Lost(_)), is_lost, "{owner}");
            assert_eq!(decide(&takes, &seen) == AfterTags::Valid, !is_lost, "{owner}");
        }
        for (default, latest, expected) in
            [("1", "1", AfterTags::Valid), ("1", "2", AfterTags::Outdated), ("2", "2", AfterTags::Outdated)]
        {
            assert_eq!(decide(&corrects, &description(default, latest, &[])), expected, "{default} {latest}");
        }
    }
}
