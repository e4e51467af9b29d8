//! Decides how an existing document changes.

use std::collections::BTreeSet;
use std::fmt;

use super::adopted::Adopted;
use super::requires::{refuse_new_requires, requires_problem};
use super::tags::{
    NO_ROOM_FOR_DEFAULT_VERSION, add_if_it_fits, attachments_digest, attachments_tag, default_version_tag,
    no_longer_declared, of_keys, refuse_too_many, since,
};
use crate::failure::{Failure, Problem, fail_on};
use crate::resource::document::desired::Desired;
use crate::resource::document::intent::Intent;
use crate::resource::document::observed::{Document, Status};
use crate::resource::document::ownership::{ATTACHMENTS, DEFAULT_VERSION, Tags, of_request};

const NO_ROOM: &str =
    "leave no room for the tag cfn-ssm-document:since, which distinguishes late requests from new ones. Remove a tag.";

/// The changes to an existing document.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Change {
    /// The tags to set: declared tags that the document lacks, and ownership tags.
    pub(crate) set_tags: Tags,
    pub(crate) remove_tags: BTreeSet<String>,
    pub(crate) version: VersionChange,
    /// Tags that describe the new version, set once it is Active.
    pub(crate) tags_of_version: Tags,
    /// Whether the tag that records the default version is set at the end.
    pub(crate) records_default_version: bool,
    pub(crate) share: Vec<String>,
    pub(crate) unshare: Vec<String>,
}

impl Change {
    fn writes(&self) -> bool {
        let nothing = Self { records_default_version: self.records_default_version, ..Self::default() };
        *self != nothing
    }

    /// The tag to set once `default_version` is the default version of the observed document.
    pub(crate) fn tag_of_default(&self, document: &Document, default_version: &str) -> Tags {
        let tag = (DEFAULT_VERSION.to_owned(), default_version.to_owned());
        let mut tags = document.description.lacking(Tags::from([tag]));
        tags.retain(|key, value| self.records_default_version && self.set_tags.get(key) != Some(value));
        tags
    }
}

/// What happens to the versions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum VersionChange {
    /// Nothing: the versions are as desired.
    #[default]
    Keep,
    /// Promote this version, which has the content.
    Promote(String),
    /// Upload a new version.
    Upload(Upload),
}

/// A new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upload {
    /// The latest version that was observed. AWS refuses the upload if a newer one exists.
    pub(crate) on_top_of: String,
    /// Whether it becomes the default version.
    pub(crate) promote: bool,
    /// Set if the default version already has the content and only these attributes differ.
    pub(crate) attributes: Option<Attributes>,
}

impl Upload {
    /// Whether the version with this number, which has the content, is promoted.
    pub(crate) fn promotes(&self, number: &str, document: &Document) -> bool {
        self.promote && number != document.default.number
    }

    /// The name of the new version, if it gets one. AWS accepts each name only once. If only other attributes change, an existing
    /// version already has the name, so the new version gets none.
    pub(crate) fn version_name<'a>(&self, desired: &'a Desired) -> Option<&'a str> {
        let is_named = self.attributes.as_ref().is_none_or(|attributes| attributes.names.contains(&"VersionName"));
        desired.version_name.as_deref().filter(|_| is_named)
    }
}

/// Attributes that AWS changes only with a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    /// The names of the properties.
    pub(crate) names: Vec<&'static str>,
    /// Whether the request fails if AWS refuses the change because the content is the same. This is `true` if the document
    /// still has the old values, because the rollback then finds nothing to change and succeeds.
    pub(crate) refusable: bool,
}

