//! Uploads a version, or finds the one that has the content, where AWS refuses a new one; [`super::versions`] decides which.

use aws_sdk_ssm::types::DocumentDescription;
use futures_util::future::join_all;

use super::apply::{Apply, NotApplied};
use super::content::Format;
use super::observed::{Document, ListedVersion};
use super::owner::{Origin, Owner, origin};
use super::plan::{Asked, Attributes, Labels, attributes};
use super::read::given;
use super::versions::{OnDuplicate, oldest_to_spare, on_duplicate};
use crate::failure::Failure;
use crate::ssm::ErrorCode;

/// How many contents are read side by side when the versions are searched.
const READ_AT_ONCE: usize = 8;

/// A version that has the desired content, and its description where it was seen.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) number: String,
    pub(super) description: Option<DocumentDescription>,
}

impl Apply<'_> {
    /// Uploads a version, or finds the one that AWS says is there already.
    pub(super) async fn upload(
        &self,
        document: &Document,
        attributes: Option<&Attributes>,
    ) -> Result<Option<Placed>, NotApplied> {
        let desired = self.asked.desired;
        let tags = &document.description.tags;
        let is_mine = Owner::of(tags).as_ref() == Some(self.asked.me);
        let origin = if is_mine { origin(tags) } else { Origin::Adopted { previous_default_version: None } };
        // Where only other attributes change, the version that has the content has the name, too, and names can't be used twice.
        let names = attributes.is_none_or(|attributes| attributes.names.contains(&"VersionName"));
        let version_name = desired.version_name.as_deref().filter(|_| names);
        let (mut spared, mut replaced) = (false, false);
        loop {
            self.undo_log.step("uploading a version");
            let error = match self.writer.upload(desired, version_name).await {
                Ok(description) => {
                    let number = description.document_version.clone().unwrap_or_default();
                    return Ok(Some(Placed { number, description: Some(description) }));
                }
                Err(error) => error,
            };
            let failure = self.writer.failure_without_content(&error, desired);
            // It is gone, or another version of it is still being made, as by the same request delivered twice.
            if error.is(&ErrorCode::InvalidDocument) || error.is(&ErrorCode::InvalidDocumentOperation) {
                return Err(NotApplied::Outdated(failure));
            }
            if error.is(&ErrorCode::DuplicateDocumentContent) || error.is(&ErrorCode::DuplicateDocumentVersionName) {
                if let Some(attributes) = attributes {
                    return unchangeable(attributes, failure);
                }
                match self.find(&origin).await? {
                    OnDuplicate::Use(number) => {
                        let description = self.reader.describe(Some(&number)).await?;
                        // Delivered once more, the request would find that version in force, and be refused for what it lacks.
                        let lacking = description.as_ref().and_then(|found| attributes_lacking(self.asked, found));
                        if let Some(attributes) = lacking.filter(|attributes| attributes.refusable) {
                            return unchangeable(&attributes, failure);
                        }
                        return Ok(Some(Placed { number, description }));
                    }
                    OnDuplicate::Replace(version) if !replaced => {
                        self.writer.delete_version(&version).await?;
                        replaced = true;
                    }
                    OnDuplicate::Replace(version) | OnDuplicate::Refuse(version) => {
                        return Err(self.only_in_failed_version(&version, document).into());
                    }
                    OnDuplicate::None => {
                        return Err(failure
                            .and("No version that could be put in force has the desired content.")
                            .into());
                    }
                }
            } else if error.is(&ErrorCode::DocumentVersionLimitExceeded) && origin == Origin::Created && !spared {
                let versions = self.reader.versions().await?;
                let Some(oldest) = oldest_to_spare(&versions) else { return Err(failure.into()) };
                tracing::info!(version = oldest.number, "the oldest version makes room for the new one");
                self.writer.delete_version(&oldest.number).await?;
                spared = true;
            } else {
                return Err(failure.into());
            }
        }
    }

    /// Searches the versions for the desired content, newest first.
    async fn find(&self, origin: &Origin) -> Result<OnDuplicate, Failure> {
        self.undo_log.step("searching the versions for the content");
        let versions = self.reader.versions().await?;
        let mut with_content: Vec<&ListedVersion> = Vec::new();
        for some in versions.chunks(READ_AT_ONCE) {
            let have_it = some.iter().map(|version| self.has_content(&version.number));
            for (version, has_it) in some.iter().zip(join_all(have_it).await) {
                if has_it? {
                    with_content.push(version);
                }
            }
            if let OnDuplicate::Use(number) = on_duplicate(with_content.iter().copied(), origin) {
                return Ok(OnDuplicate::Use(number));
            }
        }
        Ok(on_duplicate(with_content, origin))
    }

    async fn has_content(&self, version: &str) -> Result<bool, Failure> {
        let desired = &self.asked.desired.content;
        // A version that was uploaded as JSON says the same in AWS's YAML, but perhaps with scalars that parsers read differently.
        let other_format = (desired.format == Format::Yaml).then_some(Format::Json);
        for format in [desired.format].into_iter().chain(other_format) {
            let found = self.reader.version(Some(version), format).await?;
            if found.is_some_and(|found| desired.same_as(&found.content)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn only_in_failed_version(&self, version: &str, document: &Document) -> Failure {
        let name = &self.asked.desired.name;
        // A default version can't be deleted.
        let first = if document.default.number == version { ", once another one is in force" } else { "" };
        Failure::new(format!(
            "DocumentContent: version {version} of document {name} has this content already, but failed, and AWS does not take \
             the content again. Delete that version{first} (aws ssm delete-document --name {name} --document-version {version}), or \
             change the content."
        ))
    }
}

/// What a version that was found lacks of the attributes that the request changes.
fn attributes_lacking(asked: Asked<'_>, found: &DocumentDescription) -> Option<Attributes> {
    let labels = Labels {
        version_name: given(found.version_name()),
        display_name: given(found.display_name()),
        target_type: given(found.target_type()),
    };
    attributes(asked, labels)
}

/// AWS takes attributes only together with a new content.
fn unchangeable(attributes: &Attributes, failure: Failure) -> Result<Option<Placed>, NotApplied> {
    let names = attributes.names.join(" and ");
    if attributes.refusable {
        return Err(failure
            .and(format!("{names} can't be changed alone: change the content, too, or take the change back."))
            .into());
    }
    tracing::warn!(
        attributes = names,
        "these differ from what is desired, and AWS does not change them without a new content"
    );
    Ok(None)
}
