//! What one request wrote, for every resource type.

use super::document::plan::merge::KeysUndo;
use super::document::plan::undo::DocumentUndo;
use super::service_setting::undo::SettingUndo;
use crate::cfn::standing::Overtaken;

/// What one request wrote, and what is needed to undo it.
#[derive(Debug, Clone)]
pub(crate) enum Undo {
    /// To a document.
    Document(DocumentUndo),
    /// To keys of a document.
    Keys(KeysUndo),
    /// To a service setting.
    ServiceSetting(SettingUndo),
}

impl Undo {
    /// Whether this must be undone although CloudFormation has given up on the request. A document's changes are left to the
    /// next request, which recognizes them by the document's tags. A setting has no tags, so only this request can undo its
    /// change.
    pub(crate) fn is_due_after(&self, overtaken: &Overtaken) -> bool {
        match self {
            Self::Document(_) | Self::Keys(_) => false,
            Self::ServiceSetting(_) => !overtaken.another_delivery_succeeded,
        }
    }
}
