//! Decides what to do after AWS refuses a new version. The decision may depend on the existing versions.

use std::collections::BTreeSet;

use super::change::{Attributes, Upload};
use crate::resource::document::key_ownership::{Before, key_ownerships};
use crate::resource::document::observed::{ListedVersion, Status};
use crate::resource::document::ownership::{DEFAULT_VERSION, Origin, PREVIOUS_DEFAULT_VERSION, Tags};

/// Why AWS did not accept a new version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The document is gone or has a newer version, or AWS is still creating one, as when a request is delivered twice.
    DocumentChanged,
    /// Another version has the content, or the version name.
    Duplicate,
    /// The document has reached its limit of versions.
    VersionLimit,
    /// Anything else: no remedy is known.
    Final,
}

/// A remedy after which AWS may accept the new version. Each is tried once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Delete the oldest version that nothing needs.
    Prune,
    /// Delete the failed version that has the content.
    ReplaceFailed,
}

/// What to do after a refused upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterRefusal {
    /// Observe the document again.
    ObserveAgain,
    /// Search the versions for the content.
    Search,
    /// Prune a version, and upload again.
    Prune,
    /// Fail.
    Fail,
}

/// Decides what to do after AWS refuses an upload. `tried` holds the remedies that this request has tried.
pub(crate) fn after_refusal(refusal: Refusal, origin: Origin, tried: &[Remedy]) -> AfterRefusal {
    match refusal {
        Refusal::DocumentChanged => AfterRefusal::ObserveAgain,
        Refusal::Duplicate => AfterRefusal::Search,
        Refusal::VersionLimit if origin == Origin::Created && !tried.contains(&Remedy::Prune) => AfterRefusal::Prune,
        Refusal::VersionLimit | Refusal::Final => AfterRefusal::Fail,
    }
}

/// What to do with the existing version that has the content of a refused upload. The strings name the attributes that this
/// version lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Use it: it lacks no attribute, or none that matters.
    Use,
    /// Keep the default version, and warn.
    KeepDefault(String),
    /// Fail: AWS changes these attributes only together with the content.
    Refuse(String),
}

/// Decides, from the upload that AWS refused and the changed attributes that the found version lacks, whether to use that
/// version.
///
/// If the version lacks an attribute that this request itself changes, the request is refused, provided that the rollback can
/// then succeed. If the version were promoted instead, this delivery would succeed, but a second delivery would be refused,
/// because the default version would have the content and still lack the attribute.
pub(crate) fn on_found(upload: &Upload, lacking: Option<Attributes>) -> Found {
    match (lacking, &upload.attributes) {
        (Some(lacking), _) if lacking.refusable => Found::Refuse(lacking.names.join(" and ")),
        (Some(lacking), Some(_)) => Found::KeepDefault(lacking.names.join(" and ")),
        (Some(_), None) | (None, _) => Found::Use,
    }
}

/// What to do when AWS says that a version already has the content or the version name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OnDuplicate {
    /// Use this version: it has the content, and it is Active or will be.
    Use(String),
    /// Delete this version, and upload the content again: no usable version has the content, and this one failed.
    Replace(String),
    /// Fail: no usable version has the content, and this one failed and must not be deleted.
    Refuse(String),
    /// No version has the content.
    None,
}

/// Decides which version to use, from those that have the desired content, newest first.
pub(crate) fn on_duplicate<'a>(
    with_content: impl IntoIterator<Item = &'a ListedVersion>,
    origin: Origin,
) -> OnDuplicate {
    let mut failed = OnDuplicate::None;
    for version in with_content {
        match version.status {
            Status::Active | Status::Creating | Status::Updating => return OnDuplicate::Use(version.number.clone()),
            Status::Deleting => {}
            Status::Failed(_) if failed != OnDuplicate::None => {}
            Status::Failed(_) if origin == Origin::Created && !version.is_default => {
                failed = OnDuplicate::Replace(version.number.clone());
            }
            Status::Failed(_) => failed = OnDuplicate::Refuse(version.number.clone()),
        }
    }
    failed
}

/// The oldest version that may be pruned: one that is neither the default, nor the latest, nor named, and that no ownership tag
/// names.
pub(crate) fn oldest_prunable<'a>(versions: &'a [ListedVersion], tags: &Tags) -> Option<&'a ListedVersion> {
    let latest = versions.iter().map(ListedVersion::ordinal).max()?;
    let remembered = remembered_versions(tags);
    versions
        .iter()
        .filter(|version| !version.is_default && version.name.is_none() && version.ordinal() != latest)
        .filter(|version| !remembered.contains(&version.number))
        .min_by_key(|version| version.ordinal())
}

