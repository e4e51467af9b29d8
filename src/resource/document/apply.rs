//! Carries out a plan, and verifies it: each step is a call or a wait; what to do next was decided by the plan.

use aws_sdk_ssm::types::DocumentDescription;

use super::claim::claim;
use super::content::redact;
use super::observed::{Document, Observed, Status};
use super::owner::Owner;
use super::plan::{Asked, Change, VersionChange};
use super::read::{Reader, status_of, tags_of};
use super::undo::Undo;
use super::upload::Placed;
use super::write::Writer;
use super::{AnyUndo, observe};
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;
use crate::ssm::{ErrorCode, SsmError};

/// What it needs to carry out a plan.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Apply<'a> {
    pub reader: Reader<'a>,
    pub writer: Writer<'a>,
    pub asked: Asked<'a>,
    pub undo_log: &'a UndoLog<AnyUndo>,
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

impl Apply<'_> {
    /// Looks at a document that the resource may meet for the first time and, where it is to be adopted, makes it this resource's
    /// while its content is read. Gives what was there before, nothing while AWS is changing it, and whether it was claimed.
    ///
    /// It is described before it is read: where there is none, as for most, one connection is enough.
    ///
    /// # Errors
    /// Adopting it is refused, and then nothing was written; or a call failed.
    pub async fn meet(&self, sharing: bool) -> Result<(Option<Observed>, bool), Failure> {
        let Some(description) = self.reader.describe(None).await? else { return Ok((Some(Observed::Absent), false)) };
        let Some(description) = observe::settled(description) else { return Ok((None, false)) };
        let claim = claim(self.asked, &description)?;
        if !claim.is_empty() {
            self.undo_log.note(Undo::of_claimed(self.asked, &description, &claim).map(AnyUndo::Document));
        }
        let content = &self.asked.desired.content;
        // Joined, not tried: when one fails, none may still be under way while the claim is undone.
        let (observed, claimed) =
            tokio::join!(observe::described(self.reader, description, content, sharing), self.writer.tag(&claim),);
        claimed?;
        Ok((observed?, !claim.is_empty()))
    }

    /// Makes the document, shared as desired, and waits until it is Active.
    ///
    /// # Errors
    /// [`NotApplied::Outdated`] where there is one meanwhile.
    pub async fn create(&self) -> Result<Applied, NotApplied> {
        self.undo_log.step("creating the document");
        let desired = self.asked.desired;
        let mut tags = self.asked.me.tags_of_created();
        tags.extend(desired.tags.clone());
        let result = self.writer.create(desired, &tags).await;
        if let Err(error) = &result
            && error.is(&ErrorCode::DocumentAlreadyExists)
        {
            return Err(NotApplied::Outdated(self.writer.failure_without_content(error, desired)));
        }
        if !result.as_ref().is_err_and(SsmError::may_have_taken_effect) {
            self.undo_log.amend(|undo| {
                if let AnyUndo::Document(undo) = undo {
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

    /// Changes the document that is there. `claimed` tells whether it was adopted in this invocation: then the tags are read again
    /// before anything is promoted, and of two stacks that adopt in the same second one loses.
    ///
    /// # Errors
    /// [`NotApplied::Outdated`] where the document is gone.
    pub async fn change(&self, document: &Document, change: &Change, claimed: bool) -> Result<Applied, NotApplied> {
        self.undo_log.step("changing the document");
        let Change { claim: _, set_tags, remove_tags, version, share, unshare } = change;
        // Joined, not tried: when one fails, none may still be under way while the change is undone.
        let (owned, tagged, untagged, shared, placed) = tokio::join!(
            async { if claimed { self.still_owned().await } else { Ok(()) } },
            self.writer.tag(set_tags),
            self.writer.untag(remove_tags.iter().cloned()),
            self.writer.share(share, unshare),
            self.place(document, version),
        );
        owned?;
        let placed = placed?;
        tagged?;
        untagged?;
        shared?;
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
            latest_version: document.description.latest_version.clone(),
            hash: document.description.hash.clone(),
        };
        let Some(Placed { number, description }) = placed else { return Ok(unchanged) };
        let promote =
            !matches!(change, VersionChange::Upload { promote: false, .. }) && number != document.default.number;
        let later = |one: &str, other: &str| one.parse::<u64>().ok() > other.parse::<u64>().ok();
        let latest = &unchanged.latest_version;
        let latest_version = if later(&number, latest) { &number } else { latest }.clone();
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
        self.undo_log.step(format!("promoting version {version}"));
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

    /// Waits until the described version is Active.
    async fn active(
        &self,
        description: DocumentDescription,
        version: Option<&str>,
    ) -> Result<DocumentDescription, Failure> {
        let (status, description) = match status_of(&description) {
            Status::Pending => {
                self.undo_log.step(format!("waiting for version {} to become Active", version.unwrap_or("1")));
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
    async fn still_owned(&self) -> Result<(), NotApplied> {
        let gone = || NotApplied::Outdated(Failure::new("The document disappeared in the meantime."));
        let description = self.reader.describe(None).await?.ok_or_else(gone)?;
        match Owner::of(&tags_of(&description)) {
            Some(owner) if owner == *self.asked.me => Ok(()),
            other => {
                let by =
                    other.map(|owner| format!(" by the resource {} of the stack {}", owner.logical_id, owner.stack_id));
                let (name, by) = (&self.asked.desired.name, by.unwrap_or_default());
                Err(Failure::new(format!("DocumentName: the document {name} was adopted{by} at the same moment."))
                    .into())
            }
        }
    }
}
