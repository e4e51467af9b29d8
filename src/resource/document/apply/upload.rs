//! Uploads a version or, if AWS refuses it as a duplicate, finds the version that has the content.

use futures_util::future::join_all;

use super::context::{Apply, MadeVersion, NotApplied, Uploaded};
use crate::failure::Failure;
use crate::read_lag::ReadLag;
use crate::resource::document::aws::read::Described;
use crate::resource::document::aws::write::NotUploaded;
use crate::resource::document::content::Format;
use crate::resource::document::observed::{Document, ListedVersion};
use crate::resource::document::ownership::Origin;
use crate::resource::document::plan::change::{Labels, Upload, attributes};
use crate::resource::document::plan::versions::{
    AfterRefusal, Found, OnDuplicate, Remedy, after_refusal, oldest_prunable, on_duplicate, on_found,
};

/// How many versions are read concurrently when they are searched.
const READ_AT_ONCE: usize = 8;

/// A version with the desired content.
pub(super) enum WithContent {
    /// AWS accepted the upload.
    New(Box<Described>),
    /// AWS refused the upload, and an existing version has the content.
    Existing { number: String, refused: Failure },
}

impl Apply<'_> {
    pub(super) async fn upload(&self, document: &Document, upload: &Upload) -> Result<MadeVersion, NotApplied> {
        let version_name = upload.version_name(self.intent.desired);
        match self.upload_or_find(document, &upload.on_top_of, version_name).await? {
            WithContent::New(described) => Ok(uploaded(*described, document, upload)),
            WithContent::Existing { number, refused } => self.use_found(&number, document, upload, refused).await,
        }
    }

    /// Uploads the desired content on top of `on_top_of`, the latest version when the document was observed. If AWS refuses it as
    /// a duplicate, finds the version that has the content.
    ///
    /// # Errors
    /// The document has changed, a call failed, or no version with the content can be used. A version that was
    /// deleted so that AWS would accept the upload stays deleted.
    pub(super) async fn upload_or_find(
        &self,
        document: &Document,
        on_top_of: &str,
        version_name: Option<&str>,
    ) -> Result<WithContent, NotApplied> {
        let tags = &document.description.tags;
        let (origin, mut tried, mut lag) = (Origin::of(tags), Vec::new(), ReadLag::begin());
        loop {
            self.undo_log.step("uploading a version");
            let NotUploaded { refusal, failure } =
                match self.writer.upload(self.intent.desired, on_top_of, version_name).await {
                    Ok(described) => return Ok(WithContent::New(Box::new(described))),
                    Err(refused) => refused,
                };
            match after_refusal(refusal, origin, &tried) {
                AfterRefusal::ObserveAgain => return Err(NotApplied::Outdated(failure)),
                AfterRefusal::Fail => return Err(failure.into()),
                AfterRefusal::Prune => {
                    let versions = self.reader.versions().await?;
                    let Some(oldest) = oldest_prunable(&versions, tags) else { return Err(failure.into()) };
                    tracing::info!(
                        version = oldest.number,
                        "deleting the oldest unneeded version to make room for the new one"
                    );
                    self.writer.delete_version(&oldest.number).await?;
                    tried.push(Remedy::Prune);
                }
                AfterRefusal::Search => match self.find(origin).await? {
                    OnDuplicate::Use(number) => return Ok(WithContent::Existing { number, refused: failure }),
                    OnDuplicate::Replace(version) if !tried.contains(&Remedy::ReplaceFailed) => {
                        self.writer.delete_version(&version).await?;
                        tried.push(Remedy::ReplaceFailed);
                    }
                    OnDuplicate::Replace(version) | OnDuplicate::Refuse(version) => {
                        return Err(self.only_in_failed_version(&version, document).into());
                    }
                    // Another delivery of this request may just have created it.
                    OnDuplicate::None if lag.is_possible() => lag.pause().await,
                    OnDuplicate::None => {
                        return Err(failure.and("No Active version has the desired content.").into());
                    }
                },
            }
        }
    }

    /// Does what [`on_found`] decides about the existing version that has the content.
    async fn use_found(
        &self,
        number: &str,
        document: &Document,
        upload: &Upload,
        failure: Failure,
    ) -> Result<MadeVersion, NotApplied> {
        let gone =
            || NotApplied::Outdated(Failure::new("The version that has the content was deleted in the meantime."));
        let described = self.reader.describe_version(number).await?.ok_or_else(gone)?;
        let labels = Labels {
            version_name: described.version.version_name.as_deref(),
            display_name: described.description.display_name.as_deref(),
            target_type: described.description.target_type.as_deref(),
            attachments_digest: None,
        };
        match on_found(upload, attributes(self.intent, labels)) {
            Found::Use => {
                let (number, promote) = (number.to_owned(), upload.promotes(number, document));
                Ok(MadeVersion::Uploaded(Box::new(Uploaded { number, described, promote })))
            }
            Found::KeepDefault(names) => {
                tracing::warn!(
                    attributes = names,
                    "AWS changes these attributes only together with the content, so they stay \
                    as they are"
                );
                Ok(MadeVersion::Observed)
            }
            Found::Refuse(names) => {
                let remedy =
                    format!("{names} can't be changed alone. Change the content as well, or revert the change.");
                Err(failure.and(remedy).into())
            }
        }
    }

    /// Searches the versions for the desired content, newest first.
    async fn find(&self, origin: Origin) -> Result<OnDuplicate, Failure> {
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
        let desired = &self.intent.desired.content;
        // If a version that was uploaded as JSON is read as YAML, AWS converts it, and parsers may read the scalars differently.
        let other_format = (desired.format == Format::Yaml).then_some(Format::Json);
        for format in [desired.format].into_iter().chain(other_format) {
            let found = self.reader.version(version, format).await?;
            if found.is_some_and(|found| desired.same_as(&found.content)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn only_in_failed_version(&self, version: &str, document: &Document) -> Failure {
        let name = &self.intent.desired.name;
        // A default version can't be deleted.
        let first = if document.default.number == version { " after you promote another one" } else { "" };
        Failure::new(format!(
            "DocumentContent: version {version} of document {name} has this content, but it failed, and AWS does not accept the \
             content again. Delete that version{first} (aws ssm delete-document --name {name} --document-version {version}), or \
             change the content."
        ))
    }
}

fn uploaded(described: Described, document: &Document, upload: &Upload) -> MadeVersion {
    let number = described.version.number.clone().unwrap_or_default();
    let promote = upload.promotes(&number, document);
    MadeVersion::Uploaded(Box::new(Uploaded { number, described, promote }))
}
