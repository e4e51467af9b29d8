//! Decides about `Requires`, which AWS takes only when a document is created. Pure.

use super::observed::Description;
use super::plan::Asked;
use super::properties::Requirement;
use crate::failure::{Failure, Problem, fail_on};

/// Refuses a change that this very request makes: the stack then goes back to what is there, and is not trapped.
///
/// # Errors
/// The document has what the old properties ask for, and the new ones ask for something else.
pub fn refuse_new_requires(asked: Asked<'_>, document: &Description) -> Result<(), Failure> {
    let is_new = previous(asked).is_some_and(|old| old != asked.desired.requires && are(old, &document.requires));
    if is_new { fail_on(&[requires_unchangeable()]) } else { Ok(()) }
}

/// What is wrong where the document has not what is asked for since an earlier request.
pub fn requires_problem(asked: Asked<'_>, document: &Description) -> Option<Problem> {
    let desired = &asked.desired.requires;
    (desired != previous(asked)? && !are(desired, &document.requires)).then(requires_unchangeable)
}

/// What is wrong with adopting a document that lacks what is asked for. It may have more.
pub fn adoption_problem(asked: Asked<'_>, document: &Description) -> Option<Problem> {
    let lacks = asked.previous.is_none() && !contains(&document.requires, &asked.desired.requires);
    lacks.then(requires_unchangeable)
}

fn previous(asked: Asked<'_>) -> Option<&[Requirement]> {
    asked.previous.map(|previous| previous.requires.as_deref().unwrap_or_default())
}

fn requires_unchangeable() -> Problem {
    let text =
        "can be given only when a document is created. Choose another DocumentName, or leave Requires as it was.";
    Problem::new("Requires", text)
}

fn are(wanted: &[Requirement], present: &[Requirement]) -> bool {
    wanted.len() == present.len() && contains(present, wanted)
}

fn contains(present: &[Requirement], wanted: &[Requirement]) -> bool {
    wanted.iter().all(|wanted| present.iter().any(|present| satisfies(wanted, present)))
}

/// What is not wanted of a requirement in particular may be anything.
fn satisfies(wanted: &Requirement, present: &Requirement) -> bool {
    let fits = |wanted: &Option<String>, present: &Option<String>| wanted.is_none() || wanted == present;
    wanted.name == present.name
        && fits(&wanted.version, &present.version)
        && fits(&wanted.require_type, &present.require_type)
        && fits(&wanted.version_name, &present.version_name)
}
