//! Carries out a plan and verifies the outcome. This module decides nothing: each step is a call or a wait.

mod adopt;
pub(crate) mod context;
mod delete;
pub(crate) mod merge;
pub(crate) mod release;
pub(crate) mod undo;
mod upload;

use self::context::{Applied, Apply, MadeVersion, NotApplied, Uploaded, newer};
use super::aws::read::Described;
use super::aws::write::{NotCreated, NotWritten};
use super::content::redact;
use super::observed::{Document, Observed, Status};
use super::ownership::Tags;
use super::plan::Plan;
use super::plan::adopted::{Adopted, Confirmation, confirmation};
use super::plan::change::{Change, VersionChange};
use super::plan::tags::tags_of_new;
use super::plan::undo::CreateCall;
use super::plan::undo_record::before_create;
use crate::failure::Failure;
use crate::read_lag::ReadLag;

impl Apply<'_> {
    /// Carries out the plan for the document that was observed.
    ///
    /// # Errors
    /// A call failed, or the document has changed since it was observed. The undo log then holds what must be undone, if
    /// anything.
    pub(crate) async fn carry_out(
        &self,
        plan: &Plan,
        observed: &Observed,
        adopted: &Adopted,
    ) -> Result<Applied, NotApplied> {
        match (plan, observed) {
            (Plan::Change(change), Observed::Present(document)) => self.change(document, change, adopted).await,
            (Plan::Create, _) | (_, Observed::Absent) => self.create().await,
        }
    }

    async fn create(&self) -> Result<Applied, NotApplied> {
        self.undo_log.step("creating the document");
        let (desired, tags) = (self.intent.desired, tags_of_new(self.intent));
        if let Some(undo) = before_create(self.intent, self.recorded_undo().as_ref()) {
            self.record(undo);
        }
        let created = match self.writer.create(desired, &tags).await {
            Ok(created) => created,
            Err(NotCreated::AlreadyExists(failure)) => {
                self.amend(|undo| undo.record_create(CreateCall::Refused));
                return Err(NotApplied::Outdated(failure));
            }
            Err(NotCreated::Failed(NotWritten::Refused(failure))) => {
                self.amend(|undo| undo.record_create(CreateCall::Refused));
                return Err(failure.into());
            }
            Err(NotCreated::Failed(NotWritten::Uncertain(failure))) => return Err(failure.into()),
        };
        self.amend(|undo| undo.record_create(CreateCall::Succeeded));
        let created = self.wait_until_active(created, None).await?;
        let accounts: Vec<String> = desired.account_ids.iter().cloned().collect();
        self.writer.share(&accounts, &[]).await?;
        let version = created.version.number.unwrap_or_else(|| "1".into());
        Ok(Applied { default_version: version.clone(), latest_version: version, hash: created.description.hash })
    }

    async fn change(&self, document: &Document, change: &Change, adopted: &Adopted) -> Result<Applied, NotApplied> {
        self.undo_log.step("changing the document");
        let Change { set_tags, remove_tags, version, tags_of_version, records_default_version: _, share, unshare } =
            change;
        self.amend(|undo| {
            undo.record_set_tags(set_tags);
            undo.record_removed_tags(remove_tags);
            undo.record_shares(share.iter().cloned());
        });
        // `join!`, not `try_join!`: if one fails, the others must not still be in flight while the change is undone.
        let (owned, tagged, untagged, shared, version) = tokio::join!(
            self.confirm_ownership(adopted),
            self.writer.tag(set_tags),
            self.writer.untag(remove_tags.iter().cloned()),
            self.writer.share(share, unshare),
            self.make_version(document, version),
        );
        owned?;
        let version = version?;
        tagged?;
        untagged?;
        shared?;
        let applied = self.settle_default(document, version, tags_of_version).await?;
        let tag = change.tag_of_default(document, &applied.default_version);
        self.amend(|undo| undo.record_set_tags(&tag));
        self.writer.tag(&tag).await?;
        Ok(applied)
    }

    /// Promotes the desired version once it is Active, unless the plan leaves the default version as it is.
    async fn settle_default(
        &self,
        document: &Document,
        version: MadeVersion,
        tags_of_version: &Tags,
    ) -> Result<Applied, NotApplied> {
        let observed = Applied {
            default_version: document.default.number.clone(),
            latest_version: document.description.latest_version.clone(),
            hash: document.description.hash.clone(),
        };
        let latest = |number: &str| newer(number, &observed.latest_version).to_owned();
        match version {
            MadeVersion::Observed => Ok(observed),
            // The version was Active when the document was observed.
            MadeVersion::Promote(number) => {
                let (described, promoted) = tokio::join!(self.reader.describe_version(&number), self.promote(&number));
                promoted?;
                let hash = described?.and_then(|described| described.description.hash);
                Ok(Applied { latest_version: latest(&number), default_version: number, hash })
            }
            MadeVersion::Uploaded(uploaded) => {
                let Uploaded { number, described, promote } = *uploaded;
                let described = self.wait_until_active(described, Some(&number)).await?;
                self.amend(|undo| undo.record_set_tags(tags_of_version));
                self.writer.tag(tags_of_version).await?;
                let latest_version = latest(&number);
                if !promote {
                    return Ok(Applied { latest_version, ..observed });
                }
                self.promote(&number).await?;
                Ok(Applied { latest_version, default_version: number, hash: described.description.hash })
            }
        }
    }

    async fn promote(&self, version: &str) -> Result<(), Failure> {
        self.undo_log.step(format!("promoting version {version}"));
        self.amend(|undo| undo.record_promotion(Some(version)));
        let confirmed = match self.writer.promote(version).await {
            Ok(confirmed) => confirmed,
            Err(NotWritten::Refused(failure)) => {
                self.amend(|undo| undo.record_promotion(None));
                return Err(failure);
            }
            Err(NotWritten::Uncertain(failure)) => return Err(failure),
        };
        if confirmed != version {
            return Err(Failure::new(format!(
                "Version {version} of document {} was promoted, but AWS reports version {confirmed} as the default version. Try again.",
                self.intent.desired.name
            )));
        }
        Ok(())
    }

    async fn make_version(&self, document: &Document, change: &VersionChange) -> Result<MadeVersion, NotApplied> {
        match change {
            VersionChange::Keep => Ok(MadeVersion::Observed),
            VersionChange::Promote(number) => Ok(MadeVersion::Promote(number.clone())),
            VersionChange::Upload(upload) => self.upload(document, upload).await,
        }
    }

    /// Waits until the described version is Active. A version that was just created may not be visible yet.
    async fn wait_until_active(&self, described: Described, version: Option<&str>) -> Result<Described, Failure> {
        let name = &self.intent.desired.name;
        let number =
            described.version.number.clone().or_else(|| version.map(str::to_owned)).unwrap_or_else(|| "1".into());
        let (mut lag, mut described) = (ReadLag::begin(), Some(described));
        loop {
            match described.as_ref().map(Described::status) {
                Some(Status::Active) => return described.ok_or_else(|| disappeared(name)),
                Some(Status::Failed(why)) => {
                    let content = &self.intent.desired.content;
                    let why = redact(&why, &content.text, content.node.as_ref());
                    return Err(Failure::new(match version {
                        Some(number) => format!(
                            "AWS could not create version {number} of document {name}, so it was not promoted: {why}"
                        ),
                        None => format!("AWS could not create the document {name}: {why}"),
                    }));
                }
                Some(Status::Deleting) => {
                    return Err(Failure::new(format!(
                        "Version {number} of document {name} is being deleted by someone else. Try again."
                    )));
                }
                Some(status @ (Status::Creating | Status::Updating)) => {
                    self.undo_log.step(format!("waiting for version {number} to become Active"));
                    self.undo_log.seen(format!("it is still {status}; AWS may need more time than this function has"));
                }
                None if lag.is_possible() => {}
                None => return Err(disappeared(name)),
            }
            lag.pause().await;
            described = match version {
                Some(version) => self.reader.describe_version(version).await?,
                None => self.reader.describe().await?,
            };
        }
    }

    /// Reads the tags again after an adoption, until they show who has adopted the document, or until reads can no longer lag.
    /// If they still show nothing, the adoption counts as confirmed.
    async fn confirm_ownership(&self, adopted: &Adopted) -> Result<(), NotApplied> {
        let Adopted::From(former) = adopted else { return Ok(()) };
        let (name, mut lag) = (&self.intent.desired.name, ReadLag::begin());
        loop {
            let described = self.reader.describe().await?.ok_or_else(|| NotApplied::Outdated(disappeared(name)))?;
            match confirmation(self.intent.owner, former.as_ref(), &described.description.tags) {
                Confirmation::Confirmed => return Ok(()),
                Confirmation::LostTo(owner) => {
                    return Err(NotApplied::Failed(Failure::new(format!(
                        "DocumentName: the document {name} was adopted by the resource {} of the stack {} at the same time.",
                        owner.logical_id, owner.stack_id
                    ))));
                }
                Confirmation::NotVisible if lag.is_possible() => lag.pause().await,
                Confirmation::NotVisible => {
                    tracing::warn!(document = name, "the ownership tags are still not visible");
                    return Ok(());
                }
            }
        }
    }
}

fn disappeared(name: &str) -> Failure {
    Failure::new(format!("The document {name} was deleted in the meantime."))
}
