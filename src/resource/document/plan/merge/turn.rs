//! One writer at a time: a version that was just uploaded is a lock, until it is the default version or too old.
//!
//! A writer that uploads on top of the latest version holds the lock, since AWS refuses every other upload on top of that
//! version. It promotes its version within [`PROMOTE_WITHIN`]. The others wait for [`LOCKED_FOR`], measured by their own clocks
//! from the version's date at AWS.

use std::time::Duration;

use crate::resource::document::content::Content;
use crate::resource::document::observed::{Description, Status};

/// For this long after the upload, a writer may promote the version that it uploaded.
pub(crate) const PROMOTE_WITHIN: Duration = Duration::from_secs(8);

/// A latest version that is not the default version locks the document for this long.
pub(crate) const LOCKED_FOR: Duration = Duration::from_secs(12);

/// A latest version that is not the default version.
#[derive(Debug, Clone)]
pub(crate) struct Latest {
    pub(crate) status: Status,
    /// How long ago it was uploaded.
    pub(crate) age: Duration,
    pub(crate) content: String,
}

/// Whose turn it is to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Another writer's: wait.
    Wait,
    /// This request's: upload a version.
    Upload,
    /// This request's: promote the latest version, which has the content, within this time if one is given.
    Promote(Option<Duration>),
}

/// Decides whose turn it is if the latest version is not the default version. `merged` is `None` for a request that writes no
/// content.
pub(crate) fn turn(latest: &Latest, merged: Option<&Content>) -> Turn {
    let has_content = merged.is_some_and(|merged| merged.same_as(&latest.content));
    match &latest.status {
        Status::Creating | Status::Updating | Status::Deleting => Turn::Wait,
        Status::Failed(_) => Turn::Upload,
        // The upload's reply was lost, or another delivery uploaded it.
        Status::Active if has_content && latest.age < PROMOTE_WITHIN => {
            Turn::Promote(Some(PROMOTE_WITHIN - latest.age))
        }
        Status::Active if latest.age < LOCKED_FOR => Turn::Wait,
        Status::Active if has_content => Turn::Promote(None),
        Status::Active => Turn::Upload,
    }
}

/// A version to promote, and what must not change before its promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Promotion {
    /// The version to promote.
    pub(crate) version: String,
    /// The latest version, usually the same.
    pub(crate) latest: String,
    /// The default version that the content was merged with.
    pub(crate) merged_with: String,
}

/// What to do about a version before its promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BeforePromotion {
    /// Promote it.
    Promote,
    /// It is the default version already.
    Promoted,
    /// It is not Active yet, or not visible.
    LookAgain,
    /// Another version was created or promoted in the meantime.
    Outdated,
    /// AWS could not create it, for this reason.
    Failed(String),
}

impl Promotion {
    /// Decides what to do, from the description of the version and its status.
    pub(crate) fn before(&self, seen: &Description, status: &Status) -> BeforePromotion {
        if seen.default_version == self.version {
            return BeforePromotion::Promoted;
        }
        let (latest, expected) = (ordinal(&seen.latest_version), ordinal(&self.latest));
        match status {
            _ if latest > expected => BeforePromotion::Outdated,
            _ if latest < expected => BeforePromotion::LookAgain,
            _ if seen.default_version != self.merged_with => BeforePromotion::Outdated,
            Status::Active => BeforePromotion::Promote,
            Status::Creating | Status::Updating => BeforePromotion::LookAgain,
            Status::Deleting => BeforePromotion::Outdated,
            Status::Failed(why) => BeforePromotion::Failed(why.clone()),
        }
    }

    /// Decides, from a description after the promotion, whether it is still valid: `Some(false)` if a newer version exists,
    /// `None` if the promotion is not visible yet.
    pub(crate) fn after(&self, seen: &Description) -> Option<bool> {
        match ordinal(&seen.latest_version).cmp(&ordinal(&self.latest)) {
            std::cmp::Ordering::Greater => Some(false),
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => (seen.default_version == self.version).then_some(true),
        }
    }
}

fn ordinal(version: &str) -> u64 {
    version.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::document::content::Format;

    fn content(text: &str) -> Content {
        Content::read("DocumentContent", text.into(), Some(Format::Json)).unwrap()
    }

    #[test]
    fn a_young_version_locks_the_document_and_one_with_the_content_is_promoted() {
        let failed = || Status::Failed("why".into());
        let seconds = Duration::from_secs;
        let merged = content("{\"a\": 1}");
        for (status, age, text, expected) in [
            (Status::Active, 0, "{\"a\": 2}", Turn::Wait),
            (Status::Active, 11, "{\"a\": 2}", Turn::Wait),
            (Status::Active, 12, "{\"a\": 2}", Turn::Upload),
            (Status::Active, 3, "{\"a\":1}", Turn::Promote(Some(seconds(5)))),
            (Status::Active, 8, "{\"a\":1}", Turn::Wait),
            (Status::Active, 12, "{\"a\":1}", Turn::Promote(None)),
            (Status::Updating, 60, "{\"a\": 2}", Turn::Wait),
            (Status::Deleting, 60, "{\"a\": 2}", Turn::Wait),
            (failed(), 0, "{\"a\": 2}", Turn::Upload),
            (failed(), 60, "{\"a\":1}", Turn::Upload),
        ] {
            let latest = Latest { status, age: seconds(age), content: text.into() };
            assert_eq!(turn(&latest, Some(&merged)), expected, "{latest:?}");
        }
    }

    #[test]
    fn a_version_is_promoted_only_while_nothing_else_has_moved() {
        let promotion = Promotion { version: "3".into(), latest: "3".into(), merged_with: "2".into() };
        use BeforePromotion::{Failed, LookAgain, Outdated, Promote, Promoted};
        for (default, latest, status, expected) in [
            ("2", "3", Status::Active, Promote),
            ("3", "3", Status::Active, Promoted),
            ("3", "4", Status::Active, Promoted),
            ("2", "4", Status::Active, Outdated),
            ("2", "2", Status::Active, LookAgain),
            ("1", "3", Status::Active, Outdated),
            ("2", "3", Status::Updating, LookAgain),
            ("2", "3", Status::Deleting, Outdated),
            ("2", "3", Status::Failed("why".into()), Failed("why".into())),
        ] {
            let seen = Description {
                default_version: default.into(),
                latest_version: latest.into(),
                ..Description::default()
            };
            assert_eq!(promotion.before(&seen, &status), expected, "{default} {latest} {status:?}");
        }
    }

    #[test]
    fn another_version_that_came_in_before_the_promotion_is_noticed_after_it() {
        let promotion = Promotion { version: "3".into(), latest: "3".into(), merged_with: "2".into() };
        for (default, latest, expected) in [
            ("3", "3", Some(true)),
            ("2", "3", None),
            ("2", "2", None),
            ("3", "4", Some(false)),
            ("4", "4", Some(false)),
        ] {
            let seen = Description {
                default_version: default.into(),
                latest_version: latest.into(),
                ..Description::default()
            };
            assert_eq!(promotion.after(&seen), expected, "{default} {latest}");
        }
    }
}
