//! A document as AWS describes it, in plain values.

use std::collections::BTreeSet;
use std::fmt;

use super::desired::Requirement;
use super::ownership::Tags;

/// A document as it is now.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub(crate) enum Observed {
    /// No document has this name.
    Absent,
    /// A document has this name.
    Present(Document),
}

/// An existing document.
#[derive(Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) description: Description,
    pub(crate) default: Version,
    /// The latest version, if it is not the default version and its content was needed.
    pub(crate) latest: Option<Version>,
    /// The accounts that it is shared with, if the request manages them.
    pub(crate) shared_with: BTreeSet<String>,
}

/// What AWS reports about a document, without its content.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(test, derive(Default))]
pub(crate) struct Description {
    pub(crate) document_type: String,
    /// The account that owns it, if AWS reports it.
    pub(crate) account: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) target_type: Option<String>,
    pub(crate) requires: Vec<Requirement>,
    pub(crate) tags: Tags,
    /// The hash of the described version.
    pub(crate) hash: Option<String>,
    /// When the described version was created, in seconds since 1970. For version 1, that is when the document was created.
    pub(crate) created_at: Option<i64>,
    pub(crate) default_version: String,
    pub(crate) latest_version: String,
}

impl Description {
    /// The entries of `tags` that the document does not have with the same value.
    pub(crate) fn lacking(&self, mut tags: Tags) -> Tags {
        tags.retain(|key, value| self.tags.get(key) != Some(value));
        tags
    }
}

/// A version of a document with its content.
#[derive(Clone, PartialEq)]
pub(crate) struct Version {
    pub(crate) number: String,
    pub(crate) version_name: Option<String>,
    pub(crate) status: Status,
    pub(crate) content: String,
}

/// The status of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    /// It can become the default version.
    Active,
    /// AWS is creating it.
    Creating,
    /// AWS is changing it.
    Updating,
    /// AWS is deleting it.
    Deleting,
    /// AWS could not create it, for this reason.
    Failed(String),
}

/// A version without its content, as ListDocumentVersions returns it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListedVersion {
    pub(crate) number: String,
    pub(crate) name: Option<String>,
    pub(crate) is_default: bool,
    pub(crate) status: Status,
}

impl Status {
    /// Whether AWS is creating or changing it: the status will change without another call.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self, Self::Creating | Self::Updating)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "Active",
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::Deleting => "Deleting",
            Self::Failed(_) => "Failed",
        })
    }
}

impl ListedVersion {
    /// The number of the version as an integer, to compare versions by age.
    pub(crate) fn ordinal(&self) -> u64 {
        self.number.parse().unwrap_or_default()
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} ({:?})", self.number, self.status)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Description { document_type, latest_version, .. } = &self.description;
        write!(f, "{document_type} document, default {:?}, latest {latest_version}", self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_printed_without_its_content() {
        let version = Version {
            number: "3".into(),
            version_name: Some("v3".into()),
            status: Status::Failed("why".into()),
            content: "secret".into(),
        };
        let description =
            Description { document_type: "Session".into(), latest_version: "4".into(), ..Description::default() };
        let document = Document { description, default: version, latest: None, shared_with: BTreeSet::new() };
        assert_eq!(format!("{document:?}"), "Session document, default version 3 (Failed(\"why\")), latest 4");
    }
}
