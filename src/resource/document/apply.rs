//! Carries out a plan, and verifies it: each step is a call or a wait; what to do next was decided by the plan and, where AWS
//! refuses a new version, is decided by [`super::versions`].

use aws_sdk_ssm::types::DocumentDescription;
use futures_util::future::join_all;

use super::content::{Format, redact};
use super::observed::{Document, ListedVersion, Status};
use super::owner::{Origin, Owner, origin};
use super::plan::{Asked, Attributes, Change, Labels, VersionChange, attributes};
use super::read::{Reader, status_of, tags_of};
use super::versions::{OnDuplicate, oldest_to_spare, on_duplicate};
use super::write::Writer;
use crate::cfn::failure::Failure;
use crate::cfn::progress::Progress;
use crate::resource::Undo;
use crate::ssm::SsmError;

/// How many contents are read side by side when the versions are searched.
const READ_AT_ONCE: usize = 8;

/// What it needs to carry out a plan.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Apply<'a> {
    pub reader: Reader<'a>,
    pub writer: Writer<'a>,
    pub asked: Asked<'a>,
    pub progress: &'a Progress<Undo>,
}

/// The document once the plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Applied {
    pub default_version: String,
    pub latest_version: String,
    /// Of the default version.
    pub hash: Option<String>,
}

/// Why a plan was not carried out.
#[derive(Debug)]
pub enum NotApplied {
    /// It failed.
    Failed(Failure),
    /// The document is no longer as it was when the plan was made, as this failure tells: it must be observed again.
    Outdated(Failure),
}

impl From<Failure> for NotApplied {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A version that has the desired content, and its description where it was seen.
struct Placed {
    number: String,
    description: Option<DocumentDescription>,
}

impl Apply<'_> {
    /// Makes the document, shared as desired, and waits until it is Active.
    ///
    /// # Errors
    /// [`NotApplied::Outdated`] where there is one meanwhile.
    pub async fn create(&self) -> Result<Applied, NotApplied> {
        self.progress.step("creating the document");
        let desired = self.asked.desired;
        let mut tags = self.asked.me.tags_of_created();
        tags.extend(desired.tags.clone());
        let result = self.writer.create(desired, &tags).await;
        if let Err(error) = &result
            && error.is("DocumentAlreadyExists")
        {
            return Err(NotApplied::Outdated(self.writer.failure_without_content(error, desired)));
        }
        if !result.as_ref().is_err_and(SsmError::is_unanswered) {
            self.progress.amend(|undo| {
                if let Undo::Document(undo) = undo {
                    undo.answered();
                }
            });
        }
        let created = result.map_err(|error| self.writer.failure_without_content(&error, desired))?;
        let share: Vec<String> = desired.account_ids.iter().cloned().collect();
        let created = self.active(created, None).await?;
        self.writer.share(&share, &[]).await?;
        let version = created.document_version.unwrap_or_else(|| "1".into());
        Ok(Applied { default_version: version.clone(), latest_version: version, hash: created.hash })
    }

    /// Changes the document that is there.
    ///
    /// Where it is adopted, the tags are read again before anything is promoted: of two stacks that adopt in the same second
    /// one loses.
    ///
    /// # Errors
    /// [`NotApplied::Outdated`] where the document is gone.
    pub async fn change(&self, document: &Document, change: &Change) -> Result<Applied, NotApplied> {
        self.progress.step("changing the document");
        let Change { adopts, set_tags, remove_tags, version, share, unshare } = change;
        // Joined, not tried: when one fails, none may still be under way while the change is undone.
        let (tagged, untagged, shared, placed) = tokio::join!(
            self.writer.tag(set_tags),
            self.writer.untag(remove_tags.iter().cloned()),
            self.writer.share(share, unshare),
            self.place(document, version),
        );
        let mut placed = placed?;
        tagged?;
        untagged?;
        shared?;
        if *adopts {
            let version = placed.as_ref().map(|placed| placed.number.as_str());
            let description = self.still_owned(version).await?;
            if let Some(placed) = &mut placed {
                placed.description = Some(description);
            }
        }
        self.enforce(document, version, placed).await
    }

    /// Puts the version that has the content in force, once it is Active.
    async fn enforce(
        &self,
        document: &Document,
        change: &VersionChange,
        placed: Option<Placed>,
    ) -> Result<Applied, NotApplied> {
        let unchanged = Applied {
            default_version: document.default.number.clone(),
            latest_version: document.latest_version.clone(),
            hash: document.hash.clone(),
        };
        let Some(Placed { number, description }) = placed else { return Ok(unchanged) };
        let promote =
            !matches!(change, VersionChange::Upload { promote: false, .. }) && number != document.default.number;
        let later = |one: &str, other: &str| one.parse::<u64>().ok() > other.parse::<u64>().ok();
        let latest_version = if later(&number, &document.latest_version) { &number } else { &document.latest_version };
        let latest_version = latest_version.clone();
        let (hash, in_force) = match description {
            Some(description) => {
                let hash = self.active(description, Some(&number)).await?.hash;
                let in_force = if promote { self.promote(&number).await? } else { document.default.number.clone() };
                (hash, in_force)
            }
            // It was seen Active when the document was observed.
            None => {
                let (description, in_force) = tokio::join!(self.reader.describe(Some(&number)), self.promote(&number));
                (description?.and_then(|description| description.hash), in_force?)
            }
        };
        let hash = if in_force == number { hash } else { unchanged.hash };
        Ok(Applied { default_version: in_force, latest_version, hash })
    }

