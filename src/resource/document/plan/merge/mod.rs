//! Decides about a document that several resources share by its keys (`ContentMode: Merge`). Everything here is pure.
//!
//! A [`KeyRequest`] is what one invocation wants of its keys. It is decided on what was observed, again and again, until a
//! decision was carried out on the document that it was made for.

mod desired;
mod merged;
mod owners;
mod put_back;
mod release;
pub(crate) mod turn;
mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub(crate) use self::desired::{Desiring, shows_keys};
pub(crate) use self::owners::{lost_keys, refuse_key_owners, remembered_versions, whole_document_before};
pub(crate) use self::release::Releasing;
pub(crate) use self::undo::{Former, Undo, UndoneCreate};
use crate::failure::{Failure, Problem};
use crate::resource::document::content::{Content, KeyPath};
use crate::resource::document::observed::{Document, Observed};
use crate::resource::document::ownership::Tags;

/// What a request wants of its keys.
#[derive(Debug)]
pub(crate) enum KeyRequest<'a> {
    /// A Create or an Update: the keys have these values.
    Merge(Desiring<'a>),
    /// A Delete: the resource has no keys.
    Release(Releasing<'a>),
    /// A Delete of a Create that failed: the keys are as they were before it.
    UndoCreate(UndoneCreate<'a>),
    /// A failed request takes back what it did.
    Undo(&'a Undo),
}

/// The contents of earlier versions, by number; `None` for a version that is gone or can't be read.
pub(crate) type Earlier = BTreeMap<String, Option<Content>>;

/// What to do.
#[derive(Debug)]
pub(crate) enum KeyPlan {
    /// Nothing: the keys are as they are to be.
    Nothing,
    /// What the request wrote is not visible yet.
    LookAgain,
    /// Create the document with this content and these tags.
    Create { content: Content, tags: Tags, undo: BTreeMap<KeyPath, Former> },
    /// Change some keys.
    Change(KeyChange),
    /// Delete the document: nobody has a key of it, and nothing but the skeleton is left.
    Delete,
}

/// A change of some keys.
#[derive(Debug, Default)]
pub(crate) struct KeyChange {
    /// Set before a version with the content can become the default version.
    pub(crate) set_tags: Tags,
    /// The content that the default version lacks.
    pub(crate) content: Option<Content>,
    /// Set and removed when the content is in place.
    pub(crate) set_tags_afterwards: Tags,
    pub(crate) remove_tags_afterwards: BTreeSet<String>,
    /// Accounts that the resource shared the document with while it owned it as a whole.
    pub(crate) unshare: Vec<String>,
    /// Keys that become this resource's: how a failure gives them back.
    pub(crate) taken: BTreeMap<KeyPath, Former>,
    /// Whether an earlier delivery of this request created the document.
    pub(crate) is_of_created: bool,
}

impl KeyChange {
    /// Whether it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.content.is_none()
            && self.set_tags.is_empty()
            && self.set_tags_afterwards.is_empty()
            && self.remove_tags_afterwards.is_empty()
            && self.unshare.is_empty()
    }
}

/// A plan, and what whoever deploys should know about it.
#[derive(Debug)]
pub(crate) struct KeysPlanned {
    pub(crate) plan: KeyPlan,
    pub(crate) warnings: Vec<Problem>,
}

impl KeyRequest<'_> {
    /// The earlier versions whose content the decision needs.
    pub(crate) fn needed_versions(&self, observed: &Observed) -> BTreeSet<String> {
        let Observed::Present(document) = observed else { return BTreeSet::new() };
        match self {
            Self::Merge(desiring) => desiring.needed_versions(document),
            Self::Release(releasing) => releasing.needed_versions(document),
            Self::UndoCreate(undone) => undone.needed_versions(document),
            Self::Undo(_) => BTreeSet::new(),
        }
    }

    /// Decides what to do.
    ///
    /// # Errors
    /// The request is refused.
    pub(crate) fn decide(&self, observed: &Observed, earlier: &Earlier) -> Result<KeysPlanned, Failure> {
        match (self, observed) {
            (Self::Merge(desiring), Observed::Absent) => desiring.create(),
            (Self::Merge(desiring), Observed::Present(document)) => desiring.change(document, earlier),
            (Self::Release(_) | Self::UndoCreate(_), Observed::Absent) => Ok(nothing()),
            (Self::Release(releasing), Observed::Present(document)) => releasing.release(document, earlier),
            (Self::UndoCreate(undone), Observed::Present(document)) => undone.undo(document, earlier),
            (Self::Undo(undo), observed) => undo.take_back(observed),
        }
    }
}

fn nothing() -> KeysPlanned {
    KeysPlanned { plan: KeyPlan::Nothing, warnings: Vec::new() }
}

/// Reads the default version, which others may have written.
///
/// # Errors
/// It is not a JSON mapping, or not one that can be merged with.
fn base(document: &Document) -> Result<Content, Failure> {
    let read =
        Content::read("it", document.default.content.clone(), Some(crate::resource::document::content::Format::Json));
    read.map_err(|problem| {
        Failure::new(format!(
            "The content of version {}, the default version, can't be merged with: {problem} Correct the document.",
            document.default.number
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
                write!(f, "{content}, set {tags} tags, remove {}", change.remove_tags_afterwards.len())
            }
        }
    }
}
