//! The drift guard's mode and clients.

use super::report::Metrics;
use crate::cfn::standing::cloudformation::CloudFormation;
use crate::failure::{Failure, quoted};
use crate::invocation::clock::Clock;
use crate::resource::location::Location;

/// What the guard does about drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing: its events are refused.
    #[default]
    Off,
    /// Reports it.
    Report,
    /// Reports it and promotes the version that the tag `cfn-ssm-document:default-version` names.
    Repair,
}

impl Mode {
    /// Parses `Off`, `Report` or `Repair`.
    ///
    /// # Errors
    /// The value is none of these. The failure names it.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        match text {
            "Off" => Ok(Self::Off),
            "Report" => Ok(Self::Report),
            "Repair" => Ok(Self::Repair),
            other => Err(Failure::new(format!(
                "CFN_SSM_DOCUMENT_DRIFT_GUARD: {} is not Off, Report or Repair.",
                quoted(other)
            ))),
        }
    }
}

/// The drift guard, for one event.
#[derive(Debug)]
pub(crate) struct Guard<'a> {
    pub(crate) mode: Mode,
    pub(crate) client: &'a aws_sdk_ssm::Client,
    pub(crate) cloudformation: &'a CloudFormation,
    pub(crate) clock: &'a Clock,
    pub(crate) metrics: &'a Metrics,
    pub(crate) location: Option<Location>,
    pub(crate) function: &'a str,
}
