//! The pure rules of the drift guard. Every `Duration` that names a moment is the time since 1970.

use std::time::Duration;

use crate::resource::document::content::Content;
use crate::resource::document::key_ownership::{KeyOwnerships, key_ownerships};
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{DEFAULT_VERSION, KEY_PREFIX, Owner, Ownership, REPAIRED_AT};

/// A document is checked again when this long has passed since the event.
const SECOND_CHECK: Duration = Duration::from_secs(20);

/// If the latest version of a document is younger than this, somebody may still be changing the document.
const SETTLED: Duration = Duration::from_secs(60);

/// Two repairs of a document are at least this far apart, so that two guards don't fight.
const REPAIR_PAUSE: Duration = Duration::from_secs(600);

/// A default version that differs from the one in the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) default_version: String,
    pub(crate) tagged: String,
}

/// Whose status CloudFormation must confirm before a repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owners {
    /// The resource that manages the whole document.
    Whole(Owner),
    /// The stacks whose resources manage keys of the document.
    Keys(Vec<String>),
}

/// What CloudFormation's report on the owners means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnerStatus {
    /// An owner exists, and no request is in progress.
    Settled,
    /// A request is being carried out.
    InProgress,
    /// CloudFormation's report can't justify a repair, for this reason.
    Unclear(String),
}

/// Compares the default version with the tag; `None` if they are equal or the document has no such tag.
pub(crate) fn difference(document: &Description) -> Option<Difference> {
    let tagged = document.tags.get(DEFAULT_VERSION)?;
    (*tagged != document.default_version)
        .then(|| Difference { default_version: document.default_version.clone(), tagged: tagged.clone() })
}

/// The owners that a document's tags name; `None` if it has no owner.
pub(crate) fn owners(document: &Description) -> Option<Owners> {
    if let Some(ownership) = Ownership::of(&document.tags) {
        return Some(Owners::Whole(ownership.owner));
    }
    if !document.tags.keys().any(|key| key.starts_with(KEY_PREFIX)) {
        return None;
    }
    let mut stacks: Vec<String> =
        key_ownerships(&document.tags).into_values().map(|ownership| ownership.owner.stack_id).collect();
    stacks.sort();
    stacks.dedup();
    Some(Owners::Keys(stacks))
}

/// When the second check is due, for an event that happened at `event` and arrived at `now`.
pub(crate) fn second_check(event: Option<Duration>, now: Duration) -> Duration {
    // The time in an event may be forged.
    event.unwrap_or(now).min(now) + SECOND_CHECK
}

/// When to check a document again because its latest version is too young; `None` if that version is old enough or its
/// date is unknown.
pub(crate) fn settles_at(latest_made_at: Option<Duration>, now: Duration) -> Option<Duration> {
    let settled = latest_made_at? + SETTLED;
    // The limit bounds a single wait: the date may be in the future.
    (now <= settled).then_some(settled.min(now + SETTLED) + Duration::from_millis(1))
}

/// Whether the value of a key that has an owner differs between the default version and the tagged version. A manual edit of
/// other keys is not drift, since no resource manages them. Content that no longer exists or can't be read counts as different.
pub(crate) fn is_drift_of_keys(owned: &KeyOwnerships, default: Option<&Content>, tagged: Option<&Content>) -> bool {
    let (Some(default), Some(tagged)) = (default, tagged) else { return true };
    let value_in = |content: &Content, names: &[&str]| content.node.as_ref()?.at(names.iter().copied()).cloned();
    owned.keys().any(|key| {
        let names: Vec<&str> = key.names().collect();
        value_in(default, &names) != value_in(tagged, &names)
    })
}

/// Interprets CloudFormation's replies, one for each owner: the status of its resource or stack, or `None` if that no longer
/// exists.
pub(crate) fn owner_status(replies: &[Result<Option<String>, String>]) -> OwnerStatus {
    let statuses = || replies.iter().flatten().flatten().map(String::as_str);
    if statuses().any(|status| status.ends_with("_IN_PROGRESS")) {
        return OwnerStatus::InProgress;
    }
    if let Some(why) = replies.iter().find_map(|reply| reply.as_ref().err()) {
        return OwnerStatus::Unclear(format!("the guard can't ask CloudFormation: {why}"));
    }
    if statuses().any(|status| status != "DELETE_COMPLETE") {
        return OwnerStatus::Settled;
    }
    OwnerStatus::Unclear("the owner no longer exists".to_owned())
}

