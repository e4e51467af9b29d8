//! One writer at a time: a version that was just uploaded is a lock, until it is the default version or too old.
//!
//! A writer that uploads on top of the latest version holds the lock, since AWS refuses every other upload on top of that
//! version. It promotes its version within [`PROMOTE_WITHIN`]. The others wait for [`LOCKED_FOR`], measured by their own clocks
//! from the version's date at AWS.
//!
//! If AWS refuses an upload because a version already has the content, the writer promotes that version and has no such lock. Its
//! lock is the tag that names the version to promote: it sets the tag, waits until every reader sees it, and looks once more
//! before it promotes. The others wait for [`LOCKED_FOR`] from when they first see a tag that does not name the default version.

use std::time::Duration;

use crate::resource::document::content::Content;
use crate::resource::document::observed::{Description, Status};
use crate::resource::document::ownership::DEFAULT_VERSION;

/// For this long after the upload, a writer may promote the version that it uploaded.
pub(crate) const PROMOTE_WITHIN: Duration = Duration::from_secs(8);

/// A latest version that is not the default version locks the document for this long.
pub(crate) const LOCKED_FOR: Duration = Duration::from_secs(12);

/// The latest version.
#[derive(Debug, Clone)]
pub(crate) enum Latest {
    /// It is the default version.
    IsDefault,
    /// It can't be read yet, so it was just created.
    NotVisible,
    /// It is not the default version, and was uploaded this long ago.
    NotPromoted { status: Status, age: Duration, content: String },
}

/// Which version the tag announces for promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Announced {
    /// None: the tag is missing, names the default version, or has been there for longer than [`LOCKED_FOR`].
    Nothing,
    /// The latest version.
    Latest,
    /// An earlier version.
    Earlier,
}

/// The version that the tag names, if it is not the default version.
pub(crate) fn announced(document: &Description) -> Option<(&str, Announced)> {
    let version = document.tags.get(DEFAULT_VERSION).filter(|version| **version != document.default_version)?;
    let announced = if *version == document.latest_version { Announced::Latest } else { Announced::Earlier };
    Some((version, announced))
}

/// What the lock allows a request to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// Wait: another writer holds the lock.
    Locked,
    /// Upload a version.
    Upload,
    /// Promote the latest version, which has the content, within this time if one is given.
    Promote(Option<Duration>),
}

/// Decides what a request may do. `merged` is `None` for a request that writes no content.
pub(crate) fn access(latest: &Latest, announced: Announced, merged: Option<&Content>) -> Access {
    let access = access_to_latest(latest, merged);
    match (announced, &access) {
        (Announced::Nothing, _) | (Announced::Latest, Access::Promote(_)) => access,
        (Announced::Latest | Announced::Earlier, _) => Access::Locked,
    }
}

fn access_to_latest(latest: &Latest, merged: Option<&Content>) -> Access {
    let (status, age, content) = match latest {
        Latest::IsDefault => return Access::Upload,
        Latest::NotVisible => return Access::Locked,
        Latest::NotPromoted { status, age, content } => (status, *age, content),
    };
    let has_content = merged.is_some_and(|merged| merged.same_as(content));
    match status {
        Status::Creating | Status::Updating | Status::Deleting => Access::Locked,
        Status::Failed(_) => Access::Upload,
        // The upload's reply was lost, or another delivery uploaded it.
        Status::Active if has_content && age < PROMOTE_WITHIN => Access::Promote(Some(PROMOTE_WITHIN - age)),
        Status::Active if age < LOCKED_FOR => Access::Locked,
        Status::Active if has_content => Access::Promote(None),
        Status::Active => Access::Upload,
    }
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
            (Status::Active, 0, "{\"a\": 2}", Access::Locked),
            (Status::Active, 11, "{\"a\": 2}", Access::Locked),
            (Status::Active, 12, "{\"a\": 2}", Access::Upload),
            (Status::Active, 3, "{\"a\":1}", Access::Promote(Some(seconds(5)))),
            (Status::Active, 8, "{\"a\":1}", Access::Locked),
            (Status::Active, 12, "{\"a\":1}", Access::Promote(None)),
            (Status::Updating, 60, "{\"a\": 2}", Access::Locked),
            (Status::Deleting, 60, "{\"a\": 2}", Access::Locked),
            (failed(), 0, "{\"a\": 2}", Access::Upload),
            (failed(), 60, "{\"a\":1}", Access::Upload),
        ] {
            let latest = Latest::NotPromoted { status, age: seconds(age), content: text.into() };
            assert_eq!(access(&latest, Announced::Nothing, Some(&merged)), expected, "{latest:?}");
        }
    }

    #[test]
    fn a_default_version_locks_nothing_and_a_version_that_is_not_visible_yet_locks_the_document() {
        let merged = content("{\"a\": 1}");
        for merged in [None, Some(&merged)] {
            assert_eq!(access(&Latest::IsDefault, Announced::Nothing, merged), Access::Upload);
            assert_eq!(access(&Latest::NotVisible, Announced::Nothing, merged), Access::Locked);
        }
    }

    #[test]
    fn a_request_without_content_promotes_no_version_and_waits_for_every_lock() {
        for (age, expected) in [(0, Access::Locked), (11, Access::Locked), (12, Access::Upload)] {
            let age = Duration::from_secs(age);
            let latest = Latest::NotPromoted { status: Status::Active, age, content: "{\"a\": 1}".into() };
            assert_eq!(access(&latest, Announced::Nothing, None), expected, "{latest:?}");
        }
    }

    #[test]
    fn a_version_that_a_tag_announces_locks_the_document_for_all_but_its_promotion() {
        let merged = content("{\"a\": 1}");
        let latest = |text: &str| {
            let age = Duration::from_secs(60);
            Latest::NotPromoted { status: Status::Active, age, content: text.into() }
        };
        let (with_content, other) = (latest("{\"a\": 1}"), latest("{\"a\": 2}"));
        for (latest, announced, expected) in [
            (&Latest::IsDefault, Announced::Nothing, Access::Upload),
            (&Latest::IsDefault, Announced::Earlier, Access::Locked),
            (&with_content, Announced::Nothing, Access::Promote(None)),
            (&with_content, Announced::Latest, Access::Promote(None)),
            (&with_content, Announced::Earlier, Access::Locked),
            (&other, Announced::Latest, Access::Locked),
        ] {
            assert_eq!(access(latest, announced, Some(&merged)), expected, "{latest:?} {announced:?}");
        }
    }

    #[test]
    fn a_tag_announces_a_version_that_is_not_the_default_version() {
        for (tag, expected) in [
            (None, None),
            (Some("2"), None),
            (Some("1"), Some(("1", Announced::Earlier))),
            (Some("3"), Some(("3", Announced::Latest))),
        ] {
            let tags = tag.map(|tag| (DEFAULT_VERSION.to_owned(), tag.to_owned())).into_iter().collect();
            let (default_version, latest_version) = ("2".into(), "3".into());
            let document = Description { default_version, latest_version, tags, ..Description::default() };
            assert_eq!(super::announced(&document), expected);
        }
    }
}
