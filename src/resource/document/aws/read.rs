//! The calls that read one document.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_ssm::Client;
use aws_sdk_ssm::operation::get_document::GetDocumentOutput;
use aws_sdk_ssm::types::{
    DocumentDescription, DocumentFormat, DocumentPermissionType, DocumentRequires, DocumentStatus,
};

use crate::failure::Failure;
use crate::resource::document::content::Format;
use crate::resource::document::desired::Requirement;
use crate::resource::document::observed::{Description, ListedVersion, Status, Version};
use crate::resource::document::ownership::Tags;
use crate::ssm::{ErrorCode, SsmError};

/// Reads one document. It can't write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: &'a str,
}

/// A description together with the status of the version that it describes.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) description: Description,
    pub(crate) version: DescribedVersion,
}

/// One version, without its content.
#[derive(Debug, Clone, Default)]
pub(crate) struct DescribedVersion {
    pub(crate) number: Option<String>,
    pub(crate) version_name: Option<String>,
    pub(crate) status: Option<Status>,
}

impl Reader<'_> {
    /// Describes the document with its default version; `None` if there is no such document.
    ///
    /// # Errors
    /// [DescribeDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeDocument.html) failed.
    pub(crate) async fn describe(&self) -> Result<Option<Described>, Failure> {
        self.describe_at(None).await
    }

    /// Describes the document with one of its versions; `None` if there is no such document or version.
    ///
    /// # Errors
    /// As for [`Reader::describe`].
    pub(crate) async fn describe_version(&self, version: &str) -> Result<Option<Described>, Failure> {
        self.describe_at(Some(version)).await
    }

    async fn describe_at(&self, version: Option<&str>) -> Result<Option<Described>, Failure> {
        let call = self.client.describe_document().name(self.name).set_document_version(version.map(str::to_owned));
        match call.send().await {
            Ok(output) => Ok(output.document.map(Described::from)),
            Err(error) => self.absent_or(SsmError::new("DescribeDocument", &error)),
        }
    }

    /// Reads the default version with its content; `None` if there is no such document.
    ///
    /// # Errors
    /// [GetDocument](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetDocument.html) failed.
    pub(crate) async fn default_version(&self, format: Format) -> Result<Option<Version>, Failure> {
        self.version_at(None, format).await
    }

    /// Reads a version with its content; `None` if there is no such document or version.
    ///
    /// # Errors
    /// As for [`Reader::default_version`].
    pub(crate) async fn version(&self, version: &str, format: Format) -> Result<Option<Version>, Failure> {
        self.version_at(Some(version), format).await
    }

    async fn version_at(&self, version: Option<&str>, format: Format) -> Result<Option<Version>, Failure> {
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

    /// Lists all versions, newest first.
    ///
    /// # Errors
    /// [ListDocumentVersions](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListDocumentVersions.html)
    /// failed. It also fails if there is no such document.
    pub(crate) async fn versions(&self) -> Result<Vec<ListedVersion>, Failure> {
        let mut pages =
            self.client.list_document_versions().name(self.name).max_results(50).into_paginator().items().send();
        let mut versions = Vec::new();
        while let Some(item) = pages.next().await {
            let version = item.map_err(|error| self.failure(&SsmError::new("ListDocumentVersions", &error)))?;
            versions.push(ListedVersion {
                number: version.document_version.unwrap_or_default(),
                name: non_empty(version.version_name),
                is_default: version.is_default_version,
                status: plain_status(version.status.as_ref(), version.status_information),
            });
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.ordinal()));
        Ok(versions)
    }

    /// Returns when a version was created, as the time since 1970; `None` if it is not listed yet or the document is gone. A
    /// version without a date counts as created in 1970.
    ///
    /// # Errors
    /// [ListDocumentVersions](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListDocumentVersions.html)
    /// failed.
    pub(crate) async fn created_at(&self, number: &str) -> Result<Option<Duration>, Failure> {
        let mut pages =
            self.client.list_document_versions().name(self.name).max_results(50).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let version = match item {
                Ok(version) => version,
                Err(error) => return self.absent_or(SsmError::new("ListDocumentVersions", &error)),
            };
            if version.document_version.as_deref() == Some(number) {
                let date = version.created_date.and_then(|date| SystemTime::try_from(date).ok());
                return Ok(Some(date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()).unwrap_or_default()));
            }
        }
        Ok(None)
    }

    /// Returns the accounts that the document is shared with. A document that does not exist is shared with nobody.
    ///
    /// # Errors
    /// [DescribeDocumentPermission](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeDocumentPermission.html)
    /// failed.
    pub(crate) async fn shared_with(&self) -> Result<BTreeSet<String>, Failure> {
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
            next_token = non_empty(page.next_token);
            if next_token.is_none() {
                return Ok(accounts);
            }
        }
    }

    fn failure(&self, error: &SsmError) -> Failure {
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

impl From<DocumentDescription> for Described {
    fn from(description: DocumentDescription) -> Self {
        let mut requires: Vec<_> = description.requires().iter().map(plain_requirement).collect();
        requires.sort();
        let tags: Tags = description.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
        let version = DescribedVersion {
            number: non_empty(description.document_version),
            version_name: non_empty(description.version_name),
            status: Some(plain_status(description.status.as_ref(), description.status_information)),
        };
        let default_version =
            non_empty(description.default_version).or_else(|| version.number.clone()).unwrap_or_default();
        let latest_version = non_empty(description.latest_version).unwrap_or_else(|| default_version.clone());
        let document_type = description.document_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default();
        let description = Description {
            document_type,
            account: non_empty(description.owner),
            display_name: non_empty(description.display_name),
            target_type: non_empty(description.target_type),
            requires,
            tags,
            hash: non_empty(description.hash),
            created_at: description.created_date.map(|date| date.secs()),
            default_version,
            latest_version,
        };
        Self { description, version }
    }
}

impl Described {
    /// The status of the described version. An emulator may return no status, which counts as Active.
    pub(crate) fn status(&self) -> Status {
        self.version.status.clone().unwrap_or(Status::Active)
    }
}

/// Treats an empty string as absent, since AWS's responses use both.
fn non_empty<T: AsRef<str>>(text: Option<T>) -> Option<T> {
    text.filter(|text| !text.as_ref().is_empty())
}

pub(super) fn document_format(format: Format) -> DocumentFormat {
    DocumentFormat::from(format.as_str())
}

fn plain_requirement(requires: &DocumentRequires) -> Requirement {
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
        version_name: non_empty(output.version_name),
        status: plain_status(output.status.as_ref(), output.status_information),
        content: output.content.unwrap_or_default(),
    }
}

fn plain_status(status: Option<&DocumentStatus>, information: Option<String>) -> Status {
    match status {
        Some(DocumentStatus::Creating) => Status::Creating,
        Some(DocumentStatus::Updating) => Status::Updating,
        Some(DocumentStatus::Deleting) => Status::Deleting,
        Some(DocumentStatus::Failed) => Status::Failed(information.unwrap_or_default()),
        _ => Status::Active,
    }
}
