//! The resources, and what they share.

pub mod document;
pub mod location;
pub(crate) mod reconciled;
pub mod service_setting;
pub(crate) mod undo;

use crate::failure::{Failure, did_you_mean, quoted};

const DOCUMENT: &str = "Custom::SsmDocument";
const SERVICE_SETTING: &str = "Custom::SsmServiceSetting";

/// The kind of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `Custom::SsmDocument`.
    Document,
    /// `Custom::SsmServiceSetting`.
    ServiceSetting,
}

impl Kind {
    /// Returns the kind that a template names.
    ///
    /// # Errors
    /// There is no such kind.
    pub(crate) fn of(resource_type: &str) -> Result<Self, Failure> {
        match resource_type {
            DOCUMENT => Ok(Self::Document),
            SERVICE_SETTING => Ok(Self::ServiceSetting),
            other => {
                let nearest = did_you_mean(other, [DOCUMENT, SERVICE_SETTING]);
                let text =
                    format!("ResourceType: {} is neither {DOCUMENT} nor {SERVICE_SETTING}.{nearest}", quoted(other));
                Err(Failure::new(text))
            }
        }
    }
}
