//! Decides what is to be done with a document. Pure: it is given what was read and can't write.

use std::collections::BTreeSet;
use std::fmt;

use super::claim::{claim, refuse_too_many_tags};
use super::observed::{Description, Document, Observed, Status};
use super::owner::{Owner, Tags};
use super::properties::{Desired, Previous};
use super::requires::{refuse_new_requires, requires_problem};
use crate::failure::{Failure, Problem, fail_on};

/// Who asks for what.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Asked<'a> {
    pub desired: &'a Desired,
    /// The old properties, where they are of the same document.
    pub previous: Option<&'a Previous>,
    pub me: &'a Owner,
    /// The account that the function is in, where it is known.
    pub account: Option<&'a str>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Make the document.
    Create,
    /// Change the document that is there, perhaps in nothing.
    Change(Change),
}

/// The changes to a document that is there.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs)]
pub struct Change {
    /// The tags of ownership that make it this resource's, where it is adopted.
    pub claim: Tags,
    /// Tags of the stack's properties.
    pub set_tags: Tags,
    pub remove_tags: BTreeSet<String>,
    pub version: VersionChange,
    pub share: Vec<String>,
    pub unshare: Vec<String>,
}

/// What happens to the versions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum VersionChange {
    /// What is desired is there.
    #[default]
    Keep,
    /// This version has it and goes in force.
    Promote(String),
    /// A new version.
    Upload {
        /// Whether it goes in force.
        promote: bool,
        /// Where the content is in force already, and only other attributes differ.
        attributes: Option<Attributes>,
    },
}

/// Attributes that AWS changes with a new version only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The properties.
    pub names: Vec<&'static str>,
    /// Whether the change can be refused if AWS does not take it without a new content. That is so where it was made in
    /// this very request: refused, the stack goes back to what is there, and is not trapped.
    pub refusable: bool,
}

/// A plan, and what its owner should know.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Planned {
    pub plan: Plan,
    pub warnings: Vec<Problem>,
}

/// Decides.
///
/// # Errors
/// What is refused: another type, another account's or another owner's document, what AWS can't change in place, and what
/// was found wrong with the content. Where the document is the resource's own and its default version has the content
/// already, findings are warnings: refusing would trap a stack in a failed rollback.
pub fn plan(asked: Asked<'_>, observed: &Observed) -> Result<Planned, Failure> {
    let findings = &asked.desired.findings;
    let Observed::Present(document) = observed else {
        fail_on(&findings.problems)?;
        return Ok(Planned { plan: Plan::Create, warnings: findings.warnings.clone() });
    };
    let description = &document.description;
    let claim = claim(asked, description)?;
    let has_content = has_content(asked.desired, document);
    refuse_new_requires(asked, description)?;
    let mut problems = findings.problems.clone();
    problems.extend(requires_problem(asked, description));
    let mut warnings = findings.warnings.clone();
    if has_content && claim.is_empty() {
        warnings.append(&mut problems);
    }
    fail_on(&problems)?;
    refuse_too_many_tags(asked, description, &claim)?;
    let change = Change {
        claim,
        set_tags: description.lacking(asked.desired.tags.clone()),
        remove_tags: remove_tags(asked, description),
        version: version_change(asked, document, has_content),
        share: asked.desired.account_ids.difference(&document.shared_with).cloned().collect(),
        unshare: unshare(asked, document),
    };
    Ok(Planned { plan: Plan::Change(change), warnings })
}

fn has_content(desired: &Desired, document: &Document) -> bool {
    document.default.status == Status::Active && desired.content.same_as(&document.default.content)
}

