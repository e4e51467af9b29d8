//! Decides among the versions of a document, where AWS refused a new one. Pure.

use super::observed::{ListedVersion, Status};
use super::owner::Origin;

/// What is done when AWS says that a content, or a version's name, is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnDuplicate {
    /// This version has the content, and can go in force, now or once it is no longer pending.
    Use(String),
    /// Only this version has it, and it failed: it goes, and the content is uploaded again.
    Replace(String),
    /// Only this version has it, and it failed, but it can't go.
    Refuse(String),
    /// None has it.
    None,
}

/// Decides from the versions that have the desired content, newest first.
pub fn on_duplicate<'a>(with_content: impl IntoIterator<Item = &'a ListedVersion>, origin: &Origin) -> OnDuplicate {
    let mut failed = OnDuplicate::None;
    for version in with_content {
        match version.status {
            Status::Active | Status::Pending => return OnDuplicate::Use(version.number.clone()),
            Status::Deleting => {}
            Status::Failed(_) if failed != OnDuplicate::None => {}
            Status::Failed(_) if *origin == Origin::Created && !version.is_default => {
                failed = OnDuplicate::Replace(version.number.clone());
            }
            Status::Failed(_) => failed = OnDuplicate::Refuse(version.number.clone()),
        }
    }
    failed
}

/// The oldest version that is neither the default, nor the latest, nor named.
pub fn oldest_to_spare(versions: &[ListedVersion]) -> Option<&ListedVersion> {
    let latest = versions.iter().map(ListedVersion::ordinal).max()?;
    versions
        .iter()
        .filter(|version| !version.is_default && version.name.is_none() && version.ordinal() != latest)
        .min_by_key(|version| version.ordinal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u32, status: Status) -> ListedVersion {
        ListedVersion { number: number.to_string(), name: None, is_default: false, status }
    }

    fn failed() -> Status {
        Status::Failed("why".into())
    }

    const ADOPTED: Origin = Origin::Adopted { previous_default_version: None };

    #[test]
    fn the_newest_version_that_can_be_used_is_used() {
        let versions = [version(9, failed()), version(7, Status::Active), version(3, Status::Active)];
        assert_eq!(on_duplicate(&versions, &Origin::Created), OnDuplicate::Use("7".into()));
        assert_eq!(on_duplicate(&[version(4, Status::Pending)], &ADOPTED), OnDuplicate::Use("4".into()));
    }

    #[test]
    fn a_failed_version_goes_only_where_this_resource_made_the_document_and_it_is_not_in_force() {
        let default = ListedVersion { is_default: true, ..version(2, failed()) };
        for (versions, origin, expected) in [
            (vec![version(2, failed())], Origin::Created, OnDuplicate::Replace("2".into())),
            (vec![version(5, failed()), version(2, failed())], Origin::Created, OnDuplicate::Replace("5".into())),
            (vec![version(2, failed())], ADOPTED, OnDuplicate::Refuse("2".into())),
            (vec![default], Origin::Created, OnDuplicate::Refuse("2".into())),
            (vec![version(2, Status::Deleting)], Origin::Created, OnDuplicate::None),
            (vec![], Origin::Created, OnDuplicate::None),
        ] {
            assert_eq!(on_duplicate(&versions, &origin), expected);
        }
    }

    #[test]
    fn the_version_to_spare_is_the_oldest_that_is_neither_default_latest_nor_named() {
        let plain = |number| version(number, Status::Active);
        let named = ListedVersion { name: Some("v".into()), ..plain(1) };
        let default = ListedVersion { is_default: true, ..plain(2) };
        let versions = [plain(10), plain(9), plain(4), default.clone(), named.clone()];
        assert_eq!(oldest_to_spare(&versions).map(|version| version.number.as_str()), Some("4"));
        assert_eq!(oldest_to_spare(&[plain(3), default, named]), None);
        assert_eq!(oldest_to_spare(&[]), None);
    }
}
