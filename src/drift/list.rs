//! Lists the account's documents with their tags.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::DocumentKeyValuesFilter;

use crate::failure::Failure;
use crate::resource::document::ownership::DEFAULT_VERSION;
use crate::ssm::SsmError;

/// The documents of the account.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) documents: usize,
    /// The names of those that have the tag `cfn-ssm-document:default-version`.
    pub(super) guarded: Vec<String>,
}

/// Lists page by page; a throttled call is retried by the client.
///
/// # Errors
/// [ListDocuments](https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListDocuments.html) failed.
pub(super) async fn guarded_documents(client: &Client) -> Result<Listed, Failure> {
    let own = DocumentKeyValuesFilter::builder().key("Owner").values("Self").build();
    let mut pages = client.list_documents().filters(own).max_results(50).into_paginator().items().send();
    let mut listed = Listed { documents: 0, guarded: Vec::new() };
    while let Some(document) = pages.next().await {
        let document = document.map_err(|error| {
            SsmError::new("ListDocuments", &error).failure("the account's documents", str::to_owned)
        })?;
        listed.documents += 1;
        let is_guarded = document.tags().iter().any(|tag| tag.key() == DEFAULT_VERSION);
        listed.guarded.extend(document.name.filter(|_| is_guarded));
    }
    Ok(listed)
}