/// Whether a repair of the document was begun less than ten minutes ago, even if it failed.
pub(crate) fn was_repaired_lately(document: &Description, now: Duration) -> bool {
    let repaired = document.tags.get(REPAIRED_AT).and_then(|at| at.parse().ok()).map(Duration::from_secs);
    repaired.is_some_and(|repaired| now < repaired + REPAIR_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::document::ownership::Tags;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(1_000_000 + seconds)
    }

    fn described(tags: &[(&str, &str)]) -> Description {
        let tags: Tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Description { tags, default_version: "3".into(), ..Description::default() }
    }

    #[test]
    fn only_a_tag_that_names_another_version_is_a_difference() {
        assert_eq!(difference(&described(&[])), None);
        assert_eq!(difference(&described(&[(DEFAULT_VERSION, "3")])), None);
        let expected = Difference { default_version: "3".into(), tagged: "5".into() };
        assert_eq!(difference(&described(&[(DEFAULT_VERSION, "5")])), Some(expected));
    }

    #[test]
    fn the_owners_are_those_that_the_tags_name() {
        let whole = described(&[("cfn-ssm-document:stack-id", "s"), ("cfn-ssm-document:logical-id", "Doc")]);
        assert_eq!(owners(&whole), Some(Owners::Whole(Owner { stack_id: "s".into(), logical_id: "Doc".into() })));
        let keys = described(&[
            ("cfn-ssm-document:key:inputs.a", "1 5 00000000 stack/b"),
            ("cfn-ssm-document:key:inputs.b", "1 5 00000001 stack/a"),
            ("cfn-ssm-document:key:inputs.c", "1 5 00000002 stack/a"),
        ]);
        assert_eq!(owners(&keys), Some(Owners::Keys(vec!["stack/a".into(), "stack/b".into()])));
        assert_eq!(owners(&described(&[("team", "blue")])), None);
    }

    #[test]
    fn the_second_check_is_20_seconds_after_the_event_and_a_forged_time_delays_nothing() {
        assert_eq!(second_check(Some(at(5)), at(10)), at(25));
        assert_eq!(second_check(Some(at(9_000)), at(10)), at(30));
        assert_eq!(second_check(None, at(10)), at(30));
    }

    #[test]
    fn a_document_settles_when_its_latest_version_is_older_than_60_seconds() {
        let more = Duration::from_millis(1);
        for (made_at, now, expected) in [
            (Some(at(0)), at(60) + more, None),
            (Some(at(0)), at(60), Some(at(60) + more)),
            (Some(at(0)), at(10), Some(at(60) + more)),
            (Some(at(500)), at(0), Some(at(60) + more)),
            (None, at(0), None),
        ] {
            assert_eq!(settles_at(made_at, now), expected, "{made_at:?} {now:?}");
        }
    }

    #[test]
    fn only_an_existing_owner_without_a_request_in_progress_allows_a_repair() {
        let found = |status: &str| Ok(Some(status.to_owned()));
        let gone = || OwnerStatus::Unclear("the owner no longer exists".into());
        for (reply, expected) in [
            (found("CREATE_COMPLETE"), OwnerStatus::Settled),
            (found("UPDATE_FAILED"), OwnerStatus::Settled),
            (found("UPDATE_IN_PROGRESS"), OwnerStatus::InProgress),
            (found("UPDATE_ROLLBACK_IN_PROGRESS"), OwnerStatus::InProgress),
            (found("DELETE_IN_PROGRESS"), OwnerStatus::InProgress),
            (found("DELETE_COMPLETE"), gone()),
            (Ok(None), gone()),
            (Err("denied".into()), OwnerStatus::Unclear("the guard can't ask CloudFormation: denied".into())),
        ] {
            assert_eq!(owner_status(std::slice::from_ref(&reply)), expected, "{reply:?}");
        }
    }

    #[test]
    fn of_several_owners_one_in_progress_stops_the_guard_and_one_that_exists_is_enough() {
        let found = |status: &str| Ok(Some(status.to_owned()));
        let (complete, busy, deleted) =
            (found("UPDATE_COMPLETE"), found("UPDATE_ROLLBACK_IN_PROGRESS"), found("DELETE_COMPLETE"));
        let denied = || Err("denied".to_owned());
        for (replies, expected) in [
            (vec![complete.clone(), busy.clone()], OwnerStatus::InProgress),
            (vec![denied(), busy], OwnerStatus::InProgress),
            (
                vec![complete.clone(), denied()],
                OwnerStatus::Unclear("the guard can't ask CloudFormation: denied".into()),
            ),
            (vec![deleted.clone(), complete, Ok(None)], OwnerStatus::Settled),
            (vec![deleted, Ok(None)], OwnerStatus::Unclear("the owner no longer exists".into())),
        ] {
            assert_eq!(owner_status(&replies), expected, "{replies:?}");
        }
    }

    #[test]
    fn an_edit_of_a_key_that_nobody_manages_is_not_drift() {
        let content = |text: &str| Content::read("it", text.into(), None).unwrap();
        let tagged = content(r#"{"inputs": {"a": "1", "shellProfile": {"linux": "x"}, "other": "1"}}"#);
        let owned = key_ownerships(
            &described(&[
                ("cfn-ssm-document:key:inputs.a", "1 5 00000000 stack/a"),
                ("cfn-ssm-document:key:inputs.shellProfile.linux", "1 5 00000000 stack/b"),
            ])
            .tags,
        );
        for (default, expected) in [
            (r#"{"inputs": {"other": "2", "a": "1", "shellProfile": {"windows": "y", "linux": "x"}}, "z": 1}"#, false),
            (r#"{"inputs": {"a": "2", "shellProfile": {"linux": "x"}, "other": "1"}}"#, true),
            (r#"{"inputs": {"a": "1", "shellProfile": {}, "other": "1"}}"#, true),
            (r#"{"inputs": {"a": "1", "shellProfile": "x", "other": "1"}}"#, true),
        ] {
            assert_eq!(is_drift_of_keys(&owned, Some(&content(default)), Some(&tagged)), expected, "{default}");
        }
        assert!(is_drift_of_keys(&owned, None, Some(&tagged)) && is_drift_of_keys(&owned, Some(&tagged), None));
    }

    #[test]
    fn a_repair_is_at_least_ten_minutes_after_the_last() {
        let repaired = |at: &str| described(&[(REPAIRED_AT, at)]);
        assert!(was_repaired_lately(&repaired("1000000"), at(599)));
        assert!(!was_repaired_lately(&repaired("1000000"), at(600)));
        assert!(!was_repaired_lately(&repaired("soon"), at(0)) && !was_repaired_lately(&described(&[]), at(0)));
    }
}
