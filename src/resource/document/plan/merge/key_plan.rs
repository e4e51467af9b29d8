//! The possible decisions about a document's keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::failure::{Failure, Problem};
use crate::resource::document::content::{Content, Edit, Format, KeyPath, Node};
use crate::resource::document::observed::Document;
use crate::resource::document::ownership::{DEFAULT_VERSION, Tags};

/// The content of earlier versions, by version number; `None` for a version that is gone or can't be read.
pub(crate) type Earlier = BTreeMap<String, Option<Content>>;

/// What to do with the keys.
#[derive(Debug)]
pub(crate) enum KeyPlan {
    /// Nothing: the keys are as desired.
    Nothing,
    /// What the request wrote is not visible yet.
    LookAgain,
    /// Create the document with this content and these tags.
    Create { content: Content, tags: Tags, undo: BTreeMap<KeyPath, Former> },
    /// Change some keys.
    Change(KeyChange),
    /// Delete the document: no other resource owns it or any of its keys, and only the skeleton is left.
    Delete,
}

/// A key that a request took, and what it was before.
#[derive(Debug, Clone)]
pub(crate) struct Former {
    /// The tag of its former owner, if it had one.
    pub(crate) tag: Option<String>,
    /// What the request sets.
    pub(crate) declared: Node,
    pub(crate) put_back: Edit,
}

/// A change to some keys.
#[derive(Debug, Default)]
pub(crate) struct KeyChange {
    /// Set before a version with the content can become the default version.
    pub(crate) set_tags: Tags,
    /// The content to make the default version, if it changes.
    pub(crate) content: Option<Content>,
    /// Whether the tag that names the default version is set before the version with the content is promoted.
    pub(crate) records_default_version: bool,
    /// Set once the default version has the content.
    pub(crate) set_tags_afterwards: Tags,
    /// Removed once the default version has the content.
    pub(crate) remove_tags_afterwards: BTreeSet<String>,
    /// Accounts that the resource shared the document with while it owned it as a whole.
    pub(crate) unshare: Vec<String>,
    /// The keys that this resource takes, each with what is restored if the request fails.
    pub(crate) taken: BTreeMap<KeyPath, Former>,
    /// Whether a key without an owner already has the value: another delivery may have set it, and its tags may not be visible
    /// yet.
    pub(crate) finds_own_value: bool,
    /// Whether an earlier delivery of this request created the document.
    pub(crate) is_of_created: bool,
}

impl KeyChange {
    /// Whether it corrects the tag that names the default version, and promotes no version.
    pub(crate) fn only_records_default_version(&self) -> bool {
        self.content.is_none() && self.set_tags.contains_key(DEFAULT_VERSION)
    }

    /// Whether the document is read again after its tags were set: another request may have taken a key or set the same tag.
    pub(crate) fn needs_recheck(&self) -> bool {
        !self.taken.is_empty() || self.only_records_default_version()
    }

    /// Whether it changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.content.is_none()
            && self.set_tags.is_empty()
            && self.set_tags_afterwards.is_empty()
            && self.remove_tags_afterwards.is_empty()
            && self.unshare.is_empty()
    }
}

/// A plan, and warnings for whoever deploys.
#[derive(Debug)]
pub(crate) struct KeysPlanned {
    pub(crate) plan: KeyPlan,
    pub(crate) warnings: Vec<Problem>,
}

pub(super) fn nothing() -> KeysPlanned {
    KeysPlanned { plan: KeyPlan::Nothing, warnings: Vec::new() }
}

/// Reads the default version, which others may have written.
///
/// # Errors
/// It is not a JSON object, or is longer than AWS accepts.
pub(super) fn base(document: &Document) -> Result<Content, Failure> {
    let read = Content::read("DocumentContent", document.default.content.clone(), Some(Format::Json));
    read.map_err(|problem| {
        Failure::new(format!(
            "The content of version {}, the default version, {} Keys can't be merged into it. Correct the document.",
            document.default.number, problem.text
        ))
    })
}

impl fmt::Display for KeyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing to do"),
            Self::LookAgain => f.write_str("look again"),
            Self::Create { .. } => f.write_str("create the document"),
            Self::Delete => f.write_str("delete the document"),
            Self::Change(change) => {
                let content = if change.content.is_some() { "merge the keys" } else { "keep the content" };
                let tags = change.set_tags.len() + change.set_tags_afterwards.len();
                write!(f, "{content}, set tags: {tags}, remove tags: {}", change.remove_tags_afterwards.len())
            }
        }
    }
}
