//! Decides whether a version of a shared document may be promoted, and whether its promotion is valid.

use std::cmp::Ordering;

use crate::resource::document::observed::{Description, Status};
use crate::resource::document::ownership::DEFAULT_VERSION;

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
    /// Another version was created or promoted in the meantime, this one is being deleted, or its tag was overwritten.
    Outdated,
    /// AWS could not create it, for this reason.
    Failed(String),
}

/// What to do about a version after its promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AfterPromotion {
    /// Nothing: it is the default version.
    Valid,
    /// The promotion or its tag is not visible.
    LookAgain,
    /// A newer version exists.
    Outdated,
}

impl Promotion {
    /// Decides what to do, from the description of the version and its status. `needs_tag` says whether the tag is this request's
    /// lock, which another writer may have taken.
    pub(crate) fn before(&self, seen: &Description, status: &Status, needs_tag: bool) -> BeforePromotion {
        if seen.default_version == self.version {
            return BeforePromotion::Promoted;
        }
        let (latest, expected) = (ordinal(&seen.latest_version), ordinal(&self.latest));
        match status {
            _ if latest > expected => BeforePromotion::Outdated,
            _ if latest < expected => BeforePromotion::LookAgain,
            _ if seen.default_version != self.merged_with => BeforePromotion::Outdated,
            _ if needs_tag && !self.is_tagged(seen) => BeforePromotion::Outdated,
            Status::Active => BeforePromotion::Promote,
            Status::Creating | Status::Updating => BeforePromotion::LookAgain,
            Status::Deleting => BeforePromotion::Outdated,
            Status::Failed(why) => BeforePromotion::Failed(why.clone()),
        }
    }

    /// Decides, from a description after the promotion, whether it is still valid. `needs_tag` says whether the tag must name the
    /// version: a request that corrected the tag at the same time may have overwritten it.
    pub(crate) fn after(&self, seen: &Description, needs_tag: bool) -> AfterPromotion {
        let is_promoted = seen.default_version == self.version;
        let is_tagged = !needs_tag || self.is_tagged(seen);
        match ordinal(&seen.latest_version).cmp(&ordinal(&self.latest)) {
            Ordering::Greater => AfterPromotion::Outdated,
            Ordering::Equal if is_promoted && is_tagged => AfterPromotion::Valid,
            Ordering::Equal | Ordering::Less => AfterPromotion::LookAgain,
        }
    }

    fn is_tagged(&self, seen: &Description) -> bool {
        seen.tags.get(DEFAULT_VERSION) == Some(&self.version)
    }

    /// Whether the version locks the document. Only the latest version does, and one that was found rather than uploaded may be
    /// older.
    pub(crate) fn locks(&self) -> bool {
        self.version == self.latest
    }
}

fn ordinal(version: &str) -> u64 {
    version.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(promotion.before(&seen, &status, false), expected, "{default} {latest} {status:?}");
        }
        for (tag, expected) in [("3", Promote), ("2", Outdated)] {
            let seen = Description {
                default_version: "2".into(),
                latest_version: "3".into(),
                tags: [(DEFAULT_VERSION.to_owned(), tag.to_owned())].into(),
                ..Description::default()
            };
            assert_eq!(promotion.before(&seen, &Status::Active, true), expected, "{tag}");
        }
    }

    #[test]
    fn another_version_that_came_in_before_the_promotion_is_noticed_after_it() {
        let promotion = Promotion { version: "3".into(), latest: "3".into(), merged_with: "2".into() };
        use AfterPromotion::{LookAgain, Outdated, Valid};
        for (default, latest, tag, without_tag, with_tag) in [
            ("3", "3", "3", Valid, Valid),
            ("3", "3", "2", Valid, LookAgain),
            ("2", "3", "3", LookAgain, LookAgain),
            ("2", "2", "3", LookAgain, LookAgain),
            ("3", "4", "3", Outdated, Outdated),
            ("4", "4", "4", Outdated, Outdated),
        ] {
            let seen = Description {
                default_version: default.into(),
                latest_version: latest.into(),
                tags: [(DEFAULT_VERSION.to_owned(), tag.to_owned())].into(),
                ..Description::default()
            };
            let decided = (promotion.after(&seen, false), promotion.after(&seen, true));
            assert_eq!(decided, (without_tag, with_tag), "{default} {latest} {tag}");
        }
    }
}