/// The versions that ownership tags name: the default version from before a resource began to manage the document or a key, and
/// the version that the resource promoted.
fn remembered_versions(tags: &Tags) -> BTreeSet<String> {
    let of_keys = key_ownerships(tags).into_values().filter_map(|ownership| match ownership.before {
        Before::Version(version) => Some(version),
        Before::NoDocument => None,
    });
    let of_document = [PREVIOUS_DEFAULT_VERSION, DEFAULT_VERSION].into_iter().filter_map(|key| tags.get(key).cloned());
    of_keys.chain(of_document).collect()
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

    #[test]
    fn every_refusal_has_a_next_step_and_each_remedy_is_tried_once() {
        use AfterRefusal::{Fail, ObserveAgain, Prune, Search};
        for (refusal, origin, tried, expected) in [
            (Refusal::DocumentChanged, Origin::Adopted, vec![], ObserveAgain),
            (Refusal::Duplicate, Origin::Adopted, vec![Remedy::Prune], Search),
            (Refusal::VersionLimit, Origin::Created, vec![], Prune),
            (Refusal::VersionLimit, Origin::Created, vec![Remedy::ReplaceFailed], Prune),
            (Refusal::VersionLimit, Origin::Created, vec![Remedy::Prune], Fail),
            (Refusal::VersionLimit, Origin::Adopted, vec![], Fail),
            (Refusal::Final, Origin::Created, vec![], Fail),
        ] {
            assert_eq!(after_refusal(refusal, origin, &tried), expected, "{refusal:?} {origin:?} {tried:?}");
        }
    }

    #[test]
    fn a_duplicate_that_lacks_a_changed_attribute_is_refused_only_if_a_rollback_can_succeed() {
        let attributes = |refusable| Attributes { names: vec!["DisplayName", "TargetType"], refusable };
        let upload = |attributes| Upload { on_top_of: "3".into(), promote: true, attributes };
        let names = || "DisplayName and TargetType".to_owned();
        for (upload, lacking, expected) in [
            (upload(None), None, Found::Use),
            (upload(Some(attributes(true))), None, Found::Use),
            (upload(None), Some(attributes(false)), Found::Use),
            (upload(None), Some(attributes(true)), Found::Refuse(names())),
            (upload(Some(attributes(true))), Some(attributes(true)), Found::Refuse(names())),
            (upload(Some(attributes(false))), Some(attributes(false)), Found::KeepDefault(names())),
        ] {
            assert_eq!(on_found(&upload, lacking), expected);
        }
    }

    #[test]
    fn the_newest_version_that_can_be_used_is_used() {
        let versions = [version(9, failed()), version(7, Status::Active), version(3, Status::Active)];
        assert_eq!(on_duplicate(&versions, Origin::Created), OnDuplicate::Use("7".into()));
        assert_eq!(on_duplicate(&[version(4, Status::Updating)], Origin::Adopted), OnDuplicate::Use("4".into()));
    }

    #[test]
    fn a_failed_version_is_replaced_only_in_a_created_document_and_never_the_default() {
        let default = ListedVersion { is_default: true, ..version(2, failed()) };
        for (versions, origin, expected) in [
            (vec![version(2, failed())], Origin::Created, OnDuplicate::Replace("2".into())),
            (vec![version(5, failed()), version(2, failed())], Origin::Created, OnDuplicate::Replace("5".into())),
            (vec![version(2, failed())], Origin::Adopted, OnDuplicate::Refuse("2".into())),
            (vec![default], Origin::Created, OnDuplicate::Refuse("2".into())),
            (vec![version(2, Status::Deleting)], Origin::Created, OnDuplicate::None),
            (vec![], Origin::Created, OnDuplicate::None),
        ] {
            assert_eq!(on_duplicate(&versions, origin), expected);
        }
    }

    #[test]
    fn the_oldest_version_that_nothing_needs_is_pruned() {
        let plain = |number| version(number, Status::Active);
        let named = ListedVersion { name: Some("v".into()), ..plain(1) };
        let default = ListedVersion { is_default: true, ..plain(2) };
        let versions = [plain(10), plain(9), plain(4), default.clone(), named.clone()];
        let tags = |tags: &[(&str, &str)]| tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let key = ("cfn-ssm-document:key:inputs.kmsKeyId", "4 1700000000 0a1b2c3d stack");
        for (versions, tags, expected) in [
            (versions.to_vec(), tags(&[]), Some("4")),
            (versions.to_vec(), tags(&[(PREVIOUS_DEFAULT_VERSION, "4")]), Some("9")),
            (versions.to_vec(), tags(&[key]), Some("9")),
            (versions.to_vec(), tags(&[(PREVIOUS_DEFAULT_VERSION, "4"), (DEFAULT_VERSION, "9")]), None),
            (vec![plain(3), default, named], tags(&[]), None),
            (vec![], tags(&[]), None),
        ] {
            let oldest = oldest_prunable(&versions, &tags);
            assert_eq!(oldest.map(|version| version.number.as_str()), expected, "{tags:?}");
        }
    }
}