/// Decides how to get from the observed document to the desired one, and which warnings to give. The document already belongs to
/// this resource: [`adoption`](super::adoption) has already run, so the document has the ownership tags. If another delivery
/// set them, they are set again, because that delivery may have failed and removed them since.
///
/// # Errors
/// The request is refused: `Requires` would have to change, the document would have too many tags, or the content has problems.
/// Problems in content that the document already has are warnings: if they were refused, a rollback could not succeed.
pub(crate) fn plan(
    intent: Intent<'_>,
    document: &Document,
    adopted: &Adopted,
) -> Result<(Change, Vec<Problem>), Failure> {
    let Desired { findings, tags, account_ids, .. } = intent.desired;
    let description = &document.description;
    refuse_new_requires(intent, description)?;
    let has_content = has_content(intent.desired, document);
    let mut problems = findings.problems.clone();
    problems.extend(requires_problem(intent, description));
    let mut warnings = findings.warnings.clone();
    if has_content {
        warnings.append(&mut problems);
    }
    fail_on(&problems)?;
    if has_content {
        warnings.extend(differing_labels(intent.desired, document));
    }
    refuse_too_many(intent, description, &Tags::new())?;
    let mut change = Change {
        set_tags: description.lacking(tags.clone()),
        remove_tags: &no_longer_declared(intent, description) | &of_keys(description),
        version: version_change(intent, document, has_content),
        tags_of_version: Tags::new(),
        records_default_version: false,
        share: account_ids.difference(&document.shared_with).cloned().collect(),
        unshare: unshare(intent, document),
    };
    if matches!(change.version, VersionChange::Upload(_)) {
        add_if_it_fits(intent, description, &mut change.tags_of_version, attachments_tag(intent.desired));
    }
    let has_tag = description.tags.contains_key(DEFAULT_VERSION);
    match default_version_tag(intent.desired, &document.default.number) {
        // Set once the default version has changed.
        Some(_) if has_tag && change.version != VersionChange::Keep => change.records_default_version = true,
        // A tag that differs from the default version tells the next request that this one may still be writing. So if the
        // document lacks the tag, the tag is set to the current default version before a promotion, and to the new one after it.
        Some(tag) => {
            let tag = Some(tag).filter(|(key, value)| description.tags.get(key) != Some(value));
            change.records_default_version = add_if_it_fits(intent, description, &mut change.set_tags, tag);
            if !change.records_default_version {
                warnings.push(Problem::new("Tags", NO_ROOM_FOR_DEFAULT_VERSION));
            }
        }
        None if has_tag => drop(change.remove_tags.insert(DEFAULT_VERSION.to_owned())),
        None => {}
    }
    if change.writes() {
        if *adopted == Adopted::ByAnotherDelivery {
            change.set_tags.extend(of_request(&description.tags));
        }
        let since = since(intent).filter(|(key, value)| description.tags.get(key) != Some(value));
        if !add_if_it_fits(intent, description, &mut change.set_tags, since) {
            warnings.push(Problem::new("Tags", NO_ROOM));
        }
    }
    Ok((change, warnings))
}

fn has_content(desired: &Desired, document: &Document) -> bool {
    document.default.status == Status::Active && desired.content.same_as(&document.default.content)
}

/// Decides whether a version is kept, promoted or uploaded.
fn version_change(intent: Intent<'_>, document: &Document, has_content: bool) -> VersionChange {
    let promote = intent.desired.set_default_version;
    let on_top_of = || document.description.latest_version.clone();
    if has_content {
        let labels = Labels {
            version_name: document.default.version_name.as_deref(),
            display_name: document.description.display_name.as_deref(),
            target_type: document.description.target_type.as_deref(),
            attachments_digest: document.description.tags.get(ATTACHMENTS).map(String::as_str),
        };
        return match attributes(intent, labels) {
            Some(attributes) => {
                VersionChange::Upload(Upload { on_top_of: on_top_of(), promote, attributes: Some(attributes) })
            }
            None => VersionChange::Keep,
        };
    }
    match &document.latest {
        Some(latest) if latest.status == Status::Active && intent.desired.content.same_as(&latest.content) => {
            match (promote, attributes(intent, Labels::default())) {
                (false, _) => VersionChange::Keep,
                (true, None) => VersionChange::Promote(latest.number.clone()),
                // The attributes of that version were not read. AWS either accepts another version or reports a duplicate.
                (true, Some(_)) => VersionChange::Upload(Upload { on_top_of: on_top_of(), promote, attributes: None }),
            }
        }
        _ => VersionChange::Upload(Upload { on_top_of: on_top_of(), promote, attributes: None }),
    }
}