    async fn promote(&self, version: &str) -> Result<String, Failure> {
        self.progress.step(format!("promoting version {version}"));
        let in_force = self.writer.promote(version).await?;
        if in_force != version {
            return Err(Failure::new(format!(
                "Version {version} of document {} was promoted, but AWS says that version {in_force} is in force. Try again.",
                self.asked.desired.name
            )));
        }
        Ok(in_force)
    }

    async fn place(&self, document: &Document, change: &VersionChange) -> Result<Option<Placed>, NotApplied> {
        match change {
            VersionChange::Keep => Ok(None),
            VersionChange::Promote(number) => Ok(Some(Placed { number: number.clone(), description: None })),
            VersionChange::Upload { attributes, .. } => self.upload(document, attributes.as_ref()).await,
        }
    }

    /// Uploads a version, or finds the one that AWS says is there already.
    async fn upload(&self, document: &Document, attributes: Option<&Attributes>) -> Result<Option<Placed>, NotApplied> {
        let desired = self.asked.desired;
        let is_mine = Owner::of(&document.tags).as_ref() == Some(self.asked.me);
        let origin = if is_mine { origin(&document.tags) } else { Origin::Adopted { previous_default_version: None } };
        // Where only other attributes change, the version that has the content has the name, too, and names can't be used twice.
        let names = attributes.is_none_or(|attributes| attributes.names.contains(&"VersionName"));
        let version_name = desired.version_name.as_deref().filter(|_| names);
        let (mut spared, mut replaced) = (false, false);
        loop {
            self.progress.step("uploading a version");
            let error = match self.writer.upload(desired, version_name).await {
                Ok(description) => {
                    let number = description.document_version.clone().unwrap_or_default();
                    return Ok(Some(Placed { number, description: Some(description) }));
                }
                Err(error) => error,
            };
            let failure = self.writer.failure_without_content(&error, desired);
            // It is gone, or another version of it is still being made, as by the same request delivered twice.
            if error.is("InvalidDocument") || error.is("InvalidDocumentOperation") {
                return Err(NotApplied::Outdated(failure));
            }
            if error.is("DuplicateDocumentContent") || error.is("DuplicateDocumentVersionName") {
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
            } else if error.is("DocumentVersionLimitExceeded") && origin == Origin::Created && !spared {
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
        self.progress.step("searching the versions for the content");
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

    /// Waits until the described version is Active.
    async fn active(
        &self,
        description: DocumentDescription,
        version: Option<&str>,
    ) -> Result<DocumentDescription, Failure> {
        let (status, description) = match status_of(&description) {
            Status::Pending => {
                self.progress.step(format!("waiting for version {} to become Active", version.unwrap_or("1")));
                self.reader.settled(version).await?
            }
            status => (status, description),
        };
        let (name, content) = (&self.asked.desired.name, &self.asked.desired.content);
        let version = description.document_version.as_deref().or(version).unwrap_or_default();
        match status {
            Status::Active => Ok(description),
            Status::Failed(why) => Err(Failure::new(format!(
                "Version {version} of document {name} failed, and was not put in force: {}",
                redact(&why, &content.text, content.node.as_ref())
            ))),
            Status::Pending | Status::Deleting => Err(Failure::new(format!(
                "Version {version} of document {name} is being deleted by someone else. Try again."
            ))),
        }
    }

    /// Reads the tags again after they were written.
    async fn still_owned(&self, version: Option<&str>) -> Result<DocumentDescription, NotApplied> {
        let gone = || NotApplied::Outdated(Failure::new("The document disappeared in the meantime."));
        let description = self.reader.describe(version).await?.ok_or_else(gone)?;
        match Owner::of(&tags_of(&description)) {
            Some(owner) if owner == *self.asked.me => Ok(description),
            other => {
                let by =
                    other.map(|owner| format!(" by the resource {} of the stack {}", owner.logical_id, owner.stack_id));
                let (name, by) = (&self.asked.desired.name, by.unwrap_or_default());
                Err(Failure::new(format!("DocumentName: the document {name} was adopted{by} at the same moment."))
                    .into())
            }
        }
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
        version_name: found.version_name().filter(|text| !text.is_empty()),
        display_name: found.display_name().filter(|text| !text.is_empty()),
        target_type: found.target_type().filter(|text| !text.is_empty()),
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
