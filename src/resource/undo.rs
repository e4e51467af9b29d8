//! What one request wrote, for every resource type.

use super::document::plan::merge::KeysUndo;
use super::document::plan::undo::DocumentUndo;
use super::service_setting::undo::SettingUndo;
use crate::cfn::standing::Overtaken;

/// What one request wrote, and what is needed to undo it.
#[derive(Debug, Clone)]
pub(crate) enum Undo {
    /// A write to a document.
    Document(DocumentUndo),
    /// A write to keys of a document.
    Keys(KeysUndo),
    /// A write to a service setting.
    ServiceSetting(SettingUndo),
}

/// When an undo may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UndoDue {
    /// Not at all.
    Never,
    /// While CloudFormation waits for the response to the request.
    WhileStanding,
    /// Even if CloudFormation gives up on the request.
    Always,
}

impl Undo {
    /// Returns when this may write. `overtaken` is `Some` if CloudFormation has given up on the request.
    ///
    /// In that case, a document's changes are left to the next request, which recognizes them by the document's tags. A setting
    /// has no tags, so only this request can undo its change.
    pub(crate) fn due(&self, overtaken: Option<&Overtaken>) -> UndoDue {
        match (self, overtaken) {
            (Self::Document(_) | Self::Keys(_), None) => UndoDue::WhileStanding,
            (Self::Document(_) | Self::Keys(_), Some(_)) => UndoDue::Never,
            (Self::ServiceSetting(_), Some(Overtaken { another_delivery_succeeded: true, .. })) => UndoDue::Never,
            (Self::ServiceSetting(_), _) => UndoDue::Always,
        }
    }
}
