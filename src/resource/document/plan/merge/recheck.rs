//! Decides, from a description that was read again, whether a decision still fits the document.

use super::key_plan::KeyChange;
use super::owners::lost_keys;
use crate::failure::Failure;
use crate::resource::document::key_ownership::KeyOwner;
use crate::resource::document::observed::Description;

/// What a second description says about a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recheck {
    /// It still fits.
    Valid,
    /// The document no longer exists.
    Gone,
    /// Another writer has changed the document.
    Outdated,
    /// Another resource took a key at the same time.
    Lost(Failure),
}

/// Decides before the document is deleted.
pub(crate) fn before_delete(observed: &Description, seen: Option<&Description>) -> Recheck {
    match seen {
        None => Recheck::Gone,
        Some(seen) if seen.tags == observed.tags && seen.latest_version == observed.latest_version => Recheck::Valid,
        Some(_) => Recheck::Outdated,
    }
}

/// Decides after a change that only set tags. A tag that names the default version may name another one than a writer has promoted
/// or is about to promote.
pub(crate) fn after_tags(
    change: &KeyChange,
    mine: &KeyOwner,
    observed: &Description,
    seen: Option<&Description>,
) -> Recheck {
    let Some(seen) = seen else { return Recheck::Gone };
    if let Some(failure) = lost_keys(mine, &change.taken, &seen.tags) {
        return Recheck::Lost(failure);
    }
    let has_same_versions =
        seen.default_version == observed.default_version && seen.latest_version == observed.latest_version;
    if change.only_records_default_version() && !has_same_versions { Recheck::Outdated } else { Recheck::Valid }
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
            (None, Recheck::Gone),
            (Some(observed.clone()), Recheck::Valid),
            (Some(description("2", "2", &[("team", "blue")])), Recheck::Valid),
            (Some(description("1", "3", &[("team", "blue")])), Recheck::Outdated),
            (Some(description("1", "2", &[("team", "blue"), (KEY, "1 5 00000000 stack/b")])), Recheck::Outdated),
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

        assert_eq!(after_tags(&takes, &mine, &observed, None), Recheck::Gone);
        for (owner, is_lost) in [("former", false), ("third", true)] {
            let seen = description("1", "2", &[(KEY, &format!("1 5 00000000 stack/{owner}"))]);
            assert_eq!(matches!(decide(&takes, &seen), Recheck::Lost(_)), is_lost, "{owner}");
            assert_eq!(decide(&takes, &seen) == Recheck::Valid, !is_lost, "{owner}");
        }
        for (default, latest, expected) in
            [("1", "1", Recheck::Valid), ("1", "2", Recheck::Outdated), ("2", "2", Recheck::Outdated)]
        {
            assert_eq!(decide(&corrects, &description(default, latest, &[])), expected, "{default} {latest}");
        }
    }
}
