//! The calls that write one document. Nothing else in the crate writes documents.

use std::fmt;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{
    AttachmentsSource, AttachmentsSourceKey, DocumentDescription, DocumentPermissionType, DocumentRequires,
    DocumentType, ResourceTypeForTagging, Tag,
};

use super::read::{Described, document_format};
use crate::failure::Failure;
use crate::resource::document::content::redact;
use crate::resource::document::desired::{Attachment, Desired};
use crate::resource::document::ownership::Tags;
use crate::resource::document::plan::versions::Refusal;
use crate::ssm::{ErrorCode, SsmError};

/// How many accounts one call of ModifyDocumentPermission accepts.
const ACCOUNTS_PER_CALL: usize = 20;

/// Writes one document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: &'a str,
}

/// Why AWS did not create the document.
#[derive(Debug)]
pub(crate) enum NotCreated {
    /// A document with this name exists.
    AlreadyExists(Failure),
    /// The call failed.
    Failed(NotWritten),
}

/// A call that failed.
#[derive(Debug)]
pub(crate) enum NotWritten {
    /// AWS refused it.
    Refused(Failure),
    /// It may have taken effect, or may still do so: it got no reply, or AWS failed midway.
    Uncertain(Failure),
}

impl NotWritten {
    fn new(error: &SsmError, failure: Failure) -> Self {
        if error.may_have_taken_effect() { Self::Uncertain(failure) } else { Self::Refused(failure) }
    }
}

impl From<NotWritten> for Failure {
    fn from(not_written: NotWritten) -> Self {
        match not_written {
            NotWritten::Refused(failure) | NotWritten::Uncertain(failure) => failure,
        }
    }
}

/// Why the tags of a document were not changed.
#[derive(Debug)]
pub(crate) enum NotTagged {
    /// The document does not exist.
    Gone(Failure),
    /// The call failed.
    Failed(Failure),
}

impl fmt::Display for NotTagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Gone(failure) | Self::Failed(failure)) = self;
        failure.fmt(f)
    }
}

impl From<Failure> for NotTagged {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NotTagged> for Failure {
    fn from(not_tagged: NotTagged) -> Self {
        match not_tagged {
            NotTagged::Gone(failure) | NotTagged::Failed(failure) => failure,
        }
    }
}

/// Why a new version was not uploaded.
#[derive(Debug)]
pub(crate) struct NotUploaded {
    pub(crate) refusal: Refusal,
    pub(crate) failure: Failure,
}

impl Writer<'_> {
    /// [CreateDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html) with these tags.
    ///
    /// # Errors
    /// The call failed. Without a reply, it may still take effect.
    pub(crate) async fn create(&self, desired: &Desired, tags: &Tags) -> Result<Described, NotCreated> {
        let requires = desired.requires.iter().map(|item| {
            DocumentRequires::builder()
                .name(&item.name)
                .set_version(item.version.clone())
                .set_require_type(item.require_type.clone())
                .set_version_name(item.version_name.clone())
                .build()
        });
        let requires: Vec<_> = requires.filter_map(Result::ok).collect();
        let call = self
            .client
            .create_document()
            .name(self.name)
            .content(&desired.content.text)
            .document_format(document_format(desired.content.format))
            .document_type(DocumentType::from(desired.document_type.as_str()))
            .set_version_name(desired.version_name.clone())
            .set_display_name(desired.display_name.clone())
            .set_target_type(desired.target_type.clone())
            .set_requires(Some(requires).filter(|all| !all.is_empty()))
            .set_attachments(attachments(&desired.attachments))
            .set_tags(Some(sdk_tags(tags)));
        match call.send().await.map_err(|error| SsmError::new("CreateDocument", &error)) {
            Ok(output) => Ok(described(output.document_description)),
            Err(error) => {
                let failure = self.failure_without_content(&error, desired);
                if error.is(&ErrorCode::DocumentAlreadyExists) {
                    return Err(NotCreated::AlreadyExists(failure));
                }
                Err(NotCreated::Failed(NotWritten::new(&error, failure)))
            }
        }
    }

    /// [UpdateDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateDocument.html): creates a new
    /// version on top of `latest`, named `version_name` if there is one. The default version does not change.
    ///
    /// # Errors
    /// `latest` is no longer the latest version ([`Refusal::DocumentChanged`]), or the call failed for another reason. Without a
    /// reply, AWS may still create the version.
    pub(crate) async fn upload(
        &self,
        desired: &Desired,
        latest: &str,
        version_name: Option<&str>,
    ) -> Result<Described, NotUploaded> {
        let call = self
            .client
            .update_document()
            .name(self.name)
            .document_version(latest)
            .content(&desired.content.text)
            // If the format is left out, AWS assumes JSON, whatever the document's format is.
            .document_format(document_format(desired.content.format))
            .set_version_name(version_name.map(str::to_owned))
            .set_display_name(desired.display_name.clone())
            .set_target_type(desired.target_type.clone())
            .set_attachments(attachments(&desired.attachments));
        match call.send().await.map_err(|error| SsmError::new("UpdateDocument", &error)) {
            Ok(output) => Ok(described(output.document_description)),
            Err(error) => {
                let failure = self.failure_without_content(&error, desired);
                Err(NotUploaded { refusal: refusal(&error), failure })
            }
        }
    }

    /// [UpdateDocumentDefaultVersion](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateDocumentDefaultVersion.html):
    /// makes a version the default version. Returns the default version that AWS reports.
    pub(crate) async fn promote(&self, version: &str) -> Result<String, NotWritten> {
        let call = self.client.update_document_default_version().name(self.name).document_version(version);
        match call.send().await.map_err(|error| SsmError::new("UpdateDocumentDefaultVersion", &error)) {
            Ok(output) => {
                let confirmed = output.description.and_then(|description| description.default_version);
                Ok(confirmed.unwrap_or_else(|| version.to_owned()))
            }
            Err(error) => Err(NotWritten::new(&error, self.failure(&error))),
        }
    }

