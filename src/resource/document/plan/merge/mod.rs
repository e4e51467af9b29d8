//! Decides what happens to a document that several resources share, each with its own keys (`ContentMode: Merge`). Everything
//! here is pure.
//!
//! A [`KeyRequest`] is what one invocation wants for its keys. A decision is made from what was observed. If the document changes
//! before the decision is carried out, the document is observed again and another decision is made.

pub(crate) mod default_version;
pub(super) mod desired;
mod key_plan;
mod merged;
pub(super) mod owners;
mod put_back;
mod release;
pub(crate) mod turn;
mod undo;

use std::collections::BTreeSet;

pub(crate) use self::desired::DesiredKeys;
use self::key_plan::nothing;
pub(crate) use self::key_plan::{Earlier, Former, KeyChange, KeyPlan, KeysPlanned};
pub(crate) use self::owners::lost_keys;
pub(crate) use self::release::Releasing;
pub(crate) use self::undo::{Undo, UndoneCreate};
use crate::failure::Failure;
use crate::resource::document::observed::Observed;

/// What a request wants for its keys.
#[derive(Debug)]
pub(crate) enum KeyRequest<'a> {
    /// A Create or an Update: the keys must have these values.
    Merge(DesiredKeys<'a>),
    /// A Delete: the resource must no longer own keys.
    Release(Releasing<'a>),
    /// A Delete after a failed Create: the keys must be as they were before the Create.
    UndoCreate(UndoneCreate<'a>),
    /// A failed request undoes what it did.
    Undo(&'a Undo),
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
            (Self::Undo(undo), observed) => undo.plan_undo(observed),
        }
    }
}
