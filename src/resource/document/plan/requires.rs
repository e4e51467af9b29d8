//! Checks `Requires`, which AWS accepts only when a document is created.

use crate::failure::{Failure, Problem, fail_on};
use crate::resource::document::desired::Requirement;
use crate::resource::document::intent::Intent;
use crate::resource::document::observed::Description;

/// Refuses a change to `Requires` that this request itself makes, if the document still meets the old requirements. The rollback
/// then succeeds.
///
/// # Errors
/// The document meets the old requirements, and the new ones differ.
pub(super) fn refuse_new_requires(intent: Intent<'_>, document: &Description) -> Result<(), Failure> {
    let is_new = previous(intent).is_some_and(|old| old != intent.desired.requires && are(old, &document.requires));
    if is_new { fail_on(&[requires_unchangeable()]) } else { Ok(()) }
}

/// The problem if this request changes the requirements and the document does not meet the new ones.
pub(super) fn requires_problem(intent: Intent<'_>, document: &Description) -> Option<Problem> {
    let desired = &intent.desired.requires;
    (desired != previous(intent)? && !are(desired, &document.requires)).then(requires_unchangeable)
}

/// The problem with adopting a document that lacks a requirement. Additional requirements are not a problem.
pub(super) fn adoption_problem(intent: Intent<'_>, document: &Description) -> Option<Problem> {
    let lacks = intent.previous().is_none() && !contains(&document.requires, &intent.desired.requires);
    let text = "can be set only when a document is created, and the existing document lacks a requirement that is declared \
                here. Choose another DocumentName, or \
                declare only what the document requires.";
    lacks.then(|| Problem::new("Requires", text))
}

fn previous(intent: Intent<'_>) -> Option<&[Requirement]> {
    intent.previous().map(|previous| previous.requires.as_deref().unwrap_or_default())
}

fn requires_unchangeable() -> Problem {
    let text = "can be set only when a document is created. Choose another DocumentName, or leave Requires as it was.";
    Problem::new("Requires", text)
}

fn are(wanted: &[Requirement], present: &[Requirement]) -> bool {
    wanted.len() == present.len() && contains(present, wanted)
}

fn contains(present: &[Requirement], wanted: &[Requirement]) -> bool {
    wanted.iter().all(|wanted| present.iter().any(|present| satisfies(wanted, present)))
}

/// A field that the desired requirement leaves out matches anything.
fn satisfies(wanted: &Requirement, present: &Requirement) -> bool {
    let fits = |wanted: &Option<String>, present: &Option<String>| wanted.is_none() || wanted == present;
    wanted.name == present.name
        && fits(&wanted.version, &present.version)
        && fits(&wanted.require_type, &present.require_type)
        && fits(&wanted.version_name, &present.version_name)
}
