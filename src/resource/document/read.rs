//! The reading calls of one document.

use std::collections::BTreeSet;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::get_document::GetDocumentOutput;
use aws_sdk_ssm::types::{
    DocumentDescription, DocumentFormat, DocumentPermissionType, DocumentRequires, DocumentStatus,
};

use super::content::Format;
use super::observed::{ListedVersion, Status, Version};
use super::owner::Tags;
use super::properties::Requirement;
use crate::backoff::Backoff;
use crate::failure::Failure;
use crate::ssm::{ErrorCode, SsmError};

/// How often something that was just made may be looked for in vain.
const MOST_UNSEEN: usize = 5;

/// Reads the document of one name. It can't write.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Reader<'a> {
    pub client: &'a Client,
    pub name: &'a str,
}

impl Reader<'_> {
    /// The description of a version, of the default one where none is given; `None` where there is no such document.
    ///
    /// # Errors
    /// [DescribeDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeDocument.html) failed.
    pub async fn describe(&self, version: Option<&str>) -> Result<Option<DocumentDescription>, Failure> {
        let call = self.client.describe_document().name(self.name).set_document_version(version.map(str::to_owned));
        match call.send().await {
            Ok(output) => Ok(output.document),
            Err(error) => self.absent_or(SsmError::new("DescribeDocument", &error)),
        }
    }

    /// A version with its content, the default one where none is given; `None` where there is no such document or version.
    ///
    /// # Errors
    /// [GetDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetDocument.html) failed.
    pub async fn version(&self, version: Option<&str>, format: Format) -> Result<Option<Version>, Failure> {
        let call = self
            .client
            .get_document()
            .name(self.name)
            .set_document_version(version.map(str::to_owned))
            .document_format(document_format(format));
        match call.send().await {
            Ok(output) => Ok(Some(plain_version(output))),
            Err(error) => self.absent_or(SsmError::new("GetDocument", &error)),
        }
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// [ListDocumentVersions](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListDocumentVersions.html) failed.
    pub async fn versions(&self) -> Result<Vec<ListedVersion>, Failure> {
        let mut pages =
            self.client.list_document_versions().name(self.name).max_results(50).into_paginator().items().send();
        let mut versions = Vec::new();
        while let Some(item) = pages.next().await {
            let version = item.map_err(|error| self.failure(&SsmError::new("ListDocumentVersions", &error)))?;
            versions.push(ListedVersion {
                number: version.document_version.unwrap_or_default(),
                name: given(version.version_name),
                is_default: version.is_default_version,
                status: plain_status(version.status.as_ref(), version.status_information),
            });
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.ordinal()));
        Ok(versions)
    }

    /// The accounts that the document is shared with.
    ///
    /// # Errors
    /// [DescribeDocumentPermission](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeDocumentPermission.html)
    /// failed. A document that is not there is shared with nobody.
    pub async fn shared_with(&self) -> Result<BTreeSet<String>, Failure> {
        let mut accounts = BTreeSet::new();
        let mut next_token = None;
        loop {
            let call = self
                .client
                .describe_document_permission()
                .name(self.name)
                .permission_type(DocumentPermissionType::Share)
                .max_results(200)
                .set_next_token(next_token);
            let page = match call.send().await {
                Ok(page) => page,
                Err(error) => {
                    let error = SsmError::new("DescribeDocumentPermission", &error);
                    return self.absent_or::<()>(error).map(|_| BTreeSet::new());
                }
            };
            accounts.extend(page.account_ids().iter().map(|id| id.to_lowercase()));
            next_token = given(page.next_token);
            if next_token.is_none() {
                return Ok(accounts);
            }
        }
    }

    /// Waits until a version is no longer pending, and gives its status with its description.
    ///
    /// A version that was just made may not be seen at once.
    ///
    /// # Errors
    /// The version can't be described, or stays unseen. It waits for ever while it is pending: the caller's deadline ends it.
    pub async fn settled(&self, version: Option<&str>) -> Result<(Status, DocumentDescription), Failure> {
        let mut backoff = Backoff::new();
        let mut unseen = 0;
        loop {
            match self.describe(version).await? {
                Some(description) => match status_of(&description) {
                    Status::Pending => {}
                    status => return Ok((status, description)),
                },
                None if unseen < MOST_UNSEEN => unseen += 1,
                None => return Err(Failure::new(format!("Document {} disappeared in the meantime.", self.name))),
            }
            backoff.pause().await;
        }
    }

    /// An error of a call about this document, in words.
    pub fn failure(&self, error: &SsmError) -> Failure {
        error.failure(&format!("document {}", self.name), str::to_owned)
    }

    fn absent_or<T>(&self, error: SsmError) -> Result<Option<T>, Failure> {
        if error.is(&ErrorCode::InvalidDocument) || error.is(&ErrorCode::InvalidDocumentVersion) {
            Ok(None)
        } else {
            Err(self.failure(&error))
        }
    }
}

/// A text that AWS gives; where there is none, some of its answers have an empty one.
pub fn given<T: AsRef<str>>(text: Option<T>) -> Option<T> {
    text.filter(|text| !text.as_ref().is_empty())
}

/// The status that a description tells.
pub fn status_of(description: &DocumentDescription) -> Status {
    plain_status(description.status.as_ref(), description.status_information.clone())
}

/// The tags that a description tells.
pub fn tags_of(description: &DocumentDescription) -> Tags {
    description.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect()
}

/// AWS's name of a format.
pub fn document_format(format: Format) -> DocumentFormat {
    DocumentFormat::from(format.as_str())
}

/// A requirement in plain values.
pub fn plain_requirement(requires: &DocumentRequires) -> Requirement {
    Requirement {
        name: requires.name().to_owned(),
        version: requires.version().map(str::to_owned),
        require_type: requires.require_type().map(str::to_owned),
        version_name: requires.version_name().map(str::to_owned),
    }
}

fn plain_version(output: GetDocumentOutput) -> Version {
    Version {
        number: output.document_version.unwrap_or_default(),
        version_name: given(output.version_name),
        status: plain_status(output.status.as_ref(), output.status_information),
        content: output.content.unwrap_or_default(),
    }
}

fn plain_status(status: Option<&DocumentStatus>, information: Option<String>) -> Status {
    match status {
        Some(DocumentStatus::Creating | DocumentStatus::Updating) => Status::Pending,
        Some(DocumentStatus::Deleting) => Status::Deleting,
        Some(DocumentStatus::Failed) => Status::Failed(information.unwrap_or_default()),
        // An answer without a status is of an endpoint that knows none.
        _ => Status::Active,
    }
}