/// The attributes of a version that has the content.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Labels<'a> {
    pub(crate) version_name: Option<&'a str>,
    pub(crate) display_name: Option<&'a str>,
    pub(crate) target_type: Option<&'a str>,
    /// The digest of the attachments that were uploaded last, from the document's tag.
    pub(crate) attachments_digest: Option<&'a str>,
}

/// The attributes that the version lacks, if this request changes attributes and not the content.
pub(crate) fn attributes(intent: Intent<'_>, present: Labels<'_>) -> Option<Attributes> {
    let desired = intent.desired;
    let previous = intent.previous().filter(|previous| previous.content.as_ref() == Some(&desired.content.text))?;
    // Under `SetDefaultVersion: false`, a new version is not promoted, so the default version does not show whether an earlier
    // delivery has changed the attributes.
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
    // AWS does not return attachments: the tag shows a change or, without a tag, the old properties do.
    let attachments_differ = match present.attachments_digest {
        Some(digest) => digest != attachments_digest(&desired.attachments),
        None => previous.attachments.as_ref() != Some(&desired.attachments),
    };
    if !desired.attachments.is_empty() && attachments_differ {
        attributes.names.push("Attachments");
    }
    (!attributes.names.is_empty()).then_some(attributes)
}

/// Warns about names that differ. Content that the default version already has is uploaded again only if this request itself
/// changes its attributes.
fn differing_labels(desired: &Desired, document: &Document) -> Vec<Problem> {
    let present = [&document.default.version_name, &document.description.display_name];
    let desired = [("VersionName", &desired.version_name), ("DisplayName", &desired.display_name)];
    let differing =
        desired.into_iter().zip(present).filter(|((_, desired), present)| desired.is_some() && desired != present);
    let why = "differs from that of the default version, which already has the content. AWS changes it only together with the \
        content.";
    differing.map(|((name, _), _)| Problem::new(name, why)).collect()
}

fn unshare(intent: Intent<'_>, document: &Document) -> Vec<String> {
    let old = intent.previous().map(|previous| previous.account_ids.difference(&intent.desired.account_ids));
    old.into_iter().flatten().filter(|id| document.shared_with.contains(*id)).cloned().collect()
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every field is named, so that a new field does not compile until somebody decides whether to show it.
        let Self { set_tags, remove_tags, version, tags_of_version: _, records_default_version: _, share, unshare } =
            self;
        let mut steps: Vec<String> = Vec::new();
        if !set_tags.is_empty() {
            steps.push(format!("set tags: {}", set_tags.len()));
        }
        if !remove_tags.is_empty() {
            steps.push(format!("remove tags: {}", remove_tags.len()));
        }
        match version {
            VersionChange::Keep => {}
            VersionChange::Promote(version) => steps.push(format!("promote version {version}")),
            VersionChange::Upload(Upload { on_top_of: _, promote, attributes }) => {
                let why = attributes
                    .as_ref()
                    .map(|changed| format!(" for {}", changed.names.join(" and ")))
                    .unwrap_or_default();
                steps.push(format!("upload a version{why}{}", if *promote { " and promote it" } else { "" }));
            }
        }
        if !share.is_empty() {
            steps.push(format!("share with accounts: {}", share.len()));
        }
        if !unshare.is_empty() {
            steps.push(format!("stop sharing with accounts: {}", unshare.len()));
        }
        if steps.is_empty() { f.write_str("nothing to do") } else { f.write_str(&steps.join(", ")) }
    }
}

#[cfg(test)]
mod tests;