fn version_change(asked: Asked<'_>, document: &Document, has_content: bool) -> VersionChange {
    let promote = asked.desired.set_default_version;
    if has_content {
        let labels = Labels {
            version_name: document.default.version_name.as_deref(),
            display_name: document.description.display_name.as_deref(),
            target_type: document.description.target_type.as_deref(),
        };
        return match attributes(asked, labels) {
            Some(attributes) => VersionChange::Upload { promote, attributes: Some(attributes) },
            None => VersionChange::Keep,
        };
    }
    match &document.latest {
        Some(latest) if latest.status == Status::Active && asked.desired.content.same_as(&latest.content) => {
            match (promote, attributes(asked, Labels::default())) {
                (false, _) => VersionChange::Keep,
                (true, None) => VersionChange::Promote(latest.number.clone()),
                // What that version bears is not known here: AWS takes another one, or says which has the content.
                (true, Some(_)) => VersionChange::Upload { promote, attributes: None },
            }
        }
        _ => VersionChange::Upload { promote, attributes: None },
    }
}

/// What a version that has the content bears beside it.
#[derive(Debug, Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct Labels<'a> {
    pub version_name: Option<&'a str>,
    pub display_name: Option<&'a str>,
    pub target_type: Option<&'a str>,
}

/// The attributes that this very request changes, and nothing else of a version, as far as the version lacks them.
pub fn attributes(asked: Asked<'_>, present: Labels<'_>) -> Option<Attributes> {
    let desired = asked.desired;
    let previous = asked.previous.filter(|previous| previous.content.as_ref() == Some(&desired.content.text))?;
    // A version that is not put in force does not show whether the change was made already, as by an earlier delivery.
    let mut attributes = Attributes { names: Vec::new(), refusable: desired.set_default_version };
    for (name, wanted, old, present) in [
        ("VersionName", &desired.version_name, &previous.version_name, present.version_name),
        ("DisplayName", &desired.display_name, &previous.display_name, present.display_name),
        ("TargetType", &desired.target_type, &previous.target_type, present.target_type),
    ] {
        if wanted.is_some() && wanted != old && wanted.as_deref() != present {
            attributes.names.push(name);
            attributes.refusable &= old.as_deref() == present;
        }
    }
    // They can't be read back: a change shows only between the old and the new properties.
    if !desired.attachments.is_empty() && previous.attachments.as_ref() != Some(&desired.attachments) {
        attributes.names.push("Attachments");
    }
    (!attributes.names.is_empty()).then_some(attributes)
}

/// Tags that the old properties gave and the new ones don't. Those of others stay.
pub(super) fn remove_tags(asked: Asked<'_>, document: &Description) -> BTreeSet<String> {
    let old = asked.previous.map(|previous| previous.tags.keys()).into_iter().flatten();
    old.filter(|key| !asked.desired.tags.contains_key(*key) && document.tags.contains_key(*key)).cloned().collect()
}

fn unshare(asked: Asked<'_>, document: &Document) -> Vec<String> {
    let old = asked.previous.map(|previous| previous.account_ids.difference(&asked.desired.account_ids));
    old.into_iter().flatten().filter(|id| document.shared_with.contains(*id)).cloned().collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Change(change) = self else { return f.write_str("create the document") };
        // Written out, so that a change which is not shown does not compile.
        let Change { claim, set_tags, remove_tags, version, share, unshare } = change;
        let mut steps: Vec<String> = Vec::new();
        if !claim.is_empty() {
            steps.push("adopt the document".into());
        }
        if !set_tags.is_empty() {
            steps.push(format!("set {} tags", set_tags.len()));
        }
        if !remove_tags.is_empty() {
            steps.push(format!("remove {} tags", remove_tags.len()));
        }
        match version {
            VersionChange::Keep => {}
            VersionChange::Promote(version) => steps.push(format!("promote version {version}")),
            VersionChange::Upload { promote, attributes } => {
                let why = attributes
                    .as_ref()
                    .map(|changed| format!(" for {}", changed.names.join(" and ")))
                    .unwrap_or_default();
                steps.push(format!("upload a version{why}{}", if *promote { " and promote it" } else { "" }));
            }
        }
        if !share.is_empty() {
            steps.push(format!("share with {} accounts", share.len()));
        }
        if !unshare.is_empty() {
            steps.push(format!("unshare from {} accounts", unshare.len()));
        }
        if steps.is_empty() { f.write_str("nothing to do") } else { f.write_str(&steps.join(", ")) }
    }
}

#[cfg(test)]
mod tests;