    /// Sets these tags. Without tags, it makes no call.
    pub(crate) async fn tag(&self, tags: &Tags) -> Result<(), NotTagged> {
        if tags.is_empty() {
            return Ok(());
        }
        let call =
            self.client.add_tags_to_resource().resource_type(ResourceTypeForTagging::Document).resource_id(self.name);
        let result = call.set_tags(Some(sdk_tags(tags))).send().await;
        result.map(drop).map_err(|error| self.not_tagged(&SsmError::new("AddTagsToResource", &error)))
    }

    /// Removes the tags with these keys. Without keys, it makes no call.
    pub(crate) async fn untag(&self, keys: impl IntoIterator<Item = String>) -> Result<(), NotTagged> {
        let keys: Vec<String> = keys.into_iter().collect();
        if keys.is_empty() {
            return Ok(());
        }
        let call = self.client.remove_tags_from_resource().resource_type(ResourceTypeForTagging::Document);
        let result = call.resource_id(self.name).set_tag_keys(Some(keys)).send().await;
        result.map(drop).map_err(|error| self.not_tagged(&SsmError::new("RemoveTagsFromResource", &error)))
    }

    /// Stops sharing the document with the accounts `remove`, then shares it with `add`, with at most 20 accounts in a call.
    /// Without accounts, it makes no call.
    ///
    /// # Errors
    /// The calls before the one that failed have taken effect.
    pub(crate) async fn share(&self, add: &[String], remove: &[String]) -> Result<(), Failure> {
        let added = add.chunks(ACCOUNTS_PER_CALL).map(|chunk| (chunk.to_vec(), Vec::new()));
        let removed = remove.chunks(ACCOUNTS_PER_CALL).map(|chunk| (Vec::new(), chunk.to_vec()));
        // Accounts are removed first, since AWS limits how many a document can be shared with.
        for (add, remove) in removed.chain(added) {
            let call = self
                .client
                .modify_document_permission()
                .name(self.name)
                .permission_type(DocumentPermissionType::Share)
                .set_account_ids_to_add(Some(add).filter(|ids| !ids.is_empty()))
                .set_account_ids_to_remove(Some(remove).filter(|ids| !ids.is_empty()));
            call.send().await.map_err(|error| self.failure(&SsmError::new("ModifyDocumentPermission", &error)))?;
        }
        Ok(())
    }

    /// [DeleteDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteDocument.html): deletes the
    /// whole document. It is not an error if the document does not exist.
    pub(crate) async fn delete(&self, document_type: &str) -> Result<(), Failure> {
        let result = self
            .client
            .delete_document()
            .name(self.name)
            .set_force(needs_force(document_type).then_some(true))
            .send()
            .await;
        match result.map_err(|error| SsmError::new("DeleteDocument", &error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is(&ErrorCode::InvalidDocument) => Ok(()),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Deletes one version. It is not an error if the version does not exist.
    pub(crate) async fn delete_version(&self, version: &str) -> Result<(), Failure> {
        let result = self.client.delete_document().name(self.name).document_version(version).send().await;
        match result.map_err(|error| SsmError::new("DeleteDocument", &error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is(&ErrorCode::InvalidDocumentVersion) => Ok(()),
            Err(error) => Err(self.failure(&error)),
        }
    }

    fn failure_without_content(&self, error: &SsmError, desired: &Desired) -> Failure {
        let content = &desired.content;
        error.failure(&format!("document {}", self.name), |text| redact(text, &content.text, content.node.as_ref()))
    }

    fn not_tagged(&self, error: &SsmError) -> NotTagged {
        let failure = self.failure(error);
        if error.is(&ErrorCode::InvalidResourceId) { NotTagged::Gone(failure) } else { NotTagged::Failed(failure) }
    }

    fn failure(&self, error: &SsmError) -> Failure {
        error.failure(&format!("document {}", self.name), str::to_owned)
    }
}

/// AWS deletes a schema only if forced, since other documents may use it.
fn needs_force(document_type: &str) -> bool {
    document_type == "ApplicationConfigurationSchema"
}

fn refusal(error: &SsmError) -> Refusal {
    match error.code() {
        Some(ErrorCode::InvalidDocument | ErrorCode::InvalidDocumentOperation | ErrorCode::InvalidDocumentVersion) => {
            Refusal::DocumentChanged
        }
        Some(ErrorCode::DuplicateDocumentContent | ErrorCode::DuplicateDocumentVersionName) => Refusal::Duplicate,
        Some(ErrorCode::DocumentVersionLimitExceeded) => Refusal::VersionLimit,
        _ => Refusal::Final,
    }
}

fn described(description: Option<DocumentDescription>) -> Described {
    description.unwrap_or_else(|| DocumentDescription::builder().build()).into()
}

fn sdk_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
}

fn attachments(attachments: &[Attachment]) -> Option<Vec<AttachmentsSource>> {
    let all = attachments.iter().map(|attachment| {
        AttachmentsSource::builder()
            .key(AttachmentsSourceKey::from(attachment.key.as_str()))
            .set_values(Some(attachment.values.clone()))
            .set_name(attachment.name.clone())
            .build()
    });
    Some(all.collect::<Vec<_>>()).filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_schema_is_deleted_by_force() {
        assert!(needs_force("ApplicationConfigurationSchema"));
        assert!(!needs_force("ApplicationConfiguration"));
    }
}
