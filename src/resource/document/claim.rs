//! Decides whether a document may become this resource's, from its description alone. Pure.

use std::collections::BTreeSet;

use super::observed::Description;
use super::owner::{Owner, Tags};
use super::plan::{Asked, remove_tags};
use super::properties::{Desired, OnExisting};
use super::requires::adoption_problem;
use crate::failure::{Failure, fail_on};

/// What AWS allows on one document.
const MAX_TAGS: usize = 50;

/// The tags of ownership that adopt a document; none where it is this resource's already.
///
/// # Errors
/// All that can be held against adopting it, so that it can be claimed before its content is known.
pub fn claim(asked: Asked<'_>, description: &Description) -> Result<Tags, Failure> {
    refuse_other_kind(asked, description)?;
    if !adopts(asked, description)? {
        return Ok(Tags::new());
    }
    let mut problems = asked.desired.findings.problems.clone();
    problems.extend(adoption_problem(asked, description));
    fail_on(&problems)?;
    let claim = description.lacking(asked.me.tags_of_adopted(&description.default_version));
    refuse_too_many_tags(asked, description, &claim)?;
    Ok(claim)
}

fn refuse_other_kind(asked: Asked<'_>, document: &Description) -> Result<(), Failure> {
    let Desired { name, document_type, .. } = asked.desired;
    if let (Some(account), Some(owner)) = (asked.account, &document.account)
        && account != owner
    {
        return Err(Failure::new(format!(
            "DocumentName: {name} belongs to {owner}, not to this account ({account}). Choose another name."
        )));
    }
    if document.document_type != *document_type {
        return Err(Failure::new(format!(
            "DocumentType: the document {name} is of type {}, and a document's type can't be changed to {document_type}. \
             Choose another DocumentName.",
            document.document_type
        )));
    }
    Ok(())
}

/// Whether the document becomes this resource's now.
fn adopts(asked: Asked<'_>, document: &Description) -> Result<bool, Failure> {
    let name = &asked.desired.name;
    match (Owner::of(&document.tags), asked.desired.on_existing) {
        (Some(owner), _) if owner == *asked.me => Ok(false),
        (_, OnExisting::TakeOver) | (None, OnExisting::Adopt) => Ok(true),
        (None, OnExisting::Fail) => Err(Failure::new(format!(
            "OnExisting: the document {name} exists, and Fail refuses it. Choose another DocumentName, or OnExisting: Adopt to \
             manage it."
        ))),
        (Some(owner), OnExisting::Adopt | OnExisting::Fail) => Err(Failure::new(format!(
            "DocumentName: the document {name} is managed by the resource {} of the stack {}. Let that stack go of it first, or, \
             where that stack is gone, set OnExisting: TakeOver.",
            owner.logical_id, owner.stack_id
        ))),
    }
}

/// Those of the document, of the stack's properties and of the claim together.
///
/// # Errors
/// There are more than AWS allows.
pub fn refuse_too_many_tags(asked: Asked<'_>, document: &Description, claim: &Tags) -> Result<(), Failure> {
    let all: BTreeSet<&String> = document.tags.keys().chain(asked.desired.tags.keys()).chain(claim.keys()).collect();
    // Those of AWS itself don't count.
    let all = all.iter().filter(|key| !key.starts_with("aws:")).count() - remove_tags(asked, document).len();
    if all > MAX_TAGS {
        return Err(Failure::new(format!(
            "Tags: the document {} would have {all} tags, those of this resource among them; AWS allows {MAX_TAGS}. Remove some.",
            asked.desired.name
        )));
    }
    Ok(())
}
