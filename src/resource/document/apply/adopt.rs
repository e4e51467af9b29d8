//! Observes a document and, if it is to be adopted, writes the ownership tags while the content is read.

use super::context::{Apply, Observation};
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::read_lag::ReadLag;
use crate::resource::document::aws::observe::{Look, describe, describe_and_read, read};
use crate::resource::document::aws::write::NotTagged;
use crate::resource::document::intent::Operation;
use crate::resource::document::observed::{Description, Document, Observed};
use crate::resource::document::plan::adopted::Adopted;
use crate::resource::document::plan::adoption::{Adoption, adoption, native_owner_warning};
use crate::resource::document::plan::undo_record::before_change;
use crate::resource::document::plan::visibility::may_hide_delivery;

/// What one look at the document shows.
#[allow(clippy::large_enum_variant)]
enum Seen {
    /// The document, and whether this look adopted it.
    Document(Look<Document>, Adopted),
    /// The default version is so new that the tags of another delivery may not be visible yet. Nothing was written.
    TooNew,
}

impl Apply<'_> {
    /// Observes the document, and adopts it if the plan says so. Waits while AWS is changing the document, until the caller's
    /// deadline.
    ///
    /// # Errors
    /// The adoption is refused, and nothing was written; or a call failed.
    pub(crate) async fn observe(&self) -> Result<Observation, Failure> {
        let (mut backoff, mut adopted, mut lag) = (Backoff::new(), Adopted::No, None);
        loop {
            self.undo_log.step("reading the document");
            let observed = match self.intent.operation {
                Operation::Create | Operation::Rename => self.observe_new().await,
                Operation::Update(_) => self.observe_own().await,
            };
            let (look, adopted_now) = match observed {
                Ok(Seen::Document(look, adopted)) => (look, adopted),
                Ok(Seen::TooNew) => {
                    self.undo_log.step("waiting until the tags that another delivery may have set are visible");
                    backoff.pause().await;
                    continue;
                }
                // The description lagged behind a deletion.
                Err(NotTagged::Gone(failure)) => {
                    if !lag.get_or_insert_with(ReadLag::begin).is_possible() {
                        return Err(failure);
                    }
                    backoff.pause().await;
                    continue;
                }
                Err(NotTagged::Failed(failure)) => return Err(failure),
            };
            adopted = adopted.or(adopted_now);
            match look {
                Look::Present(document) => return Ok(Observation { observed: Observed::Present(document), adopted }),
                Look::Absent => return Ok(Observation { observed: Observed::Absent, adopted }),
                Look::Changing(status) => {
                    self.undo_log.step(format!("waiting while AWS changes the document (it is {status})"));
                    backoff.pause().await;
                }
            }
        }
    }

    async fn observe_new(&self) -> Result<Seen, NotTagged> {
        let description = match describe(self.reader).await? {
            Look::Present(description) => description,
            Look::Absent => return Ok(Seen::Document(Look::Absent, Adopted::No)),
            Look::Changing(status) => return Ok(Seen::Document(Look::Changing(status), Adopted::No)),
        };
        if may_hide_delivery(self.intent, &description, self.clock.now()) {
            return Ok(Seen::TooNew);
        }
        let adoption = self.decide(&description)?;
        // `join!`, not `try_join!`: if the read fails, the tags must not still be in flight while the adoption is undone.
        let (look, adopted) =
            tokio::join!(read(self.reader, description.clone(), self.intent), self.write(&description, &adoption));
        let adopted = adopted?;
        Ok(Seen::Document(with_tags(look?, &adoption), adopted))
    }

    async fn observe_own(&self) -> Result<Seen, NotTagged> {
        let look = describe_and_read(self.reader, self.intent).await?;
        let Look::Present(document) = &look else { return Ok(Seen::Document(look, Adopted::No)) };
        if may_hide_delivery(self.intent, &document.description, self.clock.now()) {
            return Ok(Seen::TooNew);
        }
        let adoption = self.decide(&document.description)?;
        let adopted = self.write(&document.description, &adoption).await?;
        Ok(Seen::Document(with_tags(look, &adoption), adopted))
    }

    fn decide(&self, description: &Description) -> Result<Adoption, Failure> {
        let adoption = adoption(self.intent, description)?;
        if adoption.tags().is_some() {
            tracing::info!(document = self.intent.desired.name, plan = %adoption, "planned");
        }
        if let (Adoption::Adopt(_), Some(warning)) = (&adoption, native_owner_warning(description)) {
            tracing::warn!(document = self.intent.desired.name, "{warning}");
        }
        Ok(adoption)
    }

    async fn write(&self, description: &Description, adoption: &Adoption) -> Result<Adopted, NotTagged> {
        if let Some(undo) = before_change(self.intent, description, adoption, self.recorded_undo().as_ref()) {
            self.record(undo);
        }
        if let Some(tags) = adoption.tags() {
            self.amend(|undo| undo.record_set_tags(tags));
            self.writer.tag(tags).await?;
        }
        Ok(Adopted::by(adoption, description))
    }
}

/// The document as it is after its adoption.
fn with_tags(look: Look<Document>, adoption: &Adoption) -> Look<Document> {
    match look {
        Look::Present(mut document) => {
            let tags = adoption.tags().into_iter().flatten();
            document.description.tags.extend(tags.map(|(key, value)| (key.clone(), value.clone())));
            Look::Present(document)
        }
        Look::Absent => Look::Absent,
        Look::Changing(status) => Look::Changing(status),
    }
}
