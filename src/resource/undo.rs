//! How to undo a request of any resource.

use aws_sdk_ssm::Client;

use super::document::apply::{merge as keys, undo as document};
use super::document::plan::merge::Undo as KeysUndo;
use super::document::plan::undo::Undo as DocumentUndo;
use super::service_setting::undo::Undo as SettingUndo;
use crate::cfn::standing::Overtaken;
use crate::failure::Failure;
use crate::invocation::undo_log::UndoLog;

/// What one request wrote, and how to take it back.
#[derive(Debug, Clone)]
pub(crate) enum Undo {
    /// Of a document.
    Document(DocumentUndo),
    /// Of keys of a document.
    Keys(KeysUndo),
    /// Of a service setting.
    ServiceSetting(SettingUndo),
}

impl Undo {
    /// Takes it back.
    ///
    /// # Errors
    /// Something stays behind.
    pub(crate) async fn run(&self, client: &Client, undo_log: &UndoLog<Self>) -> Result<(), Failure> {
        match self {
            Self::Document(undo) => document::undo(client, undo).await,
            Self::Keys(undo) => keys::undo(client, undo, undo_log).await,
            Self::ServiceSetting(undo) => undo.run(client, undo_log).await,
        }
    }

    /// Whether it is due although CloudFormation has given up on the request. The next request undoes a document by its tags;
    /// nobody else undoes a setting, which bears none.
    pub(crate) fn is_due_after(&self, overtaken: &Overtaken) -> bool {
        match self {
            Self::Document(_) | Self::Keys(_) => false,
            Self::ServiceSetting(_) => !overtaken.another_delivery_succeeded,
        }
    }
}
