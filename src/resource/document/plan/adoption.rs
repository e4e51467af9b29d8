//! Decides whether a resource adopts a document, from the document's description alone. [`undo`](super::undo) decides how to undo
//! a failed adoption.

use std::fmt;

use super::merge::owners::{refuse_key_owners, whole_document_before};
use super::requires::adoption_problem;
use super::tags::{add_if_it_fits, default_version_tag, fits, refuse_too_many, since};
use crate::failure::{Failure, Problem, fail_on};
use crate::resource::document::desired::{Desired, OnExisting};
use crate::resource::document::intent::{Intent, Operation};
use crate::resource::document::key_ownership::KeyOwner;
use crate::resource::document::observed::Description;
use crate::resource::document::ownership::{NATIVE_STACK_ID, Ownership, PREVIOUS_DEFAULT_VERSION, Tags, is_overtaken};

/// Whether the resource adopts the document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Adoption {
    /// Its tags name this resource as the owner.
    AlreadyOurs,
    /// The same, and another delivery of this Create or rename set the tags.
    ByAnotherDelivery,
    /// An earlier request of the same resource left the document behind, and this Create or rename finds it: these tags record
    /// its current default version and this request's signature. They are set before anything else is written, so that another
    /// invocation can undo the request.
    ManageAgain(Tags),
    /// The resource adopts it by setting these tags.
    Adopt(Tags),
}

impl Adoption {
    /// The tags to set, if there are any.
    pub(crate) fn tags(&self) -> Option<&Tags> {
        match self {
            Self::AlreadyOurs | Self::ByAnotherDelivery => None,
            Self::ManageAgain(tags) | Self::Adopt(tags) => Some(tags),
        }
    }
}

/// Decides whether the described document is adopted.
///
/// # Errors
/// A later request has written to the document, the document has another type or account, the document or one of its keys has
/// another owner, `OnExisting` is `Fail`, the content has problems, `Requires` is not met, or there is no room for the
/// ownership tags. So every reason against the adoption is known before the first tag is written.
pub(crate) fn adoption(intent: Intent<'_>, description: &Description) -> Result<Adoption, Failure> {
    refuse_overtaken(intent, description)?;
    refuse_other_kind(intent, description)?;
    let default_version = &description.default_version;
    if let Some(ownership) = Ownership::by(intent.owner, &description.tags) {
        return Ok(match (intent.operation, since(intent)) {
            (Operation::Create | Operation::Rename, Some(_)) if ownership.since == intent.signature => {
                Adoption::ByAnotherDelivery
            }
            (Operation::Create | Operation::Rename, Some(since)) => {
                let mut tags = Tags::from([since]);
                tags.insert(PREVIOUS_DEFAULT_VERSION.into(), default_version.clone());
                if fits(intent, description, &tags) { Adoption::ManageAgain(tags) } else { Adoption::AlreadyOurs }
            }
            _ => Adoption::AlreadyOurs,
        });
    }
    refuse_other_owner(intent, description)?;
    let mine = KeyOwner::from(intent.owner);
    if intent.desired.on_existing != OnExisting::TakeOver {
        refuse_key_owners(&intent.desired.name, &mine, &description.tags)?;
    }
    let mut problems = intent.desired.findings.problems.clone();
    problems.extend(adoption_problem(intent, description));
    fail_on(&problems)?;
    let mut tags = match whole_document_before(&mine, &description.tags) {
        Some(before) => intent.owner.tags_of_document(before),
        None => intent.owner.tags_of_adopted(default_version),
    };
    tags = description.lacking(tags);
    refuse_too_many(intent, description, &tags)?;
    add_if_it_fits(intent, description, &mut tags, since(intent));
    // If this tag later differs from the default version, the next request knows that this one may still be writing.
    let default_version = default_version_tag(intent.desired, default_version);
    let differing = default_version.filter(|(key, value)| description.tags.get(key) != Some(value));
    add_if_it_fits(intent, description, &mut tags, differing);
    Ok(Adoption::Adopt(tags))
}

/// Warns about a document that `AWS::SSM::Document` created: its stack still manages it, and deletes it together with that
/// resource.
pub(crate) fn native_owner_warning(description: &Description) -> Option<Problem> {
    let stack = description.tags.get(NATIVE_STACK_ID)?;
    let text = format!(
        "an AWS::SSM::Document of the stack {stack} created this document. Set DeletionPolicy: Retain on that resource and \
         remove it from its template. Otherwise, that stack will change or delete the document."
    );
    Some(Problem::new("DocumentName", text))
}

fn refuse_overtaken(intent: Intent<'_>, document: &Description) -> Result<(), Failure> {
    if is_overtaken(&document.tags, intent.signature) {
        return Err(Failure::new(format!(
            "A later request has changed the document {} since CloudFormation sent this one. This request changes nothing.",
            intent.desired.name
        )));
    }
    Ok(())
}

pub(super) fn refuse_other_kind(intent: Intent<'_>, document: &Description) -> Result<(), Failure> {
    let Desired { name, document_type, .. } = intent.desired;
    if let (Some(account), Some(owner)) = (intent.account, &document.account)
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

/// `OnExisting: Fail` applies only to a document that is new to the resource: an Update adopts its own document again if
/// somebody removed the tags.
fn refuse_other_owner(intent: Intent<'_>, document: &Description) -> Result<(), Failure> {
    let name = &intent.desired.name;
    match (Ownership::of(&document.tags), intent.desired.on_existing, intent.operation) {
        (_, OnExisting::TakeOver, _)
        | (None, OnExisting::Adopt, _)
        | (None, OnExisting::Fail, Operation::Update(_)) => Ok(()),
        (None, OnExisting::Fail, Operation::Create | Operation::Rename) => Err(Failure::new(format!(
            "OnExisting: the document {name} already exists, and OnExisting is Fail. Choose another DocumentName, or set \
             OnExisting: Adopt to manage it."
        ))),
        (Some(Ownership { owner, .. }), OnExisting::Adopt | OnExisting::Fail, _) => Err(Failure::new(format!(
            "DocumentName: the document {name} is managed by the resource {} of the stack {}. Delete that resource first or, if \
             the stack no longer exists, set OnExisting: TakeOver.",
            owner.logical_id, owner.stack_id
        ))),
    }
}

impl fmt::Display for Adoption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyOurs | Self::ByAnotherDelivery => "nothing to adopt",
            Self::ManageAgain(_) => "manage the document again",
            Self::Adopt(_) => "adopt the document",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warning_about_a_native_resource_names_its_stack() {
        let description = |tags: Tags| Description { tags, ..Description::default() };
        assert_eq!(native_owner_warning(&description(Tags::new())), None);
        let tags =
            Tags::from([(NATIVE_STACK_ID.to_owned(), "arn:aws:cloudformation:eu-central-1:1:stack/native/0".into())]);
        let warning = native_owner_warning(&description(tags)).map(|warning| warning.to_string()).unwrap_or_default();
        assert!(warning.contains("stack/native/0") && warning.contains("DeletionPolicy: Retain"), "{warning}");
    }
}
