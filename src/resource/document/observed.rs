//! What AWS says of a document, in plain values.

use std::collections::BTreeSet;

use super::owner::Tags;
use super::properties::Requirement;

/// A document as it is now.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Observed {
    /// There is none of this name.
    Absent,
    /// There is one.
    Present(Document),
}

/// A document that is there.
#[derive(Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Document {
    pub description: Description,
    pub default: Version,
    /// Where it is another than the default one and was needed.
    pub latest: Option<Version>,
    /// The accounts that it is shared with, where it was asked.
    pub shared_with: BTreeSet<String>,
}

/// What AWS tells of a document without its content.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(test, derive(Default))]
#[allow(missing_docs)]
pub struct Description {
    pub document_type: String,
    /// The account that owns it, where AWS says so.
    pub account: Option<String>,
    pub display_name: Option<String>,
    pub target_type: Option<String>,
    pub requires: Vec<Requirement>,
    pub tags: Tags,
    /// Of the default version.
    pub hash: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created_at: Option<i64>,
    pub default_version: String,
    pub latest_version: String,
}

impl Description {
    /// Those of these tags that the document has not, or with another value.
    pub fn lacking(&self, mut tags: Tags) -> Tags {
        tags.retain(|key, value| self.tags.get(key) != Some(value));
        tags
    }
}

/// A version of a document with its content.
#[derive(Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Version {
    pub number: String,
    pub version_name: Option<String>,
    pub status: Status,
    pub content: String,
}

/// What can be done with a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It can be put in force.
    Active,
    /// AWS is still making or changing it.
    Pending,
    /// AWS is deleting it.
    Deleting,
    /// It can't be used, and why.
    Failed(String),
}

/// A version in a list of them all.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct ListedVersion {
    pub number: String,
    pub name: Option<String>,
    pub is_default: bool,
    pub status: Status,
}

impl ListedVersion {
    /// Its number as one that can be compared.
    pub fn ordinal(&self) -> u64 {
        self.number.parse().unwrap_or_default()
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {} ({:?})", self.number, self.status)
    }
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Description { document_type, latest_version, .. } = &self.description;
        write!(f, "{document_type} document, default {:?}, latest {latest_version}", self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_is_printed_tells_its_type_and_versions_and_no_content() {
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
