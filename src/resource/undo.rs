//! How to undo a request of any resource.

use aws_sdk_ssm::Client;

use super::document::apply::undo as document;
use super::document::plan::undo::Undo as DocumentUndo;
use super::service_setting::Undo as SettingUndo;
use crate::failure::Failure;

/// What one request wrote, and how to take it back.
#[derive(Debug, Clone)]
pub(crate) enum Undo {
    /// Of a document.
    Document(DocumentUndo),
    /// Of a service setting.
    ServiceSetting(SettingUndo),
}

impl Undo {
    /// Takes it back.
    ///
    /// # Errors
    /// Something stays behind.
    pub(crate) async fn run(&self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Document(undo) => document::undo(client, undo).await,
            Self::ServiceSetting(undo) => undo.run(client).await,
        }
    }
}
