//! The writing calls of one document: nothing else in the crate writes documents.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{
    AttachmentsSource, AttachmentsSourceKey, DocumentDescription, DocumentPermissionType, DocumentRequires,
    DocumentType, ResourceTypeForTagging, Tag,
};

use super::content::redact;
use super::owner::Tags;
use super::properties::{Attachment, Desired};
use super::read::document_format;
use crate::failure::Failure;
use crate::ssm::{ErrorCode, SsmError};

/// What one call of ModifyDocumentPermission takes.
const ACCOUNTS_A_CALL: usize = 20;

/// Writes the document of one name.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Writer<'a> {
    pub client: &'a Client,
    pub name: &'a str,
}

impl Writer<'_> {
    /// [CreateDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html) with these tags.
    ///
    /// # Errors
    /// AWS's, as they are: the caller treats some of them differently.
    pub async fn create(&self, desired: &Desired, tags: &Tags) -> Result<DocumentDescription, SsmError> {
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
        let output = call.send().await.map_err(|error| SsmError::new("CreateDocument", &error))?;
        Ok(output.document_description.unwrap_or_else(|| DocumentDescription::builder().build()))
    }

    /// [UpdateDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateDocument.html): a new version,
    /// not in force, with this name if any.
    ///
    /// # Errors
    /// AWS's, as they are: the caller treats some of them differently.
    pub async fn upload(&self, desired: &Desired, version_name: Option<&str>) -> Result<DocumentDescription, SsmError> {
        let call = self
            .client
            .update_document()
            .name(self.name)
            .document_version("$LATEST")
            .content(&desired.content.text)
            // The default is JSON, whatever the document was written in.
            .document_format(document_format(desired.content.format))
            .set_version_name(version_name.map(str::to_owned))
            .set_display_name(desired.display_name.clone())
            .set_target_type(desired.target_type.clone())
            .set_attachments(attachments(&desired.attachments));
        let output = call.send().await.map_err(|error| SsmError::new("UpdateDocument", &error))?;
        Ok(output.document_description.unwrap_or_else(|| DocumentDescription::builder().build()))
    }

    /// [UpdateDocumentDefaultVersion](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_UpdateDocumentDefaultVersion.html):
    /// puts a version in force, and gives the version that AWS says is in force then.
    ///
    /// # Errors
    /// In words.
    pub async fn promote(&self, version: &str) -> Result<String, Failure> {
        let call = self.client.update_document_default_version().name(self.name).document_version(version);
        let output =
            call.send().await.map_err(|error| self.failure(SsmError::new("UpdateDocumentDefaultVersion", &error)))?;
        Ok(output.description.and_then(|description| description.default_version).unwrap_or_else(|| version.to_owned()))
    }

    /// Sets these tags; no call where there are none.
    ///
    /// # Errors
    /// In words.
    pub async fn tag(&self, tags: &Tags) -> Result<(), Failure> {
        if tags.is_empty() {
            return Ok(());
        }
        let call =
            self.client.add_tags_to_resource().resource_type(ResourceTypeForTagging::Document).resource_id(self.name);
        let result = call.set_tags(Some(sdk_tags(tags))).send().await;
        result.map(drop).map_err(|error| self.failure(SsmError::new("AddTagsToResource", &error)))
    }

    /// Removes the tags of these keys; no call where there are none.
    ///
    /// # Errors
    /// In words.
    pub async fn untag(&self, keys: impl IntoIterator<Item = String>) -> Result<(), Failure> {
        let keys: Vec<String> = keys.into_iter().collect();
        if keys.is_empty() {
            return Ok(());
        }
        let call = self.client.remove_tags_from_resource().resource_type(ResourceTypeForTagging::Document);
        let result = call.resource_id(self.name).set_tag_keys(Some(keys)).send().await;
        result.map(drop).map_err(|error| self.failure(SsmError::new("RemoveTagsFromResource", &error)))
    }

    /// Shares the document with some accounts and no longer with others, 20 a call; no call where there are none.
    ///
    /// # Errors
    /// In words. The calls before the one that failed have taken effect.
    pub async fn share(&self, add: &[String], remove: &[String]) -> Result<(), Failure> {
        let added = add.chunks(ACCOUNTS_A_CALL).map(|chunk| (chunk.to_vec(), Vec::new()));
        let removed = remove.chunks(ACCOUNTS_A_CALL).map(|chunk| (Vec::new(), chunk.to_vec()));
        // Removed first: a document is shared with a limited number of accounts.
        for (add, remove) in removed.chain(added) {
            let call = self
                .client
                .modify_document_permission()
                .name(self.name)
                .permission_type(DocumentPermissionType::Share)
                .set_account_ids_to_add(Some(add).filter(|ids| !ids.is_empty()))
                .set_account_ids_to_remove(Some(remove).filter(|ids| !ids.is_empty()));
            call.send().await.map_err(|error| self.failure(SsmError::new("ModifyDocumentPermission", &error)))?;
        }
        Ok(())
    }

    /// [DeleteDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DeleteDocument.html): the whole document.
    /// One that is gone already is no error. `force` is needed by schemas that other documents use.
    ///
    /// # Errors
    /// In words.
    pub async fn delete(&self, force: bool) -> Result<(), Failure> {
        let result = self.client.delete_document().name(self.name).set_force(force.then_some(true)).send().await;
        match result.map_err(|error| SsmError::new("DeleteDocument", &error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is(&ErrorCode::InvalidDocument) => Ok(()),
            Err(error) => Err(self.failure(error)),
        }
    }

    /// The same for one version.
    ///
    /// # Errors
    /// In words.
    pub async fn delete_version(&self, version: &str) -> Result<(), Failure> {
        let result = self.client.delete_document().name(self.name).document_version(version).send().await;
        match result.map_err(|error| SsmError::new("DeleteDocument", &error)) {
            Ok(_) => Ok(()),
            Err(error) if error.is(&ErrorCode::InvalidDocumentVersion) => Ok(()),
            Err(error) => Err(self.failure(error)),
        }
    }

    /// An error of a call that carried this content, in words that don't quote it.
    pub fn failure_without_content(&self, error: &SsmError, desired: &Desired) -> Failure {
        let content = &desired.content;
        error.failure(&format!("document {}", self.name), |text| redact(text, &content.text, content.node.as_ref()))
    }

    fn failure(&self, error: SsmError) -> Failure {
        error.failure(&format!("document {}", self.name), str::to_owned)
    }
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
