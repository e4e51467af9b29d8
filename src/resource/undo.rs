//! What one request wrote, of any resource. [`super::undo`] takes it back.

use super::document::plan::merge::Undo as KeysUndo;
use super::document::plan::undo::Undo as DocumentUndo;
use super::service_setting::undo::Undo as SettingUndo;
use crate::cfn::standing::Overtaken;

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
    /// Whether it is due although CloudFormation has given up on the request. The next request undoes a document by its tags;
    /// nobody else undoes a setting, which bears none.
    pub(crate) fn is_due_after(&self, overtaken: &Overtaken) -> bool {
        match self {
            Self::Document(_) | Self::Keys(_) => false,
            Self::ServiceSetting(_) => !overtaken.another_delivery_succeeded,
        }
    }
}
